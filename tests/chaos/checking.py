"""What must hold at the end: every copy in one class, sums that add up, mailboxes equal to the ledger."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence

from tests.chaos.found import Found
from tests.chaos.owners import Doings

from clawback.message.delivery import Delivery, DeliveryLocation
from clawback.response.plan import Outcome, Remediation
from clawback.store import Store


def wrong(store: Store, found: Sequence[Found], given: Collection[str], doings: Doings) -> list[str]:
    """Everything that does not hold, in words; empty when all does."""
    with store.read() as unit:
        remediations = _all(store)
        deliveries = [
            delivery
            for source, mailbox, _ in unit.deliveries.mailboxes()
            for delivery in unit.deliveries.known(source, mailbox).values()
        ]
    return [
        *_accounts(store, remediations),
        *_places(found, deliveries),
        *_lost(found, given, doings),
        *_left(found),
    ]


def _all(store: Store) -> list[Remediation]:
    found: list[Remediation] = []
    cursor = ""
    with store.read() as unit:
        while True:
            page, cursor = unit.remediations.list(limit=100, cursor=cursor)
            for one in page:
                found += [one, *unit.remediations.following(one.id)]
            if not cursor:
                return found


def _accounts(store: Store, remediations: Sequence[Remediation]) -> list[str]:
    """Each has ended, every deed has one receipt, every copy is in one class, and the sums add up."""
    problems: list[str] = []
    for one in remediations:
        tally = one.tally
        parts = tally.removed + tally.already_gone + tally.failed + tally.skipped
        if one.ended_at is None:
            problems.append(f"{one.id} ({one.kind.value}) is {one.status.value}, it never ended")
        if tally.open or tally.found != parts:
            problems.append(f"{one.id}: found {tally.found} is not the sum {parts} of its classes: {tally}")
        with store.read() as unit:
            plan = unit.remediations.plan(one.id)
            receipts = Counter(receipt.seq for _, receipt in unit.remediations.receipts(one.id))
            skipped = [skip.delivery_id for skip in plan.skips]
        twice = [seq for seq, times in receipts.items() if times > 1]
        if twice or (one.ended_at and len(receipts) != len(plan.deeds)):
            problems.append(f"{one.id}: {len(receipts)} receipts for {len(plan.deeds)} deeds, {twice} twice")
        acted = [deed.delivery_id for deed in plan.deeds]
        if len(set(acted + skipped)) != len(acted) + len(skipped):
            problems.append(f"{one.id}: a copy is in two classes")
    return problems


def _places(found: Sequence[Found], deliveries: Sequence[Delivery]) -> list[str]:
    """What lies in the mailboxes is what the ledger says, place by place and byte by byte."""
    there = {(c.mailbox, c.folder, c.place): c.sha256 for c in found}
    believed = {
        (d.handle.mailbox, d.handle.folder, d.handle.native_id): d.raw_sha256
        for d in deliveries
        if d.location is not DeliveryLocation.HARD_DELETED
    }
    problems = [
        f"{key} is in the mailbox, the ledger does not know it" for key in there.keys() - believed.keys()
    ]
    problems += [f"{key} is in the ledger, not in the mailbox" for key in believed.keys() - there.keys()]
    same = there.keys() & believed.keys()
    problems += [f"{key} has other bytes than the ledger says" for key in same if there[key] != believed[key]]
    return problems


def _lost(found: Sequence[Found], given: Collection[str], doings: Doings) -> list[str]:
    """No message is lost that no owner deleted, and none is there twice that no owner copied.

    Of two moves of one copy at the same moment Dovecot does both: each move of an owner may leave one more.
    """
    times = Counter(copy.name for copy in found)
    surely = set(given) | doings.sent
    problems = [f"{name} is lost" for name in surely - doings.deleted if not times[name]]
    single = times.keys() - doings.copied
    problems += [
        f"{name} is there {times[name]} times, nobody copied it"
        for name in single
        if times[name] > 1 + doings.moved[name]
    ]
    strange = times.keys() - surely - doings.maybe_sent
    return problems + [f"{name} comes from nowhere" for name in strange]


def _left(found: Sequence[Found]) -> list[str]:
    """No owner can see a malicious copy, and clawback hid nothing else."""
    problems = [
        f"{copy.name} is still in {copy.folder} of {copy.mailbox}"
        for copy in found
        if copy.visible and copy.name.startswith("bad")
    ]
    return problems + [
        f"{copy.name} was hidden, and is harmless"
        for copy in found
        if not copy.visible and not copy.name.startswith("bad")
    ]


def receipts_hold(store: Store, remediation_id: str, found: Sequence[Found]) -> list[str]:
    """Before any new look at the mailboxes: whoever was removed lies where its receipt says."""
    there = {(c.mailbox, c.folder, c.place): c.sha256 for c in found}
    problems: list[str] = []
    with store.read() as unit:
        for deed, receipt in unit.remediations.results(remediation_id):
            if receipt.outcome is not Outcome.REMOVED or receipt.after is None:
                continue
            handle = receipt.after
            key = (handle.mailbox, handle.folder, handle.native_id)
            if there.get(key) != deed.raw_sha256:
                problems.append(f"the receipt of {deed.delivery_id} says {key}, where it is not")
    return problems
