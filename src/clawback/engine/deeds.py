"""Deeds: laying hands on copies, and saying for each what was found and done."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence, Set
from dataclasses import dataclass, replace

from clawback.engine.locate import Answers, by_source, claims, placed, wanted
from clawback.engine.parts import Parts
from clawback.errors import (
    ClawbackError,
    Gone,
    HandleStale,
    MailboxError,
    NotFound,
    Refused,
    Throttled,
    Unavailable,
)
from clawback.mailboxes.base import Connector, Move
from clawback.message.delivery import Delivery, Handle, Observed
from clawback.message.half_moves import Sought, Stand, stands
from clawback.response.plan import ActionKind, Deed, Outcome, Plan, Receipt
from clawback.store import Unit

Answer = Receipt | Unavailable | Throttled
"""What became of one copy; an error means that it waits for its mail system."""
Guard = Callable[[Unit], None]
"""Called inside every write of the ledger; raises PlanStale when another worker has the work now."""


@dataclass(frozen=True, slots=True)
class Run:
    """One run of an approved plan. With `last_try`, copies that cannot be reached count as failed."""

    parts: Parts
    plan: Plan
    last_try: bool
    guard: Guard


async def do(run: Run, deeds: Sequence[Deed]) -> dict[int, Answer]:
    """Do the deeds at the handles we know; whatever is not there any more is looked for."""
    answers: dict[int, Answer] = {}
    for source, mine in by_source(deeds).items():
        try:
            results = await _act(run, run.parts.connector(source), mine)
        except (NotFound, MailboxError, Refused) as error:
            answers |= refused(run, mine, error)
            continue
        stale: list[Deed] = []
        for deed, result in zip(mine, results, strict=True):
            if isinstance(result, HandleStale | Gone):
                stale.append(deed)
            else:
                answers[deed.seq] = _answer(run, deed, result)
        if stale:
            reached = {a.after for a in answers.values() if isinstance(a, Receipt) and a.after}
            answers |= await _by_source(run, stale, reached, halfway=False)
    return answers


async def look_then_do(run: Run, deeds: Sequence[Deed]) -> dict[int, Answer]:
    """Settle deeds that were begun and whose answer nobody has: find each copy, wherever it is now.

    At the goal: done. Elsewhere in a mailbox: do it there. In both, for its move was cut in half: delete
    what was left behind. Nowhere, or where no owner can open it: already gone (an undo puts back a sealed
    blob, if kept).
    """
    return await _by_source(run, deeds, frozenset(), halfway=True)


async def _by_source(
    run: Run, deeds: Sequence[Deed], reached: Set[Handle], *, halfway: bool
) -> dict[int, Answer]:
    """`reached` are handles that other copies have just been given and nobody has written down yet."""
    answers: dict[int, Answer] = {}
    for source, mine in by_source(deeds).items():
        try:
            answers |= await _look(run, run.parts.connector(source), mine, reached, halfway)
        except (NotFound, MailboxError, Refused) as error:
            answers |= refused(run, mine, error)
    return answers


def refused(run: Run, deeds: Sequence[Deed], error: ClawbackError) -> dict[int, Answer]:
    """The answers for copies of a mail system that took none of them: what waiting may heal waits."""
    return {deed.seq: _answer(run, deed, error) for deed in deeds}


def failed(run: Run, deed: Deed, error: ClawbackError) -> Receipt:
    """The receipt of a deed that could not be done."""
    why = f"{type(error).__name__}: {error}"
    return Receipt(deed.seq, Outcome.FAILED, why, deed.handle, deed.handle, run.parts.now())


async def _act(run: Run, connector: Connector, deeds: Sequence[Deed]) -> Sequence[Observed | ClawbackError]:
    if run.plan.kind is ActionKind.HARD_DELETE:
        return await connector.delete([d.handle for d in deeds])
    return await connector.move([Move(d.handle, d.folder) for d in deeds])


def _answer(run: Run, deed: Deed, result: Observed | ClawbackError) -> Answer:
    if isinstance(result, Observed):
        receipt = _done(run, deed, result)
        return replace(receipt, after=None) if run.plan.kind is ActionKind.HARD_DELETE else receipt
    if isinstance(result, Unavailable | Throttled):
        return result
    return failed(run, deed, result)


def _done(run: Run, deed: Deed, place: Observed) -> Receipt:
    return Receipt(
        deed.seq,
        Outcome.REMOVED,
        "",
        deed.handle,
        place.handle,
        run.parts.now(),
        place.flags,
        place.internal_date,
    )


async def _look(
    run: Run, connector: Connector, deeds: Sequence[Deed], reached: Set[Handle], halfway: bool
) -> dict[int, Answer]:
    with run.parts.store.read() as unit:
        known = unit.deliveries.get_many([d.delivery_id for d in deeds])
    latest = [_at_last_known(run, deed, known[deed.delivery_id]) for deed in deeds]
    found = await connector.find([replace(w, halfway=halfway) for w in wanted(latest)])
    claimed = _claimed(run, deeds, found) | reached
    if halfway:
        standing = _standing(run, deeds, known, found, claimed)
    else:
        standing = [Stand(outside=place) for place in placed(latest, found, claimed)]
    answers: dict[int, Answer] = {}
    again: list[Deed] = []
    halves: list[tuple[Deed, Observed, Observed]] = []
    for deed, places, stand in zip(latest, found, standing, strict=True):
        place = stand.inside or stand.outside
        if isinstance(places, Gone):
            answers[deed.seq] = _gone(run, deed, str(places), None)
        elif isinstance(places, ClawbackError):
            answers[deed.seq] = _answer(run, deed, places)
        elif stand.inside and stand.outside:
            halves.append((deed, stand.outside, stand.inside))
        elif (answer := await _seen(run, connector, deed, place)) is not None:
            answers[deed.seq] = answer
        elif place is not None:
            again.append(replace(deed, handle=place.handle, location=place.location))
    return answers | await _finish(run, connector, halves) | await _second_try(run, connector, again)


def _claimed(run: Run, deeds: Sequence[Deed], found: Answers) -> set[Handle]:
    """The places found that belong to other deliveries than those of these deeds."""
    own = {deed.delivery_id for deed in deeds}
    places = [place for answer in found if not isinstance(answer, ClawbackError) for place in answer]
    return {delivery.handle for delivery in claims(run.parts, places) if delivery.id not in own}


def _standing(
    run: Run,
    deeds: Sequence[Deed],
    known: Mapping[str, Delivery],
    found: Answers,
    claimed: Set[Handle],
) -> Sequence[Stand]:
    """Where each copy stands; what the cut moves of other deeds may have left is left to those."""
    places = {
        deed: () if isinstance(answer, ClawbackError) else tuple(answer)
        for deed, answer in zip(deeds, found, strict=True)
    }
    sought = [_sought(deed, known[deed.delivery_id], places[deed]) for deed in deeds]
    alike = {(deed.handle.source, deed.handle.mailbox, deed.raw_sha256): deed for deed in deeds}
    owed: list[Sought] = []
    with run.parts.store.read() as unit:
        for (source, mailbox, sha256), deed in alike.items():
            others = [d for d in unit.remediations.unsettled(source, mailbox, [sha256]) if d not in places]
            theirs = unit.deliveries.get_many([d.delivery_id for d in others])
            owed += [_sought(d, theirs[d.delivery_id], places[deed]) for d in others]
    return stands(sought, claimed, owed)


def _sought(deed: Deed, delivery: Delivery, places: tuple[Observed, ...]) -> Sought:
    return Sought(deed.handle, delivery.handle, deed.folder, deed.internal_date, places)


async def _finish(
    run: Run, connector: Connector, halves: Sequence[tuple[Deed, Observed, Observed]]
) -> dict[int, Answer]:
    """Delete what moves that were cut in half have left behind."""
    if not halves:
        return {}
    try:
        results = await connector.delete([left.handle for _, left, _ in halves])
    except (MailboxError, Refused) as error:
        return refused(run, [deed for deed, _, _ in halves], error)
    answers: dict[int, Answer] = {}
    for (deed, _, arrived), result in zip(halves, results, strict=True):
        if isinstance(result, Observed | HandleStale | Gone):
            why = "its move had been cut in half; what that left behind was deleted"
            answers[deed.seq] = replace(_done(run, deed, arrived), reason=why)
        else:
            answers[deed.seq] = _answer(run, deed, result)
    return answers


def _at_last_known(run: Run, deed: Deed, known: Delivery) -> Deed:
    """The deed at the handle where its copy was last seen: a user may have moved it since the plan.

    Only where the deed is still to be done there; one that was cut short may have been seen at its goal.
    """
    restoring = run.plan.kind is ActionKind.RESTORE
    return replace(deed, handle=known.handle) if known.location.in_mailbox is not restoring else deed


async def _seen(run: Run, connector: Connector, deed: Deed, place: Observed | None) -> Answer | None:
    """The answer that what we see already allows; None when there is still something to do."""
    restoring = run.plan.kind is ActionKind.RESTORE
    if place is None:
        if restoring and run.parts.store.blobs.has(deed.raw_sha256):
            return await _put_back(run, connector, deed)
        return _gone(run, deed, "nowhere in the mailbox", None)
    moved_back = restoring and place.location.in_mailbox and place.handle.folder != deed.handle.folder
    if place.handle.folder == deed.folder or moved_back:
        return _done(run, deed, place)
    if not restoring and not place.location.in_mailbox:
        return _gone(run, deed, f"was in {place.location.value}", place)
    return None


def _gone(run: Run, deed: Deed, why: str, place: Observed | None) -> Receipt:
    after = place.handle if place else None
    return Receipt(deed.seq, Outcome.ALREADY_GONE, why, deed.handle, after, run.parts.now())


async def _put_back(run: Run, connector: Connector, deed: Deed) -> Answer:
    """Append a copy that is nowhere any more from its sealed blob."""
    content = run.parts.store.blobs.get(deed.raw_sha256)
    handle = deed.handle
    try:
        placed = await connector.append(handle.mailbox, deed.folder, content, deed.flags, deed.internal_date)
    except (MailboxError, Refused) as error:
        return _answer(run, deed, error)
    why = "put back from the sealed copy: same bytes, flags and time, new name"
    return replace(_done(run, deed, placed), reason=why)


async def _second_try(run: Run, connector: Connector, deeds: Sequence[Deed]) -> dict[int, Answer]:
    """Act on copies just found; one that slips away again is left for the next try."""
    if not deeds:
        return {}
    try:
        results = await _act(run, connector, deeds)
    except (MailboxError, Refused) as error:
        return refused(run, deeds, error)
    answers: dict[int, Answer] = {}
    for deed, result in zip(deeds, results, strict=True):
        slipped = isinstance(result, HandleStale | Gone)
        late = Unavailable("the copy moves while we reach for it") if slipped else result
        answers[deed.seq] = _answer(run, deed, late)
    return answers
