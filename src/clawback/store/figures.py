"""Figures over time, for overviews: counted by day (UTC), each in one statement."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Column, ColumnElement, Select, func, select

from clawback.response.plan import ActionKind, Outcome
from clawback.store.repository import Repository
from clawback.store.schema import messages, receipts, remediations
from clawback.store.text import micros

_DAY = 86_400_000_000
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

Days = dict[datetime, int]


class Figures(Repository):
    """What happened on each day from a moment on; days on which nothing did are left out."""

    def messages(self, since: datetime) -> Days:
        """Messages first seen."""
        return self._by_day(select(), messages.c.first_seen, since)

    def removed(self, since: datetime) -> Days:
        """Copies taken out of mailboxes."""
        return self._by_day(self._done(undo=False), receipts.c.at, since)

    def restored(self, since: datetime) -> Days:
        """Copies put back by undos."""
        return self._by_day(self._done(undo=True), receipts.c.at, since)

    def _done(self, *, undo: bool) -> Select[Any]:
        joined = receipts.join(remediations, remediations.c.no == receipts.c.remediation_no)
        kinds = remediations.c.kind == ActionKind.RESTORE.value
        done = receipts.c.outcome == Outcome.REMOVED.value
        return select().select_from(joined).where(done, kinds if undo else ~kinds)

    def _by_day(self, query: Select[Any], column: Column[int], since: datetime) -> Days:
        day: ColumnElement[int] = (column // _DAY).label("day")
        counted = query.add_columns(day, func.count().label("found")).where(column >= micros(since))
        rows = self._connection.execute(counted.group_by(day).order_by(day))
        return {_EPOCH + timedelta(days=int(row.day)): row.found for row in rows}
