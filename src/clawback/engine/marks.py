"""Marks on the exposure clock: what the flags of copies tell, written down as they change."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from clawback.message.delivery import Delivery
from clawback.response.exposure import changed
from clawback.store import Unit


def note(unit: Unit, before: Iterable[Delivery], after: Iterable[Delivery], now: datetime) -> None:
    """Write down what the new flags of these copies tell, in the transaction that writes them."""
    old = {delivery.id: delivery for delivery in before}
    seen = ((d.id, changed(old[d.id], d, now)) for d in after if d.id in old)
    unit.exposure.note((delivery_id, marks) for delivery_id, marks in seen if marks)
