"""A late copy for `clawback demo`: delivered while clawback watches, and timed until it is gone."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

from clawback.engine.parts import Parts
from clawback.response.plan import RemediationStatus
from clawback.testing.campaigns import Campaign, deliver_late_copy
from clawback.testing.checksums import checksums
from clawback.testing.organisation import Organisation

if TYPE_CHECKING:
    from clawback.app import App

Sums = dict[str, tuple[str, int, int]]
LATE_SECONDS = 30.0
SETTLE_SECONDS = 1.5
"""Until every mailbox was looked at once and the watch is up; only the measured time depends on it."""


async def catch(
    app: App, parts: Parts, organisation: Organisation, campaign: Campaign
) -> tuple[float | None, Sums]:
    """Watch, deliver one more copy, wait until it is out of its mailbox: the seconds, None if never.

    With the copy's file as it was delivered.
    """
    stop = asyncio.Event()
    watch = asyncio.create_task(app.watch().run(stop))
    await asyncio.sleep(SETTLE_SECONDS)
    before = _removed(parts)
    path = deliver_late_copy(organisation, campaign, organisation.users[-1])
    begun = time.perf_counter()
    lies = {path.relative_to(organisation.root).as_posix(): checksums(path.parent)[path.name]}
    took = None
    while took is None and time.perf_counter() - begun < LATE_SECONDS:
        if not path.exists() and _removed(parts) > before:
            took = time.perf_counter() - begun
        await asyncio.sleep(0.01)
    stop.set()
    await watch
    return took, lies


def _removed(parts: Parts) -> int:
    """How many copies the completed actions removed, late ones among them; none of which is open."""
    with parts.store.read() as unit:
        done, _ = unit.remediations.list(statuses=frozenset({RemediationStatus.COMPLETED}), limit=1_000)
    return sum(action.tally.removed for action in done if not action.tally.open)
