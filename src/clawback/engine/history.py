"""Filling in history, once, for a store that is older than it: queued work, some messages at a time."""

from __future__ import annotations

from datetime import UTC, datetime

from clawback.engine.parts import Parts
from clawback.store.history import fill, is_complete

HISTORY = "history"
"""The kind of job that does it; the migration puts the first one."""
_FIRST = datetime(1970, 1, 1, tzinfo=UTC)


def fill_history(parts: Parts) -> None:
    """Take some more messages into history, and queue the next, before all other work.

    Both in one transaction with how far it has come, so that nothing is counted twice after a crash.
    """
    with parts.store.write() as unit:
        fill(unit)
        if not is_complete(unit):
            unit.jobs.put(HISTORY, "", {}, parts.now(), not_before=_FIRST)
