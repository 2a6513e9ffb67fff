"""Looking into the body of a message: a reason is asked, and the look is written down before it is given."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from clawback.engine.parts import Parts
from clawback.engine.record import record
from clawback.errors import BadParameter, ClawbackError, NotFound
from clawback.message.delivery import Delivery, DeliveryLocation
from clawback.response.events_access import ContentViewed

LEAST_REASON = 3
MOST_REASON = 1_000
MOST_COPIES = 20
"""Copies that are tried, one after the other, until one can be read."""


async def content_of(parts: Parts, message_id: str, actor: str, reason: str) -> bytes:
    """The raw bytes of a message: of the sealed copy that was kept, else of a copy in a mailbox.

    Raises BadParameter without a reason, NotFound when the message is unknown or no copy can be read.
    """
    why = reason.strip()
    if not LEAST_REASON <= len(why) <= MOST_REASON:
        raise BadParameter(f"say why, in {LEAST_REASON} to {MOST_REASON:,} characters")
    deliveries = await asyncio.to_thread(_noted, parts, message_id, actor, why)
    for delivery in deliveries:
        if parts.store.blobs.has(delivery.raw_sha256):
            return await asyncio.to_thread(parts.store.blobs.get, delivery.raw_sha256)
    return await _fetched(parts, deliveries)


def _noted(parts: Parts, message_id: str, actor: str, reason: str) -> Sequence[Delivery]:
    """Write the look down; answers the copies that there may be, those in mailboxes first."""
    with parts.store.write(durable=True) as unit:
        message = unit.messages.get(message_id)
        copies = unit.deliveries.of_messages([message.id])
        there = [d for d in copies if d.location is not DeliveryLocation.HARD_DELETED]
        there.sort(key=lambda delivery: not delivery.location.in_mailbox)
        first = there[0].id if there else ""
        record(unit, ContentViewed(message.id, first, reason), actor=actor, at=parts.now())
    return there


async def _fetched(parts: Parts, deliveries: Sequence[Delivery]) -> bytes:
    for delivery in deliveries[:MOST_COPIES]:
        try:
            (found,) = await parts.connector(delivery.handle.source).fetch([delivery.handle])
        except ClawbackError:
            continue
        if not isinstance(found, ClawbackError):
            return found.content
    raise NotFound("no copy of the message can be read now, and none was kept")
