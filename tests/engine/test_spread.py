"""Copies that moved on: what the key misses is found, offered, and removed only when a person says so."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.engine.memory_world import USERS, MemoryWorld
from tests.response.test_spread import QUOTING, attached, letter

from clawback.analysis.indicators import IndicatorKind, indicator
from clawback.engine import commands
from clawback.engine.export import export_rows
from clawback.engine.spread import offers_of, spread_of
from clawback.errors import BadParameter, NotFound
from clawback.message.parse import parse
from clawback.response.investigation import InvestigationStatus as I
from clawback.response.plan import Remediation, RemediationStatus
from clawback.response.spread import Way

S = RemediationStatus
ANN, BEN, CAT = USERS
PHISH = letter(1)
FORWARD = attached(2, PHISH, sender=ANN, to=f"{BEN}, dan@partner.example")
AGAIN = attached(3, FORWARD, sender=BEN, to=CAT)
THREAD = "References: <1@x.example>\n"
INLINE = letter(4, sender=ANN, to=CAT, subject="Fwd: Your mailbox", headers=THREAD, body=QUOTING)


@pytest.fixture
def world(tmp_path: Path, store_url: str) -> Iterator[MemoryWorld]:
    made = MemoryWorld(tmp_path, store_url)
    yield made
    made.close()


def by_sender(world: MemoryWorld) -> Remediation:
    """A sender's mail was removed; what others made of it does not come from that sender."""
    bad = indicator(IndicatorKind.SENDER, "eve@bad.example", added_at=world.now())
    commands.add_indicator(world.parts, bad, "ann")
    world.drain()
    commands.approve(world.parts, world.actions()[0].id, "ann")
    world.drain()
    return world.actions()[0]


def delivered(world: MemoryWorld) -> None:
    """To Ann, who forwards it to Ben and a partner, and inline to Cat; Ben forwards that to Cat."""
    world.again(ANN, PHISH)
    world.again(ANN, FORWARD, folder="Sent")
    world.again(BEN, FORWARD)
    world.again(BEN, AGAIN, folder="Sent")
    world.again(CAT, AGAIN)
    world.again(CAT, INLINE)
    world.deliver(CAT, "minutes")
    world.read()


def test_what_moved_on_is_offered_and_not_touched(world: MemoryWorld) -> None:
    delivered(world)
    done = by_sender(world)
    assert (done.tally.removed, len(world.visible())) == (1, 6)
    assert world.investigations()[0].status is I.REMEDIATED
    with world.store.read() as unit:
        found = spread_of(unit, done.cluster_id)
        assert offers_of(unit, done.cluster_id) == found.offers
    assert [p.way for p in found.passages] == [Way.ORIGINAL]
    offers = {o.message_id: o for o in found.offers}
    forward, again, inline = (parse(raw).id for raw in (FORWARD, AGAIN, INLINE))
    assert set(offers) == {forward, again, inline}
    ways = {(p.mailbox, p.message_id): p for o in found.offers for p in o.copies}
    assert ways[ANN, forward].way is Way.SENT_COPY
    assert (ways[BEN, forward].way, ways[BEN, forward].outside) == (
        Way.FORWARD_ATTACHED,
        ("dan@partner.example",),
    )
    assert (ways[CAT, again].way, ways[CAT, again].sent_on_by) == (Way.FORWARD_ATTACHED, BEN)
    assert (ways[CAT, inline].way, ways[CAT, inline].sent_on_by) == (Way.FORWARD_INLINE, ANN)
    assert [o.left for o in found.offers] == [2, 2, 1]


def test_taken_up_it_is_planned_approved_removed_and_put_back(world: MemoryWorld) -> None:
    delivered(world)
    done = by_sender(world)
    before = world.held()
    chosen = commands.take_up(world.parts, done.cluster_id, (), "ann")
    assert len(chosen) == 3
    world.drain()
    waiting = world.actions()[0]
    assert (waiting.status, waiting.tally.open, waiting.cluster_id) == (S.PENDING, 5, done.cluster_id)
    assert world.held() == before
    assert world.investigations()[0].clusters[0].messages == 1
    commands.approve(world.parts, waiting.id, "ben")
    world.drain()
    assert len(world.visible()) == 1
    # The forward inline is also a body like the original's, in a cluster of its own.
    (cluster,) = [c for c in world.investigations()[0].clusters if c.cluster_id == done.cluster_id]
    assert (cluster.messages, cluster.now.copies, cluster.now.in_mailbox) == (4, 6, 0)
    assert world.investigations()[0].status is I.REMEDIATED
    with world.store.read() as unit:
        members = {m.message_id: m.reasons for m in unit.clusters.get(done.cluster_id).members}
        assert offers_of(unit, done.cluster_id) == ()
    assert members[parse(FORWARD).id][0].code == "holds_member"
    assert members[parse(INLINE).id][0].code == "quotes_member"
    commands.undo(world.parts, waiting.id, "ann")
    world.drain()
    assert world.held() == before


