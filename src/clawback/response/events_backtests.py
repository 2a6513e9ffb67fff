"""The events of backtests: who asked what a setting would have done, and who ended one early."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar

from clawback.response.policy import Policy


@dataclass(frozen=True, slots=True)
class BacktestOrdered:
    """Somebody asked what a setting would have done with the mail of a period."""

    TYPE: ClassVar[str] = "backtest_ordered"
    backtest_id: str
    since: datetime
    until: datetime
    policy: Policy


@dataclass(frozen=True, slots=True)
class BacktestEnded:
    """A backtest has its result (`completed`), could not have one (`failed`), or was `cancelled`."""

    TYPE: ClassVar[str] = "backtest_ended"
    backtest_id: str
    status: str
    reason: str = ""


BacktestEvent = BacktestOrdered | BacktestEnded
BACKTEST_EVENTS: tuple[type[BacktestEvent], ...] = (BacktestOrdered, BacktestEnded)
