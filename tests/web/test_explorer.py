"""The explorer: search by any field, plots, export; an action on what was chosen, from preview to undo."""

from __future__ import annotations

import csv
import io
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from playwright.sync_api import Browser, expect
from tests.engine.world import URL
from tests.web.browser import CHROMIUM, chromium, window
from tests.web.desk import Desk, ok

from clawback.cli.session import finish
from clawback.engine import commands
from clawback.response.people import Role
from clawback.response.plan import Remediation, RemediationStatus

needs_browser = pytest.mark.skipif(not CHROMIUM, reason="Debian's chromium is not installed")
ROWS = "[aria-label=Messages] tbody tr"


@pytest.fixture
def browser() -> Any:
    """To be asked for after the desk: while it is open its loop runs in this thread."""
    with chromium() as opened:
        yield opened


def work(desk: Desk) -> None:
    """What `clawback up` does; in a thread, for a browser may have this one."""
    with ThreadPoolExecutor(1) as pool:
        pool.submit(finish, desk.app).result()


def address(desk: Desk) -> str:
    return str(desk.client.base_url).rstrip("/")


def found(desk: Desk, **asked: str) -> list[Any]:
    items: list[Any] = ok(desk.client.get("/api/messages", params=asked, headers=desk.by(Role.READER)))[
        "items"
    ]
    return items


def newest(desk: Desk) -> Remediation:
    with desk.app.store.read() as unit:
        return unit.remediations.list()[0][0]


@pytest.mark.parametrize(
    ("asked", "count"),
    [
        ({}, 6),
        ({"text": "note"}, 6),
        ({"url": URL}, 3),
        ({"url": "https://login.evil.example/*"}, 6),
        ({"host": "login.evil.example"}, 6),
        ({"domain": "evil.example"}, 6),
        ({"domain": "sender.example"}, 6),
        ({"sender": "desk@sender.example"}, 6),
        ({"sender": "sender.example", "url": URL}, 3),
        ({"sender": "else.example"}, 0),
        ({"mailbox": "user2@example.org"}, 2),
        ({"mailbox": "user2@example.org", "location": "inbox"}, 1),
        ({"location": "quarantine"}, 0),
        ({"action": "delivered"}, 6),
        ({"verdict": "malicious"}, 3),
        ({"verdict": "suspicious"}, 0),
        ({"verdict": "no_threats_found"}, 3),
        ({"threat": "malicious_url"}, 3),
        ({"internet_message_id": "1@sender.example"}, 1),
        ({"ip": "192.0.2.1"}, 0),
        ({"attachment": "invoice"}, 0),
        ({"file_type": "pdf"}, 0),
        ({"spf": "none", "dmarc": "none"}, 6),
        ({"dkim": "fail"}, 0),
        ({"until": "2020-01-01T00:00:00Z"}, 0),
        ({"since": "2020-01-01T00:00:00Z", "until": "2100-01-01T00:00:00Z", "direction": "unknown"}, 6),
    ],
)
def test_mail_is_found_by_any_field(shared_desk: Desk, asked: dict[str, str], count: int) -> None:
    assert len(found(shared_desk, **asked)) == count
    by = shared_desk.by(Role.READER)
    assert ok(shared_desk.client.get("/api/messages/count", params=asked, headers=by)) == {"messages": count}
    plotted = ok(shared_desk.client.get("/api/messages/over-time", params=asked, headers=by))["items"]
    assert sum(one["count"] for one in plotted) == count
    page = shared_desk.client.get(
        "/explorer", params={"since": "", **asked}, headers=shared_desk.by(Role.READER)
    )
    assert page.status_code == 200
    assert page.text.count("data-open") == count


def test_a_search_goes_on_behind_a_page_in_both_orders(shared_desk: Desk) -> None:
    by, get = shared_desk.by(Role.READER), shared_desk.client.get
    for more in ({}, {"spf": "none"}):
        ways = []
        for order in ("false", "true"):
            ids, cursor = [], ""
            while True:
                asked = {"limit": 4, "cursor": cursor, "oldest_first": order, **more}
                page = ok(get("/api/messages", params=asked, headers=by))
                ids += [one["id"] for one in page["items"]]
                cursor = page["next"]
                if not cursor:
                    break
            ways.append(ids)
        assert len(set(ways[0])) == 6
        assert ways[0] == ways[1][::-1]


def test_what_is_found_is_counted_over_time_by_verdict_and_by_place(shared_desk: Desk) -> None:
    by, get = shared_desk.by(Role.READER), shared_desk.client.get
    for asked, expected in (
        ({"step": "hour"}, {"malicious": 3, "no_threats_found": 3}),
        ({"by": "location"}, {"inbox": 5, "other_folder": 1}),
    ):
        sums: dict[str, int] = {}
        for one in ok(get("/api/messages/over-time", params=asked, headers=by))["items"]:
            sums[one["kind"]] = sums.get(one["kind"], 0) + one["count"]
        assert sums == expected


