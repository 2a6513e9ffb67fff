"""Figures over time, for overviews: counted by day (UTC), each in one statement.

Going through all that a day had costs too much for a page: `Overview` keeps the days that were counted.
What has happened since midnight is counted by `since_midnight`, which looks only at that.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Column, ColumnElement, Select, case, func, or_, select

from clawback.response.plan import ActionKind, Outcome, RemediationStatus
from clawback.store.repository import Repository
from clawback.store.schema import investigations, messages, receipts, remediations
from clawback.store.text import micros

_DAY = 86_400_000_000
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_DONE = receipts.c.outcome == Outcome.REMOVED.value
_UNDO = remediations.c.kind == ActionKind.RESTORE.value

Days = dict[datetime, int]


@dataclass(frozen=True, slots=True)
class Since:
    """What has happened since a moment: new messages, investigations with threats, copies out and back."""

    messages: int
    threats: int
    removed: int
    restored: int


class Figures(Repository):
    """What happened on each day from a moment on; days on which nothing did are left out."""

    def messages(self, since: datetime) -> Days:
        """Messages first seen."""
        return self._by_day(select(), messages.c.first_seen, since)

    def threats(self, since: datetime) -> Days:
        """Investigations begun that found threats."""
        return self._by_day(select().where(investigations.c.threats > 0), investigations.c.created_at, since)

    def removed(self, since: datetime) -> Days:
        """Copies taken out of mailboxes."""
        return self._by_day(_receipted().where(_DONE, ~_UNDO), receipts.c.at, since)

    def restored(self, since: datetime) -> Days:
        """Copies put back by undos."""
        return self._by_day(_receipted().where(_DONE, _UNDO), receipts.c.at, since)

    def wrong(self, since: datetime) -> Days:
        """Copies that undos have put back by now, by the day on which what took them out had ended."""
        root = remediations.alias("root")
        joined = receipts.join(remediations, remediations.c.no == receipts.c.remediation_no)
        query = select().select_from(joined.join(root, root.c.id == remediations.c.undoes))
        undone = (remediations.c.undoes != "") & _DONE
        return self._by_day(query.where(undone), root.c.ended_at, since)

    def actions(self, since: datetime) -> Days:
        """Removals that ended, those of late copies too."""
        return self._by_day(select().where(~_UNDO, _ended()), remediations.c.ended_at, since)

    def undone(self, since: datetime) -> Days:
        """Removals that ended and were undone since, in whole or in part, by the day on which they ended."""
        undos = select(remediations.alias("undo").c.undoes)
        mine = or_(remediations.c.undone_by != "", remediations.c.id.in_(undos))
        return self._by_day(select().where(~_UNDO, _ended(), mine), remediations.c.ended_at, since)

    def since_midnight(self, midnight: datetime) -> Since:
        """What has happened since then: of copies, by what ended since then or has yet to end."""
        at = micros(midnight)
        new = select(func.count()).select_from(messages).where(messages.c.first_seen >= at)
        found = select(func.count()).select_from(investigations)
        bad = found.where(investigations.c.created_at >= at, investigations.c.threats > 0)
        lately = select(remediations.c.no).where(
            or_(remediations.c.ended_at >= at, remediations.c.status == RemediationStatus.RUNNING.value)
        )
        counts = select(func.count(), func.sum(case((_UNDO, 1), else_=0))).select_from(_joined())
        mine = counts.where(_DONE, receipts.c.at >= at, receipts.c.remediation_no.in_(lately))
        done, back = self._connection.execute(mine).one()
        return Since(
            self._connection.execute(new).scalar_one(),
            self._connection.execute(bad).scalar_one(),
            done - int(back or 0),
            int(back or 0),
        )

    def _by_day(self, query: Select[Any], column: Column[int], since: datetime) -> Days:
        day: ColumnElement[int] = (column // _DAY).label("day")
        counted = query.add_columns(day, func.count().label("found")).where(column >= micros(since))
        rows = self._connection.execute(counted.group_by(day).order_by(day))
        return {_EPOCH + timedelta(days=int(row.day)): row.found for row in rows}


def _joined() -> Any:
    return receipts.join(remediations, remediations.c.no == receipts.c.remediation_no)


def _receipted() -> Select[Any]:
    return select().select_from(_joined())


def _ended() -> ColumnElement[bool]:
    ended = (RemediationStatus.COMPLETED.value, RemediationStatus.FAILED.value)
    return remediations.c.status.in_(ended)