def test_one_message_can_be_taken_up_alone_and_twice_is_once(world: MemoryWorld) -> None:
    delivered(world)
    done = by_sender(world)
    inline = parse(INLINE).id
    for _ in range(2):
        assert commands.take_up(world.parts, done.cluster_id, (inline,), "ann") == (inline,)
        world.drain()
    waiting, mine = world.actions()
    assert (waiting.tally.open, mine.id) == (1, done.id)
    commands.reject(world.parts, waiting.id, "ann")
    with world.store.read() as unit:
        assert len(offers_of(unit, done.cluster_id)) == 3


def test_what_is_not_offered_cannot_be_taken_up(world: MemoryWorld) -> None:
    world.again(ANN, PHISH)
    world.deliver(CAT, "minutes")
    world.read()
    done = by_sender(world)
    with pytest.raises(NotFound, match="nothing in a mailbox"):
        commands.take_up(world.parts, done.cluster_id, (), "ann")
    minutes = parse(next(h for h in world.visible()).content).id
    with pytest.raises(NotFound, match="not offered"):
        commands.take_up(world.parts, done.cluster_id, (minutes,), "ann")
    with pytest.raises(NotFound):
        commands.take_up(world.parts, "clu-0", (), "ann")


def test_what_nobody_listed_cannot_be_taken_up(world: MemoryWorld) -> None:
    delivered(world)
    commands.start(world.parts, "eve@bad.example", "ann")
    world.drain()
    (cluster,) = world.investigations()[0].clusters
    with world.store.read() as unit:
        assert len(offers_of(unit, cluster.cluster_id)) == 3
    with pytest.raises(BadParameter, match="not malicious"):
        commands.take_up(world.parts, cluster.cluster_id, (), "ann")


def test_what_was_taken_up_is_a_member_whose_late_copies_go(world: MemoryWorld) -> None:
    delivered(world)
    done = by_sender(world)
    commands.take_up(world.parts, done.cluster_id, (), "ann")
    world.drain()
    commands.approve(world.parts, world.actions()[0].id, "ann")
    world.drain()
    world.again(CAT, FORWARD)
    world.read()
    assert len(world.visible()) == 1
    first = next(r for r in world.actions() if r.id == done.id)
    assert (first.tally.removed, first.late) == (2, 1)


def test_a_copy_keeps_what_hosts_wrote_into_it(world: MemoryWorld) -> None:
    world.again(ANN, b"Delivered-To: ann@example.org\r\n" + PHISH)
    world.again(BEN, b"Delivered-To: ben@example.org\r\nX-Sieve-Redirected-From: ann@example.org\r\n" + PHISH)
    world.read()
    done = by_sender(world)
    with world.store.read() as unit:
        found = {p.mailbox: p for p in spread_of(unit, done.cluster_id).passages}
    assert (found[ANN].way, found[BEN].way, found[BEN].sent_on_by) == (Way.ORIGINAL, Way.REDIRECTED, ANN)
    assert {d.handle.mailbox: len(d.trace) for d in world.deliveries()} == {ANN: 0, BEN: 1}


def test_the_export_has_the_ways_and_what_is_offered(world: MemoryWorld) -> None:
    delivered(world)
    done = by_sender(world)
    with world.store.read() as unit:
        rows = export_rows(unit, done.cluster_id)
    assert sorted(row.membership for row in rows) == ["member", *["offered"] * 5]
    (member,) = [row for row in rows if row.membership == "member"]
    assert (member.way, member.action_id, member.result) == ("original", done.id, "Success")
    to_ben = next(row for row in rows if row.recipient == BEN and row.way == "forward as attachment")
    assert to_ben.cannot_be_called_back == "dan@partner.example"
    assert (to_ben.sent_on_by, to_ben.action_id, to_ben.result) == (ANN, "", "")
    assert "holds" in to_ben.reason


def test_a_thread_that_many_quote_is_followed_within_bounds(world: MemoryWorld) -> None:
    world.again(ANN, PHISH)
    last = 1
    for n in range(10, 16):
        answers = f"In-Reply-To: <{last}@x.example>\n"
        world.again(CAT, letter(n, sender=ANN, to=CAT, headers=answers, body=QUOTING))
        last = n
    world.read()
    done = by_sender(world)
    with world.store.read() as unit:
        assert len(offers_of(unit, done.cluster_id)) == 4  # one round each
