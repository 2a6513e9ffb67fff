"""The schema, for SQLite and PostgreSQL. The DDL that makes it is frozen in ``migrations/*.sql``.

Times are integers: microseconds since 1970, UTC. `no` is a row's running number, the order in which
listings page; ids are the core's. Text that may hold anything goes through `text.armour`. Tables that
one repository alone uses may stand in its module, made of the same columns.
"""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Index, Table, Text, text

from clawback.store.columns import NUMBER, blob, integer, metadata, running_number, text_column

migrations = Table(
    "migrations", metadata, integer("version", primary_key=True), text_column("name"), integer("applied_at")
)

# `subject` and `sender` are folded for searching; the record holds them as they were.
messages = Table(
    "messages",
    metadata,
    Column("no", NUMBER, primary_key=True, autoincrement=False),
    text_column("id", unique=True),
    text_column("subject"),
    text_column("sender"),
    text_column("sender_domain"),
    text_column("direction"),
    text_column("sending_ip"),
    integer("date", nullable=True),
    integer("first_seen"),
    integer("epoch"),
    Index("messages_by_time", "first_seen", "no"),
    # To look through subjects without the rest of each row; PostgreSQL's indexes take no text so long.
    Index("messages_by_words", "first_seen", "no", "subject").ddl_if(dialect="sqlite"),
    Index("messages_by_sender", "sender", "first_seen", "no"),
    Index("messages_by_domain", "sender_domain", "first_seen", "no"),
)

message_records = Table(
    "message_records",
    metadata,
    Column("no", NUMBER, primary_key=True, autoincrement=False),
    blob("record"),
    blob("signature"),
)

# An epoch is a month, or a part of one when a month is busy: inserts stay in pages that are warm,
# and retention deletes a range of the primary key.
epochs = Table(
    "epochs", metadata, integer("epoch", primary_key=True), integer("month"), integer("slot"),
    Index("epochs_by_month", "month", "slot", unique=True),
)  # fmt: skip

message_keys = Table(
    "message_keys",
    metadata,
    integer("epoch", primary_key=True),
    integer("key", primary_key=True),
    integer("message_no", primary_key=True),
    sqlite_with_rowid=False,
)

mailboxes = Table(
    "mailboxes", metadata, running_number(), text_column("source"), text_column("mailbox"),
    Index("mailboxes_by_name", "source", "mailbox", unique=True),
    Index("mailboxes_by_mailbox", "mailbox"),
)  # fmt: skip

deliveries = Table(
    "deliveries",
    metadata,
    running_number(),
    text_column("id", unique=True),
    text_column("message_id"),
    text_column("raw_sha256"),
    integer("size"),
    integer("mailbox_no"),
    text_column("folder"),
    text_column("native_id"),
    text_column("version"),
    text_column("flags"),
    integer("internal_date"),
    text_column("action"),
    text_column("original_location"),
    text_column("original_folder"),
    text_column("location"),
    integer("located_at"),
    integer("first_seen"),
    text_column("trace"),
    Index("deliveries_by_message", "message_id"),
    Index("deliveries_by_native_id", "mailbox_no", "native_id"),
    Index(
        "deliveries_lost", "mailbox_no", "raw_sha256",
        sqlite_where=text("location = 'hard_deleted'"), postgresql_where=text("location = 'hard_deleted'"),
    ),
    Index(
        "deliveries_unseen", "mailbox_no",
        sqlite_where=text("location = 'unknown'"), postgresql_where=text("location = 'unknown'"),
    ),
)  # fmt: skip

cursors = Table(
    "cursors",
    metadata,
    integer("mailbox_no", primary_key=True),
    text_column("folder", primary_key=True),
    text_column("cursor"),
    sqlite_with_rowid=False,
)

indicators = Table(
    "indicators",
    metadata,
    running_number(),
    text_column("id", unique=True),
    text_column("kind"),
    text_column("value"),
    text_column("match"),
    text_column("verdict"),
    text_column("threat"),
    text_column("source"),
    integer("confidence"),
    integer("added_at"),
    integer("expires_at", nullable=True),
    text_column("note"),
    Index("indicators_by_source", "source", "no"),
    Index("indicators_by_time", "added_at", "no"),
)

indicator_keys = Table(
    "indicator_keys",
    metadata,
    integer("key", primary_key=True),
    integer("indicator_no", primary_key=True),
    Index("indicator_keys_by_indicator", "indicator_no"),
    sqlite_with_rowid=False,
)

alerts = Table(
    "alerts",
    metadata,
    running_number(),
    text_column("id", unique=True),
    text_column("investigation_id"),
    integer("raised_at"),
    blob("record"),
    Index("alerts_by_investigation", "investigation_id"),
)

investigations = Table(
    "investigations",
    metadata,
    running_number(),
    text_column("id", unique=True),
    integer("version"),
    text_column("status"),
    text_column("kind"),
    text_column("title"),
    text_column("cause"),
    integer("cause_key"),
    integer("created_at"),
    integer("changed_at"),
    blob("record"),
    integer("threats"),
    integer("actions"),
    integer("ended_at", nullable=True),
    Index("investigations_by_cause", "cause_key"),
    Index("investigations_by_status", "status", "no"),
    Index("investigations_by_time", "created_at", "no"),
    Index("investigations_by_change", "changed_at", "no"),
)

