"""Remediations as the action center lists them. Their deeds and receipts are the ledger's."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Row, Select, func, insert, or_, select, update

from clawback.analysis.entities import Entity, EntityKind
from clawback.errors import NotFound, PlanStale
from clawback.response.plan import (
    LET_RUN,
    OPEN,
    ActionKind,
    Approval,
    Deed,
    Plan,
    Receipt,
    Remediation,
    RemediationStatus,
    Skip,
    Tally,
)
from clawback.store.listings import Listing
from clawback.store.records import Codec
from clawback.store.schema import remediations
from clawback.store.text import armour, disarm, micros, moment, moment_or_none
from clawback.store.waiting import Waiting

_approval = Codec(Approval)
_S = RemediationStatus
_DECIDED = frozenset({_S.APPROVED, _S.REJECTED, _S.EXPIRED, _S.CANCELLED})
_ENDED = frozenset({_S.COMPLETED, _S.FAILED, _S.REJECTED, _S.EXPIRED, _S.CANCELLED})
_GOING = (*OPEN, _S.COMPLETED)
_PAGE = 500
_NAMES = (
    "id", "status", "kind", "investigation_id", "cluster_id", "made_at", "expires_at", "decided_by",
)  # fmt: skip
SEARCHED = {
    **{name: remediations.c[name] for name in _NAMES},
    "entity": remediations.c.key_value.label("entity"),
    "decided_at": func.coalesce(remediations.c.decided_at, 0).label("decided_at"),
}
"""The columns that a search may ask about and sort by; what is not decided yet was decided in 1970."""


class Remediations(Waiting):
    """All remediations, each with its plan, intents and receipts.

    What takes out late copies for another one is part of that one's account once it is approved.

    Whoever plans or moves one on also writes to the audit log, and has that first: locks that all take
    in the same order cannot wait for each other.
    """

    def add(self, remediation: Remediation, plan: Plan) -> None:
        """Write a remediation with its whole plan. Its id must be new."""
        row = _row(remediation, plan)
        no: int = self._connection.execute(
            insert(remediations).values(row).returning(remediations.c.no)
        ).scalar_one()
        self._write_plan(no, plan)

    def get(self, remediation_id: str) -> Remediation:
        """The remediation with its account as it stands, late copies included; raises NotFound."""
        return self._with_accounts([self._row(remediation_id)])[0]

    def own_tally(self, remediation_id: str) -> Tally:
        """The account of the copies of its own plan alone; raises NotFound."""
        no = self._no(remediation_id)
        return self._tallies([no])[no]

    def following(self, remediation_id: str) -> tuple[Remediation, ...]:
        """What takes or took late copies out for a remediation, waits for that or never may, oldest first."""
        query = select(remediations).where(remediations.c.follows == armour(remediation_id))
        return self._with_accounts(self._connection.execute(query.order_by(remediations.c.no)).all())

    def results(self, remediation_id: str) -> Iterator[tuple[Deed, Receipt]]:
        """Each receipted deed of the whole account: its own, then those of late copies as they came."""
        for part in self._account(remediation_id):
            yield from self.receipts(part)

    def left_alone(self, remediation_id: str) -> tuple[Skip, ...]:
        """The copies of the whole account that are deliberately not acted on; raises NotFound."""
        return tuple(skip for part in self._account(remediation_id) for skip in self.skips(part))

    def list(
        self,
        *,
        statuses: Iterable[RemediationStatus] | None = None,
        investigation_id: str | None = None,
        limit: int = 100,
        cursor: str = "",
    ) -> tuple[tuple[Remediation, ...], str]:
        """A page, newest first, and the cursor of the next ("" at the end).

        What is part of another one's account is not listed by itself.
        """
        query = _listed(statuses, investigation_id)
        rows, after = self._page(query, remediations.c.no, limit, cursor)
        return self._with_accounts(rows), after

    def search(self, listing: Listing) -> tuple[tuple[Remediation, ...], str]:
        """A page of what `list` has that meets the listing's conditions, in its order, and the next cursor.

        Columns: `SEARCHED`. Raises BadQuery.
        """
        table = remediations.c
        query = _listed(None, None).with_only_columns(table.no, *SEARCHED.values())
        found, after = self._listing(query, SEARCHED, table.no, listing)
        numbers = [row.no for row in found]
        mine = select(remediations).where(self._within(table.no, numbers))
        rows = {row.no: row for row in self._connection.execute(mine)} if numbers else {}
        return self._with_accounts([rows[no] for no in numbers]), after

    def count(self, listing: Listing) -> int:
        """How many `search` finds, on whatever page."""
        return self._count_listing(_listed(None, None), SEARCHED, listing)

    def each(
        self,
        *,
        statuses: Iterable[RemediationStatus] | None = None,
        investigation_id: str | None = None,
        decided_since: datetime | None = None,
    ) -> Iterator[Remediation]:
        """All that `list` has on its pages, newest first, read in batches; or what was decided since only."""
        query, cursor = _listed(statuses, investigation_id), ""
        if decided_since is not None:
            query = query.where(remediations.c.decided_at >= micros(decided_since))
        while True:
            rows, cursor = self._page(query, remediations.c.no, _PAGE, cursor)
            yield from self._with_accounts(rows)
            if not cursor:
                return

    def by_status(self, *, listed: bool = False) -> dict[RemediationStatus, int]:
        """How many stand how, those of late copies too; with `listed` only those that stand in lists."""
        table = remediations.c
        query = select(table.status, func.count()).group_by(table.status)
        rows = self._connection.execute(query.where(_alone()) if listed else query)
        return {RemediationStatus(status): count for status, count in rows}

    def of_cluster(self, cluster_id: str) -> tuple[Remediation, ...]:
        """Every remediation of a cluster, also those of late copies, oldest first."""
        table = remediations.c
        query = select(remediations).where(table.cluster_id == armour(cluster_id)).order_by(table.no)
        return self._with_accounts(self._connection.execute(query).all())

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
            follows=row.follows,
            rest=bool(row.rest),
        )

    def set_status(
        self,
        remediation_id: str,
        new: RemediationStatus,
        *,
        expected: frozenset[RemediationStatus],
        at: datetime,
        approval: Approval | None = None,
        by: str = "",
        note: str = "",
    ) -> Remediation:
        """Move a remediation on and answer it as it then is.

        The first decision, start and end are dated `at`; `by` is whoever decided without an approval.
        Raises NotFound, or PlanStale when the status is none of those expected.
        """
        self.fence()
        row = self._row(remediation_id)
        table = remediations.c
        old = [status.value for status in expected]
        query = update(remediations).where(table.no == row.no, table.status.in_(old))
        changes = _changes(row, new, at, approval, note)
        if by and not row.decided_by:
            changes["decided_by"] = armour(by)
        if self._connection.execute(query.values(changes)).rowcount != 1:
            status = self._row(remediation_id).status
            raise PlanStale(f"remediation {remediation_id} is {status} already")
        return self.get(remediation_id)

    def set_first(self, remediation_id: str, approval: Approval) -> None:
        """Keep the approval of the first of two persons; raises NotFound, or PlanStale when it is decided."""
        self.fence()
        mine = (remediations.c.no == self._no(remediation_id)) & (remediations.c.status == _S.PENDING.value)
        kept = _approval.encode(approval).decode()
        if (
            self._connection.execute(update(remediations).where(mine).values(first_approval=kept)).rowcount
            != 1
        ):
            raise PlanStale(f"remediation {remediation_id} is decided already")

    def mark_undone(self, remediation_id: str, by_remediation_id: str) -> None:
        """Note which remediation undid this one, its late copies too; raises NotFound."""
        self.fence()
        numbers = [self._no(part) for part in self._account(remediation_id)]
        query = update(remediations).where(self._within(remediations.c.no, numbers))
        self._connection.execute(query.values(undone_by=by_remediation_id))

    def open_for(self, delivery_ids: Sequence[str]) -> set[str]:
        """Which of these deliveries are in a remediation that is pending, approved or running."""
        return self._with_deeds_in(delivery_ids, OPEN)

    def put_back(self, delivery_ids: Sequence[str], key: Entity) -> set[str]:
        """Which of these deliveries an undo of an action on this entity put back, or is about to."""
        table = remediations.c
        same = (table.key_kind == key.kind.value) & (table.key_value == armour(key.value))
        return self._with_deeds_in(delivery_ids, _GOING, same & (table.kind == ActionKind.RESTORE.value))

    def put_back_last(self, delivery_ids: Sequence[str]) -> set[str]:
        """Which of these deliveries an undo of whatever put back, or is about to, and nothing took since."""
        last = self._last_kind(delivery_ids, _GOING)
        return {delivery_id for delivery_id, kind in last.items() if kind == ActionKind.RESTORE.value}

    def _account(self, remediation_id: str) -> Sequence[str]:
        """The ids of a remediation and of all that is part of its account, in order."""
        table = remediations.c
        mine = self._part_of([remediation_id])
        late = select(table.id).where(mine).order_by(table.no)
        return [remediation_id, *self._connection.execute(late).scalars()]

    def _part_of(self, remediation_ids: Sequence[str]) -> ColumnElement[bool]:
        table = remediations.c
        # That it is not "" is said so that the index on the few that follow another can be used.
        follows = (table.follows != "") & self._within(table.follows, [armour(r) for r in remediation_ids])
        return follows & table.status.in_([status.value for status in LET_RUN])

    def _with_accounts(self, rows: Sequence[Row[Any]]) -> tuple[Remediation, ...]:
        table = remediations.c
        query = select(table.no, table.follows, table.rest).where(self._part_of([row.id for row in rows]))
        parts = {row.no: row for row in self._connection.execute(query)} if rows else {}
        tallies = self._tallies([*(row.no for row in rows), *parts])
        joined: dict[str, Tally] = {}
        late: dict[str, int] = {}
        for no, part in parts.items():
            joined[part.follows] = joined.get(part.follows, Tally()) + tallies[no]
            late[part.follows] = late.get(part.follows, 0) + (0 if part.rest else tallies[no].found)
        seen = self._refreshed([row.no for row in rows if row.status == _S.PENDING.value])
        return tuple(
            replace(
                _remediation(row, tallies[row.no] + joined.get(row.id, Tally()), late.get(row.id, 0)),
                refreshed=seen.get(row.no),
            )
            for row in rows
        )

    def _row(self, remediation_id: str) -> Row[Any]:
        query = select(remediations).where(remediations.c.id == armour(remediation_id))
        found = self._connection.execute(query).first()
        if found is None:
            raise NotFound(f"there is no remediation {remediation_id}")
        return found


def _alone() -> ColumnElement[bool]:
    """Not joined with the removal that it follows, as what was let run for late copies is."""
    joined = [status.value for status in LET_RUN]
    return or_(remediations.c.follows == "", remediations.c.status.not_in(joined))


def _listed(statuses: Iterable[RemediationStatus] | None, investigation_id: str | None) -> Select[Any]:
    query = select(remediations).where(_alone())
    if statuses is not None:
        query = query.where(remediations.c.status.in_(sorted(status.value for status in statuses)))
    if investigation_id is not None:
        query = query.where(remediations.c.investigation_id == armour(investigation_id))
    return query


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
        changes["decided_by"] = armour(approval.by)
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
        "follows": remediation.follows,
        "first_approval": None if remediation.first is None else _approval.encode(remediation.first).decode(),
        "decided_by": armour(remediation.decided_by),
        "part_of": remediation.part_of,
        "rest": int(remediation.rest),
    }


def _key(row: Row[Any]) -> Entity:
    return Entity(EntityKind(row.key_kind), disarm(row.key_value))


def _remediation(row: Row[Any], tally: Tally, late: int) -> Remediation:
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
        follows=row.follows,
        late=late,
        first=None if row.first_approval is None else _approval.decode(row.first_approval.encode()),
        decided_by=disarm(row.decided_by),
        part_of=row.part_of,
        rest=bool(row.rest),
    )
