"""Members and candidates of a cluster, the line between them, and the look-ups for similar messages."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from tests.store.make import BAD_URL, HOUR, NOW, delivery, features, message

from clawback.analysis.clusters import Cluster, ClusterKind, Member
from clawback.analysis.entities import Entity, EntityKind, Reason
from clawback.analysis.fingerprints import Fingerprint
from clawback.analysis.indicators import Threat, VerdictKind
from clawback.analysis.rollup import ThreatCounts
from clawback.analysis.volume import Volume
from clawback.errors import NotFound
from clawback.store import Store
from clawback.store.similar import Narrow

WHY = (Reason("similar_body", BAD_URL, "body", "The body is alike."),)
BAND = Fingerprint("band.00", "aa")
KEY = Entity(EntityKind.FINGERPRINT, "body=aa")


def _cluster(*scores: float, line: float = 0.8, first: int = 0) -> Cluster:
    members = [Member(f"msg-{n}", WHY, score) for n, score in enumerate(scores, first)]
    return Cluster(
        "clu-1",
        ClusterKind.NEAR_DUPLICATE,
        KEY,
        "EmailEvents",
        NOW,
        VerdictKind.NO_THREATS_FOUND,
        Threat.SPAM,
        tuple(m for m in members if m.score >= line),
        line=line,
        candidates=tuple(m for m in members if m.score < line),
    )


def _inside(store: Store) -> list[str]:
    with store.read() as unit:
        return sorted(m.message_id for m in unit.clusters.get("clu-1").members)


def _below(store: Store) -> list[str]:
    with store.read() as unit:
        found = unit.clusters.below("clu-1")
        assert unit.clusters.count_below("clu-1") == len(found)
        return [m.message_id for m in found]


def test_scores_and_candidates_are_kept(store: Store) -> None:
    with store.write() as unit:
        unit.clusters.save(_cluster(1.0, 0.9321, 0.7, 0.7999), "inv-1")
    with store.read() as unit:
        whole = unit.clusters.get("clu-1")
        assert [m.score for m in whole.members] == [1.0, 0.9321]
        assert [m.score for m in unit.clusters.below("clu-1")] == [0.7999, 0.7]
        assert unit.clusters.below("clu-1", 1)[0].reasons == WHY
        assert unit.clusters.head("clu-1").line == 0.8
        assert unit.clusters.heads_of("inv-1") == (replace(whole, members=()),)
    assert _below(store) == ["msg-3", "msg-2"]


@pytest.mark.parametrize(
    ("line", "inside"),
    [
        (1.0, [0]),
        (0.93, [0, 1]),
        (0.8, [0, 1]),
        (0.7, [0, 1, 2, 3]),
        (0.7001, [0, 1, 3]),
        (0.0, [0, 1, 2, 3]),
    ],
)
def test_moving_the_line_moves_the_messages_and_back(store: Store, line: float, inside: list[int]) -> None:
    with store.write() as unit:
        unit.clusters.save(_cluster(1.0, 0.93, 0.7, 0.7999), "inv-1")
        cut = unit.clusters.recut("clu-1", line)
        assert cut.line == unit.clusters.head("clu-1").line == line
    assert _inside(store) == [f"msg-{n}" for n in inside]
    assert set(_below(store)) == {f"msg-{n}" for n in range(4)} - set(_inside(store))
    with store.write() as unit:
        unit.clusters.recut("clu-1", 0.8)
    assert _inside(store) == ["msg-0", "msg-1"]


def test_what_is_found_again_is_parted_by_the_line_that_was_drawn(store: Store) -> None:
    with store.write() as unit:
        unit.clusters.save(_cluster(1.0, 0.93, 0.7), "inv-1")
        unit.clusters.recut("clu-1", 0.95)
        unit.clusters.save(_cluster(1.0, 0.93, 0.99, 0.5), "inv-1")
    assert _inside(store) == ["msg-0", "msg-2"]
    assert _below(store) == ["msg-1", "msg-3"]


def test_a_member_stays_one_when_it_is_found_less_alike(store: Store) -> None:
    with store.write() as unit:
        unit.clusters.save(_cluster(1.0, 0.93), "inv-1")
        unit.clusters.save(_cluster(0.7, 0.6), "inv-1")
        unit.clusters.put_below("clu-1", [Member("msg-1", WHY, 0.1), Member("msg-7", WHY, 0.1)])
    assert _inside(store) == ["msg-0", "msg-1"]
    assert _below(store) == ["msg-7"]


def test_what_is_said_of_a_cluster_is_written_anew(store: Store) -> None:
    said = replace(
        _cluster(),
        verdict=VerdictKind.MALICIOUS,
        threat=Threat.PHISH,
        threats=ThreatCounts(malicious=6, phish=6),
        volume=Volume(7, 1.5, 6.5),
        folded=(KEY,),
    )
    with store.write() as unit:
        unit.clusters.save(_cluster(1.0), "inv-1")
        unit.clusters.restate(said)
        assert unit.clusters.head("clu-1") == said
        assert unit.clusters.sizes(["clu-1"]) == {"clu-1": 1}
        with pytest.raises(NotFound):
            unit.clusters.restate(replace(said, id="clu-2"))


def test_the_ends_of_a_cluster(store: Store) -> None:
    with store.write() as unit:
        unit.clusters.save(_cluster(*[1.0] * 9), "inv-1")
        assert unit.clusters.ends("clu-1", 4) == ("msg-0", "msg-1", "msg-8", "msg-7")
        assert len(unit.clusters.ends("clu-1", 100)) == 9


def test_members_by_age(store: Store) -> None:
    ages = {0: 0, 1: 0, 2: 3, 3: 10, 4: 12}
    with store.write() as unit:
        copies = [
            replace(delivery(n), message_id=f"msg-{n}", internal_date=NOW - HOUR - timedelta(days=age))
            for n, age in ages.items()
        ]
        bobs = delivery(20, message_id="msg-2", mailbox="bob@corp.example")
        later = replace(bobs, internal_date=NOW - HOUR)
        unit.deliveries.save([*copies, later])
        unit.clusters.save(_cluster(*[1.0] * 5), "inv-1")
        assert unit.clusters.ages("clu-1", NOW, 10) == {0: 2, 3: 1, 10: 1}


def test_who_shares_a_fingerprint_is_narrowed(store: Store) -> None:
    with store.write() as unit:
        rows = [
            (message(n, sender=f"s{n}@{'a' if n < 3 else 'b'}.example"), features(n, prints=(BAND,)))
            for n in range(5)
        ]
        unit.messages.add(rows, now=NOW)
        unit.messages.add([(message(9), features(9))], now=NOW)
        unit.deliveries.save(
            [replace(delivery(n), message_id=f"msg-{n}", internal_date=NOW - n * HOUR) for n in range(5)]
        )
        unit.clusters.save(_cluster(1.0, 1.0), "inv-1")

        def found(**fields: object) -> tuple[str, ...]:
            return unit.similar.with_fingerprints((BAND, Fingerprint("band.01", "x")), Narrow(**fields), 100)  # type: ignore[arg-type]

        assert found() == ("msg-4", "msg-3", "msg-2", "msg-1", "msg-0")
        assert found(outside=("clu-1",)) == ("msg-4", "msg-3", "msg-2")
        assert found(sender="@B.example") == ("msg-4", "msg-3")
        assert found(sender="s1@a.example", outside=("clu-1", "clu-unknown")) == ()
        assert found(since=NOW - 3 * HOUR, until=NOW - HOUR) == ("msg-3", "msg-2", "msg-1")
        assert unit.similar.with_fingerprints((BAND,), Narrow(), 2) == ("msg-4", "msg-3")
        assert unit.similar.with_fingerprints((), Narrow(), 2) == ()
        own = Entity(EntityKind.SENDER, "sender9@example.org")
        assert unit.similar.with_entity(own, Narrow(), 2) == ("msg-9",)
        assert unit.similar.carried("msg-3", (BAND, Fingerprint("band.01", "x"))) == (BAND,)
        assert unit.similar.carried("msg-9", (BAND,)) == ()
        assert unit.similar.arrived(["msg-1", "msg-9"]) == {"msg-1": NOW - HOUR}
