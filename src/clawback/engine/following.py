"""Following: all that follows from copies that are new, or in a mailbox again, once they are recorded."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from clawback.engine.arrivals import Arrived, ask
from clawback.engine.compromise import note_sent
from clawback.store import Unit


def follow(unit: Unit, new: Sequence[Arrived], again: Sequence[Arrived], now: datetime) -> int:
    """Remember what these copies tell, and queue what follows; answers how much was asked for.

    In the transaction that records them. `new` may be in places that no owner can open, `again` may not.
    """
    copies = [(one.delivery, one.message) for one in new]
    note_sent(unit, copies, now)
    asked = ask(unit, [*(one for one in new if one.delivery.location.in_mailbox), *again], now)
    unit.correspondents.note(copies)
    return asked
