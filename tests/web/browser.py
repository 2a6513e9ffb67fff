"""Debian's Chromium, driven by Playwright, with nothing of the world behind it but the site."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from playwright.sync_api import Browser, Page, sync_playwright
from tests.web.desk import PASSWORD

CHROMIUM = shutil.which("chromium") or ""
AXE = (Path(__file__).parent / "vendor" / "axe.min.js").read_text("utf-8")
SERIOUS = ("serious", "critical")
_CHECK = (
    "async () => (await axe.run()).violations"
    ".map(v => [v.impact, v.id, v.nodes.map(n => n.html).slice(0, 3)])"
)


@dataclass
class Window:
    """One window of somebody: its page, and what the browser complained of or asked from elsewhere."""

    page: Page
    address: str
    troubles: list[str] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)

    def go(self, path: str) -> Page:
        """Open a page of the site."""
        self.page.goto(self.address + path)
        return self.page

    def sign_in(self, name: str) -> Page:
        """Come in by the form."""
        page = self.go("/sign-in")
        page.get_by_label("Name").fill(name)
        page.get_by_label("Password").fill(PASSWORD)
        page.get_by_role("button", name="Sign in").click()
        page.wait_for_url(f"{self.address}/")
        return page

    def violations(self) -> Sequence[object]:
        """What axe-core finds on the page that is serious."""
        # As evaluated script: the site's own policy lets no page load anything that is not its own.
        self.page.evaluate(AXE)
        found: list[list[object]] = self.page.evaluate(_CHECK)
        return [one for one in found if one[0] in SERIOUS]

    @property
    def strangers(self) -> list[str]:
        """Requests to anywhere but the site."""
        return [url for url in self.asked if not url.startswith((self.address, "data:", "about:"))]


@contextmanager
def chromium() -> Iterator[Browser]:
    """A browser of one's own."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        try:
            yield browser
        finally:
            browser.close()


@contextmanager
def window(browser: Browser, address: str, *, dark: bool = False, width: int = 1440) -> Iterator[Window]:
    """A window with cookies of its own."""
    context = browser.new_context(
        viewport={"width": width, "height": 1000}, color_scheme="dark" if dark else "light"
    )
    page = context.new_page()
    opened = Window(page, address)
    page.on("pageerror", lambda error: opened.troubles.append(str(error)))
    page.on("request", lambda request: opened.asked.append(request.url))
    try:
        yield opened
    finally:
        context.close()