clusters = Table(
    "clusters",
    metadata,
    running_number(),
    text_column("id", unique=True),
    text_column("investigation_id"),
    blob("record"),
    text_column("kind"),
    text_column("key_value"),
    text_column("verdict"),
    integer("line"),
    integer("asked_at"),
    Index("clusters_by_investigation", "investigation_id"),
)

cluster_members = Table(
    "cluster_members",
    metadata,
    integer("cluster_no", primary_key=True),
    text_column("message_id", primary_key=True),
    integer("seq"),
    blob("reasons"),
    integer("score"),
    Index("cluster_members_by_message", "message_id"),
    Index("cluster_members_by_seq", "cluster_no", "seq", "message_id"),
)

remediations = Table(
    "remediations",
    metadata,
    running_number(),
    text_column("id", unique=True),
    text_column("plan_id"),
    text_column("investigation_id"),
    text_column("cluster_id"),
    text_column("kind"),
    text_column("key_kind"),
    text_column("key_value"),
    text_column("status"),
    text_column("plan_hash"),
    integer("made_at"),
    integer("expires_at"),
    Column("approval", Text, nullable=True),
    integer("decided_at", nullable=True),
    integer("started_at", nullable=True),
    integer("ended_at", nullable=True),
    text_column("undoes"),
    text_column("undone_by"),
    text_column("note"),
    text_column("follows"),
    Column("first_approval", Text, nullable=True),
    text_column("decided_by"),
    text_column("part_of"),
    integer("rest"),
    integer("warned_at", nullable=True),
    Index("remediations_by_status", "status", "no"),
    Index("remediations_by_investigation", "investigation_id"),
    Index("remediations_by_cluster", "cluster_id"),
    Index("remediations_by_decision", "decided_at"),
    Index("remediations_by_time", "made_at", "no"),
    Index(
        "remediations_by_follows", "follows",
        sqlite_where=text("follows <> ''"), postgresql_where=text("follows <> ''"),
    ),
)  # fmt: skip

standing_orders = Table(
    "standing_orders",
    metadata,
    running_number(),
    text_column("remediation_id", unique=True),
    Column("cluster_no", BigInteger, nullable=False, unique=True),
    integer("until"),
    blob("record"),
    Index("standing_orders_by_until", "until"),
)

standing_keys = Table(
    "standing_keys",
    metadata,
    integer("key", primary_key=True),
    integer("order_no", primary_key=True),
    Index("standing_keys_by_order", "order_no"),
    sqlite_with_rowid=False,
)

# What has come late and waits to be planned for; it outlives its standing order.
late_copies = Table(
    "late_copies",
    metadata,
    text_column("remediation_id", primary_key=True),
    text_column("delivery_id", primary_key=True),
    sqlite_with_rowid=False,
)

# `state` is 0 planned, 1 intended, 2 receipted.
deeds = Table(
    "deeds",
    metadata,
    integer("remediation_no", primary_key=True),
    integer("seq", primary_key=True),
    integer("state"),
    text_column("delivery_id"),
    text_column("message_id"),
    text_column("handle"),
    text_column("location"),
    text_column("folder"),
    text_column("raw_sha256"),
    integer("size"),
    text_column("flags"),
    integer("internal_date"),
    integer("intended_at", nullable=True),
    Index("deeds_by_state", "remediation_no", "state", "seq"),
    Index("deeds_by_delivery", "delivery_id"),
    Index(
        "deeds_intended", "raw_sha256",
        sqlite_where=text("state = 1"), postgresql_where=text("state = 1"),
    ),
)  # fmt: skip

skips = Table(
    "skips",
    metadata,
    integer("remediation_no", primary_key=True),
    integer("seq", primary_key=True),
    text_column("delivery_id"),
    text_column("mailbox"),
    text_column("location"),
    text_column("reason"),
)

receipts = Table(
    "receipts",
    metadata,
    integer("remediation_no", primary_key=True),
    integer("seq", primary_key=True),
    text_column("outcome"),
    text_column("reason"),
    Column("before", Text, nullable=True),
    Column("after", Text, nullable=True),
    integer("at"),
    text_column("flags"),
    integer("internal_date", nullable=True),
    Index("receipts_by_outcome", "remediation_no", "outcome", "at"),
)

audit = Table(
    "audit",
    metadata,
    integer("seq", primary_key=True),
    integer("at"),
    text_column("actor"),
    text_column("type"),
    text_column("body"),
    text_column("hash"),
    Index("audit_by_type", "type", "seq"),
    Index("audit_by_actor", "actor", "seq"),
)

jobs = Table(
    "jobs",
    metadata,
    running_number(),
    text_column("kind"),
    text_column("key"),
    text_column("digest"),
    text_column("payload"),
    text_column("state"),
    integer("put_at"),
    integer("not_before"),
    integer("lease_until", nullable=True),
    text_column("worker"),
    integer("attempts"),
    text_column("error"),
    Index(
        "jobs_waiting", "digest", unique=True,
        sqlite_where=text("state = 'waiting'"), postgresql_where=text("state = 'waiting'"),
    ),
    Index("jobs_by_state", "state", "not_before"),
    Index("jobs_by_digest", "digest", "state"),
)  # fmt: skip

settings = Table("settings", metadata, text_column("name", primary_key=True), text_column("value"))
