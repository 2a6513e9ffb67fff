"""Pages as answers: those of odd values, and those that tell of very many things."""

from __future__ import annotations

import pytest
from tests.web.desk import Desk

from clawback.analysis.entities import EntityKind
from clawback.response.people import Role
from clawback.web import cluster_heads
from clawback.web.portal import clusters as page_of_clusters
from clawback.web.portal import lists as page_of_entities
from clawback.web.portal.addresses import address_of


def page(desk: Desk, path: str) -> str:
    answer = desk.client.get(path, headers=desk.signed_in(Role.READER.value))
    assert answer.status_code == 200, answer.text
    return answer.text


def key(desk: Desk) -> tuple[str, str]:
    """The id and the key of the campaign's cluster."""
    with desk.app.store.read() as unit:
        (cluster,), _ = unit.clusters.list(limit=1)
    return cluster.id, cluster.key.value


@pytest.mark.parametrize("value", ["https://a.example/b//c?d=%2F#e", "100%25.example/\N{SNOWMAN}"])
def test_the_page_of_a_url_is_reached_by_its_address(shared_desk: Desk, value: str) -> None:
    seen = page(shared_desk, address_of(EntityKind.URL, value))
    assert "No message carries it" in seen
    assert value.replace("&", "&amp;") in seen


def test_what_carries_a_url_is_told_with_the_newest_first(
    shared_desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, url = key(shared_desk)
    where = address_of(EntityKind.URL, url)
    assert "the newest 3 of 3 shown" in page(shared_desk, where)
    monkeypatch.setattr(page_of_entities, "CARRIERS", 2)
    monkeypatch.setattr(page_of_entities, "LOOKED_AT", 1)
    monkeypatch.setattr(page_of_entities, "COUNTED", 3)
    seen = page(shared_desk, where)
    assert "the newest 2 of 3 or more shown" in seen
    assert "of the newest 1 messages" in seen


def test_a_large_cluster_is_traced_when_asked_and_tells_when_it_was_counted(
    shared_desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    cluster_id, _ = key(shared_desk)
    here = f"/clusters/{cluster_id}"
    assert "Known by" in page(shared_desk, here)
    monkeypatch.setattr(page_of_clusters, "SPREAD_LIMIT", 1)
    assert "Known by" not in page(shared_desk, here)
    assert "as counted" not in page(shared_desk, here)
    assert "Known by" in page(shared_desk, f"{here}?trace=yes")
    monkeypatch.setattr(page_of_clusters, "TRACED", 1)
    monkeypatch.setattr(cluster_heads, "COUNTED", 1)
    seen = page(shared_desk, here)
    assert "Too many copies to trace" in seen
    assert "as counted" in seen


def test_exposure_is_added_up_from_the_days_that_were_counted(shared_desk: Desk) -> None:
    assert "Copies taken out" in page(shared_desk, "/exposure?days=7")
    refused = shared_desk.client.get("/exposure?days=91", headers=shared_desk.signed_in(Role.READER.value))
    assert refused.status_code == 400