def test_what_is_found_is_exported(shared_desk: Desk) -> None:
    analyst, get = shared_desk.by(Role.ANALYST), shared_desk.client.get
    table = get("/api/messages/export", params={"url": URL}, headers=analyst).content.decode("utf-8-sig")
    rows = list(csv.DictReader(io.StringIO(table)))
    assert [row["Verdict"] for row in rows] == ["Malicious"] * 3
    whole = ok(get("/api/messages/export", params={"url": URL, "form": "json"}, headers=analyst))
    assert [one["id"] for one in whole] == [row["Message ID"] for row in rows]
    assert get("/api/messages/export", headers=shared_desk.by(Role.READER)).status_code == 403


def test_what_cannot_be_searched_for_is_said(shared_desk: Desk) -> None:
    by, get = shared_desk.by(Role.READER), shared_desk.client.get
    for asked in (
        {"sha256": "zz"},
        {"ip": "nowhere"},
        {"verdict": "odd"},
        {"since": "soon"},
        {"cursor": "x"},
    ):
        assert get("/api/messages", params=asked, headers=by).status_code == 400
    assert get("/explorer", params={"ip": "nowhere"}, headers=by).status_code == 400


@pytest.mark.parametrize(
    ("typed", "field"),
    [
        (URL, "url"),
        ("evil.example", "domain"),
        ("www.evil.example", "host"),
        ("desk@sender.example", "sender"),
        ("192.0.2.1", "ip"),
        ("a" * 64, "sha256"),
        ("<1@sender.example>", "internet_message_id"),
        ("your account", "text"),
        ("minutes", "text"),
    ],
)
def test_what_is_typed_above_goes_where_it_fits(shared_desk: Desk, typed: str, field: str) -> None:
    page = shared_desk.client.get("/explorer", params={"q": typed}, headers=shared_desk.by(Role.READER))
    shown = typed.replace("<", "&lt;").replace(">", "&gt;")
    assert f'name="{field}" type="search" maxlength="8000" value="{shown}"' in page.text or (
        f'name="{field}" maxlength="' in page.text and f'value="{shown}"' in page.text
    )


def choice(desk: Desk, **more: Any) -> dict[str, Any]:
    return {"action": "soft_delete", "query": {"text": "note", "verdict": "no_threats_found"}, **more}


def test_a_script_previews_orders_and_has_it_approved(desk: Desk) -> None:
    post, analyst = desk.client.post, desk.by(Role.ANALYST)
    seen = ok(post("/api/messages/remediation/preview", json=choice(desk), headers=analyst))
    assert (seen["messages"], seen["copies"], seen["mailboxes"], seen["undo"]) == (3, 3, 3, True)
    assert seen["left_out"] == []
    order = choice(desk, preview_hash=seen["hash"], note="not for us")
    made = ok(post("/api/messages/remediation", json=order, headers=analyst))
    assert made["copies"] == 3
    work(desk)
    waiting = newest(desk)
    assert (waiting.status, waiting.investigation_id) == (
        RemediationStatus.PENDING,
        made["investigation_id"],
    )
    approve = {"plan_hash": waiting.plan_hash}
    assert post(f"/api/actions/{waiting.id}/approve", json=approve, headers=analyst).status_code == 403
    ok(post(f"/api/actions/{waiting.id}/approve", json=approve, headers=desk.by(Role.APPROVER)))
    work(desk)
    assert newest(desk).tally.removed == 3
    again = post("/api/messages/remediation", json=order, headers=analyst)
    assert again.status_code == 409


def test_only_who_may_approve_may_approve_at_once(desk: Desk) -> None:
    post = desk.client.post
    seen = ok(post("/api/messages/remediation/preview", json=choice(desk), headers=desk.by(Role.ANALYST)))
    order = choice(desk, preview_hash=seen["hash"], note="not for us", approved=True)
    for headers, status in (
        (desk.by(Role.READER), 403),
        (desk.by(Role.ANALYST), 403),
        (desk.token("approver", "read", "analyse"), 403),
        (desk.token("approver", "read", "analyse", "approve"), 202),
    ):
        assert post("/api/messages/remediation", json=order, headers=headers).status_code == status
    work(desk)
    done = newest(desk)
    assert (done.status, done.approval and done.approval.by) == (RemediationStatus.COMPLETED, "approver")


def test_an_order_given_twice_with_one_key_is_given_once(desk: Desk) -> None:
    post, headers = desk.client.post, {**desk.by(Role.ANALYST), "Idempotency-Key": "k1"}
    seen = ok(post("/api/messages/remediation/preview", json=choice(desk), headers=desk.by(Role.ANALYST)))
    order = choice(desk, preview_hash=seen["hash"], note="not for us")
    first, second = (post("/api/messages/remediation", json=order, headers=headers) for _ in range(2))
    assert ok(first) == ok(second)
    assert second.headers["Idempotency-Replayed"] == "true"


