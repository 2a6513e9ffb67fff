"""What is similar to malicious mail is found, judged by its siblings, planned for, and cut again."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.engine.memory_world import URL, USERS, MemoryWorld

from clawback.analysis.clusters import Cluster, ClusterKind
from clawback.analysis.entities import EntityKind
from clawback.analysis.indicators import VerdictKind
from clawback.engine import commands
from clawback.engine.recut import recut
from clawback.errors import BadParameter, PlanStale
from clawback.response.events_clusters import ClusterRecut
from clawback.response.evidence import Evidence
from clawback.response.investigation import Investigation, InvestigationStatus
from clawback.response.plan import RemediationStatus
from clawback.response.policy import Policy
from clawback.store import MessageQuery

STORY = (
    "Dear colleague, the parcel that you expect could not be handed over because nobody was there. Please "
    "choose another day for the courier and pay the small fee that is still open, else it goes back to the "
    "people who sent it to you. We are sorry for the trouble and wish you a pleasant rest of the week."
)
SUBJECT = "Your parcel could not be delivered"
MORE = " If you did nothing of the kind you may disregard this notice without any risk to you at all."


@pytest.fixture
def world(empty_url: str, tmp_path: Path) -> Iterator[MemoryWorld]:
    made = MemoryWorld(tmp_path, empty_url)
    yield made
    made.close()


@pytest.fixture
def alone(tmp_path: Path) -> Iterator[MemoryWorld]:
    made = MemoryWorld(tmp_path)
    yield made
    made.close()


def send(
    world: MemoryWorld,
    text: str,
    *,
    sender: str = "desk@parcels.example",
    subject: str = SUBJECT,
    message_id: str = "",
) -> None:
    """A message of its own arrives at the next user."""
    world.count += 1
    user = USERS[world.count % len(USERS)]
    content = (
        f"From: Parcels <{sender}>\r\nTo: {user}\r\nSubject: {subject}\r\n"
        f"Message-ID: <{message_id or world.count}@x.example>\r\n"
        f"Date: Mon, 23 Nov 2026 09:00:00 +0000\r\n\r\n{text}\r\n"
    )
    world.again(user, content.encode())


def clusters(world: MemoryWorld) -> dict[ClusterKind, list[Cluster]]:
    """Every cluster, by kind, the first one first."""
    found: dict[ClusterKind, list[Cluster]] = {}
    with world.store.read() as unit:
        for investigation in reversed(unit.investigations.list()[0]):
            for cluster in unit.clusters.of_investigation(investigation.id):
                found.setdefault(cluster.kind, []).append(cluster)
    return found


def campaign(world: MemoryWorld, bad: int, beside: int = 2) -> None:
    """So many with the URL, each from its own sender, some of the same text without it, and clean mail."""
    for n in range(bad):
        send(world, f"{STORY} {URL}", sender=f"desk@parcels{n}.example", subject=f"Notice {n}")
    for n in range(beside):
        send(world, STORY + MORE * n, sender=f"help@couriers{n}.example", subject=f"Reminder {n}")
    for n in range(3):
        send(
            world,
            f"The minutes of meeting {n} are in the usual place.",
            sender="ann@example.org",
            subject="Minutes",
        )
    world.read()


def test_siblings_without_the_url_are_caught_with_those_that_have_it(world: MemoryWorld) -> None:
    campaign(world, 6, beside=1)
    world.turn()
    found = clusters(world)
    assert set(found) == {ClusterKind.MALICIOUS_URL, ClusterKind.NEAR_DUPLICATE}
    (alike,) = found[ClusterKind.NEAR_DUPLICATE]
    assert (len(alike.members), alike.verdict, alike.threats.malicious) == (7, VerdictKind.MALICIOUS, 6)
    assert {m.reasons[0].code for m in alike.members} == {"similar_body"}
    similar, carried = world.actions()
    assert (carried.tally.open, similar.tally.open, similar.tally.skipped) == (6, 1, 6)
    assert similar.status is RemediationStatus.PENDING
    commands.approve(world.parts, carried.id, "ann")
    commands.approve(world.parts, similar.id, "ann")
    world.settle()
    assert not world.visible("parcel")
    assert len(world.visible("minutes")) == 3
    (investigation,) = world.investigations()
    assert investigation.status is InvestigationStatus.REMEDIATED


def test_no_more_than_a_handful_is_only_suspicious(alone: MemoryWorld) -> None:
    campaign(alone, 5, beside=1)
    alone.turn()
    (alike,) = clusters(alone)[ClusterKind.NEAR_DUPLICATE]
    assert (alike.verdict, alike.threats.malicious) == (VerdictKind.SUSPICIOUS, 5)
    assert len(alone.actions()) == 1


def test_the_handful_is_the_policys(alone: MemoryWorld) -> None:
    commands.set_policy(alone.parts, Policy(handful=1), "ann")
    campaign(alone, 2, beside=1)
    alone.turn()
    (alike,) = clusters(alone)[ClusterKind.NEAR_DUPLICATE]
    assert alike.verdict is VerdictKind.MALICIOUS


def test_where_nothing_lies_beyond_the_url_no_similar_cluster_is_made(alone: MemoryWorld) -> None:
    campaign(alone, 6, beside=0)
    alone.turn()
    assert set(clusters(alone)) == {ClusterKind.MALICIOUS_URL}


def test_a_lone_message_makes_no_similar_cluster(alone: MemoryWorld) -> None:
    send(alone, f"{STORY} {URL}")
    campaign(alone, 0, beside=0)
    alone.turn()
    assert {kind: len(found) for kind, found in clusters(alone).items()} == {ClusterKind.MALICIOUS_URL: 1}


def test_pairs_with_the_same_members_are_one_cluster(alone: MemoryWorld) -> None:
    """Another text with the subject and from the sender of the bad ones: subject and sender tell it."""
    for n in range(6):
        send(alone, f"Number {n} {URL}", subject=SUBJECT)
    send(alone, "Your courier is near. Be at home.", subject=SUBJECT)
    alone.read()
    alone.turn()
    found = clusters(alone)
    assert set(found) == {ClusterKind.MALICIOUS_URL, ClusterKind.SIMILAR_ATTRIBUTES}
    (same,) = found[ClusterKind.SIMILAR_ATTRIBUTES]
    assert len(same.members) == 7
    assert same.key.value.startswith("Subject;P2SenderDomain;ContentType=")
    assert [key.kind for key in same.folded] == [EntityKind.SENDER]
    assert same.verdict is VerdictKind.MALICIOUS


def test_other_mail_of_the_sender_is_below_the_line(alone: MemoryWorld) -> None:
    for _ in range(6):
        send(alone, f"{STORY} {URL}", subject=SUBJECT)
    send(alone, STORY, subject=SUBJECT, sender="other@parcels.example")
    send(alone, "Here is the invoice.", subject="Invoice")
    alone.read()
    alone.turn()
    with alone.store.read() as unit:
        heads = {c.kind: c for i in unit.investigations.list()[0] for c in unit.clusters.heads_of(i.id)}
        sent = heads.get(ClusterKind.SENDER_CAMPAIGN)
        below = unit.clusters.below(sent.id) if sent else ()
    assert sent is None or [m.score for m in below] == [0.6]
    assert len(alone.visible("invoice")) == 1
    assert all("invoice" not in h.content.decode() for h in alone.held() if h.in_vault)


def test_links_of_the_same_shape_are_offered_below_the_line_and_can_be_let_in(world: MemoryWorld) -> None:
    base = "https://login.evil.example/claim/{}/now"
    send(world, f"One {base.format('8f3a9b2c1d')}", sender="a@one.example", subject="One")
    send(world, f"Two {base.format('77aa88bb99')}", sender="b@two.example", subject="Two")
    world.read()
    world.turn(base.format("8f3a9b2c1d"))
    (cluster,) = clusters(world)[ClusterKind.MALICIOUS_URL]
    with world.store.read() as unit:
        (below,) = unit.clusters.below(cluster.id)
    assert (below.score, below.reasons[0].code) == (0.5, "same_path_shape")
    (waiting,) = world.actions()
    assert waiting.tally.open == 1
    recut(world.parts, cluster.id, 0.5, "ann")
    world.drain()
    wider, narrow = world.actions()
    assert (narrow.id, narrow.status) == (waiting.id, RemediationStatus.CANCELLED)
    assert (wider.status, wider.tally.open) == (RemediationStatus.PENDING, 2)
    (investigation,) = world.investigations()
    assert investigation.clusters[0].messages == 2
    commands.approve(world.parts, wider.id, "ann")
    world.settle()
    assert not world.visible("evil.example")


def test_a_narrower_cut_takes_members_out_again(world: MemoryWorld) -> None:
    commands.set_policy(world.parts, Policy(likeness=0.6), "ann")
    campaign(world, 6, beside=2)
    world.turn()
    (alike,) = clusters(world)[ClusterKind.NEAR_DUPLICATE]
    assert len(alike.members) == 8
    before = world.actions()[0]
    cut = recut(world.parts, alike.id, 0.9, "ann")
    world.drain()
    assert (cut.line, cut.verdict) == (0.9, VerdictKind.MALICIOUS)
    assert world.actions()[0].tally.open == before.tally.open - 1
    with world.store.read() as unit:
        assert unit.clusters.count_below(alike.id) == 1
        assert unit.audit.verify().ok
    told = [entry for entry in world.investigations()[0].log if entry.event == ClusterRecut.TYPE]
    assert [(entry.actor, entry.text) for entry in told] == [
        ("ann", f"{alike.id} cut again at 0.9: 7 members, 1 below the line")
    ]
    world.read()
    send(world, STORY + MORE, sender="late@couriers.example", subject="Late")
    world.read()
    world.turn()
    with world.store.read() as unit:
        assert unit.clusters.head(alike.id).line == 0.9


def test_what_was_approved_is_not_cut_again(alone: MemoryWorld) -> None:
    campaign(alone, 6, beside=1)
    alone.turn()
    similar, _ = alone.actions()
    (alike,) = clusters(alone)[ClusterKind.NEAR_DUPLICATE]
    commands.approve(alone.parts, similar.id, "ann")
    with pytest.raises(PlanStale, match="not cut again"):
        recut(alone.parts, alike.id, 0.9, "ann")
    assert clusters(alone)[ClusterKind.NEAR_DUPLICATE] == [alike]


@pytest.mark.parametrize("line", [-0.1, 1.1])
def test_a_strictness_is_between_0_and_1(alone: MemoryWorld, line: float) -> None:
    with pytest.raises(BadParameter):
        recut(alone.parts, "clu-unknown", line, "ann")


def test_a_message_without_anything_bad_is_caught_through_its_siblings(world: MemoryWorld) -> None:
    campaign(world, 6, beside=1)
    world.turn()
    with world.store.read() as unit:
        found, _ = unit.messages.search(MessageQuery(sender="help@couriers0.example"))
    original = found[0].id
    commands.start(world.parts, original, "ann")
    world.drain()
    ((asked, item),) = _originals(world)
    assert (item.entity.value, item.verdict) == (original, VerdictKind.MALICIOUS)
    assert item.detail in {c.cluster_id for c in asked.clusters}
    with world.store.read() as unit:
        assert unit.detections.verdicts([original]) == {}
    commands.start(world.parts, original, "ann")
    world.drain()
    assert [i.id for i, _ in _originals(world)] == [asked.id]


def _originals(world: MemoryWorld) -> list[tuple[Investigation, Evidence]]:
    return [(i, e) for i in world.investigations() for e in i.evidence if e.role == "original"]


def test_simulations_are_left_out(alone: MemoryWorld) -> None:
    commands.set_policy(alone.parts, Policy(simulation_senders=frozenset({"couriers0.example"})), "ann")
    campaign(alone, 6, beside=1)
    alone.turn()
    assert set(clusters(alone)) == {ClusterKind.MALICIOUS_URL}


def test_simulations_are_left_out_visibly_where_a_cluster_is_made(alone: MemoryWorld) -> None:
    policy = Policy(simulation_senders=frozenset({"couriers0.example"}), likeness=0.6)
    commands.set_policy(alone.parts, policy, "ann")
    campaign(alone, 6, beside=2)
    alone.turn()
    (alike,) = clusters(alone)[ClusterKind.NEAR_DUPLICATE]
    assert len(alike.members) == 7
    told = [e.text for e in alone.investigations()[0].log if e.event == "messages_left_out"]
    assert len(told) == 1
    assert "couriers0.example" in told[0]


def test_asked_again_nothing_is_cut_or_planned_twice(world: MemoryWorld) -> None:
    campaign(world, 6, beside=2)
    world.turn()
    before = [(c.id, len(c.members)) for found in clusters(world).values() for c in found]
    actions = {(a.id, a.status) for a in world.actions()}
    events = len(world.investigations()[0].log)
    world.turn()
    assert [(c.id, len(c.members)) for found in clusters(world).values() for c in found] == before
    assert {(a.id, a.status) for a in world.actions()} == actions
    again = world.investigations()[0].log[events:]
    assert [entry.event for entry in again if entry.event == "cluster_linked"] == ["cluster_linked"]


def test_what_a_person_put_back_is_not_taken_for_being_similar(world: MemoryWorld) -> None:
    """An undo is not limited to the cluster that it was of: automation must not take the copies again."""
    campaign(world, 6, beside=1)
    world.automate()
    world.turn()
    world.settle()
    removed = [a for a in world.actions() if a.status is RemediationStatus.COMPLETED]
    assert len(removed) == 2
    for action in removed:
        commands.undo(world.parts, action.id, "ann")
    world.settle()
    assert len(world.visible("parcel")) == 7
    send(world, f"{STORY} {URL}", sender="desk@parcels9.example", subject="Notice 9")
    world.read()
    world.settle()
    assert len(world.visible("parcel")) == 7


def test_every_arrival_is_told_of_one_cluster(alone: MemoryWorld) -> None:
    """Each alert names its own message; the cluster is still the first one's."""
    campaign(alone, 6, beside=1)
    alone.turn()
    for n in range(3):
        send(alone, f"{STORY} So be quick. {URL}", sender=f"desk@late{n}.example", subject=f"Late {n}")
        alone.read()
    assert len(clusters(alone)[ClusterKind.NEAR_DUPLICATE]) == 1


def test_a_campaign_that_goes_on_grows_its_cluster(alone: MemoryWorld) -> None:
    campaign(alone, 6, beside=1)
    alone.turn()
    send(alone, STORY, sender="more@couriers.example", subject="One more")
    send(alone, f"{STORY} {URL}", sender="desk@parcels9.example", subject="Notice 9")
    alone.read()
    (alike,) = clusters(alone)[ClusterKind.NEAR_DUPLICATE]
    assert len(alike.members) == 9
    pending = [
        a for a in alone.actions() if a.cluster_id == alike.id and a.status is RemediationStatus.PENDING
    ]
    assert sum(a.tally.open for a in pending) == 2
    assert alike.volume is not None
    assert alike.volume.last_day == 9
