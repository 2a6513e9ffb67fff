"""Backtests from the API and from pages, and the policy that two people edit."""

from __future__ import annotations

import asyncio
import csv
import io
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from playwright.sync_api import Browser, expect
from tests.engine.world import AUTOMATIC
from tests.web.browser import CHROMIUM, chromium, window
from tests.web.desk import Desk, ok

from clawback.cli.main import cli
from clawback.engine import commands
from clawback.engine.backtest_jobs import order_backtest
from clawback.engine.workflow import APART
from clawback.response.people import Role
from clawback.response.policy import Policy
from clawback.web.answers import tag_of

needs_browser = pytest.mark.skipif(not CHROMIUM, reason="Debian's chromium is not installed")
URLS = {"automatic": ["malicious_url"]}


@pytest.fixture
def browser() -> Any:
    """To be asked for after the desk: while it is open its loop runs in this thread."""
    with chromium() as opened:
        yield opened


def work(desk: Desk) -> None:
    """What `clawback up` does beside everything else; in a thread, for a browser may have this one."""
    with ThreadPoolExecutor(1) as pool:
        pool.submit(desk.app.run, lambda _: desk.app.worker().only(APART).drain()).result()


def address(desk: Desk) -> str:
    return str(desk.client.base_url).rstrip("/")


def test_a_backtest_is_ordered_followed_and_exported(desk: Desk) -> None:
    analyst, reader = desk.by(Role.ANALYST), desk.by(Role.READER)
    body = {"days": 1, "setting": URLS}
    assert desk.client.post("/api/backtests", json=body, headers=reader).status_code == 403
    order = desk.client.post("/api/backtests", json=body, headers=analyst)
    assert order.status_code == 202
    made = order.json()
    assert (made["status"], made["by"], made["policy"]["automatic"]) == (
        "queued",
        "analyst",
        ["malicious_url"],
    )
    work(desk)
    done = ok(desk.client.get(f"/api/backtests/{made['id']}", headers=reader))
    assert (done["status"], done["figures"]["taken"], done["figures"]["by_itself"]) == ("completed", 3, 1)
    (listed,) = ok(desk.client.get("/api/backtests", headers=reader))["items"]
    assert listed == done
    page = ok(desk.client.get(f"/api/backtests/{made['id']}/copies?limit=2", headers=reader))
    rest = ok(desk.client.get(f"/api/backtests/{made['id']}/copies?cursor={page['next']}", headers=reader))
    assert (len(page["items"]), len(rest["items"]), rest["next"]) == (2, 1, "")
    wrong = ok(desk.client.get(f"/api/backtests/{made['id']}/copies?false_positives=true", headers=reader))
    assert wrong["items"] == []
    exported = desk.client.get(f"/api/backtests/{made['id']}/export", headers=analyst)
    assert len(list(csv.DictReader(io.StringIO(exported.text.removeprefix("\ufeff"))))) == 3
    days = desk.client.get(f"/api/backtests/{made['id']}/export?days=true", headers=analyst)
    rows = list(csv.DictReader(io.StringIO(days.text.removeprefix("\ufeff"))))
    assert sum(int(row["taken"]) for row in rows) == 3
    assert desk.client.get(f"/api/backtests/{made['id']}/export", headers=reader).status_code == 403
    again = desk.client.post(f"/api/backtests/{made['id']}/cancel", json={}, headers=analyst)
    assert again.status_code == 409


def test_orders_that_make_no_sense_are_refused(shared_desk: Desk) -> None:
    headers = shared_desk.by(Role.ANALYST)
    for body in (
        {"days": 0},
        {"days": 1, "setting": {"colour": 1}},
        {"days": 1, "setting": {"breaker": 2}},
        {"days": 1, "setting": {"automatic": ["everything"]}},
    ):
        assert shared_desk.client.post("/api/backtests", json=body, headers=headers).status_code == 400
    assert shared_desk.client.get("/api/backtests/bkt-0", headers=headers).status_code == 404


def test_one_is_cancelled(desk: Desk) -> None:
    headers = desk.by(Role.ANALYST)
    made = ok(desk.client.post("/api/backtests", json={}, headers=headers))
    ended = ok(desk.client.post(f"/api/backtests/{made['id']}/cancel", json={}, headers=headers))
    assert ended["status"] == "cancelled"


@needs_browser
def test_a_setting_is_tried_followed_and_put_in_force(desk: Desk, browser: Browser) -> None:
    with window(browser, address(desk)) as opened:
        page = opened.sign_in("administrator")
        page.get_by_role("link", name="Policies").click()
        page.get_by_role("navigation", name="Parts of this page").get_by_role(
            "link", name="Backtests"
        ).click()
        expect(page.get_by_text("No backtest yet")).to_be_visible()
        page.get_by_label("Over the last days").fill("1")
        page.get_by_label("Similar URLs").check()
        page.get_by_label("Plans with more probably legitimate copies wait").fill("7")
        page.get_by_role("button", name="Run the backtest").click()
        expect(page.get_by_text("waits for clawback up to take it")).to_be_visible()
        page.reload()
        expect(page.get_by_role("button", name="Cancel")).to_be_visible()
        work(desk)
        expect(page.get_by_role("heading", name="Copies that would have been taken out")).to_be_visible(
            timeout=20_000
        )
        expect(page.locator(".tile", has_text="Taken out by itself")).to_contain_text("3")
        expect(page.locator("tbody tr", has_text="@example.org")).to_have_count(3)
        assert opened.violations() == []
        page.get_by_role("link", name="Use this setting").click()
        expect(page.get_by_text("It is not in force until you save it.")).to_be_visible()
        with desk.app.store.read():
            assert commands.policy(desk.app.parts) == Policy()
        page.get_by_role("button", name="Save").click()
        expect(page.get_by_text("Saved.")).to_be_visible()
        after = commands.policy(desk.app.parts)
        assert ([kind.value for kind in after.automatic], after.collateral) == (["malicious_url"], 7)
        assert opened.troubles == []
        assert opened.strangers == []


