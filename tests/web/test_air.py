"""What a Defender user asks, as a Defender user asks it."""

from __future__ import annotations

import json
import shutil
import subprocess
from typing import Any
from urllib.parse import quote

import pytest
from tests.web.desk import Desk, ok

from clawback.cli.session import finish
from clawback.engine import commands
from clawback.response.people import Role

AIR = "/api/air/investigations"


@pytest.fixture(scope="module", name="desk")
def _two_investigations(shared_desk: Desk) -> Desk:
    commands.start(shared_desk.app.parts, "https://other.example/x", "ann")
    finish(shared_desk.app)
    return shared_desk


def ask(desk: Desk, query: str = "") -> Any:
    return ok(desk.client.get(f"{AIR}?{query}", headers=desk.by(Role.READER)))


def test_the_line_of_the_seed_works_as_it_stands(desk: Desk) -> None:
    curl = shutil.which("curl")
    assert curl, "curl is needed for this test"
    port, token = desk.client.base_url.port, desk.tokens[Role.READER.value]
    url = f"http://127.0.0.1:{port}/api/air/investigations"
    command = [curl, "-s", "-X", "GET", url, "-H", f"Authorization: Bearer {token}"]
    done = subprocess.run(command, check=True, capture_output=True, timeout=60)
    answer = json.loads(done.stdout)
    assert answer["@odata.context"] == f"http://127.0.0.1:{port}/api/air/$metadata#investigations"
    (found,) = (one for one in answer["value"] if one["ThreatCount"])
    assert found["Status"] == "Pending Action"
    assert found["InvestigationType"] == "URL verdict change"
    assert (found["ThreatCount"], found["ActionCount"]) == (3, 1)


def test_pages_follow_each_other_by_next_link(desk: Desk) -> None:
    seen: list[str] = []
    answer = ask(desk, "$top=1&$orderby=Status desc,CreationTime asc&$count=true")
    assert answer["@odata.count"] == 2
    while True:
        seen += [one["InvestigationId"] for one in answer["value"]]
        if "@odata.nextLink" not in answer:
            break
        answer = ok(desk.client.get(answer["@odata.nextLink"], headers=desk.by(Role.READER)))
        assert answer["@odata.count"] == 2
    whole = [one["InvestigationId"] for one in ask(desk, "$orderby=CreationTime")["value"]]
    assert seen == whole
    assert len(set(seen)) == 2
    assert [one["InvestigationId"] for one in ask(desk)["value"]] == whole[::-1]
    skipped = ask(desk, "$skip=1&$orderby=CreationTime")["value"]
    assert [one["InvestigationId"] for one in skipped] == whole[1:]


@pytest.mark.parametrize(
    ("condition", "count"),
    [
        ("Status eq 'Pending Action'", 1),
        ("status EQ 'pending action'", 1),
        ("Status ne 'Pending Action'", 1),
        ("Status in ('Pending Action', 'No Threats Found')", 2),
        ("startswith(Status, 'Pending')", 1),
        ("contains(Investigation, 'LOGIN.evil')", 1),
        ("endswith(Investigation, '/session')", 1),
        ("contains(Investigation, '100%')", 0),
        ("ThreatCount gt 0", 1),
        ("not (ThreatCount gt 0)", 1),
        ("ThreatCount ge 3 and ActionCount eq 1", 1),
        ("ThreatCount eq 3 or ThreatCount eq 0", 2),
        ("ThreatCount eq 3 or ThreatCount eq 0 and ActionCount eq 7", 1),
        ("(ThreatCount eq 3 or ThreatCount eq 0) and ActionCount eq 7", 0),
        ("CreationTime ge 2020-01-01", 2),
        ("CreationTime lt 2020-01-01T00:00:00Z", 0),
        ("EndTime eq null", 1),
        ("EndTime ne null", 1),
        ("not (EndTime gt 2020-01-01)", 1),
        ("InvestigationType eq 'URL verdict change'", 1),
        ("InvestigationType eq 'Nothing'", 0),
        ("InvestigationId eq 'it''s none'", 0),
    ],
)
def test_a_filter_finds_what_it_says(desk: Desk, condition: str, count: int) -> None:
    answer = ask(desk, f"$count=true&$filter={quote(condition)}")
    assert (len(answer["value"]), answer["@odata.count"]) == (count, count)


@pytest.mark.parametrize(
    "query",
    [
        "$filter=Status eq",
        "$filter=Status eq 'x",
        "$filter=Nothing eq 1",
        "$filter=ThreatCount eq 'x'",
        "$filter=ThreatCount eq 99999999999999999999",
        "$filter=CreationTime eq 'yesterday'",
        "$filter=CreationTime eq 2026-13-45",
        "$filter=Status gt null",
        "$filter=ThreatCount gt null",
        "$filter=contains(ThreatCount, '1')",
        "$filter=contains(Status)",
        "$filter=Status eq 'a' Status eq 'b'",
        "$filter=; DROP TABLE investigations",
        f"$filter={'(' * 30}Status eq 'x'{')' * 30}",
        f"$filter={'not ' * 30}Status eq 'x'",
        f"$filter={' or '.join(['ThreatCount eq 1'] * 101)}",
        f"$filter=Status eq '{'x' * 5_000}'",
        "$orderby=Duration",
        "$orderby=EndTime",
        "$orderby=Status sideways",
        "$orderby=Status,Status,Status,Status,Status",
        "$top=-1",
        "$top=1001",
        "$top=x",
        "$skip=100001",
        "$skiptoken=nonsense",
        "$skiptoken=WyJ4Il0",
        "$select=Nothing",
        "$search=x",
        "$top=1&$top=2",
    ],
)
def test_a_query_that_cannot_be_is_refused_with_a_reason(desk: Desk, query: str) -> None:
    answer = desk.client.get(f"{AIR}?{query}", headers=desk.by(Role.READER))
    assert answer.status_code == 400
    assert answer.headers["content-type"] == "application/problem+json"
    problem = answer.json()
    assert problem["type"] == "urn:clawback:problem:bad-query"
    assert problem["detail"]


def test_select_and_top_bound_the_answer(desk: Desk) -> None:
    for one in ask(desk, "$select=status,Investigation")["value"]:
        assert set(one) == {"Status", "Investigation"}
    assert ask(desk, "$top=0&$count=true") | {"@odata.context": ""} == {
        "@odata.context": "",
        "@odata.count": 2,
        "value": [],
    }


def test_one_investigation_has_clusters_actions_and_log(desk: Desk) -> None:
    (one,) = ask(desk, "$filter=ThreatCount gt 0")["value"]
    whole = ok(desk.client.get(f"{AIR}/{one['InvestigationId']}", headers=desk.by(Role.READER)))
    assert whole["Clusters"][0]["ClusterType"] == "Similar URLs"
    assert whole["RemediationActions"][0]["Status"] == "Pending"
    assert whole["Log"]
    missing = desk.client.get(f"{AIR}/inv-0", headers=desk.by(Role.READER))
    assert (missing.status_code, missing.json()["type"]) == (404, "urn:clawback:problem:not-found")
