"""The configuration of Dovecot that the documentation gives, so that what is tested is what people copy."""

from __future__ import annotations

from pathlib import Path

_PAGE = Path(__file__).resolve().parent.parent.parent / "docs" / "how-to" / "see-mail-arrive.md"


def configuration(name: str) -> str:
    """The lines below the remark that begins with a name: ``mail_log`` or ``event_exporter``."""
    _, found, rest = _PAGE.read_text("utf-8").partition(
        f"<!-- {name}: the tests run exactly these lines -->\n```\n"
    )
    assert found, f"{_PAGE} has no lines for {name}"
    return rest.partition("```")[0]


def exporting_to(port: int, token: str) -> str:
    """The lines that let Dovecot push to a port of the loopback."""
    lines = configuration("event_exporter")
    assert "http://127.0.0.1:8025/TOKEN\n" in lines
    return lines.replace("http://127.0.0.1:8025/TOKEN", f"http://127.0.0.1:{port}/{token}")
