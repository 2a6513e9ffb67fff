"""The portal as people use it, in a real browser."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect
from tests.engine.world import World, read
from tests.web import desk as desks
from tests.web.browser import CHROMIUM, Window, chromium, window
from tests.web.desk import PASSWORD, Desk

from clawback.engine import accounts, commands
from clawback.response.people import Role
from clawback.response.policy import Policy
from clawback.store import MessageQuery
from clawback.store.listings import Listing

pytestmark = pytest.mark.skipif(not CHROMIUM, reason="Debian's chromium is not installed")

PAGES = (
    "/",
    "/investigations",
    "/actions",
    "/explorer",
    "/clusters",
    "/submissions",
    "/indicators",
    "/retract",
    "/policies",
    "/policies/backtests",
    "/sources",
    "/exposure",
    "/audit",
    "/settings",
)


@pytest.fixture
def browser() -> Iterator[Browser]:
    """To be asked for after the desk: while it is open its loop runs in this thread."""
    with chromium() as opened:
        yield opened


def address(desk: Desk) -> str:
    return str(desk.client.base_url).rstrip("/")


def work(desk: Desk) -> None:
    """What `clawback up` would do beside the portal; in a thread, for the browser's loop runs in this one."""
    with ThreadPoolExecutor(1) as pool:
        pool.submit(desk.app.run, lambda _: desk.app.worker().drain()).result()


def first_waiting(page: Page) -> None:
    page.get_by_role("link", name="Action center").click()
    page.get_by_role("link", name="Soft delete emails").first.click()


def test_an_approver_reads_why_approves_and_undoes(desk: Desk, browser: Browser) -> None:
    with window(browser, address(desk)) as opened:
        page = opened.sign_in("approver")
        expect(page.get_by_role("heading", name="Overview")).to_be_visible()
        first_waiting(page)
        expect(page.get_by_text("How much legitimate mail is in it")).to_be_visible()
        page.get_by_role("button", name="Approve 3 copies").click()
        dialog = page.get_by_role("dialog")
        dialog.get_by_label("Why").fill("looked at all three")
        dialog.get_by_role("button", name="Approve").click()
        expect(page.get_by_role("status")).to_contain_text("Approved.")
        work(desk)
        page.reload()
        expect(page.get_by_text("found 3 = removed 3")).to_be_visible()
        page.get_by_role("button", name="Undo").click()
        page.get_by_role("dialog").get_by_role("button", name="Put them back").click()
        expect(page.get_by_role("status")).to_contain_text("The undo is under way")
        work(desk)
        page.reload()
        expect(page.get_by_text("restored 3")).to_be_visible()
        assert opened.troubles == []
        assert opened.strangers == []


def test_from_the_listing_of_a_url_to_the_last_copy_put_back(desk: Desk, browser: Browser) -> None:
    with window(browser, address(desk)) as opened:
        page = opened.sign_in("approver")
        page.get_by_role("link", name="Allow and block list").click()
        page.get_by_role("button", name="List something").click()
        dialog = page.get_by_role("dialog")
        dialog.get_by_label("URL, host, domain").fill("https://login.evil.example/other")
        dialog.get_by_role("button", name="List it").click()
        expect(page.get_by_role("status")).to_contain_text("Listed.")
        work(desk)
        page.get_by_role("link", name="Investigations").click()
        page.get_by_role("link", name="https://login.evil.example/other").first.click()
        expect(page.get_by_text("Pending Action").first).to_be_visible()
        page.get_by_role("link", name="Similar URLs").click()
        expect(page.get_by_text("https://login.evil.example/other").nth(1)).to_be_visible()
        first_waiting(page)
        expect(page.get_by_text("How much legitimate mail is in it")).to_be_visible()
        page.get_by_role("button", name="Approve 3 copies").click()
        page.get_by_role("dialog").get_by_role("button", name="Approve").click()
        work(desk)
        expect(page.get_by_text("found 3 = removed 3")).to_be_visible(timeout=20_000)
        page.get_by_role("button", name="Undo").click()
        page.get_by_role("dialog").get_by_role("button", name="Put them back").click()
        work(desk)
        expect(page.get_by_text("restored 3")).to_be_visible(timeout=20_000)
        page.get_by_role("link", name="Action center", exact=True).click()
        with page.expect_download() as saved:
            page.get_by_role("link", name="CSV").click()
        table = list(csv.DictReader(saved.value.path().read_text("utf-8-sig").splitlines()))
        assert [row["Status"] for row in table] == ["Completed", "Completed", "Pending"]
        page.get_by_role("button", name="Sign out").click()
        expect(page.get_by_role("button", name="Sign in")).to_be_visible()
        assert opened.troubles == []
        assert opened.strangers == []


