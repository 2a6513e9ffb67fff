"""A late copy for `clawback demo`: delivered while clawback watches, and timed until it is gone."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

from clawback.engine.parts import Parts
from clawback.response.plan import RemediationStatus
from clawback.testing.campaigns import Campaign, deliver_late_copy
from clawback.testing.organisation import Organisation

if TYPE_CHECKING:
    from clawback.app import App

LATE_SECONDS = 30.0
SETTLE_SECONDS = 1.5
"""Until every mailbox was looked at once and the watch is up; only the measured time depends on it."""


async def catch(app: App, parts: Parts, organisation: Organisation, campaign: Campaign) -> float | None:
    """Watch, deliver one more copy, wait until it is out of its mailbox; the seconds, None if never."""
    stop = asyncio.Event()
    watch = asyncio.create_task(app.watch().run(stop))
    await asyncio.sleep(SETTLE_SECONDS)
    before = _actions(parts)
    path = deliver_late_copy(organisation, campaign, organisation.users[-1])
    begun = time.perf_counter()
    took = None
    while took is None and time.perf_counter() - begun < LATE_SECONDS:
        if not path.exists() and _actions(parts) > before:
            took = time.perf_counter() - begun
        await asyncio.sleep(0.01)
    stop.set()
    await watch
    return took


def _actions(parts: Parts) -> int:
    """How many actions are completed."""
    with parts.store.read() as unit:
        done, _ = unit.remediations.list(statuses=frozenset({RemediationStatus.COMPLETED}), limit=1_000)
    return len(done)
