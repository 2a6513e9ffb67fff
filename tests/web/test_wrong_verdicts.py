"""Reports, retractions, the breaker, and cutting again, by the API."""

from __future__ import annotations

import base64
import io
import resource
import zipfile
from email.message import EmailMessage
from typing import Any

from tests.engine.world import URL, mail
from tests.web.desk import Desk, ok

from clawback.cli.session import finish
from clawback.response.people import Role

APPROVER, ANALYST = Role.APPROVER, Role.ANALYST


def pending(desk: Desk) -> Any:
    (one,) = ok(desk.client.get("/api/actions?status=pending", headers=desk.by(ANALYST)))["items"]
    return one


def approve(desk: Desk, **body: Any) -> Any:
    action = pending(desk)
    sent = {"plan_hash": action["plan_hash"], **body}
    done = ok(desk.client.post(f"/api/actions/{action['id']}/approve", json=sent, headers=desk.by(APPROVER)))
    finish(desk.app)
    return done


def test_a_verdict_is_taken_back_and_all_comes_back(desk: Desk) -> None:
    approve(desk)
    post, get, by = desk.client.post, desk.client.get, desk.by(APPROVER)
    would = ok(get("/api/retractions/preview", params={"what": URL}, headers=desk.by(ANALYST)))
    assert len(would["fates"]) == 3
    assert ok(get("/api/indicators", headers=by))["items"][0]["verdict"] == "malicious"
    made = ok(post("/api/retractions", json={"what": URL, "note": "ours"}, headers=by))
    finish(desk.app)
    done = ok(get(f"/api/retractions/{made['id']}", headers=by))
    assert done["running"] == []
    assert {i["verdict"] for i in ok(get("/api/indicators", headers=by))["items"]} == {"no_threats_found"}
    restored = [a for a in ok(get("/api/actions", headers=by))["items"] if a["undoes"]]
    assert [a["tally"]["removed"] for a in restored] == [3]


def test_a_part_is_approved_and_the_rest_waits(desk: Desk) -> None:
    part = approve(desk, mailboxes=["USER0@example.org"])
    assert (part["tally"]["found"], part["status"]) == (1, "approved")
    rest = pending(desk)
    assert (rest["tally"]["found"], rest["part_of"]) == (2, part["part_of"])
    exposure = ok(desk.client.get(f"/api/actions/{part['id']}/exposure", headers=desk.by(ANALYST)))
    assert (exposure["copies"], exposure["removed"]) == (1, 1)


def test_the_breaker_is_opened_and_closed_with_who_and_why(desk: Desk) -> None:
    post, by = desk.client.post, desk.by(APPROVER)
    opened = ok(post("/api/breaker/open", json={"note": "odd"}, headers=by))
    assert (opened["open"], opened["by"], opened["reason"]) == (True, "approver", "odd")
    assert post("/api/breaker/open", json={}, headers=by).status_code == 409
    assert ok(desk.client.get("/api/breaker", headers=desk.by(Role.READER)))["open"]
    assert not ok(post("/api/breaker/close", json={}, headers=by))["open"]


def test_a_message_is_reported_confirmed_and_dismissed(desk: Desk) -> None:
    post, get, by = desk.client.post, desk.client.get, desk.by(ANALYST)
    (path, *_) = (p for p in (desk.app.settings.data_folder.parent / "mail").rglob("*M1P1*") if p.is_file())
    raw = base64.b64encode(path.read_bytes()).decode()
    sent = {"raw": raw, "reported_as": "phish", "reporter": "user1@example.org"}
    made = ok(post("/api/submissions", json=sent, headers=by))
    finish(desk.app)
    url = f"/api/submissions/{made['id']}"
    assert ok(get(url, headers=by))["message_id"].startswith("msg-")
    (listed,) = ok(get("/api/submissions?reporter=user1@example.org", headers=by))["items"]
    assert listed["id"] == made["id"]
    said = ok(post(f"{url}/confirm", json={"threat": "phish"}, headers=desk.by(APPROVER)))
    assert said["confirmed_as"] == "phish"
    finish(desk.app)
    done = ok(post(f"{url}/dismiss", json={"note": "no"}, headers=desk.by(APPROVER)))
    assert (done["result"], done["decided_by"]) == ("no_threats_found", "approver")
    assert post("/api/submissions", json={**sent, "raw": "%"}, headers=by).status_code == 400
    unknown = base64.b64encode(mail(99, "nobody has this")).decode()
    assert post("/api/submissions", json={**sent, "raw": unknown}, headers=by).status_code == 202


def test_a_cluster_is_cut_again_only_while_nothing_was_approved(desk: Desk) -> None:
    post, by = desk.client.post, desk.by(ANALYST)
    cluster_id = pending(desk)["cluster_id"]
    again = ok(post(f"/api/clusters/{cluster_id}/recut", json={"line": 1.0}, headers=by))
    assert again["messages"] == 3
    finish(desk.app)
    approve(desk)
    refused = post(f"/api/clusters/{cluster_id}/recut", json={"line": 0.5}, headers=by)
    assert (refused.status_code, refused.json()["type"]) == (409, "urn:clawback:problem:plan-stale")
    assert post(f"/api/clusters/{cluster_id}/recut", json={"line": 7}, headers=by).status_code == 400


def test_alerts_are_listed(shared_desk: Desk) -> None:
    (alert,) = ok(shared_desk.client.get("/api/alerts", headers=shared_desk.by(Role.READER)))["items"]
    assert alert["kind"] == "url_verdict_change"


def test_a_report_with_a_bomb_in_it_is_looked_into_within_bounds(desk: Desk) -> None:
    inner, outer = io.BytesIO(), io.BytesIO()
    with (
        zipfile.ZipFile(inner, "w", zipfile.ZIP_DEFLATED) as archive,
        archive.open("zeros.txt", "w") as zeros,
    ):
        for _ in range(300):
            zeros.write(bytes(1 << 20))
    with zipfile.ZipFile(outer, "w") as archive:
        for number in range(10):
            archive.writestr(f"{number}.zip", inner.getvalue())
    lure = EmailMessage()
    lure["From"], lure["To"], lure["Subject"] = "who@evil.example", "user1@example.org", "Three gigabytes"
    lure.set_content("see the file")
    lure.add_attachment(outer.getvalue(), maintype="application", subtype="zip", filename="bomb.zip")
    sent = {"raw": base64.b64encode(lure.as_bytes()).decode(), "reported_as": "malware"}
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    made = ok(desk.client.post("/api/submissions", json=sent, headers=desk.by(ANALYST)))
    finish(desk.app)
    kibibytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert kibibytes < 200 << 10
    found = ok(desk.client.get(f"/api/submissions/{made['id']}", headers=desk.by(ANALYST)))
    assert found["id"] == made["id"]
