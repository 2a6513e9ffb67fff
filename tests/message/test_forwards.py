"""Inline forwards as mail programs write them, in several languages, and texts that only look like one."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clawback.message.forwards import MAX_LINES, read_forward

TEXT = "Pay the invoice today.\n\nEve"
FORWARDS = {
    "gmail": (
        "see below\n\n---------- Forwarded message ---------\nFrom: Eve Smith <eve@bad.example>\n"
        "Date: Mon, Nov 23, 2026 at 9:00 AM\nSubject: Invoice: 17\nTo: Ann <ann@example.org>\n\n\n"
    ),
    "outlook": (
        "see below\n\n________________________________\nFrom: Eve Smith <eve@bad.example>\n"
        "Sent: Monday, November 23, 2026 9:00 AM\nTo: Ann <ann@example.org>\nSubject: Invoice: 17\n\n"
    ),
    "outlook classic": (
        "-----Original Message-----\nFrom: Eve Smith [mailto:eve@bad.example]\nSent: Monday\n"
        "To: Ann <ann@example.org>\nCc: Ben\nSubject: Invoice: 17\nImportance: High\n\n"
    ),
    "apple": (
        "Begin forwarded message:\n\n> From: Eve Smith <eve@bad.example>\n> Subject: Invoice: 17\n"
        "> Date: 23 November 2026 at 09:00:00 CET\n> To: Ann <ann@example.org>\n>\n"
    ),
    "thunderbird": (
        "-------- Forwarded Message --------\nSubject: \tInvoice: 17\nDate: \tMon, 23 Nov 2026 09:00:00\n"
        "From: \tEve Smith <eve@bad.example>\nTo: \tann@example.org\n\n\n"
    ),
    "german": (
        "Schau mal\n\nVon: Eve Smith <eve@bad.example>\nGesendet: Montag, 23. November 2026 09:00\n"
        "An: Ann <ann@example.org>\nBetreff: Invoice: 17\n\n"
    ),
    "french": (
        "De\u00a0: Eve Smith <eve@bad.example>\nEnvoyé\u00a0: lundi 23 novembre 2026\n"
        "À\u00a0: Ann <ann@example.org>\nObjet\u00a0: Invoice: 17\n\n"
    ),
    "spanish": "De: Eve <eve@bad.example>\nEnviado el: lunes\nPara: ann@example.org\nAsunto: Invoice: 17\n\n",
    "italian": "Da: Eve <eve@bad.example>\nInviato: lunedì\nA: ann@example.org\nOggetto: Invoice: 17\n\n",
    "polish": "Od: Eve <eve@bad.example>\nWysłano: dziś\nDo: ann@example.org\nTemat: Invoice: 17\n\n",
    "russian": "От: Eve <eve@bad.example>\nДата: сегодня\nКому: ann@example.org\nТема: Invoice: 17\n\n",
    "japanese": "差出人: Eve <eve@bad.example>\n日時: 今日\n宛先: ann@example.org\n件名: Invoice: 17\n\n",
    "chinese": (
        "发件人：Eve <eve@bad.example>\n发送时间：今天\n收件人：ann@example.org\n主题：Invoice: 17\n\n"
    ),
    "korean": (
        "보낸 사람: Eve <eve@bad.example>\n보낸 날짜: 오늘\n받는 사람: ann@example.org\n제목: Invoice: 17\n\n"
    ),
    "bold": (
        "*From:* Eve <eve@bad.example>\n*Sent:* Monday\n*To:* ann@example.org\n*Subject:* Invoice: 17\n\n"
    ),
    "spread": (
        "From: Eve <eve@bad.example>\n\nSent: Monday\n\nTo: ann@example.org\n\nSubject: Invoice: 17\n\n"
    ),
}


@pytest.mark.parametrize("name", FORWARDS)
def test_a_forward_is_read(name: str) -> None:
    quoted = name == "apple"
    body = "\n".join(f"> {line}" for line in TEXT.splitlines()) if quoted else TEXT
    found = read_forward(FORWARDS[name] + body)
    assert found is not None
    assert (found.sender, found.to) == ("eve@bad.example", "ann@example.org")
    assert found.subject == "Invoice: 17"
    assert found.date
    assert found.text == TEXT


def test_the_outermost_of_several_is_told() -> None:
    inner = "From: Old <old@other.example>\nSubject: First\n\nold text"
    found = read_forward(f"{FORWARDS['gmail']}new text\n\n{inner}")
    assert found is not None
    assert found.subject == "Invoice: 17"
    assert "old text" in found.text


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Subject: only a subject\n\ntext",
        "From: the desk of Ann\n\nDear all",
        "To: ann@example.org\nSubject: no sender\n\ntext",
        "From: Eve\n\n\n\nSubject: too far away",
    ],
)
def test_what_only_looks_like_one_is_none(text: str) -> None:
    assert read_forward(text) is None


def test_floods_are_read_up_to_a_bound() -> None:
    flood = "From:\n" * (MAX_LINES + 10)
    assert read_forward(flood + FORWARDS["gmail"]) is None
    assert read_forward("From: " + "a" * 3_000_000) is None


@settings(max_examples=200, deadline=None)
@given(st.lists(st.sampled_from(["From: a@b", "> ", "Von:", "Subject: x", "", "*", "Date: 1", "\0", "text"])))
def test_nothing_raises(lines: list[str]) -> None:
    found = read_forward("\n".join(lines))
    assert found is None or isinstance(found.text, str)
