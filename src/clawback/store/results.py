"""Results of actions by class: counted, and their copies page by page."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Row, func, not_, or_, select, true, tuple_

from clawback.errors import BadQuery
from clawback.message.delivery import DeliveryLocation
from clawback.response.outcomes import (
    CAUSES,
    Cause,
    ClassCount,
    CopyResult,
    ResultClass,
    cause_of,
    counted,
)
from clawback.response.plan import LET_RUN, ActionKind, Outcome, Receipt
from clawback.store import pages
from clawback.store.ledger import Ledger
from clawback.store.schema import deeds, deliveries, receipts, remediations, skips
from clawback.store.text import armour, disarm, handle_of, moment

_MAILBOX = re.compile(r'\["(?:[^"\\]|\\.)*","(?:[^"\\]|\\.)*"')
"""The text of a handle up to the end of its mailbox."""
_WITH_REASONS = (Outcome.FAILED, Outcome.SKIPPED)
"""The outcomes whose classes are told apart by their reasons."""
_LEFT_ALONE = 1
"""In a cursor: the copies that a plan left alone, which come after those with receipts (0)."""


@dataclass(frozen=True, slots=True)
class CopyDeed:
    """What one action did to one copy, or left undone."""

    remediation_id: str
    kind: ActionKind
    delivery_id: str
    outcome: Outcome
    at: datetime


class Results(Ledger):
    """What became of the copies of a remediation's whole account, late ones too."""

    def classes(self, remediation_id: str) -> tuple[ClassCount, ...]:
        """Every class that has copies, with how many; raises NotFound."""
        return counted(self._counts(self._numbers(remediation_id)))

    def _counts(self, numbers: Sequence[int]) -> Iterator[tuple[ResultClass, int]]:
        table = receipts.c
        mine = self._within(table.remediation_no, numbers)
        # Very many went well, and of those the index knows all: reasons are read of the others only.
        told = table.outcome.in_([outcome.value for outcome in _WITH_REASONS])
        plain = select(table.outcome, func.count()).where(mine, ~told).group_by(table.outcome)
        for outcome, copies in self._connection.execute(plain):
            yield _class(Outcome(outcome), ""), copies
        grouped = select(table.outcome, table.reason, func.count()).where(mine, told)
        rows = self._connection.execute(grouped.group_by(table.outcome, table.reason))
        for outcome, reason, copies in rows:
            yield _class(Outcome(outcome), disarm(reason)), copies
        query = select(skips.c.reason, func.count()).group_by(skips.c.reason)
        left_alone = query.where(self._within(skips.c.remediation_no, numbers))
        for reason, copies in self._connection.execute(left_alone):
            yield ResultClass(Outcome.SKIPPED, reason=disarm(reason)), copies

    def copies(
        self, remediation_id: str, of: ResultClass | None = None, *, limit: int = 100, cursor: str = ""
    ) -> tuple[tuple[CopyResult, ...], str]:
        """A page of the copies of a class, or of all: those with receipts, then those left alone.

        Raises NotFound for an unknown remediation, BadQuery for a cursor that is none.
        """
        pages.bounded(limit)
        part, no, seq = pages.position_of(cursor, 3) or (0, 0, -1)
        if part not in (0, _LEFT_ALONE):
            raise BadQuery("the cursor is not one that this listing gave out")
        numbers = self._numbers(remediation_id)
        rows: list[tuple[int, Row[Any]]] = []
        if part == 0:
            rows += [(0, row) for row in self._receipted(numbers, of, (no, seq), limit + 1)]
            no, seq = 0, -1
        if len(rows) <= limit and (of is None or of.outcome is Outcome.SKIPPED):
            more = self._left_alone(numbers, of, (no, seq), limit + 1 - len(rows))
            rows += [(_LEFT_ALONE, row) for row in more]
        found = tuple(_skip(row) if part else _result(row) for part, row in rows[:limit])
        last = rows[limit - 1] if len(rows) > limit else None
        return found, pages.cursor_of(last[0], last[1].remediation_no, last[1].seq) if last else ""

    def each(self, remediation_id: str, of: ResultClass | None = None) -> Iterator[CopyResult]:
        """All that `copies` has on its pages."""
        cursor = ""
        while True:
            found, cursor = self.copies(remediation_id, of, limit=1_000, cursor=cursor)
            yield from found
            if not cursor:
                return

    def mailboxes(self, remediation_id: str) -> tuple[str, ...]:
        """The mailboxes that its own plan acts on, sorted; one of that name in two sources stands twice."""
        query = select(deeds.c.handle).where(deeds.c.remediation_no == self._no(remediation_id))
        found = (_MAILBOX.match(handle) for handle in self._connection.execute(query).scalars())
        # A large plan has few mailboxes: each is read once.
        begins = {begin[0] for begin in found if begin}
        return tuple(sorted(json.loads(begin + "]")[1] for begin in begins))

    def of_copies(self, delivery_ids: Sequence[str], most: int) -> tuple[CopyDeed, ...]:
        """What was done to these copies, whatever action did it, newest first, at most so many."""
        table = receipts.c
        joined = receipts.join(
            deeds, (deeds.c.remediation_no == table.remediation_no) & (deeds.c.seq == table.seq)
        ).join(remediations, remediations.c.no == table.remediation_no)
        columns = (remediations.c.id, remediations.c.kind, deeds.c.delivery_id, table.outcome, table.at)
        mine = self._within(deeds.c.delivery_id, [armour(one) for one in delivery_ids])
        query = select(*columns).select_from(joined).where(mine).order_by(table.at.desc()).limit(most)
        return tuple(
            CopyDeed(
                row.id,
                ActionKind(row.kind),
                disarm(row.delivery_id),
                Outcome(row.outcome),
                moment(row.at),
            )
            for row in self._connection.execute(query)
        )

    def undos(self, remediation_id: str, cluster_id: str) -> tuple[str, ...]:
        """The ids of what undoes a remediation of this cluster, in whole or in part, oldest first."""
        table = remediations.c
        mine = (table.cluster_id == armour(cluster_id)) & (table.undoes == armour(remediation_id))
        return tuple(self._connection.execute(select(table.id).where(mine).order_by(table.no)).scalars())

    def _numbers(self, remediation_id: str) -> list[int]:
        """The running numbers of all that is part of the account."""
        table = remediations.c
        follows = (table.follows != "") & (table.follows == armour(remediation_id))
        late = select(table.no).where(follows, table.status.in_([status.value for status in LET_RUN]))
        return [self._no(remediation_id), *self._connection.execute(late.order_by(table.no)).scalars()]

    def _receipted(
        self, numbers: Sequence[int], of: ResultClass | None, after: tuple[int, int], limit: int
    ) -> Sequence[Row[Any]]:
        table = receipts.c
        joined = receipts.join(
            deeds, (deeds.c.remediation_no == table.remediation_no) & (deeds.c.seq == table.seq)
        )
        columns = (deeds.c.message_id, deeds.c.delivery_id, deeds.c.handle, deeds.c.location)
        query = select(receipts, *columns).select_from(joined)
        query = query.where(self._within(table.remediation_no, numbers), _is(of))
        behind = tuple_(table.remediation_no, table.seq) > after
        ordered = query.where(behind).order_by(table.remediation_no, table.seq).limit(limit)
        return self._connection.execute(ordered).all()

    def _left_alone(
        self, numbers: Sequence[int], of: ResultClass | None, after: tuple[int, int], limit: int
    ) -> Sequence[Row[Any]]:
        table = skips.c
        joined = skips.outerjoin(deliveries, deliveries.c.id == table.delivery_id)
        query = select(skips, deliveries.c.message_id, deliveries.c.folder).select_from(joined)
        query = query.where(self._within(table.remediation_no, numbers))
        if of is not None and of.reason:
            query = query.where(table.reason == armour(of.reason))
        behind = tuple_(table.remediation_no, table.seq) > after
        ordered = query.where(behind).order_by(table.remediation_no, table.seq).limit(limit)
        return self._connection.execute(ordered).all()


