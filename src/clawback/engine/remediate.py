"""Remediate: carry out an approved plan, copy by copy, with intent, deed and receipt.

The ledger in the store is the truth. An intent is written before the deed and a receipt after it; a
deed with an intent and no receipt is one that a crash cut short, so the copy is looked for before
anything else is done. That makes the work repeatable from any point.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence

from clawback.engine.deeds import Answer, Guard, Run, do, failed, look_then_do, refused
from clawback.engine.ingest import sync
from clawback.engine.locate import by_source
from clawback.engine.parts import Bodies, Parts
from clawback.engine.record import AUTOMATION, record
from clawback.engine.recount import recount
from clawback.engine.standing import arm
from clawback.errors import MailboxError, NotFound, Refused, Throttled, Unavailable
from clawback.mailboxes.base import RawMessage
from clawback.message.delivery import Delivery, Observed
from clawback.message.reconcile import lost, relocated
from clawback.response.events import RemediationCompleted, RemediationStarted
from clawback.response.investigation import ended_as
from clawback.response.plan import ActionKind, Deed, Outcome, Receipt, RemediationStatus
from clawback.response.planning import check_runnable
from clawback.store import Unit

BATCH = 500
"""Deeds between two writes of the ledger."""


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
    waiting = 0
    for i in range(0, len(unsettled), BATCH):
        chunk = unsettled[i : i + BATCH]
        waiting += _write(run, chunk, await _sealed(run, chunk, look_then_do))
    while deeds := _intend_next(run):
        waiting += _write(run, deeds, await _sealed(run, deeds, do))
        run.parts.progress("moving copies", deeds[-1].seq + 1, len(run.plan.deeds))
    if waiting:
        raise Unavailable(f"{waiting} copies of {run.plan.id} wait for their mail system")


def _intend_next(run: Run) -> tuple[Deed, ...]:
    with run.parts.store.write(durable=True) as unit:
        deeds = unit.remediations.planned(run.plan.id, BATCH)
        if deeds:
            run.guard(unit)
            unit.remediations.intend(run.plan.id, [d.seq for d in deeds], run.parts.now())
    return deeds


Act = Callable[[Run, Sequence[Deed]], Awaitable[dict[int, Answer]]]


async def _sealed(run: Run, deeds: Sequence[Deed], act: Act) -> dict[int, Answer]:
    """Act on copies whose bytes are kept, where the policy on bodies says so; the others wait."""
    unsealed = await _seal(run, deeds)
    return unsealed | await act(run, [d for d in deeds if d.seq not in unsealed])


async def _seal(run: Run, deeds: Sequence[Deed]) -> dict[int, Answer]:
    """Keep the bytes of every copy; answers for the copies that their mail system does not give now."""
    if run.parts.bodies is Bodies.NONE or run.plan.kind is ActionKind.RESTORE:
        return {}
    answers: dict[int, Answer] = {}
    for source, mine in by_source(deeds).items():
        try:
            raws = await run.parts.connector(source).fetch([d.handle for d in mine])
        except (NotFound, MailboxError, Refused) as error:
            answers |= refused(run, mine, error)
            continue
        for deed, raw in zip(mine, raws, strict=True):
            if isinstance(raw, RawMessage):
                run.parts.store.blobs.put(raw.content)
            elif isinstance(raw, Unavailable | Throttled):
                answers[deed.seq] = raw
    return answers


def _write(run: Run, deeds: Sequence[Deed], answers: dict[int, Answer]) -> int:
    """Write receipts and new places in one durable transaction; answers how many copies still wait."""
    done: list[tuple[Deed, Receipt]] = []
    waiting = 0
    for deed in deeds:
        answer = answers[deed.seq]
        if isinstance(answer, Receipt):
            done.append((deed, answer))
        elif run.last_try:
            done.append((deed, failed(run, deed, answer)))
        else:
            waiting += 1
    if done:
        with run.parts.store.write(durable=True) as unit:
            run.guard(unit)
            unit.remediations.receipt(run.plan.id, [receipt for _, receipt in done])
            deliveries = unit.deliveries.get_many([deed.delivery_id for deed, _ in done])
            unit.deliveries.relocate(
                [_after(run.parts, deliveries[deed.delivery_id], receipt) for deed, receipt in done]
            )
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
    touched = sorted({(d.handle.source, d.handle.mailbox) for d in plan.deeds})
    for done, (source, mailbox) in enumerate(touched, 1):
        if source in parts.connectors:
            await _prove(run, source, mailbox)
        parts.progress("proving the copies gone", done, len(touched))
    now = parts.now()
    running = frozenset({RemediationStatus.RUNNING})
    with parts.store.write(durable=True) as unit:
        run.guard(unit)
        unit.indicators.fence(changing=False)
        tally = unit.remediations.own_tally(plan.id)
        ended = unit.remediations.set_status(plan.id, ended_as(tally), expected=running, at=now)
        if plan.undoes:
            unit.remediations.mark_undone(plan.undoes, plan.id)
        places = unit.clusters.places(plan.cluster_id)
        event = RemediationCompleted(plan.investigation_id, plan.id, tally, places, plan.undoes)
        record(unit, event, actor=AUTOMATION, at=now)
        arm(unit, ended, now)
        recount(unit, plan.cluster_id, [d.message_id for d in plan.deeds], now)


async def _prove(run: Run, source: str, mailbox: str) -> None:
    """Look at one mailbox once more. What no waiting heals, and a last try, leave it as the receipts say."""
    try:
        await sync(run.parts, source, mailbox)
    except (Unavailable, Throttled):
        if not run.last_try:
            raise
    except MailboxError:
        pass
