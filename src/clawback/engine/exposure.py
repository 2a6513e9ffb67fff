"""The exposure clock in the world: flags written down as they change, and the account of what was removed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime

from clawback.engine.spread import spread_of
from clawback.response.exposure import (
    Exposed,
    Exposure,
    Marks,
    Waits,
    added_up,
    exposed,
    flattened,
    sent_on,
    waits,
)
from clawback.response.plan import LET_RUN, Deed, Receipt, Remediation
from clawback.store import Unit


def exposure_of(unit: Unit, remediation_id: str, now: datetime) -> tuple[Exposure, tuple[Exposed, ...]]:
    """The exposure of an action's copies, late ones too, added up and one by one. Raises NotFound."""
    remediation = unit.remediations.get(remediation_id)
    copies = copies_of(unit, remediation)
    return added_up(copies, [waits(remediation)], now), copies


def exposure_since(unit: Unit, since: datetime, now: datetime) -> Exposure:
    """The exposure of all removals that were let run since then; each copy counts once."""
    parts: list[tuple[Exposed, ...]] = []
    took: list[Waits] = []
    for remediation in unit.remediations.each(statuses=LET_RUN, decided_since=since):
        if not remediation.undoes:
            parts.append(copies_of(unit, remediation))
            took.append(waits(remediation))
    return added_up(flattened(parts), took, now)


def copies_of(unit: Unit, remediation: Remediation) -> tuple[Exposed, ...]:
    """The clock of each copy of a remediation and of what came late for it."""
    alerts = [alert.raised_at for alert in unit.alerts.of_investigation(remediation.investigation_id)]
    acted = [
        (deed, receipt, part.made_at)
        for part in (remediation, *_late(unit, remediation))
        for deed, receipt in _entries(unit, part)
    ]
    ids = [deed.delivery_id for deed, _, _ in acted]
    deliveries, marks = unit.deliveries.get_many(ids), unit.exposure.of(ids)
    beyond = _sent_on(unit, remediation.cluster_id)
    clocks = []
    for deed, receipt, planned in acted:
        delivery = deliveries[deed.delivery_id]
        seen = marks.get(delivery.id, Marks()) | beyond.get(
            (delivery.handle.mailbox.lower(), delivery.message_id), Marks()
        )
        clocks.append(exposed(delivery, seen, receipt, planned, alerts))
    return flattened([clocks])


def _late(unit: Unit, remediation: Remediation) -> Sequence[Remediation]:
    following = unit.remediations.following(remediation.id)
    return [late for late in following if late.status in LET_RUN]


def _entries(unit: Unit, part: Remediation) -> Iterator[tuple[Deed, Receipt | None]]:
    """Every deed, with its receipt once there is one."""
    receipts = {deed.seq: receipt for deed, receipt in unit.remediations.receipts(part.id)}
    for deed in unit.remediations.plan(part.id).deeds:
        yield deed, receipts.get(deed.seq)


def _sent_on(unit: Unit, cluster_id: str) -> dict[tuple[str, str], Marks]:
    """What forwards and answers that came of a cluster's messages tell of its copies."""
    spread = spread_of(unit, cluster_id)
    passages = [*spread.passages, *(copy for offer in spread.offers for copy in offer.copies)]
    came = [passage for passage in passages if passage.of]
    if not came:
        return {}
    arrived: dict[str, datetime] = {}
    for copy in unit.deliveries.of_messages(sorted({passage.message_id for passage in came})):
        known = arrived.get(copy.message_id, copy.first_seen)
        arrived[copy.message_id] = min(known, copy.internal_date, copy.first_seen)
    return sent_on(came, arrived)
