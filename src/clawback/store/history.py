"""Filling in history: what stores that are older than it know of correspondents, some messages at a time."""

from __future__ import annotations

from clawback.store.store import Unit

AT_ONCE = 2_000
"""Messages in one transaction."""
_NAME = "history"


def is_complete(unit: Unit) -> bool:
    """Whether all mail that was read before there was a history is in it by now."""
    found = unit.settings.get(_NAME)
    return found is None or found["after"] >= found["upto"]


def fill(unit: Unit) -> int:
    """Take the next messages into history, and write down how far that is, in this unit; answers how many.

    0 means that nothing is left.
    """
    found = unit.settings.get(_NAME)
    if found is None or found["after"] >= found["upto"]:
        return 0
    ids, last = unit.correspondents.older(found["after"], found["upto"], AT_ONCE)
    kept = unit.messages.get_many(ids)
    copies = [d for d in unit.deliveries.of_messages(ids) if d.message_id in kept]
    unit.correspondents.note((copy, kept[copy.message_id]) for copy in copies)
    unit.settings.put(_NAME, {**found, "after": last if ids else found["upto"]})
    return len(ids)
