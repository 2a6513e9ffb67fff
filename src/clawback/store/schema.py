"""The one schema, for SQLite and PostgreSQL. The DDL that makes it is frozen in ``migrations/*.sql``.

Times are integers: microseconds since 1970, UTC. `no` is a row's running number, the order in which
listings page; ids are the core's. Text that may hold anything goes through `text.armour`.
"""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Index, Integer, LargeBinary, MetaData, Table, Text, text

metadata = MetaData()

_No = BigInteger().with_variant(Integer(), "sqlite")


def _no() -> Column[int]:
    return Column("no", _No, primary_key=True, autoincrement=True)


def _text(name: str, *, unique: bool = False, primary_key: bool = False) -> Column[str]:
    return Column(name, Text, nullable=False, unique=unique or None, primary_key=primary_key)


def _int(name: str, *, nullable: bool = False, primary_key: bool = False) -> Column[int]:
    return Column(name, BigInteger, nullable=nullable, primary_key=primary_key, autoincrement=False)


def _blob(name: str) -> Column[bytes]:
    return Column(name, LargeBinary, nullable=False)


migrations = Table(
    "migrations", metadata, _int("version", primary_key=True), _text("name"), _int("applied_at")
)

# `subject` and `sender` are folded for searching; the record holds them as they were.
messages = Table(
    "messages",
    metadata,
    Column("no", _No, primary_key=True, autoincrement=False),
    _text("id", unique=True),
    _text("subject"),
    _text("sender"),
    _text("sender_domain"),
    _text("direction"),
    _text("sending_ip"),
    _int("date", nullable=True),
    _int("first_seen"),
    _int("epoch"),
    Index("messages_by_time", "first_seen", "no"),
)

message_records = Table(
    "message_records",
    metadata,
    Column("no", _No, primary_key=True, autoincrement=False),
    _blob("record"),
    _blob("signature"),
)

# An epoch is a month, or a part of one when a month is busy: inserts stay in pages that are warm,
# and retention deletes a range of the primary key.
epochs = Table(
    "epochs", metadata, _int("epoch", primary_key=True), _int("month"), _int("slot"),
    Index("epochs_by_month", "month", "slot", unique=True),
)  # fmt: skip

message_keys = Table(
    "message_keys",
    metadata,
    _int("epoch", primary_key=True),
    _int("key", primary_key=True),
    _int("message_no", primary_key=True),
    sqlite_with_rowid=False,
)

mailboxes = Table(
    "mailboxes", metadata, _no(), _text("source"), _text("mailbox"),
    Index("mailboxes_by_name", "source", "mailbox", unique=True),
    Index("mailboxes_by_mailbox", "mailbox"),
)  # fmt: skip

deliveries = Table(
    "deliveries",
    metadata,
    _no(),
    _text("id", unique=True),
    _text("message_id"),
    _text("raw_sha256"),
    _int("size"),
    _int("mailbox_no"),
    _text("folder"),
    _text("native_id"),
    _text("version"),
    _text("flags"),
    _int("internal_date"),
    _text("action"),
    _text("original_location"),
    _text("original_folder"),
    _text("location"),
    _int("located_at"),
    _int("first_seen"),
    _text("trace"),
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
    _int("mailbox_no", primary_key=True),
    _text("folder", primary_key=True),
    _text("cursor"),
    sqlite_with_rowid=False,
)

indicators = Table(
    "indicators",
    metadata,
    _no(),
    _text("id", unique=True),
    _text("kind"),
    _text("value"),
    _text("match"),
    _text("verdict"),
    _text("threat"),
    _text("source"),
    _int("confidence"),
    _int("added_at"),
    _int("expires_at", nullable=True),
    _text("note"),
)

indicator_keys = Table(
    "indicator_keys",
    metadata,
    _int("key", primary_key=True),
    _int("indicator_no", primary_key=True),
    Index("indicator_keys_by_indicator", "indicator_no"),
    sqlite_with_rowid=False,
)

alerts = Table(
    "alerts",
    metadata,
    _no(),
    _text("id", unique=True),
    _text("investigation_id"),
    _int("raised_at"),
    _blob("record"),
    Index("alerts_by_investigation", "investigation_id"),
)

