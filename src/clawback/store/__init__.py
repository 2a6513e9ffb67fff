"""Edge: what we remember. One schema on SQLite or PostgreSQL, raw mail as files; no row leaves this room."""

from clawback.store.audit import AuditCheck, AuditRow
from clawback.store.blobs import Blobs
from clawback.store.jobs import Job, JobState
from clawback.store.message_query import FoundBy, MessageFilter, MessageQuery
from clawback.store.past import Touch
from clawback.store.scratch import scratch_store
from clawback.store.store import Store, Unit

__all__ = [
    "AuditCheck",
    "AuditRow",
    "Blobs",
    "FoundBy",
    "Job",
    "JobState",
    "MessageFilter",
    "MessageQuery",
    "Store",
    "Touch",
    "Unit",
    "scratch_store",
]
