"""The page about the API says what the code says."""

from __future__ import annotations

from pathlib import Path

from clawback.web.access import ROUTES
from clawback.web.reference import page

PAGE = Path(__file__).resolve().parents[2] / "docs" / "reference" / "api.md"


def test_the_page_says_what_the_code_says() -> None:
    written = page()
    assert PAGE.read_text("utf-8") == written, "run `make docs` and commit docs/reference"
    described = {line[5:-1] for line in written.splitlines() if line.startswith("### `")}
    assert described == {name for name in ROUTES if "/api/" in name or "/metrics" in name} - {
        "GET /api/openapi.json"
    }
