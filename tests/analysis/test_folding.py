"""Folding makes disguised and personal text equal."""

from __future__ import annotations

import pytest
from tests.analysis.making import message_of

from clawback.analysis.folding import MAX_WORDS, folded, personal_words, subject_key, words
from clawback.message.address import Address


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("PayPal", "paypal"),
        ("РауРаl", "paypal"),
        ("Αmazon", "amazon"),
        ("p\u200ba\u00ady\ufeffpal", "paypal"),
        ("Ｐａｙｐａｌ", "paypal"),
        ("𝐏𝐚𝐲𝐩𝐚𝐥", "paypal"),
        ("páýpàl", "paypal"),
        ("ﬁle", "file"),
        ("한국어", "한국어"),
    ],
)
def test_letters_become_what_they_imitate(text: str, plain: str) -> None:
    assert folded(text) == plain


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("Dear Anna, pay 12.50 EUR!", "dear anna pay eur"),
        ("Invoice INV-4711 x9f3a2", "invoice inv"),
        ("see https://evil.test/a?b=c now", "see now"),
        ("see www.evil.test now", "see now"),
        ("mail bob@evil.test now", "mail now"),
        ("don't_stop", "don t stop"),
        ("请点击 here", "请 点 击 here"),
        ("a" * 41 + " b", "b"),
        ("", ""),
    ],
)
def test_what_is_left_are_words(text: str, left: str) -> None:
    assert " ".join(words(text)) == left


def test_words_are_bounded() -> None:
    assert len(words("ab " * 100_000)) == MAX_WORDS


@pytest.mark.parametrize(
    "subject",
    [
        "Your invoice",
        "RE: your Invoice",
        "Re: Fwd: AW: your invoice",
        "Re[2]: your invoice",
        "re : your   invoice",
        "[EXTERNAL] FW: Your invoice",
        "Fwd: [EXT] Your invoice #4711",
        "Your in\u200bvoice 2026-11-24",
        "回复：Your invoice",
        "Υour invoice!!!",
    ],
)
def test_subjects_of_one_campaign(subject: str) -> None:
    assert subject_key(subject) == "your invoice"


@pytest.mark.parametrize("subject", ["Real estate: offer", "Forward thinking", "Restart: now", "[News] x"])
def test_words_that_only_begin_like_a_reply_mark_stay(subject: str) -> None:
    assert len(subject_key(subject).split()) == len(subject.split())


def test_the_recipient_is_left_out() -> None:
    message = message_of(
        to=(Address("Anna Schmidt-Müller", "a.schmidt@acme.co.test"),), recipients=("anna99@acme.test",)
    )
    personal = personal_words(message)
    assert {"anna", "schmidt", "muller", "acme"} <= personal
    text = "Hello Anna Schmidt, your ACME mailbox of a.schmidt@acme.co.test"
    assert words(text, personal) == ("hello", "your", "mailbox", "of")


def test_short_words_are_nobodys_name() -> None:
    assert personal_words(message_of(to=(Address("Al Bo", "al@x.test"),))) == frozenset()
