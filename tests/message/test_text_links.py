"""URLs in plain text, as people and mail programs write them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clawback.message.text_links import find_absolute, find_in_text


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("see https://a.example/x.", ["https://a.example/x"]),
        ("(https://a.example/x)", ["https://a.example/x"]),
        ("https://a.example/y_(z)", ["https://a.example/y_(z)"]),
        ("[https://a.example/[1]]", ["https://a.example/[1]"]),
        ("https://a.example/?q=1&r=2!?", ["https://a.example/?q=1&r=2"]),
        ('"https://a.example/"', ["https://a.example/"]),
        ("*https://a.example*", ["https://a.example"]),
        ("HTTPS://A.EXAMPLE", ["HTTPS://A.EXAMPLE"]),
        ("text<https://a.example/x>text", ["https://a.example/x"]),
        ("<https://a.example/long\r\n  path?x\n=1>", ["https://a.example/longpath?x=1"]),
        ("<URL:https://a.example/lo\nng>", ["https://a.example/long"]),
        ("<https://a.example/x two words\n>", ["https://a.example/x"]),
        ("https://a.example/?u=https://b.example/", ["https://a.example/?u=https://b.example/"]),
        ("https://a.example/パス。次", ["https://a.example/パス"]),
        ("https://a.example/x\u200bhttps://b.example", ["https://a.example/x", "https://b.example"]),
        ("http://user:pw@a.example/", ["http://user:pw@a.example/"]),
        ("http://[::1]/x]", ["http://[::1]/x"]),
        ("window.open('https://a.example/','x')", ["https://a.example/"]),
        ("please sign.in or Hello.Click now", []),
        ("login.pay.app and pay-now.xyz", ["login.pay.app", "pay-now.xyz"]),
        ("gopher://a.example/ x://b", []),
        ("https:// ://", []),
        ("hxxp://a[.]example", []),
        ("visit www.a.com, now", ["www.a.com"]),
        ("www.a.co.uk/x?y=1.", ["www.a.co.uk/x?y=1"]),
        ("www. and www.nothing", []),
        ("go to paypal.com or pay.example.co.uk/x!", ["paypal.com", "pay.example.co.uk/x"]),
        ("shop.example.com:8080/x", ["shop.example.com:8080/x"]),
        ("mail bob@example.com or bob@example.com/x", []),
        ("file.py readme.md invoice.zip e.g. end.So 1.2.3.4 v1.2", []),
        ("https://a.example b.com https://c.example", ["https://a.example", "b.com", "https://c.example"]),
    ],
)
def test_find_in_text(text: str, expected: list[str]) -> None:
    assert list(find_in_text(text, 100)) == expected


def test_the_limit_holds() -> None:
    assert len(list(find_in_text("https://a.example " * 50, 7))) == 7


def test_find_absolute_sees_no_bare_hosts() -> None:
    assert list(find_absolute('a.com/x; location="https://b.example/"', 9)) == ["https://b.example/"]


@pytest.mark.parametrize(
    "unit",
    ["a.", "http://", "://", "a.com/)", "www.", ".", "<http://a\n", "http://a.com/((", ")", "a.b@", "h"],
)
def test_hostile_repetition_ends(unit: str) -> None:
    list(find_in_text(unit * 200_000, 5_000))
    list(find_in_text("http://a.com/" + unit * 200_000, 5_000))


@given(st.text(alphabet=st.sampled_from(list("ahtpw:/.@<>()[] \n\r%é。\ud800")), max_size=300))
def test_any_text_is_searched_without_an_error(text: str) -> None:
    for url in find_in_text(text, 50):
        assert url
        assert not set(url) & set(' \n\r<>"')
