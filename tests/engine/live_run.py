"""A stretch of mail that clawback lived through, on mailboxes in memory and a clock that is turned.

Mail comes minute by minute, lists change, owners read, move and delete; each is seen and followed at once.
`picture` is all that can be compared member by member.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from clawback.analysis.indicators import Indicator
from clawback.engine import commands
from clawback.engine.ingest import sync
from clawback.engine.parts import Parts
from clawback.engine.reading import InlineReader, Reader
from clawback.engine.replay import Clock, pass_time
from clawback.engine.workflow import Worker
from clawback.mailboxes.memory import MemoryConnector
from clawback.message.message import Organisation
from clawback.response.policy import Policy
from clawback.store import Store, Unit

Act = Callable[[MemoryConnector], str]
"""What an owner does; answers the mailbox."""


@dataclass(frozen=True, slots=True)
class Mail:
    """One copy that comes."""

    mailbox: str
    content: bytes
    folder: str = "INBOX"


@dataclass(frozen=True, slots=True)
class Moment:
    """What happens at one time: mail comes and owners act, or the list changes."""

    at: datetime
    mail: tuple[Mail, ...] = ()
    acts: tuple[Act, ...] = ()
    listed: tuple[Indicator, ...] = ()
    taken_off: str = ""


@dataclass(slots=True)
class LiveRun:
    """The engine over mailboxes in memory, from the first moment to the last."""

    root: Path
    begin: datetime
    reader: Reader = field(default_factory=lambda: InlineReader(Organisation()))
    mail: MemoryConnector = field(default_factory=lambda: MemoryConnector("main", partial=True))
    clock: Clock = field(init=False)
    store: Store = field(init=False)

    def __post_init__(self) -> None:
        self.clock = Clock(self.begin)
        self.store = Store.open(f"sqlite:///{self.root / 'live.db'}", self.root / "blobs")
        self.store.migrate()

    @property
    def parts(self) -> Parts:
        return Parts(self.store, {"main": self.mail}, self.reader, now=self.clock)

    def live(self, moments: Iterable[Moment], policy: Policy | None, until: datetime) -> None:
        """Live through these moments under a policy; what follows is done as it becomes due."""
        asyncio.run(self._live(moments, policy, until))

    async def _live(self, moments: Iterable[Moment], policy: Policy | None, until: datetime) -> None:
        parts, worker = self.parts, Worker(self.parts, "live")
        if policy is not None:
            commands.set_policy(parts, policy, "ann")
        for moment in moments:
            await pass_time(parts, self.clock, worker, moment.at)
            touched = {self._deliver(one, moment.at) for one in moment.mail}
            touched |= {act(self.mail) for act in moment.acts}
            for mailbox in sorted(touched):
                await sync(parts, "main", mailbox)
            if len(moment.listed) == 1:
                commands.add_indicator(parts, moment.listed[0], "feed")
            elif moment.listed:
                commands.import_indicators(parts, moment.listed[0].source, moment.listed, "feed")
            if moment.taken_off:
                commands.remove_indicator(parts, moment.taken_off, "ann")
            await worker.drain()
        await pass_time(parts, self.clock, worker, until)

    def _deliver(self, one: Mail, at: datetime) -> str:
        self.mail.deliver(one.mailbox, one.content, folder=one.folder, date=at)
        return one.mailbox


def picture(store: Store, since: datetime) -> dict[str, object]:
    """Everything that was found, decided and done since then, in plain data without ids that chance made."""
    with store.read() as unit:
        return {
            "investigations": _investigations(unit, since),
            "clusters": _clusters(unit),
            "actions": _actions(unit),
            "decisions": _decisions(unit),
            "detections": _detections(unit),
        }


def _investigations(unit: Unit, since: datetime) -> list[Any]:
    found, _ = unit.investigations.list(limit=10_000, since=since)
    return sorted(
        [i.title, str(i.cause), i.status.value, i.created_at.isoformat(), sorted(a.title for a in i.alerts)]
        for i in found
    )


def _clusters(unit: Unit) -> list[Any]:
    heads, _ = unit.clusters.list(limit=10_000)
    clusters = [unit.clusters.get(head.id) for head in heads]
    return sorted(
        [
            c.kind.value,
            str(c.key),
            c.query,
            c.verdict.value,
            c.threats.malicious,
            sorted([m.message_id, m.score, [r.code for r in m.reasons]] for m in c.members),
            sorted([m.message_id, m.score] for m in unit.clusters.below(c.id)),
        ]
        for c in clusters
    )


def _actions(unit: Unit) -> list[Any]:
    found = [
        late
        for action in unit.remediations.list(limit=10_000)[0]
        for late in (action, *unit.remediations.following(action.id))
    ]
    return sorted(_action(unit, action.id) for action in found)


def _action(unit: Unit, remediation_id: str) -> list[Any]:
    action, plan = unit.remediations.get(remediation_id), unit.remediations.plan(remediation_id)
    receipts = list(unit.remediations.receipts(remediation_id))
    return [
        action.made_at.isoformat(),
        str(action.key),
        action.kind.value,
        action.status.value,
        bool(action.follows),
        action.approval.by if action.approval else "",
        [[d.delivery_id, d.location.value, d.handle.folder, d.folder] for d in plan.deeds],
        [[s.delivery_id, s.reason] for s in plan.skips],
        [[d.delivery_id, r.outcome.value, r.reason, r.at.isoformat()] for d, r in receipts],
    ]


def _decisions(unit: Unit) -> list[Any]:
    """Why each plan waits, ran, expired or was cancelled, in the order in which it was decided."""
    types = ["remediation_planned", "remediation_approved", "remediation_expired", "remediation_cancelled"]
    rows = unit.audit.list(types=types, limit=10_000)
    numbers = {row.body["remediation_id"]: n for n, row in enumerate(rows) if row.type == types[0]}
    kept = ("deeds", "skipped", "waits_because")
    return [
        [row.at.isoformat(), row.type, row.actor, *(row.body.get(name, "") for name in kept)]
        for row in rows
        if row.body["remediation_id"] in numbers
    ]


def _detections(unit: Unit) -> list[Any]:
    messages, after = [], 0
    while kept := unit.past.copies(after, 1_000):
        messages += [one.delivery.message_id for one in kept]
        after = kept[-1].no
    said = unit.detections.speaking(sorted(set(messages)))
    return sorted([m, s.source, s.verdict.value] for m, many in said.items() for s in many)


def differences(one: dict[str, object], other: dict[str, object]) -> Sequence[str]:
    """What is not the same in two pictures, some of each kind."""
    found = []
    for name, mine in one.items():
        theirs = other[name]
        assert isinstance(mine, list)
        assert isinstance(theirs, list)
        if mine != theirs:
            found.append(f"{name}: {len(mine)} and {len(theirs)}")
            here, there = ([x for x in a if x not in b][:3] for a, b in ((mine, theirs), (theirs, mine)))
            found += [f"  only here: {str(x)[:600]}" for x in here]
            found += [f"  only there: {str(x)[:600]}" for x in there]
            found += [
                f"    of these, {line[:600]}"
                for x, y in zip(here, there, strict=False)
                for line in _apart(x, y)
            ]
    return found


def _apart(one: object, other: object) -> Iterator[str]:
    """Where two pictures of what may be the same thing part."""
    if not (isinstance(one, list) and isinstance(other, list)):
        if one != other:
            yield f"here {one}, there {other}"
    elif len(one) == len(other):
        for mine, theirs in zip(one, other, strict=True):
            yield from _apart(mine, theirs)
    else:
        here, there = ([x for x in a if x not in b] for a, b in ((one, other), (other, one)))
        yield f"only here {here}, only there {there}"