@needs_browser
def test_a_running_one_shows_how_far_it_has_come_and_is_cancelled(desk: Desk, browser: Browser) -> None:
    made = order_backtest(desk.app.parts, AUTOMATIC, 1, "ann")
    with desk.app.store.write() as unit:
        unit.backtests.begin(made.id, desk.app.parts.now())
    with window(browser, address(desk)) as opened:
        page = opened.sign_in("analyst")
        opened.go(f"/policies/backtests/{made.id}")
        for done in (10, 20):
            with desk.app.store.write() as unit:
                assert unit.backtests.tell(made.id, "going through the past again", done, 40)
            expect(page.get_by_text(f"going through the past again, {done} of 40")).to_be_visible()
        page.get_by_role("button", name="Cancel").click()
        expect(page.get_by_text("Cancelled. Nothing is kept of it.")).to_be_visible()
        expect(page.get_by_role("link", name="Use this setting")).to_have_count(0)


def test_only_who_administers_may_use_a_setting(desk: Desk, tmp_path: Path) -> None:
    made = order_backtest(desk.app.parts, AUTOMATIC, 1, "ann")
    work(desk)
    for role, sees in ((Role.ADMINISTRATOR, True), (Role.APPROVER, False), (Role.READER, False)):
        page = desk.client.get(f"/policies/backtests/{made.id}", headers=desk.signed_in(role.value))
        assert ("Use this setting" in page.text) is sees
        assert ("/export" in page.text) is (role is not Role.READER)


def form(policy: Policy, csrf: str) -> dict[str, Any]:
    """The form as a browser would send it with this policy looked at."""
    numbers = {
        "limit": 10_000, "collateral": 20, "copies_per_hour": 20_000, "canary": 20, "canary_wait": 10,
        "breaker": 0.05, "two_step_copies": 0, "two_step_mailboxes": 0, "expiry": 7, "warning": 1,
        "armed": 30, "handful": 5, "likeness": 0.7, "investigations_per_hour": 500, "clusters_limit": 50,
        "members_limit": 1_000_000,
    }  # fmt: skip
    return {"csrf": csrf, "tag": tag_of(policy), **{name: str(value) for name, value in numbers.items()}}


def test_two_who_edit_the_policy_do_not_overwrite_each_other(desk: Desk) -> None:
    headers = desk.signed_in("administrator")
    looked_at = commands.policy(desk.app.parts)
    commands.set_policy(desk.app.parts, Policy(collateral=3), "ann")
    mine = form(looked_at, headers["X-CSRF-Token"]) | {
        "automatic": "malicious_url",
        "excluded_mailboxes": "ceo",
    }
    answer = desk.client.post("/policies", data=mine, headers=headers, follow_redirects=False)
    assert answer.status_code == 412
    assert "theirs is 3, yours is 20" in answer.text
    assert ">ceo</textarea>" in answer.text
    assert commands.policy(desk.app.parts) == Policy(collateral=3)
    again = mine | {"tag": tag_of(Policy(collateral=3))}
    answer = desk.client.post("/policies", data=again, headers=headers, follow_redirects=False)
    assert answer.status_code == 303
    after = commands.policy(desk.app.parts)
    assert (after.collateral, after.excluded_mailboxes) == (20, frozenset({"ceo"}))


def afar(desk: Desk, folder: Path, *words: str) -> Result:
    """The command, asked of the desk's clawback."""
    file = folder / "token"
    file.write_text(desk.tokens["analyst"])
    return CliRunner().invoke(cli, ["--server", address(desk), "--token-file", str(file), *words])


def test_a_script_asks_a_clawback_elsewhere(desk: Desk, tmp_path: Path) -> None:
    ordered = afar(desk, tmp_path, "backtest", "--days", "1", "--on", "urls", "--no-wait")
    assert "a running `clawback up` there does it" in ordered.output
    stop = asyncio.Event()

    async def until_stopped() -> None:
        worker = desk.app.worker().only(APART)
        while not stop.is_set():
            await worker.step()
            await asyncio.sleep(0.05)

    with ThreadPoolExecutor(1) as pool:
        loop = asyncio.new_event_loop()
        working = pool.submit(loop.run_until_complete, until_stopped())
        found = afar(desk, tmp_path, "backtest", "--days", "1", "--on", "urls")
        loop.call_soon_threadsafe(stop.set)
        working.result(60)
        loop.close()
    assert "Taken out       : 3 copies of 3 messages in 3 mailboxes" in found.output, found.output
