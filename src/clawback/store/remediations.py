"""Remediations as the action center lists them. Their deeds and receipts are the ledger's."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Row, insert, select, update

from clawback.analysis.entities import Entity, EntityKind
from clawback.errors import NotFound, PlanStale
from clawback.response.plan import ActionKind, Approval, Plan, Remediation, RemediationStatus, Tally
from clawback.store.ledger import Ledger
from clawback.store.records import Codec
from clawback.store.schema import remediations
from clawback.store.text import armour, disarm, micros, moment, moment_or_none

_approval = Codec(Approval)
_S = RemediationStatus
_DECIDED = frozenset({_S.APPROVED, _S.REJECTED, _S.EXPIRED, _S.CANCELLED})
_ENDED = frozenset({_S.COMPLETED, _S.FAILED, _S.REJECTED, _S.EXPIRED, _S.CANCELLED})


class Remediations(Ledger):
    """All remediations, each with its plan, intents and receipts."""

    def add(self, remediation: Remediation, plan: Plan) -> None:
        """Write a remediation with its whole plan. Its id must be new."""
        row = _row(remediation, plan)
        no: int = self._connection.execute(
            insert(remediations).values(row).returning(remediations.c.no)
        ).scalar_one()
        self._write_plan(no, plan)

    def get(self, remediation_id: str) -> Remediation:
        """The remediation with its account as it stands; raises NotFound."""
        row = self._row(remediation_id)
        return _remediation(row, self._tallies([row.no])[row.no])

    def list(
        self,
        *,
        statuses: Iterable[RemediationStatus] | None = None,
        investigation_id: str | None = None,
        limit: int = 100,
        cursor: str = "",
    ) -> tuple[tuple[Remediation, ...], str]:
        """A page, newest first, and the cursor of the next ("" at the end)."""
        query = select(remediations)
        if statuses is not None:
            query = query.where(remediations.c.status.in_(sorted(status.value for status in statuses)))
        if investigation_id is not None:
            query = query.where(remediations.c.investigation_id == armour(investigation_id))
        rows, after = self._page(query, remediations.c.no, limit, cursor)
        tallies = self._tallies([row.no for row in rows])
        return tuple(_remediation(row, tallies[row.no]) for row in rows), after

    def of_cluster(self, cluster_id: str) -> tuple[Remediation, ...]:
        """Every remediation of a cluster, oldest first."""
        table = remediations.c
        query = select(remediations).where(table.cluster_id == armour(cluster_id)).order_by(table.no)
        rows = self._connection.execute(query).all()
        tallies = self._tallies([row.no for row in rows])
        return tuple(_remediation(row, tallies[row.no]) for row in rows)

    def plan(self, remediation_id: str) -> Plan:
        """The whole plan as it was made, so that its hash can be checked; raises NotFound."""
        row = self._row(remediation_id)
        return Plan(
            id=row.plan_id,
            investigation_id=row.investigation_id,
            cluster_id=row.cluster_id,
            kind=ActionKind(row.kind),
            key=_key(row),
            made_at=moment(row.made_at),
            expires_at=moment(row.expires_at),
            deeds=self._deeds(row.no),
            skips=self._skips(row.no),
            undoes=row.undoes,
            hash=row.plan_hash,
        )

    def set_status(
        self,
        remediation_id: str,
        new: RemediationStatus,
        *,
        expected: frozenset[RemediationStatus],
        at: datetime,
        approval: Approval | None = None,
        note: str = "",
    ) -> Remediation:
        """Move a remediation on and answer it as it then is.

        The first decision, start and end are dated `at`. Raises NotFound, or PlanStale when the
        status is none of those expected.
        """
        row = self._row(remediation_id)
        table = remediations.c
        old = [status.value for status in expected]
        query = update(remediations).where(table.no == row.no, table.status.in_(old))
        changes = _changes(row, new, at, approval, note)
        if self._connection.execute(query.values(changes)).rowcount != 1:
            status = self._row(remediation_id).status
            raise PlanStale(f"remediation {remediation_id} is {status} already")
        return self.get(remediation_id)

    def mark_undone(self, remediation_id: str, by_remediation_id: str) -> None:
        """Note which remediation undid this one; raises NotFound."""
        no = self._no(remediation_id)
        query = update(remediations).where(remediations.c.no == no)
        self._connection.execute(query.values(undone_by=by_remediation_id))

    def open_for(self, delivery_ids: Sequence[str]) -> set[str]:
        """Which of these deliveries are in a remediation that is pending, approved or running."""
        return self._with_deeds_in(delivery_ids, (_S.PENDING, _S.APPROVED, _S.RUNNING))

    def put_back(self, delivery_ids: Sequence[str], key: Entity) -> set[str]:
        """Which of these deliveries an undo of an action on this entity put back, or is about to."""
        going = (_S.PENDING, _S.APPROVED, _S.RUNNING, _S.COMPLETED)
        table = remediations.c
        same = (table.key_kind == key.kind.value) & (table.key_value == armour(key.value))
        return self._with_deeds_in(delivery_ids, going, same & (table.kind == ActionKind.RESTORE.value))

    def due(self, now: datetime) -> tuple[str, ...]:
        """The ids of pending remediations whose plan has expired, oldest first."""
        table = remediations.c
        query = select(table.id).where(table.status == _S.PENDING.value, table.expires_at <= micros(now))
        return tuple(self._connection.execute(query.order_by(table.no)).scalars())

    def _row(self, remediation_id: str) -> Row[Any]:
        query = select(remediations).where(remediations.c.id == armour(remediation_id))
        found = self._connection.execute(query).first()
        if found is None:
            raise NotFound(f"there is no remediation {remediation_id}")
        return found


def _changes(
    row: Row[Any], new: RemediationStatus, at: datetime, approval: Approval | None, note: str
) -> dict[str, Any]:
    changes: dict[str, Any] = {"status": new.value}
    now = micros(at)
    if row.decided_at is None and (new in _DECIDED or approval is not None):
        changes["decided_at"] = now
    if row.started_at is None and new is _S.RUNNING:
        changes["started_at"] = now
    if row.ended_at is None and new in _ENDED:
        changes["ended_at"] = now
    if approval is not None:
        changes["approval"] = _approval.encode(approval).decode()
    if note:
        changes["note"] = armour(note)
    return changes


def _row(remediation: Remediation, plan: Plan) -> dict[str, Any]:
    times = {name: getattr(remediation, name) for name in ("decided_at", "started_at", "ended_at")}
    return {
        "id": remediation.id,
        "plan_id": plan.id,
        "investigation_id": remediation.investigation_id,
        "cluster_id": remediation.cluster_id,
        "kind": remediation.kind.value,
        "key_kind": remediation.key.kind.value,
        "key_value": armour(remediation.key.value),
        "status": remediation.status.value,
        "plan_hash": plan.hash,
        "made_at": micros(remediation.made_at),
        "expires_at": micros(remediation.expires_at),
        "approval": None if remediation.approval is None else _approval.encode(remediation.approval).decode(),
        **{name: None if time is None else micros(time) for name, time in times.items()},
        "undoes": remediation.undoes,
        "undone_by": remediation.undone_by,
        "note": armour(remediation.note),
    }


def _key(row: Row[Any]) -> Entity:
    return Entity(EntityKind(row.key_kind), disarm(row.key_value))


def _remediation(row: Row[Any], tally: Tally) -> Remediation:
    return Remediation(
        id=row.id,
        investigation_id=row.investigation_id,
        cluster_id=row.cluster_id,
        kind=ActionKind(row.kind),
        key=_key(row),
        status=RemediationStatus(row.status),
        plan_hash=row.plan_hash,
        made_at=moment(row.made_at),
        expires_at=moment(row.expires_at),
        tally=tally,
        approval=None if row.approval is None else _approval.decode(row.approval.encode()),
        decided_at=moment_or_none(row.decided_at),
        started_at=moment_or_none(row.started_at),
        ended_at=moment_or_none(row.ended_at),
        undoes=row.undoes,
        undone_by=row.undone_by,
        note=disarm(row.note),
    )