def test_orders_that_make_no_sense_are_refused(shared_desk: Desk) -> None:
    post, by = shared_desk.client.post, shared_desk.by(Role.ANALYST)
    path = "/api/messages/remediation"
    for body, status in (
        ({"action": "soft_delete"}, 400),
        ({"action": "restore", "query": {"text": "note"}}, 400),
        ({"action": "burn", "query": {"text": "note"}}, 400),
        ({"action": "soft_delete", "message_ids": ["msg-0"]}, 404),
        ({"action": "soft_delete", "query": {"url": "::"}}, 400),
    ):
        assert post(f"{path}/preview", json=body, headers=by).status_code == status
    stale = choice(shared_desk, preview_hash="0" * 64, note="not for us")
    assert post(path, json=stale, headers=by).status_code == 409
    assert post(path, json={**stale, "note": ""}, headers=by).status_code == 400


@needs_browser
def test_an_analyst_chooses_rows_and_an_approver_has_them_put_back(desk: Desk, browser: Browser) -> None:
    with window(browser, address(desk)) as opened:
        page = opened.sign_in("approver")
        page.get_by_role("link", name="Explorer").click()
        page.get_by_text("More fields").click()
        page.get_by_label("Verdict", exact=True).select_option("no_threats_found")
        page.get_by_role("button", name="Search", exact=True).click()
        expect(page.locator(ROWS)).to_have_count(3)
        expect(page.get_by_role("heading", name="3 no threats found")).to_be_visible()
        assert opened.violations() == []
        preview = page.get_by_role("button", name="chosen")
        expect(preview).to_be_disabled()
        for box in page.locator(f"{ROWS} input[type=checkbox]").all()[:2]:
            box.check()
        page.get_by_label("Take action").select_option("move_to_junk")
        preview.click()
        expect(page.get_by_role("heading", name="Move to Junk: what would happen")).to_be_visible()
        expect(page.locator(".tile", has_text="of 2 messages")).to_be_visible()
        expect(page.get_by_text("Nothing: every known copy is acted on.")).to_be_visible()
        assert opened.violations() == []
        page.get_by_label("Why").fill("newsletters")
        page.get_by_label("Approve it at once").check()
        page.get_by_role("button", name="Move to Junk: 2 copies").click()
        expect(page.get_by_text("Ordered. It is planned for exactly")).to_be_visible()
        work(desk)
        done = newest(desk)
        assert (done.status, done.tally.removed) == (RemediationStatus.COMPLETED, 2)
        opened.go(f"/actions/{done.id}")
        page.get_by_role("button", name="Undo").first.click()
        page.get_by_role("dialog").get_by_role("button").last.click()
        expect(page.get_by_text("The undo is under way")).to_be_visible()
        work(desk)
        with desk.app.store.read() as unit:
            assert unit.remediations.get(done.id).undone_by
        assert opened.troubles == []
        assert opened.strangers == []


@needs_browser
def test_all_that_match_are_ordered_and_wait_for_somebody_else(desk: Desk, browser: Browser) -> None:
    policy = commands.policy(desk.app.parts)
    with window(browser, address(desk), dark=True, width=1024) as opened:
        page = opened.sign_in("analyst")
        opened.go("/explorer?text=note")
        page.get_by_role("button", name="Preview for all 6 that match").click()
        expect(page.get_by_text("another remediation has it")).to_be_visible()
        expect(page.get_by_label("Approve it at once")).to_have_count(0)
        page.get_by_label("Why").fill("all of it")
        page.get_by_role("button", name="Soft delete emails: 3 copies in 3 mailboxes").click()
        expect(page.get_by_text("Ordered.")).to_be_visible()
        work(desk)
        assert newest(desk).status is RemediationStatus.PENDING
        assert opened.troubles == []
    assert commands.policy(desk.app.parts) == policy


@needs_browser
def test_a_reader_searches_and_can_choose_nothing(shared_desk: Desk, browser: Browser) -> None:
    with window(browser, address(shared_desk)) as opened:
        page = opened.sign_in("reader")
        opened.go("/explorer")
        expect(page.locator(ROWS)).to_have_count(6)
        expect(page.locator("input[name=chosen]")).to_have_count(0)
        expect(page.get_by_role("button", name="Preview")).to_have_count(0)
        expect(page.get_by_role("link", name="CSV")).to_have_count(0)


def test_forms_without_our_mark_or_without_the_role_are_refused(shared_desk: Desk) -> None:
    form = {"scope": "all", "text": "note", "action_kind": "soft_delete", "note": "not for us"}
    for path in ("/explorer/preview", "/explorer/act"):
        for role in (Role.READER, Role.ANALYST):
            headers = shared_desk.signed_in(role.value)
            csrf = headers.pop("X-CSRF-Token")
            refused = shared_desk.client.post(path, data={**form, "csrf": "x"}, headers=headers)
            assert refused.status_code == 403
            mine = shared_desk.client.post(path, data={**form, "csrf": csrf}, headers=headers)
            stale = 409 if path.endswith("act") else 200
            assert mine.status_code == (403 if role is Role.READER else stale)
