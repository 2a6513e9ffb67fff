"""What waits for a decision: what expires, what is to be looked at again, and what was declined before."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Table, func, select, update

from clawback.analysis.entities import Entity
from clawback.response.counts import Refreshed
from clawback.response.plan import RemediationStatus
from clawback.store.audit import Audit
from clawback.store.columns import blob, integer, metadata
from clawback.store.ledger import Ledger
from clawback.store.records import Codec
from clawback.store.schema import remediations
from clawback.store.text import armour, micros

_refreshed_record = Codec(Refreshed)
_S = RemediationStatus

# What the last look at a pending remediation found, if any did, and when the last was tried.
refreshes = Table(
    "refreshes",
    metadata,
    integer("remediation_no", primary_key=True),
    integer("at"),
    blob("record"),
    sqlite_with_rowid=False,
)
_REFRESH = ("remediation_no", "at", "record")
_REPLACED = "ON CONFLICT (remediation_no) DO UPDATE SET at = excluded.at"


class Waiting(Ledger):
    """The remediations that are pending, and what became of those that were."""

    def fence(self) -> None:
        """Plan one after the other until the end of the unit, so that no copy is in two open plans."""
        Audit(self._connection).alone()

    def due(self, now: datetime) -> tuple[str, ...]:
        """The ids of pending remediations whose plan has expired, oldest first."""
        table = remediations.c
        query = select(table.id).where(table.status == _S.PENDING.value, table.expires_at <= micros(now))
        return tuple(self._connection.execute(query.order_by(table.no)).scalars())

    def to_warn(self, before: datetime) -> tuple[str, ...]:
        """The ids of pending remediations that expire before then and were not warned of, oldest first."""
        table = remediations.c
        due = (table.status == _S.PENDING.value) & (table.expires_at <= micros(before))
        query = select(table.id).where(due, table.warned_at.is_(None)).order_by(table.no)
        return tuple(self._connection.execute(query).scalars())

    def mark_warned(self, remediation_id: str, at: datetime) -> bool:
        """Note that its end was warned of; False when it was already, or is no longer pending."""
        self.fence()
        table = remediations.c
        mine = (table.id == armour(remediation_id)) & (table.status == _S.PENDING.value)
        query = update(remediations).where(mine, table.warned_at.is_(None))
        return self._connection.execute(query.values(warned_at=micros(at))).rowcount == 1

    def to_refresh(self, before: datetime, limit: int) -> tuple[str, ...]:
        """The ids of pending remediations not looked at since then, those longest ago first."""
        table = remediations.c
        joined = remediations.outerjoin(refreshes, refreshes.c.remediation_no == table.no)
        looked = func.coalesce(refreshes.c.at, table.made_at)
        query = select(table.id).select_from(joined).where(table.status == _S.PENDING.value)
        due = query.where(looked <= micros(before)).order_by(looked, table.no).limit(limit)
        return tuple(self._connection.execute(due).scalars())

    def keep_refreshed(self, remediation_id: str, seen: Refreshed) -> None:
        """Keep what a look at a pending remediation found, in the place of the one before."""
        row = (self._no(remediation_id), micros(seen.at), _refreshed_record.encode(seen))
        self._insert(refreshes, _REFRESH, [row], _REPLACED + ", record = excluded.record")

    def put_off_refresh(self, remediation_id: str, at: datetime) -> None:
        """Note that a pending remediation could not be looked at, so that others have their turn first."""
        self._insert(refreshes, _REFRESH, [(self._no(remediation_id), micros(at), b"")], _REPLACED)

    def declined(self, delivery_ids: Sequence[str], key: Entity | None = None) -> set[str]:
        """Which of these deliveries a person declined to act on: because of this entity, or at all."""
        table = remediations.c
        if key is None:
            return self._with_deeds_in(delivery_ids, (_S.REJECTED,))
        same = (table.key_kind == key.kind.value) & (table.key_value == armour(key.value))
        return self._with_deeds_in(delivery_ids, (_S.REJECTED,), same)

    def planned_in(self, delivery_ids: Sequence[str], cluster_id: str) -> set[str]:
        """Which of these deliveries any plan of this cluster ever had a deed for, but those cancelled."""
        mine = remediations.c.cluster_id == armour(cluster_id)
        return self._with_deeds_in(delivery_ids, set(_S) - {_S.CANCELLED}, mine)

    def _refreshed(self, numbers: Sequence[int]) -> dict[int, Refreshed]:
        table = refreshes.c
        query = select(table.remediation_no, table.record).where(self._within(table.remediation_no, numbers))
        rows = self._connection.execute(query) if numbers else ()
        return {row.remediation_no: _refreshed_record.decode(row.record) for row in rows if row.record}
