"""Remediate: carry out an approved plan, copy by copy, with intent, deed and receipt.

The ledger in the store is the truth. An intent is written before the deed and a receipt after it; a
deed with an intent and no receipt is one that a crash cut short, so the copy is looked for before
anything else is done. That makes the work repeatable from any point.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence

from clawback.engine.brake import breaker_of, completed, goes_by_itself
from clawback.engine.deeds import Answer, Guard, Run, do, failed, look_then_do, refused
from clawback.engine.ingest import Told, sync_many
from clawback.engine.intake import chunks, keep, size_of
from clawback.engine.locate import by_source
from clawback.engine.marks import note
from clawback.engine.on_sight import tell_removed
from clawback.engine.parts import Bodies, Parts
from clawback.engine.record import AUTOMATION, record
from clawback.engine.recount import recount
from clawback.engine.standing import arm
from clawback.engine.undoing import is_undone
from clawback.errors import MailboxError, NotFound, Refused, Throttled, Unavailable
from clawback.mailboxes.base import RawMessage
from clawback.message.delivery import Delivery, Observed
from clawback.message.reconcile import lost, relocated
from clawback.response.events import RemediationCompleted, RemediationStarted
from clawback.response.plan import ActionKind, Deed, Outcome, Receipt, RemediationStatus
from clawback.response.planning import check_runnable
from clawback.response.steps import ended_as
from clawback.store import Unit

BATCH = 500
"""Deeds between two writes of the ledger."""
Waits = Unavailable | Throttled
"""What waiting may heal."""


def unguarded(unit: Unit) -> None:
    """The guard of a caller that is alone."""


async def remediate(
    parts: Parts, remediation_id: str, *, last_try: bool = False, guard: Guard = unguarded
) -> None:
    """Run an approved plan to its end. Raises Unavailable when copies wait for a source that is down.

    Raises ApprovalMissing when the plan is not the one that was approved, PlanStale from the guard.
    """
    with parts.store.read() as unit:
        remediation = unit.remediations.get(remediation_id)
        if remediation.ended_at is not None:
            return
        plan = unit.remediations.plan(remediation_id)
    check_runnable(plan, remediation.approval)
    run = Run(parts, plan, last_try, guard)
    if remediation.status is RemediationStatus.APPROVED:
        _started(run)
    await _all_deeds(run)
    await _complete(run)


def _started(run: Run) -> None:
    plan, now = run.plan, run.parts.now()
    approved = frozenset({RemediationStatus.APPROVED})
    with run.parts.store.write(durable=True) as unit:
        unit.remediations.set_status(plan.id, RemediationStatus.RUNNING, expected=approved, at=now)
        record(unit, RemediationStarted(plan.investigation_id, plan.id), actor=AUTOMATION, at=now)


async def _all_deeds(run: Run) -> None:
    with run.parts.store.read() as unit:
        unsettled = unit.remediations.intended(run.plan.id)
        by_itself = goes_by_itself(unit, unit.remediations.get(run.plan.id))
    waiting: list[Waits] = []
    for i in range(0, len(unsettled), BATCH):
        waiting += await _carry_out(run, unsettled[i : i + BATCH], look_then_do)
    while deeds := _intend_next(run, by_itself):
        waiting += await _carry_out(run, deeds, do)
        run.parts.progress("moving copies", deeds[-1].seq + 1, len(run.plan.deeds))
    if waiting:
        raise _later(f"{len(waiting)} copies of {run.plan.id} wait for their mail system", waiting)


def _later(why: str, waiting: Sequence[Waits]) -> Waits:
    """Why the work is to be tried again, not before the last of the mail systems wants to be asked again."""
    afters = [error.after for error in waiting if isinstance(error, Throttled)]
    return Throttled(why, max(afters)) if afters else Unavailable(why)


def _intend_next(run: Run, by_itself: bool) -> tuple[Deed, ...]:
    """The next deeds, about to be done. None once the breaker is open, for what goes by itself."""
    with run.parts.store.write(durable=True) as unit:
        deeds = unit.remediations.planned(run.plan.id, BATCH, hold=True)
        if deeds:
            run.guard(unit)
            if by_itself and breaker_of(unit).open:
                _leave(run, unit)
                return ()
            unit.remediations.intend(run.plan.id, [d.seq for d in deeds], run.parts.now())
    return deeds


def _leave(run: Run, unit: Unit) -> None:
    """Settle the deeds that nobody has begun with: the breaker was opened."""
    left = unit.remediations.planned(run.plan.id, len(run.plan.deeds))
    why, now = "the breaker was opened", run.parts.now()
    unit.remediations.receipt(
        run.plan.id, [Receipt(d.seq, Outcome.SKIPPED, why, d.handle, d.handle, now) for d in left]
    )


Act = Callable[[Run, Sequence[Deed]], Awaitable[dict[int, Answer]]]


async def _carry_out(run: Run, deeds: Sequence[Deed], act: Act) -> list[Waits]:
    """Act on copies and write down what became of them; answers for each that waits what it waits for.

    Meanwhile nobody begins to read their mailboxes: what is seen there then is where its receipt says.
    """
    with run.parts.turns.moving((d.handle.source, d.handle.mailbox) for d in deeds):
        unsealed = await _seal(run, deeds)
        answers = unsealed | await act(run, [d for d in deeds if d.seq not in unsealed])
        return _write(run, deeds, answers)


async def _seal(run: Run, deeds: Sequence[Deed]) -> dict[int, Answer]:
    """Keep the bytes of copies, where the policy on bodies says so, before they are acted on.

    Answers for the copies that their mail system does not give now; they wait.
    """
    parts = run.parts
    if parts.bodies is Bodies.NONE or run.plan.kind is ActionKind.RESTORE:
        return {}
    answers: dict[int, Answer] = {}
    for source, mine in by_source(deeds).items():
        for few in chunks(mine, BATCH, parts.pace.chunk_bytes):
            async with parts.pace.holding(sum(map(size_of, few))):
                try:
                    raws = await parts.connector(source).fetch([d.handle for d in few])
                except (NotFound, MailboxError, Refused) as error:
                    answers |= refused(run, few, error)
                    continue
                await asyncio.to_thread(keep, parts, [raw for raw in raws if isinstance(raw, RawMessage)])
            for deed, raw in zip(few, raws, strict=True):
                if isinstance(raw, Waits):
                    answers[deed.seq] = raw
    return answers


def _write(run: Run, deeds: Sequence[Deed], answers: dict[int, Answer]) -> list[Waits]:
    """Write receipts and new places in one durable transaction; answers for the copies that still wait."""
    done: list[tuple[Deed, Receipt]] = []
    waiting: list[Waits] = []
    for deed in deeds:
        answer = answers[deed.seq]
        if isinstance(answer, Receipt):
            done.append((deed, answer))
        elif run.last_try:
            done.append((deed, failed(run, deed, answer)))
        else:
            waiting.append(answer)
    if done:
        with run.parts.store.write(durable=True) as unit:
            run.guard(unit)
            unit.remediations.receipt(run.plan.id, [receipt for _, receipt in done])
            deliveries = unit.deliveries.get_many([deed.delivery_id for deed, _ in done])
            after = [_after(run.parts, deliveries[deed.delivery_id], receipt) for deed, receipt in done]
            unit.deliveries.relocate(after)
            note(unit, deliveries.values(), after, min(receipt.at for _, receipt in done))
    return waiting


def _after(parts: Parts, delivery: Delivery, receipt: Receipt) -> Delivery:
    """The delivery as its receipt left it."""
    if receipt.outcome is Outcome.FAILED:
        return delivery
    if receipt.after is None:
        return lost(delivery, receipt.at)
    moved = receipt.outcome is Outcome.REMOVED
    location = parts.connector(receipt.after.source).location_of(receipt.after.mailbox, receipt.after.folder)
    observed = Observed(
        receipt.after,
        location,
        delivery.size,
        receipt.flags if moved else delivery.flags,
        receipt.internal_date or delivery.internal_date,
    )
    return relocated(delivery, observed, receipt.at)


async def _complete(run: Run) -> None:
    """Look at every mailbox that was touched once more, then close the account."""
    parts, plan = run.parts, run.plan
    await _prove(run)
    now = parts.now()
    running = frozenset({RemediationStatus.RUNNING})
    with parts.store.write(durable=True) as unit:
        run.guard(unit)
        unit.indicators.fence(changing=False)
        tally = unit.remediations.own_tally(plan.id)
        ended = unit.remediations.set_status(plan.id, ended_as(tally), expected=running, at=now)
        undone = plan.undoes if plan.undoes and is_undone(unit, plan.undoes) else ""
        if undone:
            unit.remediations.mark_undone(undone, plan.id)
        places = unit.clusters.places(plan.cluster_id)
        event = RemediationCompleted(plan.investigation_id, plan.id, tally, places, undone)
        record(unit, event, actor=AUTOMATION, at=now)
        arm(unit, ended, now)
        tell_removed(unit, ended, tally.removed, now)
        completed(unit, ended, now)
        recount(unit, plan.cluster_id, [d.message_id for d in plan.deeds], now)


async def _prove(run: Run) -> None:
    """Look at every mailbox that was touched once more, several at once.

    Raises Unavailable or Throttled when some cannot be looked at now, after all others were. What no waiting
    heals, and a last try, leave them as the receipts say.
    """
    touched: dict[str, set[str]] = {}
    for deed in run.plan.deeds:
        if deed.handle.source in run.parts.connectors:
            touched.setdefault(deed.handle.source, set()).add(deed.handle.mailbox)
    told = Told(run.parts, "proving the copies gone", sum(map(len, touched.values())))
    waiting: list[Waits] = []
    for source, mailboxes in sorted(touched.items()):
        done = await sync_many(run.parts, source, sorted(mailboxes), told)
        waiting += [error for error in done.troubles.values() if isinstance(error, Waits)]
    if waiting and not run.last_try:
        raise _later(f"{len(waiting)} mailboxes could not be looked at once more: {waiting[0]}", waiting)
