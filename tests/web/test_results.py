"""Results of an action by class, from the API and on its page; the failed are tried again."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest
from playwright.sync_api import expect
from tests.engine.refusing import Refusing
from tests.web.browser import CHROMIUM, chromium, window
from tests.web.desk import Desk, desk, ok

from clawback.app import App
from clawback.engine import commands
from clawback.errors import LoginFailed, ProtocolViolation
from clawback.response.people import Role
from clawback.response.plan import Remediation
from clawback.web.portal import actions as page_of_actions

needs_browser = pytest.mark.skipif(not CHROMIUM, reason="Debian's chromium is not installed")


@pytest.fixture
def opened(tmp_path: Path) -> Iterator[Desk]:
    """A desk on twelve copies, of which those of one mailbox are refused us and one's answers are broken."""
    with desk(tmp_path, copies=12) as made:
        yield made


def work(app: App) -> None:
    """In a thread, for a browser may have this one."""
    with ThreadPoolExecutor(1) as pool:
        pool.submit(app.run, lambda _: app.worker().drain()).result()


def removed_in_part(made: Desk) -> Remediation:
    """Approve what waits, and do it where two mailboxes refuse."""
    (action, *_), _ = ok_actions(made)
    commands.approve(made.app.parts, action.id, "ann", plan_hash=action.plan_hash)
    real = made.app.parts.connectors["main"]
    refused = {
        "user0@example.org": LoginFailed("no entry"),
        "user1@example.org": ProtocolViolation("gibberish"),
    }
    parts = replace(made.app.parts, connectors={"main": Refusing(real, refused)})
    work(replace(made.app, parts=parts))
    with made.app.store.read() as unit:
        return unit.remediations.get(action.id)


def ok_actions(made: Desk) -> tuple[tuple[Remediation, ...], str]:
    with made.app.store.read() as unit:
        return unit.remediations.list()


def test_classes_lead_to_their_copies_and_are_exported(opened: Desk) -> None:
    done = removed_in_part(opened)
    reader, analyst = opened.by(Role.READER), opened.by(Role.ANALYST)
    api = f"/api/actions/{done.id}"
    classes = ok(opened.client.get(f"{api}/classes", headers=reader))["items"]
    counts = {row["key"]: row["copies"] for row in classes}
    assert sum(counts.values()) == done.tally.found
    assert {"removed", "failed.permission", "failed.protocol_broken"} <= set(counts)
    for key, count in counts.items():
        asked = {"result": key, "limit": 1_000}
        copies = ok(opened.client.get(f"{api}/copies", params=asked, headers=reader))["items"]
        assert len(copies) == count
    mine = ok(opened.client.get(f"{api}/copies", params={"result": "failed.permission"}, headers=reader))
    assert {copy["mailbox"] for copy in mine["items"]} == {"user0@example.org"}
    answer = opened.client.get(
        f"{api}/copies/export", params={"result": "failed.permission"}, headers=analyst
    )
    rows = list(csv.DictReader(io.StringIO(answer.text.removeprefix("\ufeff"))))
    assert [row["cause"] for row in rows] == ["permission"] * counts["failed.permission"]
    assert opened.client.get(f"{api}/copies/export", headers=reader).status_code == 403
    assert opened.client.get(f"{api}/copies?result=nonsense", headers=reader).status_code == 400
    assert opened.client.get("/api/actions/rem-0/copies/export", headers=analyst).status_code == 404


@needs_browser
def test_the_failed_are_seen_by_cause_and_tried_again(opened: Desk) -> None:
    done = removed_in_part(opened)
    assert done.tally.failed
    with chromium() as browser, window(browser, str(opened.client.base_url).rstrip("/")) as seen:
        page = seen.sign_in("approver")
        seen.go(f"/actions/{done.id}")
        row = page.locator("tr", has_text="Permission").first
        row.get_by_role("link", name="Failed").click()
        expect(page.get_by_role("heading", name="The copies of this class")).to_be_visible()
        expect(page.locator("#copies tbody tr")).to_have_count(int(row.locator("td.number").inner_text()))
        assert seen.violations() == []
        page.get_by_role("button", name="Try the failed again").click()
        page.get_by_role("dialog").get_by_role("button", name="Investigate again").click()
        expect(page.get_by_text("The investigation is queued.")).to_be_visible()
        work(opened.app)
        (again, *_), _ = ok_actions(opened)
        assert again.id != done.id
        assert again.tally.open == done.tally.failed
        assert seen.troubles == []


def test_a_partial_undo_is_named(opened: Desk) -> None:
    done = removed_in_part(opened)
    commands.undo(opened.app.parts, done.id, "ann")
    real = opened.app.parts.connectors["main"]
    refused = {"user2@example.org": ProtocolViolation("gibberish")}
    parts = replace(opened.app.parts, connectors={"main": Refusing(real, refused)})
    work(replace(opened.app, parts=parts))
    headers = opened.signed_in("approver")
    page = opened.client.get(f"/actions/{done.id}", headers=headers).text
    (undo, *_), _ = ok_actions(opened)
    told = f"{undo.id} put {undo.tally.removed} of {done.tally.removed} copies back"
    assert undo.tally.failed
    assert told in page
    assert "Undo the rest" in page


@needs_browser
def test_the_exposure_of_a_large_action_comes_when_its_page_is_there(
    opened: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(page_of_actions, "CLOCKED", 1)
    done = removed_in_part(opened)
    with chromium() as browser, window(browser, str(opened.client.base_url).rstrip("/")) as seen:
        page = seen.sign_in("reader")
        seen.go(f"/actions/{done.id}")
        expect(page.get_by_text("minutes in all")).to_be_visible()
        assert seen.troubles == []
