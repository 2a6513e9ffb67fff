"""Popularity: keys that much legitimate mail carries, and which are no ground for automation."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass

from clawback.analysis.clusters import Cluster
from clawback.analysis.domains import host_of
from clawback.analysis.entities import Entity, EntityKind
from clawback.analysis.facts import Fact
from clawback.analysis.kinds import Match
from clawback.response.collateral import sender_of
from clawback.response.habits import Habit

POPULAR_SENDERS = 5
"""Regular senders that carry a popular key, at least."""
POPULAR_DAYS = 5
"""Days before today on which a popular key was carried, at least."""
OWN, TOP, POPULAR, HOSTING, FREE_MAIL = (
    "site.own",
    "site.top",
    "site.popular",
    "site.hosting",
    "site.free_mail",
)
"""The facts about a host: one of ours; among the most visited; on a list of popular ones; of many owners."""
HARMLESS_FILE = "file.harmless"
"""The fact about a file that is on a list of files that are in indicators by mistake."""
KINDS = (EntityKind.URL, EntityKind.HOST, EntityKind.DOMAIN, EntityKind.FILE, EntityKind.SENDER)
"""Keys that can be popular."""


@dataclass(frozen=True, slots=True)
class Carried:
    """That a sender's messages carried the key on a day (from 1970, UTC)."""

    sender: str
    day: int


def place_of(cluster: Cluster) -> str:
    """The host or domain that a cluster's key is about, "" when it is about none."""
    key = cluster.key
    if key.kind is EntityKind.URL:
        return host_of(key.value)
    if key.kind is EntityKind.SENDER:
        return key.value.rpartition("@")[2]
    return key.value if key.kind in (EntityKind.HOST, EntityKind.DOMAIN) else ""


def whole_site(cluster: Cluster) -> bool:
    """Whether the key names everything at its place, and not one page or one sender of it."""
    key = cluster.key
    if key.kind is EntityKind.URL:
        prefix = cluster.indicator is not None and cluster.indicator.match is Match.PREFIX
        rest = key.value.partition("://")[2].partition("/")[2]
        return not rest or (prefix and rest in {"?", "#"})
    return key.kind in (EntityKind.HOST, EntityKind.DOMAIN) or key.value.startswith("@")


def why_listed(cluster: Cluster, facts: Iterable[Fact]) -> str:
    """What a warning list says for the key, "" for nothing.

    Where many own what lies at one host (hosting, free mail), only the host or domain as a whole is popular,
    never one page or one sender. One page of a site counts only where it is ours, or among the most visited.
    """
    said = {fact.name: fact for fact in facts if fact.known}
    place = place_of(cluster)
    if HARMLESS_FILE in said:
        return f"the file is on the list {said[HARMLESS_FILE].value}"
    if OWN in said:
        return f"{place} is one of our own domains"
    shared = said.get(HOSTING) or said.get(FREE_MAIL)
    if whole_site(cluster):
        listed = said.get(TOP) or said.get(POPULAR) or shared
        return f"{place} is on the list {listed.value}" if listed else ""
    if shared or TOP not in said or cluster.key.kind is EntityKind.SENDER:
        return ""
    return f"{place} is on the list {said[TOP].value}"


def senders_that_count(carried: Sequence[Carried], shared: Set[str]) -> frozenset[str]:
    """Whose habits must be known to say whether the key is popular."""
    return frozenset(sender_of(one.sender, shared) for one in carried if "@" in one.sender)


def why_popular(
    key: Entity, carried: Sequence[Carried], habits: Mapping[str, Habit], shared: Set[str], today: int
) -> str:
    """Whether many regular senders have carried the key for days, in words; "" when not."""
    if key.kind not in KINDS or key.kind is EntityKind.SENDER:
        return ""
    before = [one for one in carried if one.day < today]
    days = len({one.day for one in before})
    names = senders_that_count(before, shared)
    regular = sum(1 for name in names if name in habits and habits[name].regular)
    if regular < POPULAR_SENDERS or days < POPULAR_DAYS:
        return ""
    return f"{regular} regular senders carry {key.value} here, on {days} days so far"
