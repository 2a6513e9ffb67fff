"""Backtests that were ordered, how far each has come, and what is kept of the results."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Column, LargeBinary, Row, Table, delete, func, select, update

from clawback.errors import NotFound
from clawback.response.backtest import Label, Taken
from clawback.response.backtests import (
    UNDER_WAY,
    BacktestFigures,
    BacktestStatus,
    OrderedBacktest,
    Score,
)
from clawback.response.policy import Policy
from clawback.store import pages
from clawback.store.columns import blob, integer, metadata, running_number, text_column
from clawback.store.records import Codec
from clawback.store.repository import Repository, chunks
from clawback.store.text import armour, disarm, micros, moment, moment_or_none

backtests = Table(
    "backtests",
    metadata,
    running_number(),
    text_column("id", unique=True),
    text_column("ordered_by"),
    integer("at"),
    integer("since"),
    integer("until"),
    blob("policy"),
    text_column("status"),
    text_column("stage"),
    integer("done"),
    integer("total"),
    integer("started_at", nullable=True),
    integer("ended_at", nullable=True),
    text_column("error"),
    Column("figures", LargeBinary, nullable=True),
)

backtest_copies = Table(
    "backtest_copies",
    metadata,
    integer("backtest_no", primary_key=True),
    integer("seq", primary_key=True),
    text_column("label"),
    blob("record"),
    sqlite_with_rowid=False,
)

_policy, _figures, _taken = Codec(Policy), Codec(BacktestFigures), Codec(Taken)
_OPEN = [status.value for status in UNDER_WAY]
_S = BacktestStatus


class Backtests(Repository):
    """All backtests that are kept."""

    def add(self, ordered: OrderedBacktest) -> None:
        """Keep a new one. Its id must be new."""
        row = (
            ordered.id,
            armour(ordered.by),
            micros(ordered.at),
            micros(ordered.since),
            micros(ordered.until),
            _policy.encode(ordered.policy),
            ordered.status.value,
            "",
            0,
            0,
            "",
        )
        columns = ("id", "ordered_by", "at", "since", "until", "policy")
        self._insert(backtests, (*columns, "status", "stage", "done", "total", "error"), [row])

    def get(self, backtest_id: str) -> OrderedBacktest:
        """One with its figures; raises NotFound."""
        query = select(backtests).where(backtests.c.id == armour(backtest_id))
        row = self._connection.execute(query).first()
        if row is None:
            raise NotFound(f"there is no backtest {backtest_id}")
        return _ordered(row)

    def list(self, *, limit: int = 100, cursor: str = "") -> tuple[tuple[OrderedBacktest, ...], str]:
        """A page, newest first, and the cursor of the next ("" at the end)."""
        rows, after = self._page(select(backtests), backtests.c.no, limit, cursor)
        return tuple(_ordered(row) for row in rows), after

    def under_way(self) -> int:
        """How many have yet to end."""
        query = select(func.count()).select_from(backtests).where(backtests.c.status.in_(_OPEN))
        return self._connection.execute(query).scalar_one()

    def begin(self, backtest_id: str, at: datetime) -> bool:
        """Let one run, from its start; False when it has ended already, or was cancelled."""
        changes = {"status": _S.RUNNING.value, "started_at": micros(at), "stage": "", "done": 0, "total": 0}
        return self._changed(backtest_id, changes)

    def tell(self, backtest_id: str, stage: str, done: int, total: int) -> bool:
        """Keep how far it has come; False when it has ended meanwhile."""
        return self._changed(backtest_id, {"stage": armour(stage), "done": done, "total": total})

    def end(
        self,
        backtest_id: str,
        status: BacktestStatus,
        at: datetime,
        *,
        error: str = "",
        score: Score | None = None,
    ) -> bool:
        """End one that is under way; False when it has ended already."""
        changes: dict[str, Any] = {"status": status.value, "ended_at": micros(at), "error": armour(error)}
        if score is not None:
            changes["figures"] = _figures.encode(score.figures)
        if not self._changed(backtest_id, changes):
            return False
        if score is not None:
            self._keep(backtest_id, score.copies)
        return True

    def copies(
        self, backtest_id: str, *, wrong: bool = False, limit: int = 100, cursor: str = ""
    ) -> tuple[tuple[Taken, ...], str]:
        """A page of the copies that it would have taken out, false positives first; or of those alone.

        Raises NotFound for an unknown backtest.
        """
        pages.bounded(limit)
        after = pages.position_of(cursor, 1) or (-1,)
        table = backtest_copies.c
        mine = (table.backtest_no == self._no(backtest_id)) & (table.seq > after[0])
        query = select(backtest_copies).where(mine)
        if wrong:
            query = query.where(table.label != "")
        rows = self._connection.execute(query.order_by(table.seq).limit(limit + 1)).all()
        found = tuple(_taken.decode(row.record) for row in rows[:limit])
        return found, pages.next_cursor([row.seq for row in rows], limit)

    def forget_old(self, kept: int) -> None:
        """Forget those that have ended, but for so many of the newest."""
        ended = select(backtests.c.no).where(backtests.c.status.not_in(_OPEN))
        old = self._connection.execute(ended.order_by(backtests.c.no.desc()).offset(kept)).scalars().all()
        for chunk in chunks(old):
            mine = self._within(backtest_copies.c.backtest_no, chunk)
            self._connection.execute(delete(backtest_copies).where(mine))
            self._connection.execute(delete(backtests).where(self._within(backtests.c.no, chunk)))

    def _changed(self, backtest_id: str, changes: dict[str, Any]) -> bool:
        mine = (backtests.c.id == armour(backtest_id)) & backtests.c.status.in_(_OPEN)
        return self._connection.execute(update(backtests).where(mine).values(changes)).rowcount == 1

    def _keep(self, backtest_id: str, copies: Sequence[Taken]) -> None:
        no = self._no(backtest_id)
        rows = [(no, seq, _label(one.label), _taken.encode(one)) for seq, one in enumerate(copies)]
        for chunk in chunks(rows):
            self._insert(backtest_copies, ("backtest_no", "seq", "label", "record"), chunk)

    def _no(self, backtest_id: str) -> int:
        query = select(backtests.c.no).where(backtests.c.id == armour(backtest_id))
        found: int | None = self._connection.execute(query).scalar()
        if found is None:
            raise NotFound(f"there is no backtest {backtest_id}")
        return found


def _label(label: Label | None) -> str:
    return label.value if label else ""


def _ordered(row: Row[Any]) -> OrderedBacktest:
    return OrderedBacktest(
        id=row.id,
        by=disarm(row.ordered_by),
        at=moment(row.at),
        since=moment(row.since),
        until=moment(row.until),
        policy=_policy.decode(row.policy),
        status=BacktestStatus(row.status),
        stage=disarm(row.stage),
        done=row.done,
        total=row.total,
        started_at=moment_or_none(row.started_at),
        ended_at=moment_or_none(row.ended_at),
        error=disarm(row.error),
        figures=None if row.figures is None else _figures.decode(row.figures),
    )
