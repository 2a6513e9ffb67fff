"""What is ordered by the API is done, once, and told."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from tests.engine.world import URL, actions
from tests.web.desk import Desk, ok

from clawback.cli.session import finish
from clawback.engine import accounts
from clawback.response.people import Role

APPROVER, ANALYST, ADMINISTRATOR = Role.APPROVER, Role.ANALYST, Role.ADMINISTRATOR


def waiting(desk: Desk) -> Any:
    """The action that waits."""
    found = ok(desk.client.get("/api/actions?status=pending", headers=desk.by(Role.READER)))["items"]
    (one,) = found
    return one


def approve(desk: Desk, action: Any, note: str = "seen", **headers: str) -> Any:
    body = {"plan_hash": action["plan_hash"], "note": note}
    sent = {**desk.by(APPROVER), **headers}
    return desk.client.post(f"/api/actions/{action['id']}/approve", json=body, headers=sent)


def test_an_approval_removes_and_an_undo_brings_everything_back(desk: Desk, tmp_path: Path) -> None:
    get, by = desk.client.get, desk.by(Role.READER)
    action = waiting(desk)
    plan = ok(get(f"/api/actions/{action['id']}/plan", headers=by))
    assert len(plan["items"]) == action["tally"]["found"] == 3
    wrong = {**action, "plan_hash": "0" * 64}
    assert approve(desk, wrong).status_code == 409
    assert ok(approve(desk, action))["approval"]["by"] == "approver"
    assert approve(desk, action).status_code == 409
    finish(desk.app)
    done = ok(get(f"/api/actions/{action['id']}", headers=by))["action"]
    assert (done["status"], done["tally"]["removed"]) == ("completed", 3)
    results = ok(get(f"/api/actions/{action['id']}/results?limit=2", headers=by))
    rest = ok(get(f"/api/actions/{action['id']}/results?limit=2&cursor={results['next']}", headers=by))
    assert [len(results["items"]), len(rest["items"]), rest["next"]] == [2, 1, ""]
    back = ok(desk.client.post(f"/api/actions/{action['id']}/undo", json={}, headers=desk.by(APPROVER)))
    finish(desk.app)
    undone = ok(get(f"/api/actions/{back['id']}", headers=by))["action"]
    assert (undone["status"], undone["undoes"], undone["tally"]["removed"]) == ("completed", action["id"], 3)


def test_two_persons_are_two_accounts(desk: Desk) -> None:
    admin = desk.by(ADMINISTRATOR)
    tag = desk.client.get("/api/automation", headers=admin).headers["etag"]
    change = {"two_step_copies": 1}
    ok(desk.client.patch("/api/automation", json=change, headers={**admin, "If-Match": tag}))
    action = waiting(desk)
    first = ok(approve(desk, action))
    assert (first["status"], first["first"]["by"]) == ("pending", "approver")
    again = approve(desk, action)
    assert (again.status_code, again.json()["type"]) == (403, "urn:clawback:problem:forbidden")
    assert ok(approve(desk, action, **desk.by(ADMINISTRATOR)))["status"] == "approved"


def test_a_rejection_touches_nothing(desk: Desk) -> None:
    action = waiting(desk)
    url = f"/api/actions/{action['id']}/reject"
    assert ok(desk.client.post(url, json={"note": "no"}, headers=desk.by(APPROVER)))["status"] == "rejected"
    assert finish(desk.app) >= 0
    assert [a.tally.removed for a in actions(desk.app)] == [0]


def test_an_order_with_a_key_is_given_once(desk: Desk) -> None:
    action = waiting(desk)
    first = approve(desk, action, **{"Idempotency-Key": "k1"})
    again = approve(desk, action, **{"Idempotency-Key": "k1"})
    assert (ok(first), "idempotency-replayed" in first.headers) == (ok(again), False)
    assert again.headers["idempotency-replayed"] == "true"
    other = approve(desk, action, note="another", **{"Idempotency-Key": "k1"})
    assert (other.status_code, other.json()["type"]) == (422, "urn:clawback:problem:given-twice")
    assert approve(desk, action, **{"Idempotency-Key": "k2"}).status_code == 409
    assert approve(desk, action, **{"Idempotency-Key": "x" * 201}).status_code == 400
    with desk.app.store.read() as unit:
        assert len(unit.audit.list(types=["remediation_approved"])) == 1


def test_a_refused_order_frees_its_key(desk: Desk) -> None:
    action = waiting(desk)
    wrong = {**action, "plan_hash": "0" * 64}
    assert approve(desk, wrong, **{"Idempotency-Key": "k1"}).status_code == 409
    assert approve(desk, action, **{"Idempotency-Key": "k1"}).status_code == 200


def test_two_who_edit_the_policy_do_not_overwrite_each_other(desk: Desk) -> None:
    url, admin = "/api/automation", desk.by(ADMINISTRATOR)
    seen = desk.client.get(url, headers=admin)
    tag = {"If-Match": seen.headers["etag"]}
    changed = desk.client.patch(url, json={"limit": 7, "expiry": "P2D"}, headers={**admin, **tag})
    assert ok(changed) == {**seen.json(), "limit": 7, "expiry": "P2D"}
    late = desk.client.patch(url, json={"limit": 8}, headers={**admin, **tag})
    assert (late.status_code, late.json()["type"]) == (412, "urn:clawback:problem:changed-meanwhile")
    assert desk.client.patch(url, json={"limit": 8}, headers=admin).status_code == 400
    assert ok(desk.client.get(url, headers=admin))["limit"] == 7


@pytest.mark.parametrize(
    "body",
    [b"", b"[]", b"{", b'{"limit": 0}', b'{"limit": "x"}', b'{"nothing": 1}', b'{"likeness": 7}',
     b'{"expiry": "P9999D"}', b'{"excluded_mailboxes": [""]}', b'{"automatic": ["everything"]}', b"\xff"],
)  # fmt: skip
def test_a_policy_that_cannot_be_is_refused(shared_desk: Desk, body: bytes) -> None:
    headers = {**shared_desk.by(ADMINISTRATOR), "If-Match": "*"}
    answer = shared_desk.client.patch("/api/automation", content=body, headers=headers)
    assert answer.status_code == 400, answer.text


def test_indicators_are_listed_changed_imported_and_taken_off(desk: Desk) -> None:
    url, by = "/api/indicators", desk.by(ANALYST)
    made = ok(desk.client.post(url, json={"value": "hxxps://new[.]example/x", "note": "a"}, headers=by))
    assert (made["value"], made["kind"], made["verdict"]) == ("https://new.example/x", "url", "malicious")
    one = f"{url}/{made['id']}"
    tag = desk.client.get(one, headers=by).headers["etag"]
    changed = desk.client.patch(one, json={"note": "b"}, headers={**by, "If-Match": tag})
    assert ok(changed) == {**made, "note": "b"}
    assert desk.client.patch(one, json={"note": "c"}, headers={**by, "If-Match": tag}).status_code == 412
    assert ok(desk.client.delete(one, headers=by))["note"] == "b"
    assert desk.client.get(one, headers=by).status_code == 404
    allow = {"value": "good.example", "kind": "host", "verdict": "no_threats_found"}
    ok(desk.client.post(url, json=allow, headers=by))
    listed = ok(desk.client.get(f"{url}?verdict=no_threats_found", headers=by))["items"]
    assert [i["value"] for i in listed] == ["good.example"]
    text = "a.example\nb.example\n\nnot a host at all!\n"
    read = ok(desk.client.post(f"{url}/import?source=feed&kind=host", content=text, headers=by))
    assert (read["added"], read["defects"]) == (2, 1)
    assert desk.client.post(url, json={"value": "???"}, headers=by).status_code == 400


def test_an_investigation_is_started_and_shown_in_all_its_parts(desk: Desk) -> None:
    by, get = desk.by(ANALYST), desk.client.get
    started = ok(desk.client.post("/api/investigations", json={"entity": URL}, headers=by))
    finish(desk.app)
    url = f"/api/investigations/{started['investigation_id']}"
    whole = ok(get(url, headers=by))
    parts = {name: ok(get(f"{url}/{name}", headers=by)) for name in ("alerts", "evidence", "entities", "log")}
    assert all(part["items"] for part in parts.values())
    assert [alert["id"] for alert in parts["alerts"]["items"]] == [a["id"] for a in whole["alerts"]]
    graph = ok(get(f"{url}/graph", headers=by))
    known = {node["id"] for node in graph["nodes"]}
    assert {whole["id"], whole["clusters"][0]["cluster_id"]} <= known
    assert all(edge["source"] in known and edge["target"] in known for edge in graph["edges"])


def test_messages_are_found_by_what_they_are_and_carry(shared_desk: Desk) -> None:
    by, get = shared_desk.by(Role.READER), shared_desk.client.get
    whole = ok(get("/api/messages?limit=4", headers=by))
    rest = ok(get(f"/api/messages?limit=4&cursor={whole['next']}", headers=by))
    assert [len(whole["items"]), len(rest["items"])] == [4, 2]
    assert all(m["text"] == m["html"] == "" for m in whole["items"])
    bad = ok(get("/api/messages", params={"url": URL}, headers=by))["items"]
    assert len(bad) == 3
    url = f"/api/messages/{bad[0]['id']}"
    assert len(ok(get(f"{url}/copies", headers=by))["items"]) == 1
    (cluster_id,) = ok(get(f"{url}/clusters", headers=by))["items"]
    members = ok(get(f"/api/clusters/{cluster_id}/members?limit=2", headers=by))
    assert [len(members["items"]), bool(members["next"])] == [2, True]
    assert len(ok(get(f"/api/clusters/{cluster_id}/spread", headers=by))["passages"]) == 3
    assert ok(get(f"/api/messages?sender=sender.example&mailbox={'user0@example.org'}", headers=by))["items"]
    assert ok(get("/api/messages?sender=nobody.example", headers=by))["items"] == []


def test_a_body_is_seen_by_who_may_and_says_why(desk: Desk) -> None:
    accounts.change_account(desk.app.parts, "reader", "test", content=True)
    (message, *_) = ok(desk.client.get("/api/messages", headers=desk.by(Role.READER)))["items"]
    url, by = f"/api/messages/{message['id']}/content", desk.token("reader")
    assert desk.client.post(url, json={"reason": " "}, headers=by).status_code == 400
    assert desk.client.post(url, json={"reason": "case 7"}, headers=desk.by(ADMINISTRATOR)).status_code == 403
    seen = desk.client.post(url, json={"reason": "case 7"}, headers=by)
    assert seen.status_code == 200
    assert seen.content.startswith(b"From: Desk")
    assert seen.headers["content-disposition"] == 'attachment; filename="message.eml"'
    with desk.app.store.read() as unit:
        (told,) = unit.audit.list(types=["content_viewed"])
    assert (told.actor, told.body["reason"], told.body["message_id"]) == ("reader", "case 7", message["id"])


@pytest.mark.parametrize(
    ("form", "start"), [("csv", b"\xef\xbb\xbfcluster_id,"), ("json", b"["), ("parquet", b"PAR1")]
)
def test_a_cluster_is_exported_whole(shared_desk: Desk, form: str, start: bytes) -> None:
    (cluster, *_) = ok(shared_desk.client.get("/api/clusters", headers=shared_desk.by(ANALYST)))["items"]
    url = f"/api/clusters/{cluster['id']}/export?form={form}"
    answer = shared_desk.client.get(url, headers=shared_desk.by(ANALYST))
    assert answer.content.startswith(start)
    assert answer.headers["content-disposition"] == f'attachment; filename="{cluster["id"]}.{form}"'
    if form == "json":
        assert len(json.loads(answer.content)) == cluster["places"]["copies"] == 3


def test_the_action_center_is_exported_with_defenders_columns(shared_desk: Desk) -> None:
    url, by = "/api/actions/export", shared_desk.by(ANALYST)
    pending, history = (
        shared_desk.client.get(f"{url}?history={word}", headers=by) for word in ("false", "true")
    )
    assert pending.text.startswith("\ufeffInvestigation ID,First seen,Details,Email count,")
    assert (len(pending.text.splitlines()), len(history.text.splitlines())) == (2, 1)
    assert pending.headers["content-disposition"] == 'attachment; filename="actions.csv"'
    assert shared_desk.client.get(url, headers=shared_desk.by(Role.READER)).status_code == 403


def test_clicks_are_handed_in_and_raise_an_alert(desk: Desk) -> None:
    lines = "\n".join((json.dumps({"user": "user0@example.org", "url": URL}), "no click"))
    url, by = "/api/clicks?source=proxy", desk.by(ANALYST)
    read = ok(desk.client.post(url, content=lines, headers=by))
    assert (read["added"], read["defects"]) == (1, 1)
    finish(desk.app)
    alerts = ok(desk.client.get("/api/alerts", headers=by))["items"]
    assert "url_click" in {alert["kind"] for alert in alerts}


def test_events_come_as_they_happen_and_go_on_where_they_were_left(desk: Desk) -> None:
    by = {**desk.by(Role.READER), "Last-Event-ID": "0"}
    with desk.client.stream("GET", "/api/events", headers=by) as stream:
        assert stream.headers["content-type"].startswith("text/event-stream")
        lines = (line for line in stream.iter_lines() if line.startswith("id: "))
        first = [int(next(lines).removeprefix("id: ")) for _ in range(3)]
    assert first == [1, 2, 3]
    with desk.app.store.read() as unit:
        last = unit.audit.count()
    by["Last-Event-ID"] = str(last)
    with desk.client.stream("GET", "/api/events", headers=by) as stream:
        told = stream.iter_lines()
        assert next(told).startswith(":")
        ok(desk.client.post("/api/indicators", json={"value": "a.example"}, headers=desk.by(ANALYST)))
        news = next(line for line in told if line.startswith("id: "))
    assert news == f"id: {last + 1}"


def test_the_audit_log_is_read_and_verified(shared_desk: Desk) -> None:
    by, get = shared_desk.by(ANALYST), shared_desk.client.get
    page = ok(get("/api/audit?limit=2", headers=by))
    assert [row["seq"] for row in page["items"]] == [1, 2]
    assert next(row["seq"] for row in ok(get(f"/api/audit?cursor={page['next']}", headers=by))["items"]) == 3
    assert ok(get("/api/audit?after=2&limit=1", headers=by))["items"][0]["seq"] == 3
    assert ok(get("/api/audit?type=token_made&limit=1000", headers=by))["next"] == ""
    assert ok(get("/api/audit/verify", headers=by))["ok"]


def test_accounts_are_made_and_changed_by_who_administers(desk: Desk) -> None:
    url, by = "/api/accounts", desk.by(ADMINISTRATOR)
    made = ok(desk.client.post(url, json={"name": "Zoe", "role": "analyst"}, headers=by))
    assert (made["account"]["name"], len(made["password"])) == ("zoe", 27)
    desk.signed_in("zoe", made["password"])
    assert desk.client.post(url, json={"name": "zoe", "role": "reader"}, headers=by).status_code == 400
    assert desk.client.post(url, json={"name": "<b>", "role": "reader"}, headers=by).status_code == 400
    assert ok(desk.client.patch(f"{url}/zoe", json={"disabled": True}, headers=by))["disabled"]
    last = desk.client.patch(f"{url}/administrator", json={"role": "reader"}, headers=by)
    assert last.status_code == 400
    assert len(ok(desk.client.get(url, headers=by))["items"]) == 5
