from __future__ import annotations

from dataclasses import replace

import pytest
from tests.store.make import BAD_URL, HOUR, NOW

from clawback.analysis.clusters import Cluster, ClusterKind, Member
from clawback.analysis.entities import Entity, EntityKind, Reason
from clawback.analysis.indicators import Threat, VerdictKind
from clawback.errors import NotFound, PlanStale
from clawback.response.alerts import Alert, AlertKind, Severity
from clawback.response.applying import apply, start
from clawback.response.events import AlertJoined, InvestigationStarted
from clawback.response.investigation import Investigation, InvestigationStatus
from clawback.store import Store


def _alert(number: int = 1, cause: Entity = BAD_URL) -> Alert:
    return Alert(
        f"alr-{number}", AlertKind.URL_VERDICT_CHANGE, Severity.HIGH, "A t\udce9tle", cause, NOW, "manual"
    )


def _started(number: int = 1, cause: Entity = BAD_URL) -> Investigation:
    event = InvestigationStarted(f"inv-{number}", _alert(number, cause))
    return start(event, "Automation", NOW + number * HOUR)


def test_an_investigation_comes_back_whole_in_every_version(store: Store) -> None:
    first = _started()
    second = apply(first, AlertJoined("inv-1", _alert(2)), "ann", NOW + 2 * HOUR)
    with store.write() as unit:
        unit.investigations.save(first)
        assert unit.investigations.get("inv-1") == first
    with store.write() as unit:
        unit.investigations.save(second)
        assert unit.investigations.get("inv-1") == second


def test_the_slower_of_two_writers_is_told(store: Store) -> None:
    first = _started()
    second = apply(first, AlertJoined("inv-1", _alert(2)), "ann", NOW)
    third = apply(second, AlertJoined("inv-1", _alert(3)), "ann", NOW)
    with store.write() as unit:
        unit.investigations.save(first)
        unit.investigations.save(second)
    for late in (first, second, replace(third, version=4)):
        with pytest.raises(PlanStale), store.write() as unit:
            unit.investigations.save(late)
    with store.write() as unit:
        unit.investigations.save(replace(third, version=5), was=2)
        assert unit.investigations.get("inv-1").version == 5
        with pytest.raises(PlanStale):
            unit.investigations.save(replace(_started(2), version=2))


def test_investigations_are_found_by_cause_status_and_time(store: Store) -> None:
    long = Entity(EntityKind.URL, "http://long.example/" + "\u00e9x" * 5_000)
    done = replace(_started(2), status=InvestigationStatus.REMEDIATED)
    with store.write() as unit:
        for one in (_started(1), done, _started(3, long), _started(4)):
            unit.investigations.save(one)
        found = unit.investigations
        assert found.by_cause(str(BAD_URL)) == ("inv-4", "inv-2", "inv-1")
        assert found.by_cause(str(long)) == ("inv-3",)
        assert found.by_cause("url:x") == ()
        assert found.list(status=InvestigationStatus.REMEDIATED) == ((done,), "")
        timed, _ = found.list(since=NOW + 2 * HOUR, until=NOW + 4 * HOUR)
        assert [i.id for i in timed] == ["inv-3", "inv-2"]
        page, cursor = found.list(limit=3)
        rest, end = found.list(limit=3, cursor=cursor)
        assert [i.id for i in (*page, *rest)] == ["inv-4", "inv-3", "inv-2", "inv-1"]
        assert end == ""
        with pytest.raises(NotFound):
            found.get("inv-9")


def test_alerts_are_kept_once_with_their_investigation(store: Store) -> None:
    with store.write() as unit:
        unit.alerts.add(_alert(1), "inv-1")
        unit.alerts.add(_alert(1), "inv-2")
        unit.alerts.add(_alert(2), "inv-1")
        assert unit.alerts.get("alr-1") == _alert(1)
        assert unit.alerts.of_investigation("inv-1") == (_alert(1), _alert(2))
        assert unit.alerts.of_investigation("inv-2") == ()
        assert unit.alerts.list() == ((_alert(2), _alert(1)), "")
        with pytest.raises(NotFound):
            unit.alerts.get("alr-9")


def _member(number: int, where: str = "body a.href") -> Member:
    return Member(f"msg-{number}", (Reason("same_url", BAD_URL, where, f"Because \udce9 {number}."),))


def _cluster(*members: Member, number: int = 1) -> Cluster:
    return Cluster(
        id=f"clu-{number}",
        kind=ClusterKind.MALICIOUS_URL,
        key=BAD_URL,
        query="Url == 'http://evil.example/login'",
        asked_at=NOW,
        verdict=VerdictKind.MALICIOUS,
        threat=Threat.MALICIOUS_URL,
        members=members,
    )


def test_members_join_a_cluster_and_keep_their_first_reasons(store: Store) -> None:
    with store.write() as unit:
        unit.clusters.save(_cluster(_member(3), _member(1), _member(3, "later")), "inv-1")
    grown = replace(_cluster(_member(1, "other"), _member(2)), asked_at=NOW + HOUR)
    with store.write() as unit:
        unit.clusters.save(grown, "inv-1")
        whole = replace(grown, members=(_member(3), _member(1), _member(2)))
        assert unit.clusters.get("clu-1") == whole
        assert unit.clusters.of_investigation("inv-1") == (whole,)
        assert unit.clusters.of_investigation("inv-9") == ()
        assert unit.clusters.with_message("msg-2") == ("clu-1",)


def test_a_message_in_two_clusters_of_an_investigation_counts_once(store: Store) -> None:
    with store.write() as unit:
        unit.clusters.save(_cluster(_member(1), _member(2)), "inv-1")
        unit.clusters.save(_cluster(_member(2), _member(3), number=2), "inv-1")
        unit.clusters.save(_cluster(_member(4), number=3), "inv-2")
        assert [unit.clusters.messages_of(f"inv-{n}") for n in (1, 2, 3)] == [3, 1, 0]


def test_clusters_are_listed_with_their_sizes(store: Store) -> None:
    with store.write() as unit:
        unit.clusters.save(_cluster(*(_member(n) for n in range(12_000))), "inv-1")
        unit.clusters.save(_cluster(number=2), "inv-2")
        assert unit.clusters.list() == ((_cluster(number=2), _cluster()), "")
        assert unit.clusters.sizes(["clu-1", "clu-2", "clu-9"]) == {"clu-1": 12_000, "clu-2": 0}
        assert unit.clusters.investigation_of("clu-2") == "inv-2"
        for ask in (unit.clusters.get, unit.clusters.investigation_of):
            with pytest.raises(NotFound):
                ask("clu-9")