def _is(of: ResultClass | None) -> ColumnElement[bool]:
    if of is None:
        return true()
    same = receipts.c.outcome == of.outcome.value
    if of.reason:
        return same & (receipts.c.reason == armour(of.reason))
    return same & _caused(of.cause) if of.cause else same


def _caused(cause: Cause) -> ColumnElement[bool]:
    """Whether a failure has this cause, by the name of the error that its receipt begins with."""
    if cause is not Cause.OTHER:
        return or_(*(receipts.c.reason.startswith(f"{name}:") for name in CAUSES[cause]))
    return not_(or_(*(_caused(other) for other in CAUSES)))


def _class(outcome: Outcome, reason: str) -> ResultClass:
    if outcome is Outcome.FAILED:
        return ResultClass(outcome, cause_of(Receipt(0, outcome, reason, None, None, moment(0))))
    return ResultClass(outcome, reason=reason if outcome is Outcome.SKIPPED else "")


def _result(row: Row[Any]) -> CopyResult:
    before, after = handle_of(row.handle), handle_of(row.after)
    outcome, reason = Outcome(row.outcome), disarm(row.reason)
    return CopyResult(
        before.mailbox if before else "",
        row.message_id,
        row.delivery_id,
        before.folder if before else "",
        DeliveryLocation(row.location),
        outcome,
        _class(outcome, reason).cause,
        reason,
        after.folder if after else "",
        moment(row.at),
    )


def _skip(row: Row[Any]) -> CopyResult:
    folder = disarm(row.folder or "")
    return CopyResult(
        disarm(row.mailbox),
        row.message_id or "",
        row.delivery_id,
        folder,
        DeliveryLocation(row.location),
        Outcome.SKIPPED,
        None,
        disarm(row.reason),
        folder,
        None,
    )
