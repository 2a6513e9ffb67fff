"""The parts that the engine is handed. It never reads settings and knows no particular connector."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import Protocol

from clawback.engine.aside import Aside
from clawback.engine.pace import Pace
from clawback.engine.reading import Reader
from clawback.engine.reporting import Reporting
from clawback.engine.turns import Turns
from clawback.errors import NotFound
from clawback.intel.base import NoWarnings, Warnings
from clawback.mailboxes.base import Connector
from clawback.response.sinks import SinkKind
from clawback.sinks.base import Teller
from clawback.store import Store


class Bodies(StrEnum):
    """Which raw mail is kept as sealed blobs."""

    NONE = "none"
    REMEDIATED = "remediated"
    ALL = "all"


class Progress(Protocol):
    """Told how far long work has come; `total` is 0 when nobody knows.

    `messages` counts messages read, where `done` counts something else.
    """

    def __call__(self, stage: str, done: int, total: int, messages: int = 0) -> None: ...


def silent(stage: str, done: int, total: int, messages: int = 0) -> None:
    """The progress that nobody watches."""


def utc_now() -> datetime:
    """The time of the world, in UTC, to the microsecond."""
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class Parts:
    """Everything the straight line needs, built once by `app`."""

    store: Store
    connectors: Mapping[str, Connector]
    reader: Reader
    bodies: Bodies = Bodies.NONE
    now: Callable[[], datetime] = utc_now
    progress: Progress = field(default=silent)
    pace: Pace = field(default_factory=Pace)
    turns: Turns = field(default_factory=Turns)
    warnings: Warnings = field(default_factory=NoWarnings)
    reporting: Reporting = field(default_factory=Reporting)
    aside: Aside | None = None
    sinks: Mapping[SinkKind, Teller] = field(default_factory=dict)

    def connector(self, source: str) -> Connector:
        """The connector of that name (NotFound when the settings no longer hold it)."""
        try:
            return self.connectors[source]
        except KeyError:
            raise NotFound(f"no mailbox source is named {source!r} in the settings") from None
