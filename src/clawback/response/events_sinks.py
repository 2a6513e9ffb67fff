"""Events about whom events are told. Part of the list in `events`.

Addresses are cut to their host: they may hold secrets.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar


@dataclass(frozen=True, slots=True)
class SinkAdded:
    """Events are told to somebody new; `host` is where, `events` the beginnings of those wanted."""

    TYPE: ClassVar[str] = "sink_added"
    sink_id: str
    kind: str
    name: str
    host: str
    events: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class SinkChanged:
    """A sink was changed, paused, let go on, or got another secret; `what` says how."""

    TYPE: ClassVar[str] = "sink_changed"
    sink_id: str
    name: str
    what: str


@dataclass(frozen=True, slots=True)
class SinkRemoved:
    """A sink is told nothing any more, and its dead letters are forgotten."""

    TYPE: ClassVar[str] = "sink_removed"
    sink_id: str
    name: str
    dead: int


@dataclass(frozen=True, slots=True)
class SinkReplayed:
    """A person let dead letters of a sink be sent once more."""

    TYPE: ClassVar[str] = "sink_replayed"
    sink_id: str
    name: str
    letters: int


@dataclass(frozen=True, slots=True)
class SinkSwitchedOff:
    """A sink was switched off by itself after long failure; it goes on from there when a person says so."""

    TYPE: ClassVar[str] = "sink_switched_off"
    sink_id: str
    name: str
    reason: str


SinkEvent = SinkAdded | SinkChanged | SinkRemoved | SinkReplayed | SinkSwitchedOff
SINK_EVENTS: tuple[type[SinkEvent], ...] = (
    SinkAdded,
    SinkChanged,
    SinkRemoved,
    SinkReplayed,
    SinkSwitchedOff,
)