investigations = Table(
    "investigations",
    metadata,
    _no(),
    _text("id", unique=True),
    _int("version"),
    _text("status"),
    _text("kind"),
    _text("title"),
    _text("cause"),
    _int("cause_key"),
    _int("created_at"),
    _int("changed_at"),
    _blob("record"),
    Index("investigations_by_cause", "cause_key"),
    Index("investigations_by_status", "status", "no"),
)

clusters = Table(
    "clusters",
    metadata,
    _no(),
    _text("id", unique=True),
    _text("investigation_id"),
    _blob("record"),
    Index("clusters_by_investigation", "investigation_id"),
)

cluster_members = Table(
    "cluster_members",
    metadata,
    _int("cluster_no", primary_key=True),
    _text("message_id", primary_key=True),
    _int("seq"),
    _blob("reasons"),
    Index("cluster_members_by_message", "message_id"),
)

remediations = Table(
    "remediations",
    metadata,
    _no(),
    _text("id", unique=True),
    _text("plan_id"),
    _text("investigation_id"),
    _text("cluster_id"),
    _text("kind"),
    _text("key_kind"),
    _text("key_value"),
    _text("status"),
    _text("plan_hash"),
    _int("made_at"),
    _int("expires_at"),
    Column("approval", Text, nullable=True),
    _int("decided_at", nullable=True),
    _int("started_at", nullable=True),
    _int("ended_at", nullable=True),
    _text("undoes"),
    _text("undone_by"),
    _text("note"),
    _text("follows"),
    Index("remediations_by_status", "status", "no"),
    Index("remediations_by_investigation", "investigation_id"),
    Index("remediations_by_cluster", "cluster_id"),
    Index(
        "remediations_by_follows", "follows",
        sqlite_where=text("follows <> ''"), postgresql_where=text("follows <> ''"),
    ),
)  # fmt: skip

standing_orders = Table(
    "standing_orders",
    metadata,
    _no(),
    _text("remediation_id", unique=True),
    Column("cluster_no", BigInteger, nullable=False, unique=True),
    _int("until"),
    _blob("record"),
    Index("standing_orders_by_until", "until"),
)

standing_keys = Table(
    "standing_keys",
    metadata,
    _int("key", primary_key=True),
    _int("order_no", primary_key=True),
    Index("standing_keys_by_order", "order_no"),
    sqlite_with_rowid=False,
)

# What has come late and waits to be planned for; it outlives its standing order.
late_copies = Table(
    "late_copies",
    metadata,
    _text("remediation_id", primary_key=True),
    _text("delivery_id", primary_key=True),
    sqlite_with_rowid=False,
)

# `state` is 0 planned, 1 intended, 2 receipted.
deeds = Table(
    "deeds",
    metadata,
    _int("remediation_no", primary_key=True),
    _int("seq", primary_key=True),
    _int("state"),
    _text("delivery_id"),
    _text("message_id"),
    _text("handle"),
    _text("location"),
    _text("folder"),
    _text("raw_sha256"),
    _int("size"),
    _text("flags"),
    _int("internal_date"),
    _int("intended_at", nullable=True),
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
    _int("remediation_no", primary_key=True),
    _int("seq", primary_key=True),
    _text("delivery_id"),
    _text("mailbox"),
    _text("location"),
    _text("reason"),
)

receipts = Table(
    "receipts",
    metadata,
    _int("remediation_no", primary_key=True),
    _int("seq", primary_key=True),
    _text("outcome"),
    _text("reason"),
    Column("before", Text, nullable=True),
    Column("after", Text, nullable=True),
    _int("at"),
    _text("flags"),
    _int("internal_date", nullable=True),
)

audit = Table(
    "audit",
    metadata,
    _int("seq", primary_key=True),
    _int("at"),
    _text("actor"),
    _text("type"),
    _text("body"),
    _text("hash"),
)

jobs = Table(
    "jobs",
    metadata,
    _no(),
    _text("kind"),
    _text("key"),
    _text("digest"),
    _text("payload"),
    _text("state"),
    _int("put_at"),
    _int("not_before"),
    _int("lease_until", nullable=True),
    _text("worker"),
    _int("attempts"),
    _text("error"),
    Index(
        "jobs_waiting", "digest", unique=True,
        sqlite_where=text("state = 'waiting'"), postgresql_where=text("state = 'waiting'"),
    ),
    Index("jobs_by_state", "state", "not_before"),
    Index("jobs_by_digest", "digest", "state"),
)  # fmt: skip

settings = Table("settings", metadata, _text("name", primary_key=True), _text("value"))