def test_progress_shows_by_itself(desk: Desk, browser: Browser) -> None:
    with window(browser, address(desk)) as opened:
        page = opened.sign_in("approver")
        first_waiting(page)
        page.get_by_role("button", name="Approve 3 copies").click()
        page.get_by_role("dialog").get_by_role("button", name="Approve").click()
        expect(page.get_by_text("found 3 = removed 0")).to_be_visible()
        work(desk)
        expect(page.get_by_text("found 3 = removed 3")).to_be_visible(timeout=20_000)


def test_a_plan_that_needs_two_is_approved_by_two(desk: Desk, browser: Browser) -> None:
    commands.set_policy(desk.app.parts, Policy(two_step_copies=1), "test")
    accounts.add_account(desk.app.parts, "second", Role.APPROVER, "test", password=PASSWORD)
    with window(browser, address(desk)) as one, window(browser, address(desk)) as other:
        for opened, name, said in ((one, "approver", "second person"), (other, "second", "Approved.")):
            page = opened.sign_in(name)
            first_waiting(page)
            page.get_by_role("button", name="Approve 3 copies").click()
            page.get_by_role("dialog").get_by_role("button", name="Approve").click()
            expect(page.get_by_role("status")).to_contain_text(said)
    work(desk)
    assert "removed 3" in desk.client.get("/actions", headers=desk.signed_in("reader")).text


def test_a_reader_looks_and_decides_nothing(shared_desk: Desk, browser: Browser) -> None:
    with window(browser, address(shared_desk)) as opened:
        page = opened.sign_in("reader")
        first_waiting(page)
        expect(page.get_by_role("button", name="Approve 3 copies")).to_have_count(0)
        page.get_by_role("link", name="Explorer").click()
        page.locator("tbody a[data-open]").first.click()
        expect(page.get_by_role("button", name="Look into it")).to_have_count(0)
        expect(page.get_by_role("link", name="Audit")).to_have_count(0)
        page.get_by_role("button", name="Sign out").click()
        expect(page.get_by_role("button", name="Sign in")).to_be_visible()
        opened.go("/actions")
        expect(page.get_by_role("button", name="Sign in")).to_be_visible()


def test_whoever_may_sees_a_body_and_says_why(shared_desk: Desk, browser: Browser) -> None:
    accounts.add_account(shared_desk.app.parts, "seer", Role.ANALYST, "test", content=True, password=PASSWORD)
    with window(browser, address(shared_desk)) as opened:
        page = opened.sign_in("seer")
        opened.go("/explorer")
        page.locator("tbody a[data-open]").first.click()
        page.get_by_role("button", name="Look into it").click()
        page.get_by_role("dialog").get_by_label("Why").fill("is it a lure?")
        page.get_by_role("dialog").get_by_role("button", name="Show it").click()
        expect(page.get_by_role("heading", name="Source")).to_be_visible()
        assert opened.strangers == []
    with shared_desk.app.store.read() as unit:
        rows, _ = unit.audit.search(Listing(limit=20))
    assert any(row.type == "content_viewed" and row.body["reason"] == "is it a lure?" for row in rows)


HOSTILE = (
    b'From: "<img src=x onerror=hit()>" <desk@sender.example>\r\nTo: user0@example.org\r\n'
    b'Subject: <script>hit()</script>"><svg onload=hit()> {{7*7}}\r\n'
    b"Message-ID: <hostile@sender.example>\r\n"
    b"Date: Mon, 23 Nov 2026 09:00:00 +0000\r\nMIME-Version: 1.0\r\n"
    b"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: text/html\r\n\r\n"
    b"<html><head><style>@import 'https://spy.example/a.css';</style><base href='https://spy.example/'></head>"
    b"<body onload=hit()><script>hit()</script><img src='https://spy.example/p.gif' onerror=hit()>"
    b"<iframe src='https://spy.example/f'></iframe><a href='javascript:hit()'>open</a>"
    b"<a href='https://login.evil.example/session?a=\"><script>hit()</script>'>x</a>"
    b"<form action='https://spy.example/'><input autofocus onfocus=hit()></form>"
    b"<meta http-equiv=refresh content='0;url=https://spy.example/m'>"
    b'<p style="background:url(//spy.example/b)">'
    b"Dear 1, read this letter</p></body></html>\r\n"
    b"--b\r\nContent-Type: application/octet-stream\r\n"
    b'Content-Disposition: attachment; filename="<img src=x onerror=hit()>.exe"\r\n\r\nMZ\r\n--b--\r\n'
)


