"""One member of a cluster for each kind of reason: the variety of a campaign at a glance."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from clawback.analysis.clusters import Cluster
from clawback.analysis.entities import Reason
from clawback.cli.tables import Column
from clawback.message.message import Message


@dataclass(frozen=True, slots=True)
class ReasonKind:
    """A kind of reason: how many messages are members because of it, one of them, and why it is one."""

    messages: int
    example: Message
    because: str


REASONS = (
    Column("Messages", lambda kind: kind.messages),
    Column("Why they belong", lambda kind: kind.because, whole=True),
    Column("One of them", lambda kind: kind.example.subject),
)


def reason_kinds(cluster: Cluster, messages: Mapping[str, Message]) -> tuple[ReasonKind, ...]:
    """The kinds of reasons in a cluster, most messages first; a member counts by its first reason."""
    groups: dict[str, list[str]] = {}
    sentences: dict[str, str] = {}
    for member in cluster.members:
        reason = member.reasons[0]
        kind = _kind(reason)
        groups.setdefault(kind, []).append(member.message_id)
        sentences.setdefault(kind, _sentence(reason))
    return tuple(sorted(_kinds(groups, sentences, messages), key=lambda kind: -kind.messages))


def _kinds(
    groups: Mapping[str, list[str]], sentences: Mapping[str, str], messages: Mapping[str, Message]
) -> Iterator[ReasonKind]:
    for kind, members in groups.items():
        known = [messages[member] for member in members if member in messages]
        if known:
            yield ReasonKind(len(members), known[0], sentences[kind])


def _kind(reason: Reason) -> str:
    """What stays of a reason without the part's number, the file's name and the URL."""
    place = reason.where.partition(" part ")[0]
    _, _, after = reason.text.partition(reason.entity.value)
    return f"{reason.code} {place} {after}"


def _sentence(reason: Reason) -> str:
    """The reason without the URL, which is the same for all members."""
    return reason.text.replace(f" leads to {reason.entity.value}", "")
