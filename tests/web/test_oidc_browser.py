"""The whole way in a real browser, with the process of a provider that others wrote (oidc-provider-mock)."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from playwright.sync_api import expect
from tests.web.browser import CHROMIUM, chromium, window
from tests.web.desk import PASSWORD, PLAIN, Desk, desk

from clawback.response.people import Role
from clawback.settings import OidcSettings, WebSettings
from clawback.web.serve import framed

pytestmark = pytest.mark.skipif(not CHROMIUM, reason="Debian's chromium is not installed")
PEOPLE: tuple[Mapping[str, object], ...] = (
    {"sub": "ann-1", "preferred_username": "ann", "groups": ["staff", "soc"]},
    {"sub": "eve-1", "preferred_username": "eve", "groups": ["staff"]},
)


@contextmanager
def provider(folder: Path) -> Iterator[str]:
    """The provider as a process of its own on the loopback; answers its issuer."""
    options = [word for person in PEOPLE for word in ("--user-claims", json.dumps(person))]
    command = [sys.executable, "-m", "oidc_provider_mock", "--host", "127.0.0.1", "--port", "0", *options]
    process = subprocess.Popen(
        command, cwd=folder, stderr=subprocess.PIPE, text=True, env={**os.environ, "NO_COLOR": "1"}
    )
    assert process.stderr is not None
    try:
        told = (re.search(r"http://127\.0\.0\.1:\d+", line) for line in process.stderr)
        found = next(address for address in told if address)
        # What it says from here on fits into the pipe.
        yield found.group()
    finally:
        process.terminate()
        process.communicate(timeout=30)


@pytest.fixture
def opened(tmp_path: Path) -> Iterator[tuple[Desk, str]]:
    secret = tmp_path / "secret"
    secret.write_text("any")
    secret.chmod(0o600)
    with provider(tmp_path) as issuer:
        oidc = OidcSettings(
            issuer,
            "clawback",
            str(secret),
            label="Example",
            roles={"soc": "approver"},
            unknown="add",
            break_glass="administrator",
        )
        frame = framed(WebSettings(oidc=oidc), tmp_path)
        with desk(tmp_path / "desk", frame=replace(PLAIN, oidc=frame.oidc)) as made:
            yield made, issuer


def test_in_by_the_button_and_out_at_both(opened: tuple[Desk, str], tmp_path: Path) -> None:
    made, issuer = opened
    address = str(made.client.base_url).rstrip("/")
    with chromium() as browser, window(browser, address) as seen:
        page = seen.go("/actions?status=pending")
        seen.page.screenshot(path=tmp_path / "sign-in.png")
        assert seen.violations() == []
        page.get_by_role("link", name="Sign in with Example").click()
        page.wait_for_url(f"{issuer}/**")
        page.get_by_role("button", name="ann-1").click()
        page.wait_for_url(f"{address}/actions?status=pending")
        expect(page.locator(".who")).to_contain_text("ann")
        expect(page.locator(".who")).to_contain_text("approver")
        page.get_by_role("button", name="Sign out").click()
        page.wait_for_url(f"{address}/signed-out")
        assert seen.violations() == []
        page.get_by_role("link", name="Sign out of Example too").click()
        page.wait_for_url(f"{issuer}/oauth2/end_session?**")
        page.get_by_role("button").first.click()
        page.wait_for_url(f"{address}/sign-in")
        assert page.goto(f"{address}/actions") is not None
        assert page.url.startswith(f"{address}/sign-in")
        assert seen.troubles == []
    with made.app.store.read() as unit:
        assert unit.accounts.get("ann").role is Role.APPROVER
        assert unit.accounts.identity("ann") == (issuer, "ann-1")


def test_who_may_not_come_in_reads_why_and_the_break_glass_account_can(opened: tuple[Desk, str]) -> None:
    made, _ = opened
    address = str(made.client.base_url).rstrip("/")
    with chromium() as browser, window(browser, address, dark=True, width=1024) as seen:
        page = seen.go("/sign-in")
        page.get_by_role("link", name="Sign in with Example").click()
        page.get_by_role("button", name="eve-1").click()
        expect(page.get_by_role("alert")).to_contain_text("none of your groups has a role here")
        assert seen.violations() == []
        page.get_by_text("Break-glass account").click()
        page.get_by_label("Name").fill("administrator")
        page.get_by_label("Password").fill(PASSWORD)
        page.get_by_role("button", name="Sign in").click()
        page.wait_for_url(f"{address}/")
        assert seen.troubles == []
