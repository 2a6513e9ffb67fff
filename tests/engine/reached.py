"""What a story has reached: every status, verdict, type and count that can be seen of a world right now."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import asdict
from enum import StrEnum

from tests.engine.memory_world import MemoryWorld

from clawback.engine.evidence import evidence_of
from clawback.response import defender
from clawback.response.evidence_summary import EvidenceCounts
from clawback.response.plan import Outcome
from clawback.store import Unit

COUNTS = tuple(name for name in EvidenceCounts.__dataclass_fields__ if name not in ("type", "more"))
RESULTS = ("Success", "Failure", "Already in destination")

One = tuple[str, str]
"""The enumeration and the member's value; ``count`` and a field; ``result`` and Defender's word."""
Seen = set[One]


def member(one: StrEnum) -> One:
    """A member apart from those of the same value in other enumerations."""
    return type(one).__name__, one.value


def members(*kinds: type[StrEnum]) -> Seen:
    """Every member of these enumerations."""
    return {member(one) for kind in kinds for one in kind}


def reached(world: MemoryWorld) -> Seen:
    """Everything of that kind that is there."""
    with world.store.read() as unit:
        seen = {member(one) for one in _investigations(unit)} | {member(one) for one in _actions(world)}
        seen |= {member(place) for place in unit.deliveries.count_by_location()}
        seen |= {("count", name) for name in _counts(unit)}
    results = (receipt for action in world.every_action() for receipt in world.receipts(action))
    return seen | {("result", defender.result(receipt)) for receipt in results}


def _investigations(unit: Unit) -> Iterator[StrEnum]:
    for state in unit.investigations.list(limit=1_000)[0]:
        yield state.status
        for alert in state.alerts:
            yield from (alert.kind, alert.severity)
        for cluster in state.clusters:
            yield from (cluster.kind, cluster.verdict, cluster.threat)
        yield from (item.status for item in state.evidence)
        yield from (item.type for item in evidence_of(unit, state.id)[0])


def _counts(unit: Unit) -> Iterable[str]:
    for state in unit.investigations.list(limit=1_000)[0]:
        for one in evidence_of(unit, state.id)[1]:
            yield from (name for name, value in asdict(one).items() if name in COUNTS and value)


def _actions(world: MemoryWorld) -> Iterator[StrEnum]:
    for action in world.every_action():
        yield from (action.status, action.kind)
        if action.tally.skipped:
            yield Outcome.SKIPPED
        yield from (receipt.outcome for receipt in world.receipts(action))
