"""Remediate: carry out an approved plan, copy by copy, with intent, deed and receipt.

The ledger in the store is the truth. An intent is written before the deed and a receipt after it; a
deed with an intent and no receipt is one that a crash cut short, so the copy is looked for before
anything else is done. That makes the work repeatable from any point.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from clawback.engine.ingest import sync
from clawback.engine.locate import choose, claims
from clawback.engine.parts import Bodies, Parts
from clawback.engine.record import AUTOMATION, record
from clawback.errors import (
    ClawbackError,
    Gone,
    HandleStale,
    NotFound,
    Throttled,
    Unavailable,
)
from clawback.mailboxes.base import Connector, Move, RawMessage, Wanted
from clawback.message.delivery import Delivery, Observed
from clawback.message.reconcile import lost, relocated
from clawback.response.counts import Places
from clawback.response.events import RemediationCompleted, RemediationStarted
from clawback.response.investigation import ended_as
from clawback.response.plan import ActionKind, Deed, Outcome, Plan, Receipt, RemediationStatus
from clawback.response.planning import check_runnable

BATCH = 500
"""Deeds between two writes of the ledger."""

Answer = Receipt | Unavailable | Throttled


async def remediate(parts: Parts, remediation_id: str, *, last_try: bool = False) -> None:
    """Run an approved plan to its end. Raises Unavailable when copies wait for a source that is down.

    With `last_try`, copies that cannot be reached are receipted as failed instead.
    """
    with parts.store.read() as unit:
        remediation = unit.remediations.get(remediation_id)
        if remediation.ended_at is not None:
            return
        plan = unit.remediations.plan(remediation_id)
    check_runnable(plan, remediation.approval)
    if remediation.status is RemediationStatus.APPROVED:
        _started(parts, plan)
    await _all_deeds(parts, plan, last_try)
    await _complete(parts, plan)


def _started(parts: Parts, plan: Plan) -> None:
    now = parts.now()
    with parts.store.write(durable=True) as unit:
        unit.remediations.set_status(
            plan.id, RemediationStatus.RUNNING, expected=frozenset({RemediationStatus.APPROVED}), at=now
        )
        record(unit, RemediationStarted(plan.investigation_id, plan.id), actor=AUTOMATION, at=now)


async def _all_deeds(parts: Parts, plan: Plan, last_try: bool) -> None:
    with parts.store.read() as unit:
        unsettled = unit.remediations.intended(plan.id)
    waiting = 0
    if unsettled:
        waiting += await _settled(parts, plan, unsettled, last_try)
    while deeds := _intend_next(parts, plan):
        await _seal(parts, plan, deeds)
        waiting += _write(parts, plan, deeds, await _do(parts, plan, deeds), last_try)
        parts.progress("moving copies", deeds[-1].seq + 1, len(plan.deeds))
    if waiting:
        raise Unavailable(f"{waiting} copies of {plan.id} wait for their mail system")


def _intend_next(parts: Parts, plan: Plan) -> tuple[Deed, ...]:
    with parts.store.write(durable=True) as unit:
        deeds = unit.remediations.planned(plan.id, BATCH)
        if deeds:
            unit.remediations.intend(plan.id, [d.seq for d in deeds], parts.now())
    return deeds


async def _settled(parts: Parts, plan: Plan, deeds: Sequence[Deed], last_try: bool) -> int:
    """After a crash: look where each intended copy is, write what reality shows, do what is left."""
    waiting = 0
    for i in range(0, len(deeds), BATCH):
        chunk = deeds[i : i + BATCH]
        waiting += _write(parts, plan, chunk, await _look_then_do(parts, plan, chunk), last_try)
    return waiting


async def _seal(parts: Parts, plan: Plan, deeds: Sequence[Deed]) -> None:
    """Keep the bytes of every copy before it is touched, where the policy on bodies says so."""
    if parts.bodies is Bodies.NONE or plan.kind is ActionKind.RESTORE:
        return
    for source, mine in _by_source(deeds).items():
        for raw in await parts.connector(source).fetch([d.handle for d in mine]):
            if isinstance(raw, RawMessage):
                parts.store.blobs.put(raw.content)


def _by_source(deeds: Sequence[Deed]) -> dict[str, list[Deed]]:
    groups: dict[str, list[Deed]] = defaultdict(list)
    for deed in deeds:
        groups[deed.handle.source].append(deed)
    return groups


async def _do(parts: Parts, plan: Plan, deeds: Sequence[Deed]) -> dict[int, Answer]:
    """Do the deeds at the handles we know; whatever is not there any more is looked for."""
    answers: dict[int, Answer] = {}
    for source, mine in _by_source(deeds).items():
        try:
            connector = parts.connector(source)
            results = await _act(connector, plan.kind, mine)
        except NotFound as error:
            answers.update({d.seq: _failed(d, error, parts.now()) for d in mine})
            continue
        except (Unavailable, Throttled) as error:
            answers.update({d.seq: error for d in mine})
            continue
        stale: list[Deed] = []
        for deed, result in zip(mine, results, strict=True):
            if isinstance(result, HandleStale | Gone):
                stale.append(deed)
            else:
                answers[deed.seq] = _answer(plan, deed, result, parts.now())
        if stale:
            answers.update(await _look_then_do(parts, plan, stale))
    return answers


async def _act(
    connector: Connector, kind: ActionKind, deeds: Sequence[Deed]
) -> Sequence[Observed | ClawbackError]:
    if kind is ActionKind.HARD_DELETE:
        return await connector.delete([d.handle for d in deeds])
    return await connector.move([Move(d.handle, d.folder) for d in deeds])


def _answer(plan: Plan, deed: Deed, result: Observed | ClawbackError, now: datetime) -> Answer:
    if isinstance(result, Observed):
        receipt = _done(deed, result, now)
        return replace(receipt, after=None) if plan.kind is ActionKind.HARD_DELETE else receipt
    if isinstance(result, Unavailable | Throttled):
        return result
    return _failed(deed, result, now)


def _failed(deed: Deed, error: ClawbackError, now: datetime) -> Receipt:
    return Receipt(
        deed.seq, Outcome.FAILED, f"{type(error).__name__}: {error}", deed.handle, deed.handle, now
    )


async def _look_then_do(parts: Parts, plan: Plan, deeds: Sequence[Deed]) -> dict[int, Answer]:
    """Find each copy wherever it is now. At the goal: done. Elsewhere in a mailbox: do it there.

    Nowhere, or where no owner can open it: already gone (an undo puts back a sealed blob, if kept).
    """
    answers: dict[int, Answer] = {}
    again: list[Deed] = []
    for source, mine in _by_source(deeds).items():
        taken = claims(parts, {(source, d.handle.mailbox) for d in mine})
        try:
            found = await parts.connector(source).find([Wanted(d.handle, d.raw_sha256, d.size) for d in mine])
        except (Unavailable, Throttled) as error:
            answers.update({d.seq: error for d in mine})
            continue
        for deed, places in zip(mine, found, strict=True):
            if isinstance(places, ClawbackError):
                answers[deed.seq] = _answer(plan, deed, places, parts.now())
                continue
            others = taken[source, deed.handle.mailbox] - {deed.handle}
            place = choose(places, deed.handle, others)
            receipt = await _seen(parts, plan, deed, place)
            if receipt is not None:
                answers[deed.seq] = receipt
            elif place is not None:
                again.append(replace(deed, handle=place.handle, location=place.location))
    if again:
        answers.update(await _second_try(parts, plan, again))
    return answers


async def _second_try(parts: Parts, plan: Plan, deeds: Sequence[Deed]) -> dict[int, Answer]:
    """Act on copies just found; one that slips away again is left for the next try."""
    answers: dict[int, Answer] = {}
    for source, mine in _by_source(deeds).items():
        results = await _act(parts.connector(source), plan.kind, mine)
        for deed, result in zip(mine, results, strict=True):
            slipped = isinstance(result, HandleStale | Gone)
            late = Unavailable("the copy moves while we reach for it") if slipped else result
            answers[deed.seq] = _answer(plan, deed, late, parts.now())
    return answers


async def _seen(parts: Parts, plan: Plan, deed: Deed, place: Observed | None) -> Receipt | None:
    """The receipt that what we see already allows; None when there is still something to do."""
    now = parts.now()
    if place is None:
        if plan.kind is ActionKind.RESTORE and parts.store.blobs.has(deed.raw_sha256):
            return await _put_back(parts, deed)
        return Receipt(deed.seq, Outcome.ALREADY_GONE, "nowhere in the mailbox", deed.handle, None, now)
    if plan.kind is ActionKind.RESTORE:
        if not place.location.in_mailbox:
            return None
        return _done(deed, place, now)
    if place.handle.folder == deed.folder:
        return _done(deed, place, now)
    if not place.location.in_mailbox:
        why = f"was in {place.location.value}"
        return Receipt(deed.seq, Outcome.ALREADY_GONE, why, deed.handle, place.handle, now)
    return None


def _done(deed: Deed, place: Observed, now: datetime) -> Receipt:
    return Receipt(
        deed.seq,
        Outcome.REMOVED,
        "",
        deed.handle,
        place.handle,
        now,
        place.flags,
        place.internal_date,
    )


async def _put_back(parts: Parts, deed: Deed) -> Receipt:
    """Append a copy that is nowhere any more from its sealed blob."""
    content = parts.store.blobs.get(deed.raw_sha256)
    connector = parts.connector(deed.handle.source)
    observed = await connector.append(
        deed.handle.mailbox, deed.folder, content, deed.flags, deed.internal_date
    )
    receipt = _done(deed, observed, parts.now())
    return replace(receipt, reason="put back from the sealed copy: same bytes, flags and time, new name")


def _write(
    parts: Parts, plan: Plan, deeds: Sequence[Deed], answers: dict[int, Answer], last_try: bool
) -> int:
    """Write receipts and the new places in one durable transaction; answers how many copies still wait."""
    receipts: list[Receipt] = []
    waiting = 0
    for deed in deeds:
        answer = answers[deed.seq]
        if isinstance(answer, Receipt):
            receipts.append(answer)
        elif last_try:
            receipts.append(_failed(deed, answer, parts.now()))
        else:
            waiting += 1
    by_seq = {deed.seq: deed for deed in deeds}
    with parts.store.write(durable=True) as unit:
        unit.remediations.receipt(plan.id, receipts)
        deliveries = unit.deliveries.get_many([by_seq[r.seq].delivery_id for r in receipts])
        moved = [
            _after(parts, deliveries[by_seq[r.seq].delivery_id], r)
            for r in receipts
            if r.outcome in (Outcome.REMOVED, Outcome.ALREADY_GONE)
        ]
        unit.deliveries.relocate(moved)
    return waiting


def _after(parts: Parts, delivery: Delivery, receipt: Receipt) -> Delivery:
    """The delivery as its receipt left it."""
    if receipt.after is None or receipt.before is None:
        return lost(delivery, receipt.at)
    connector = parts.connector(receipt.after.source)
    location = connector.location_of(receipt.after.mailbox, receipt.after.folder)
    observed = Observed(
        receipt.after,
        location,
        delivery.size,
        receipt.flags if receipt.outcome is Outcome.REMOVED else delivery.flags,
        receipt.internal_date or delivery.internal_date,
    )
    return relocated(delivery, observed, receipt.at)


async def _complete(parts: Parts, plan: Plan) -> None:
    """Look at every mailbox that was touched once more, then close the account."""
    touched = sorted({(d.handle.source, d.handle.mailbox) for d in plan.deeds})
    for done, (source, mailbox) in enumerate(touched, 1):
        if source in parts.connectors:
            await sync(parts, source, mailbox)
        parts.progress("proving the copies gone", done, len(touched))
    now = parts.now()
    with parts.store.write(durable=True) as unit:
        tally = unit.remediations.get(plan.id).tally
        running = frozenset({RemediationStatus.RUNNING})
        unit.remediations.set_status(plan.id, ended_as(tally), expected=running, at=now)
        if plan.undoes:
            unit.remediations.mark_undone(plan.undoes, plan.id)
        members = [m.message_id for m in unit.clusters.get(plan.cluster_id).members]
        places = Places.of(d.location for d in unit.deliveries.of_messages(members))
        event = RemediationCompleted(plan.investigation_id, plan.id, tally, places, plan.undoes)
        record(unit, event, actor=AUTOMATION, at=now)