@pytest.fixture
def hostile_desk(tmp_path: Path) -> Iterator[Desk]:
    """A desk on whose mail system a hostile message lies too."""
    with desks.desk(tmp_path) as opened:
        World(tmp_path, "", count=900).deliver("user0", "", raw=HOSTILE)
        read(opened.app)
        accounts.add_account(
            opened.app.parts, "seer", Role.ADMINISTRATOR, "test", content=True, password=PASSWORD
        )
        yield opened


def test_hostile_mail_does_nothing_wherever_it_is_shown(hostile_desk: Desk, browser: Browser) -> None:
    with hostile_desk.app.store.read() as unit:
        (message,) = unit.messages.search(MessageQuery(text="<script>"))[0]
    with window(browser, address(hostile_desk)) as opened:
        opened.page.add_init_script("window.hit = () => { window.wasHit = true; }")
        page = opened.sign_in("seer")
        shown = f"/messages/{message.id}"
        for path in ("/explorer", "/explorer?q=%3Cscript%3E", "/mailboxes/user0@example.org", shown):
            opened.go(path)
            expect(page.get_by_text("<script>hit()</script>").first).to_be_visible()
        page.get_by_role("button", name="Look into it").click()
        page.get_by_role("dialog").get_by_label("Why").fill("it is hostile")
        page.get_by_role("dialog").get_by_role("button", name="Show it").click()
        frame = page.frame_locator("iframe.preview")
        expect(frame.get_by_text("Dear 1, read this letter")).to_be_visible()
        assert frame.locator("script, img, iframe, form, style, base, meta[http-equiv]").count() == 0
        assert page.evaluate("window.wasHit") is None
        assert opened.strangers == []
        assert opened.troubles == []


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_every_page_is_usable_by_everybody(shared_desk: Desk, browser: Browser, dark: bool) -> None:
    with window(browser, address(shared_desk), dark=dark, width=1024 if dark else 1440) as opened:
        opened.sign_in("administrator")
        found = {}
        for path in (*PAGES, *entity_pages(opened)):
            opened.go(path)
            if violations := opened.violations():
                found[path] = violations
        assert found == {}
        assert opened.troubles == []


def entity_pages(opened: Window) -> list[str]:
    """One page of each kind of thing, found by following links."""
    pages = []
    for path in ("/investigations", "/actions", "/clusters", "/explorer", "/sources"):
        link = opened.go(path).locator("tbody a[data-open]").first
        pages.append(str(link.get_attribute("href")))
    tabs = ("Alerts", "Mailboxes", "Evidence", "Entities", "Pending", "History", "Log")
    return pages + [f"{pages[0]}?tab={tab}" for tab in tabs]


def test_the_list_is_exported_as_it_is_shown(shared_desk: Desk) -> None:
    seen, path = shared_desk.by("analyst"), "/api/investigations/export"
    table = shared_desk.client.get(path, headers=seen).content.decode("utf-8-sig")
    (row,) = csv.DictReader(io.StringIO(table))
    assert row["Status"] == "Pending Action"
    assert row["Threat count"] == "3"
    none = shared_desk.client.get(f"{path}?text=nothing+like+it", headers=seen).text
    assert len(none.splitlines()) == 1


def test_an_administrator_saves_a_policy_and_an_approver_stops_automation(
    desk: Desk, browser: Browser
) -> None:
    with window(browser, address(desk)) as opened:
        page = opened.sign_in("administrator")
        opened.go("/policies")
        page.get_by_label("Similar URLs").check()
        page.get_by_label("Similar files").check()
        page.get_by_label("Copies that go before all others").fill("7")
        page.get_by_label("Mailboxes that are never touched").fill("Boss@example.org\nceo@example.org")
        page.get_by_role("button", name="Save").click()
        expect(page.get_by_role("status")).to_contain_text("Saved.")
        page.get_by_role("button", name="Stop all automation").click()
        expect(page.get_by_role("status")).to_contain_text("The breaker is open")
        page.get_by_role("button", name="Close the breaker").click()
        expect(page.get_by_role("status")).to_contain_text("The breaker is closed")
    kept = commands.policy(desk.app.parts)
    assert {kind.value for kind in kept.automatic} == {"malicious_url", "malicious_file"}
    assert kept.canary == 7
    assert kept.excluded_mailboxes == {"boss@example.org", "ceo@example.org"}
    changed = {"automatic", "canary", "excluded_mailboxes"}
    assert replace(kept, **{name: getattr(Policy(), name) for name in changed}) == Policy()
