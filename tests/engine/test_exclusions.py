"""SecOps mailboxes and phishing simulations: never in a cluster or an action, and listed with the reason."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tests.engine.memory_world import AUTOMATIC, URL, USERS, MemoryWorld

from clawback.engine import commands
from clawback.engine.reading import InlineReader
from clawback.message.message import Organisation
from clawback.response.investigation import InvestigationStatus as S
from clawback.response.plan import RemediationStatus
from clawback.store.exclusions import LeftOut

ANN, BEN, CAT = USERS
SIM = "https://train.sim.example/lesson"


@pytest.fixture
def world(tmp_path: Path, store_url: str) -> Iterator[MemoryWorld]:
    reader = InlineReader(Organisation(frozenset({"example.org"})))
    made = MemoryWorld(tmp_path, store_url, reader=reader)
    yield made
    made.close()


def letter(n: int, body: str, sender: str) -> bytes:
    return (
        f"From: X <{sender}>\r\nTo: a@example.org\r\nSubject: Note {n}\r\nMessage-ID: <{n}@x.example>\r\n"
        f"Date: Mon, 23 Nov 2026 09:00:00 +0000\r\n\r\n{body}\r\n"
    ).encode()


def left_out(world: MemoryWorld) -> tuple[LeftOut, ...]:
    with world.store.read() as unit:
        (state,) = unit.investigations.list()[0]
        clusters = {c.cluster_id for c in state.clusters}
        found = {one for c in clusters for one in unit.exclusions.of_cluster(c, 100)}
        return tuple(sorted({*found, *unit.exclusions.of_investigation(state.id, 100)}, key=str))


def secops(world: MemoryWorld, *mailboxes: str, automatic: bool = True) -> None:
    policy = replace(AUTOMATIC, secops_mailboxes=frozenset(mailboxes))
    commands.set_policy(world.parts, policy if automatic else replace(policy, automatic=frozenset()), "ann")


def test_a_copy_in_a_secops_mailbox_stays_and_does_not_count(world: MemoryWorld) -> None:
    secops(world, CAT)
    raw = letter(1, f"see {URL}", "eve@bad.example")
    for user in USERS:
        world.again(user, raw)
    world.read()
    world.turn()
    (done,) = world.actions()
    assert (done.status, done.tally.removed) == (RemediationStatus.COMPLETED, 2)
    assert [held.mailbox for held in world.visible(URL)] == [CAT]
    (state,) = world.investigations()
    assert (state.status, state.clusters[0].now.copies, state.clusters[0].now.left) == (S.REMEDIATED, 2, 0)
    (copy,) = left_out(world)
    assert (copy.mailbox, copy.reason) == (CAT, "SecOps mailbox")


def test_a_message_that_only_the_secops_mailbox_has_is_no_member(world: MemoryWorld) -> None:
    secops(world, CAT)
    world.again(CAT, letter(1, f"forwarded to us: {URL}", "eve@bad.example"))
    world.read()
    world.turn()
    (state,) = world.investigations()
    assert (state.status, state.clusters, world.actions()) == (S.NO_THREATS_FOUND, (), ())
    (whole,) = left_out(world)
    assert (whole.mailbox, whole.reason) == ("", "SecOps mailbox")
    assert any("left out" in entry.text for entry in state.log)


def test_late_copies_for_the_secops_mailbox_stay(world: MemoryWorld) -> None:
    secops(world, CAT)
    raw = letter(1, f"see {URL}", "eve@bad.example")
    world.again(ANN, raw)
    world.read()
    world.turn()
    world.again(CAT, raw)
    world.again(BEN, letter(2, f"see {URL}", "eve@bad.example"))
    world.again(CAT, letter(3, f"see {URL}", "eve@bad.example"))
    world.read()
    assert {held.mailbox for held in world.visible(URL)} == {CAT}
    assert len(world.visible(URL)) == 2
    (state,) = world.investigations()
    assert (state.status, state.clusters[0].now.left) == (S.REMEDIATED, 0)


def simulation(world: MemoryWorld, **fields: Any) -> None:
    commands.set_policy(world.parts, replace(AUTOMATIC, **fields), "ann")


def test_a_simulation_whose_url_a_feed_lists_is_not_pulled(world: MemoryWorld) -> None:
    simulation(world, simulation_urls=frozenset({SIM}))
    for n, user in enumerate(USERS):
        world.again(user, letter(n, f"win a prize: {SIM}/0", "prize@sim.example"))
    world.read()
    world.turn(f"{SIM}/0")
    assert world.actions() == ()
    assert len(world.visible(SIM)) == 3
    (state,) = world.investigations()
    assert state.status is S.NO_THREATS_FOUND
    assert {one.reason for one in left_out(world)} == {f"phishing simulation: URL {SIM}"}
    assert len(left_out(world)) == 3
    world.again(ANN, letter(9, f"win a prize: {SIM}/0", "prize@sim.example"))
    world.read()
    assert len(world.visible(SIM)) == 4
    with world.store.read() as unit:
        ids = [d.message_id for d in world.deliveries()]
        assert unit.detections.verdicts(ids) == {}


def test_a_simulation_is_known_by_its_sender_and_real_mail_beside_it_goes(world: MemoryWorld) -> None:
    simulation(world, simulation_senders=frozenset({"sim.example"}))
    world.again(ANN, letter(1, f"see {URL}", "prize@sim.example"))
    world.again(BEN, letter(2, f"see {URL}", "eve@bad.example"))
    world.read()
    world.turn()
    assert [held.mailbox for held in world.visible(URL)] == [ANN]
    world.again(CAT, letter(3, f"see {URL}", "prize@sim.example"))
    world.read()
    assert {held.mailbox for held in world.visible(URL)} == {ANN, CAT}
    (state,) = world.investigations()
    assert (state.status, state.clusters[0].messages) == (S.REMEDIATED, 1)


def test_a_phish_that_hides_behind_a_simulations_url_goes(world: MemoryWorld) -> None:
    simulation(world, simulation_urls=frozenset({SIM}))
    world.again(ANN, letter(1, f"see {URL} or {SIM}/1", "eve@bad.example"))
    world.read()
    world.turn()
    assert world.visible(URL) == []
    world.again(BEN, letter(2, f"see {URL} or {SIM}/1", "eve@bad.example"))
    world.read()
    assert world.visible(URL) == []


def test_what_the_policy_leaves_out_later_is_not_planned_again(world: MemoryWorld) -> None:
    raw = letter(1, f"see {URL}", "eve@bad.example")
    for user in USERS:
        world.again(user, raw)
    world.read()
    world.turn()
    (waiting,) = world.actions()
    assert waiting.tally.open == 3
    commands.reject(world.parts, waiting.id, "ann")
    secops(world, ANN, BEN, CAT, automatic=False)
    commands.start(world.parts, URL, "ann")
    world.drain()
    assert [a.status for a in world.actions()] == [RemediationStatus.REJECTED]
