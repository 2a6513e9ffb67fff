"""Nothing that came in a mail may steer the terminal, hide, or turn text around."""

from __future__ import annotations

import json
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clawback.cli.printable import printable, printable_json

KEPT_FORMAT_CHARACTERS = "\u200c\u200d"


@pytest.mark.parametrize(
    ("hostile", "shown"),
    [
        ("\x1b]0;owned\x07", r"\x1b]0;owned\x07"),
        ("\x9b31m", r"\x9b31m"),
        ("invoice\u202efdp.exe", r"invoice\u202efdp.exe"),
        ("a\r\nb\tc", r"a\r\nb\tc"),
        ("pay\u200bpal", r"pay\u200bpal"),
        ("soft\u00adhyphen", r"soft\xadhyphen"),
        ("\udc80", r"\udc80"),
        ("\U000e0041", r"\U000e0041"),
        ("\u2028", r"\u2028"),
        ("\x00\x7f", r"\x00\x7f"),
    ],
)
def test_unsafe_characters_become_escapes(hostile: str, shown: str) -> None:
    assert printable(hostile) == shown


@pytest.mark.parametrize(
    "text", ["", "Grüße", "日本語", "👩\u200d💻", "می\u200cخواهم", r"C:\new\table", "مرحبا"]
)
def test_honest_text_stays_as_it_is(text: str) -> None:
    assert printable(text) == text


@given(st.text(alphabet=st.characters(exclude_categories=())))
def test_nothing_unsafe_is_left_and_all_can_be_written(text: str) -> None:
    shown = printable(text)
    shown.encode("utf-8")
    unsafe = {"Cc", "Cf", "Cs", "Zl", "Zp"}
    left = {c for c in shown if unicodedata.category(c) in unsafe and c not in KEPT_FORMAT_CHARACTERS}
    assert all(
        unicodedata.category(c) == "Cf" and unicodedata.bidirectional(c) in {"AN", "AL", "L"} for c in left
    )


@given(st.text(alphabet=st.characters(exclude_categories=())))
def test_json_means_the_same_after_it(text: str) -> None:
    document = printable_json(json.dumps({"subject": text}, ensure_ascii=False, indent=2))
    document.encode("utf-8")
    assert json.loads(document) == json.loads(json.dumps({"subject": text}))
    assert not any("\x7f" <= c <= "\x9f" or "\u202a" <= c <= "\u202e" for c in document)
