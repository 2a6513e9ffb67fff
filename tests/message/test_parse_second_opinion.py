"""On mail that keeps the rules, we and Python's own email package agree."""

from __future__ import annotations

from email import policy
from email.headerregistry import Address as EmailAddress
from email.message import EmailMessage

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clawback.message.parse import parse

LETTERS = st.characters(codec="utf-8", exclude_categories=("Cc", "Cs", "Zl", "Zp", "Cn", "Co"))
TEXT = st.text(LETTERS, max_size=200)
LINES = st.lists(TEXT, max_size=5).map("\n".join)
NAMES = st.text(st.characters(codec="utf-8", categories=("L", "N")), min_size=1, max_size=60)
FILES = st.lists(st.tuples(NAMES, st.binary(max_size=300)), max_size=3)


def _folded(text: str) -> str:
    return " ".join(text.split())


@settings(max_examples=150, deadline=None)
@given(
    subject=TEXT,
    name=NAMES,
    text=LINES,
    html=st.none() | LINES,
    files=FILES,
    crlf=st.booleans(),
    cte=st.sampled_from([None, "base64", "quoted-printable"]),
)
def test_made_messages_come_back(
    subject: str,
    name: str,
    text: str,
    html: str | None,
    files: list[tuple[str, bytes]],
    crlf: bool,
    cte: str | None,
) -> None:
    made = EmailMessage(policy=policy.SMTP if crlf else policy.default)
    made["From"] = EmailAddress(name, "ann", "sender.example")
    made["Subject"] = _folded(subject)
    made.set_content(text, cte=cte)
    if html is not None:
        made.add_alternative(html, subtype="html", cte=cte)
    for file_name, content in files:
        made.add_attachment(content, maintype="application", subtype="x-made", filename=file_name)
    read = parse(made.as_bytes())
    # A made file may begin like an archive and be none; that is about the file, not about the mail.
    assert [d for d in read.defects if "archive" not in d.code] == []
    assert _folded(read.subject) == _folded(subject)[:998].rstrip()
    assert (read.sender.name, read.sender.address) == (name, "ann@sender.example")
    if text.strip():
        assert read.text.rstrip("\n") == text.rstrip("\n")
    if html is not None:
        assert read.html.rstrip("\n") == html.rstrip("\n")
    assert [(one.name, one.content) for one in read.attachments] == files


def test_the_cases_are_not_all_empty() -> None:
    made = EmailMessage()
    made["Subject"] = "x"
    made.set_content("see https://made.example/")
    assert [link.host for link in parse(made.as_bytes()).links] == ["made.example"]


@pytest.mark.parametrize("depth", [1, 3])
def test_attached_messages_are_read_to_their_files(depth: int) -> None:
    made = EmailMessage()
    made["Subject"] = "deepest"
    made.set_content("see https://deep.example/")
    made.add_attachment(b"\1\2\3", maintype="application", subtype="x-made", filename="deep.bin")
    for level in range(depth):
        outer = EmailMessage()
        outer["Subject"] = f"level {level}"
        outer.set_content("see below")
        outer.add_attachment(made)
        made = outer
    read = parse(made.as_bytes())
    assert [link.host for link in read.links] == ["deep.example"]
    assert read.attachments[-1].content == b"\1\2\3"
    assert read.attachments[-1].path.endswith("!/deep.bin")
