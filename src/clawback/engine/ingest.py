"""Ingest: bring what we know of mailboxes up to what is there, and judge what is new."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, fields

from clawback.engine import intake
from clawback.engine.arrivals import ask, back
from clawback.engine.locate import seen_now
from clawback.engine.marks import note
from clawback.engine.pace import each
from clawback.engine.parts import Parts
from clawback.engine.submissions import receive_moved
from clawback.engine.survey import Survey, survey
from clawback.errors import LoginFailed, MailboxError
from clawback.message.delivery import Delivery
from clawback.message.reconcile import lost

REFUSALS = 3
"""Logins refused one after another, for that many mailboxes of a source, that end the work on it."""


@dataclass(frozen=True, slots=True)
class Synced:
    """What one pass over mailboxes found: copies new, moved, flagged, gone, unreadable; and detections.

    `unreachable` counts mailboxes that could not be looked at; nothing is concluded about them.
    """

    mailboxes: int = 0
    new: int = 0
    moved: int = 0
    changed: int = 0
    gone: int = 0
    failed: int = 0
    malicious: int = 0
    unreachable: int = 0

    def __add__(self, other: Synced) -> Synced:
        return Synced(*(getattr(self, f.name) + getattr(other, f.name) for f in fields(self)))


def nobody_waits() -> bool:
    """What interrupts a reading that nothing shall interrupt."""
    return False


def untold(messages: int) -> None:
    """Is told of messages read, where nobody wants to know."""


@dataclass(slots=True)
class Pass:
    """One pass over mailboxes of one source: what it found, and why some could not be looked at."""

    found: Synced = field(default_factory=Synced)
    troubles: dict[str, MailboxError] = field(default_factory=dict)
    refused: int = 0


@dataclass(slots=True)
class Told:
    """Tells how far work on many mailboxes has come."""

    parts: Parts
    stage: str
    total: int
    done: int = 0
    messages: int = 0

    def mailbox(self) -> None:
        """One more mailbox is done."""
        self.done += 1
        self.parts.progress(self.stage, self.done, self.total, self.messages)

    def read(self, messages: int) -> None:
        """So many more messages were read."""
        self.messages += messages
        self.parts.progress(self.stage, self.done, self.total, self.messages)


async def sync_all(parts: Parts, *, full: bool = False) -> Synced:
    """Bring every mailbox of every source up to date. `full` looks into unchanged folders too.

    Neither a mailbox that cannot be looked at nor a source stops the others. At the end raises what kept a
    whole source from being read: Unavailable, or LoginFailed once logins are refused again and again.
    """
    total = Synced()
    trouble: MailboxError | None = None
    for source, connector in sorted(parts.connectors.items()):
        try:
            mailboxes = await connector.mailboxes()
        except MailboxError as error:
            trouble = trouble or error
            continue
        told = Told(parts, "reading mailboxes", len(mailboxes))
        done = await sync_many(parts, source, mailboxes, told, full=full)
        total += done.found
        if done.refused >= REFUSALS:
            trouble = trouble or next(e for e in done.troubles.values() if isinstance(e, LoginFailed))
    if trouble:
        raise trouble
    return total


async def sync_many(
    parts: Parts, source: str, mailboxes: Sequence[str], told: Told, *, full: bool = False
) -> Pass:
    """Bring mailboxes of one source up to date, several at once; one that fails does not stop the others.

    Once logins are refused again and again, the rest is left alone and counts as unreachable.
    """
    done = Pass()

    async def one(mailbox: str) -> None:
        if done.refused >= REFUSALS:
            done.troubles[mailbox] = LoginFailed(f"{source} refuses our logins: its other mailboxes wait")
        else:
            try:
                found = await sync(parts, source, mailbox, full=full, told=told.read)
                done.found += found
                done.refused = 0
            except MailboxError as error:
                done.troubles[mailbox] = error
                done.refused += isinstance(error, LoginFailed)
        told.mailbox()

    await each(mailboxes, one, parts.pace.at_once)
    done.found += Synced(unreachable=len(done.troubles))
    return done


async def sync(
    parts: Parts,
    source: str,
    mailbox: str,
    *,
    full: bool = False,
    pressed: Callable[[], bool] = nobody_waits,
    told: Callable[[int], None] = untold,
) -> Synced:
    """Bring one mailbox up to date; interrupted work is taken up where it stopped.

    The newest messages are read first. `pressed` is asked after every few hundred messages whether to stop
    there; `told` is told how many were read. Raises what keeps the mailbox from being read.
    """
    async with parts.turns.reading(source, mailbox):
        with parts.store.read() as unit:
            unseen = unit.deliveries.unseen(source, mailbox)
            cursors = unit.cursors.get(source, mailbox)
        asked = await _look_again(parts, source, unseen) if unseen else 0
        result = Synced(mailboxes=1, malicious=asked)
        found = await survey(parts, source, mailbox, cursors, full=full)
        missing, clean, taken = found.difference.missing, True, 0
        appeared = sorted(found.difference.appeared, key=lambda copy: copy.internal_date, reverse=True)
        for chunk in intake.chunks(appeared, parts.pace.copies(intake.COPIES), parts.pace.chunk_bytes):
            if found.first:
                await parts.pace.may_fetch(len(chunk))
            part = await intake.take_in(parts, chunk, missing, empty=found.empty)
            result += Synced(new=part.new, moved=part.moved, failed=part.failed, malicious=part.malicious)
            missing, clean, taken = part.missing, clean and part.clean, taken + len(chunk)
            told(len(chunk))
            if part.trouble:
                raise part.trouble
            if pressed() and taken < len(appeared):
                return result
        if found.difference.changed or missing or found.cursors != cursors:
            result += _conclude(parts, source, mailbox, found, missing, clean)
        return result


async def _look_again(parts: Parts, source: str, unseen: Sequence[Delivery]) -> int:
    """Look at copies that could not be looked at the last time; answers how much is asked for now."""
    after = await seen_now(parts, source, unseen)
    with parts.store.write() as unit:
        still = unit.deliveries.unchanged(unseen)
        there = [delivery for delivery in after if delivery.id in still]
        unit.deliveries.relocate(there)
        now = parts.now()
        note(unit, unseen, there, now)
        return ask(unit, back(unit, unseen, there, now), now)


def _conclude(
    parts: Parts,
    source: str,
    mailbox: str,
    found: Survey,
    missing: Sequence[Delivery],
    clean: bool,
) -> Synced:
    """Write down what changed, what is gone, and how far each folder is read now.

    What another worker has written of meanwhile stays as that one saw it; then, and when the mailbox is not
    taken in `clean`, the next look begins where this one did.
    """
    now = parts.now()
    changed, before = found.difference.changed, found.known.values()
    expected = {delivery.id: delivery for delivery in before}
    gone = [lost(delivery, now) for delivery in missing]
    with parts.store.write() as unit:
        still = unit.deliveries.unchanged([expected[d.id] for d in (*changed, *missing)])
        there = [delivery for delivery in (*changed, *gone) if delivery.id in still]
        unit.deliveries.relocate(there)
        note(unit, [expected[delivery.id] for delivery in there], there, now)
        receive_moved(unit, parts.reporting, before, there, now)
        asked = ask(unit, back(unit, before, [d for d in changed if d.id in still], now), now)
        if clean and len(there) == len(changed) + len(gone):
            unit.cursors.put(source, mailbox, found.cursors, gone=found.left)
    counted = {delivery.id for delivery in gone} & still
    return Synced(changed=len(changed), gone=len(counted), malicious=asked)
