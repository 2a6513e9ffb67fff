"""How long and how regularly a thing is known, and what was found and done about the mail that carries it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from clawback.analysis.entities import Entity, EntityKind
from clawback.store import Unit

CLUSTERS = 20
"""Clusters with mail that carries it, and actions on each, that are shown."""
_FIRST = datetime(1970, 1, 1, tzinfo=UTC)


def past_of(unit: Unit, what: Entity, newest: Sequence[str], now: datetime) -> dict[str, Any]:
    """What `newest`, the ids of the newest messages that carry it, tell; and a sender's habits."""
    arrived = sorted(unit.similar.arrived(newest).values())
    clusters = [unit.clusters.head(one) for one in unit.clusters.with_messages(newest)[:CLUSTERS]]
    actions = [one for cluster in clusters for one in unit.remediations.of_cluster(cluster.id)[:CLUSTERS]]
    habit = None
    if what.kind is EntityKind.SENDER:
        habit = unit.correspondents.habits([what.value], now).get(what.value)
    return {
        "first": arrived[0] if arrived else None,
        "last": arrived[-1] if arrived else None,
        "clusters": clusters,
        "actions": actions[:CLUSTERS],
        "habit": habit,
        "wrote_first": _FIRST + timedelta(days=habit.first) if habit else None,
        "wrote_last": _FIRST + timedelta(days=habit.last) if habit else None,
    }
