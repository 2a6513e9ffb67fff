from __future__ import annotations

from tests.store.make import BAD_URL, NOW, features, message

from clawback.analysis.clusters import Cluster, ClusterKind, Member
from clawback.analysis.entities import Reason
from clawback.analysis.indicators import Threat, VerdictKind
from clawback.analysis.verdict import Judged, Said
from clawback.store import Store

FEED = Said("ind-feed", VerdictKind.SUSPICIOUS, Threat.SPAM, 40)
LISTED = Said("ind-listed", VerdictKind.MALICIOUS, Threat.MALICIOUS_URL, 90)
BAD = Judged(VerdictKind.MALICIOUS, Threat.MALICIOUS_URL)
DOUBTFUL = Judged(VerdictKind.SUSPICIOUS, Threat.SPAM)


def _filled(store: Store, count: int) -> None:
    with store.write() as unit:
        unit.messages.add([(message(n), features(n)) for n in range(count)], now=NOW)


def test_the_gravest_of_what_is_said_is_the_verdict(store: Store) -> None:
    _filled(store, 3)
    with store.write() as unit:
        unit.detections.put([("msg-0", FEED), ("msg-0", LISTED), ("msg-1", FEED)], NOW)
    with store.read() as unit:
        assert unit.detections.verdicts(["msg-0", "msg-1", "msg-2"]) == {"msg-0": BAD, "msg-1": DOUBTFUL}


def test_a_source_that_is_taken_back_takes_only_its_own_word_back(store: Store) -> None:
    _filled(store, 3)
    with store.write() as unit:
        unit.detections.put([(f"msg-{n}", word) for n in range(3) for word in (FEED, LISTED)], NOW)
        assert unit.detections.strike(LISTED.source, ["msg-1"]) == 1
        assert unit.detections.of_source(LISTED.source) == ("msg-0", "msg-2")
        assert unit.detections.strike(LISTED.source) == 2
    with store.read() as unit:
        assert unit.detections.verdicts(["msg-0", "msg-1", "msg-2"]) == dict.fromkeys(
            ["msg-0", "msg-1", "msg-2"], DOUBTFUL
        )


def test_a_source_that_speaks_again_is_believed_anew(store: Store) -> None:
    _filled(store, 1)
    later = Said(FEED.source, VerdictKind.MALICIOUS, Threat.MALWARE, 100)
    with store.write() as unit:
        unit.detections.put([("msg-0", FEED)], NOW)
        unit.detections.put([("msg-0", later), ("msg-unknown", later)], NOW)
        found = unit.detections.verdicts(["msg-0", "msg-unknown"])
    assert found == {"msg-0": Judged(VerdictKind.MALICIOUS, Threat.MALWARE)}


def test_a_clusters_members_are_counted_by_their_verdict(store: Store) -> None:
    _filled(store, 6)
    why = (Reason("same_url", BAD_URL, "body a.href", "The link is the same."),)
    members = tuple(Member(f"msg-{n}", why) for n in range(5))
    cluster = Cluster(
        "clu-1",
        ClusterKind.MALICIOUS_URL,
        BAD_URL,
        "EmailUrlInfo",
        NOW,
        VerdictKind.UNKNOWN,
        Threat.SPAM,
        members,
    )
    with store.write() as unit:
        unit.clusters.save(cluster, "inv-1")
        unit.detections.put([("msg-0", FEED), ("msg-0", LISTED), ("msg-1", LISTED), ("msg-2", FEED)], NOW)
        unit.detections.put([("msg-5", LISTED)], NOW)
    with store.read() as unit:
        assert unit.detections.counts("clu-1") == {BAD: 2, DOUBTFUL: 1}
