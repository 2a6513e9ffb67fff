from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from tests.store.make import BAD_URL, HOUR, NOW, delivery, features, indicator, message, plan, remediation

from clawback.analysis.clusters import Cluster, ClusterKind, Member
from clawback.analysis.entities import Entity, EntityKind, Reason
from clawback.analysis.indicators import Threat, VerdictKind
from clawback.analysis.verdict import Said
from clawback.errors import NotFound
from clawback.response.retraction import Retraction
from clawback.store import Store, scratch_store

LISTED, RULE = indicator(1), "rule-lure"
BAD = Said(LISTED.id, VerdictKind.MALICIOUS, Threat.MALICIOUS_URL, 90)
LURE = Said(RULE, VerdictKind.MALICIOUS, None, 80)
TAKEN_BACK = Retraction("ret-1", "url x", (LISTED,), (LISTED,), (LISTED.id, "ind-\udce9"), "ben", NOW, "ours")


def cluster(number: int, *members: str) -> Cluster:
    why = (Reason("same_url", BAD_URL, "body", "It links there."),)
    return Cluster(
        f"clu-{number}",
        ClusterKind.MALICIOUS_URL,
        BAD_URL,
        "",
        NOW,
        VerdictKind.MALICIOUS,
        Threat.MALICIOUS_URL,
        tuple(Member(m, why) for m in members),
        LISTED,
    )


@pytest.fixture
def filled(store: Store) -> Store:
    with store.write() as unit:
        for n in range(6):
            unit.messages.add([(message(n), features(n, BAD_URL))], now=NOW + n * HOUR)
            unit.deliveries.save([delivery(n)])
        unit.detections.put([("msg-0", BAD), ("msg-1", BAD), ("msg-1", LURE), ("msg-2", LURE)], NOW)
        unit.clusters.save(cluster(1, "msg-0", "msg-1"), "inv-1")
        unit.clusters.save(cluster(2, "msg-2"), "inv-1")
        unit.clusters.save(cluster(3, "msg-1", "msg-2"), "inv-2")
    return store


def test_a_retraction_knows_the_messages_that_its_sources_spoke_against(filled: Store) -> None:
    with filled.write() as unit:
        assert unit.retractions.add(TAKEN_BACK) == 2
        unit.detections.strike(LISTED.id)
    with filled.read() as unit:
        assert unit.retractions.get("ret-1") == TAKEN_BACK
        assert unit.retractions.clusters("ret-1") == ("clu-1", "clu-3")
        assert unit.retractions.among("ret-1", ["msg-0", "msg-1", "msg-2", "msg-9"]) == {"msg-0", "msg-1"}
        assert unit.detections.speaking(["msg-0", "msg-1"]) == {"msg-1": (LURE,)}
        with pytest.raises(NotFound):
            unit.retractions.get("ret-2")


def test_clusters_are_found_by_what_was_planned_for(filled: Store) -> None:
    with filled.write() as unit:
        unit.remediations.add(remediation(plan(1)), plan(1))
    with filled.read() as unit:
        assert unit.retractions.removed_for([BAD_URL]) == ("clu-1",)
        assert unit.retractions.removed_for([Entity(EntityKind.URL, "http://other.example/")]) == ()


def test_the_past_comes_into_a_scratch_store_piece_by_piece(filled: Store, tmp_path: Path) -> None:
    with filled.write() as unit:
        unit.indicators.add([LISTED])
    folder = tmp_path / "scratch"
    folder.mkdir()
    scratch, since = scratch_store(folder), NOW + timedelta(hours=2, minutes=30)
    with filled.read() as past, scratch.write() as unit:
        first = past.past.first_message(since)
        unit.scratch.begin(past.past, first, since, lambda rows: None)
    with scratch.read() as unit:
        assert [m.id for m in unit.messages.sharing([BAD_URL])] == ["msg-0", "msg-1", "msg-2"]
        assert unit.detections.of_source(RULE) == ("msg-1", "msg-2")
        assert unit.indicators.matching([Entity(EntityKind.URL, LISTED.value)]) == (LISTED,)
    with filled.read() as past, scratch.write() as unit:
        unit.scratch.admit(past.past, ["msg-4", "msg-0", "msg-4"])
        unit.scratch.admit(past.past, ["msg-4"])
    with scratch.read() as unit:
        assert [m.id for m in unit.messages.sharing([BAD_URL])] == ["msg-0", "msg-1", "msg-2", "msg-4"]
        assert unit.messages.get("msg-4") == message(4)
    scratch.close()


def test_copies_are_read_in_the_order_in_which_they_came(filled: Store) -> None:
    with filled.read() as unit:
        first = unit.past.copies(0, 4)
        rest = unit.past.copies(first[-1].no, 4)
        assert [kept.delivery.id for kept in (*first, *rest)] == [f"dlv-{n}" for n in range(6)]
        assert unit.past.copies_between(NOW, NOW + HOUR) == 6
        assert unit.past.messages_between(NOW, NOW + 2 * HOUR) == 2
        assert unit.past.first_message(NOW + 100 * HOUR) > 6
        assert unit.past.touched(["dlv-1"]) == {}
