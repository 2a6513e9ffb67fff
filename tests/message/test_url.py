"""Canonical URLs, registrable domains, refanging, and links made of what stood in a message."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clawback.message.link import LinkLocation
from clawback.message.suffixes import has_known_suffix, registrable_domain
from clawback.message.url import make_link, normalise, refang


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("http://example.com", "http://example.com/"),
        ("  HTTP://User:pw@EXÄMPLE.com:80/a b?x=1#top ", "http://xn--exmple-cua.com/a%20b?x=1"),
        ("https://example.com:443/", "https://example.com/"),
        ("https://example.com:8443/", "https://example.com:8443/"),
        ("http://example.com./x", "http://example.com/x"),
        ("http:\\\\example.com\\x", "http://example.com/x"),
        ("http:example.com", "http://example.com/"),
        ("http:///example.com", "http://example.com/"),
        ("ht\ntp://exa\tmple.com/", "http://example.com/"),
        ("//example.com/x", "http://example.com/x"),
        ("www.example.com/x", "http://www.example.com/x"),
        ("example.co.uk/x", "http://example.co.uk/x"),
        ("example.com:8080/x", "http://example.com:8080/x"),
        ("ftp://example.com/x", "ftp://example.com/x"),
        ("http://0x7f.1/", "http://127.0.0.1/"),
        ("http://2130706433/", "http://127.0.0.1/"),
        ("http://0177.0.0.01/", "http://127.0.0.1/"),
        ("http://[0:0::1]:80/", "http://[::1]/"),
        ("http://example.com/a/../b/./c", "http://example.com/b/c"),
        ("http://ｅｘａｍｐｌｅ.com/", "http://example.com/"),
        ("http://example。com/", "http://example.com/"),
        ("http://a.example/#/login", "http://a.example/#/login"),
        ("http://a.example/#!login", "http://a.example/#!login"),
        ("http://a.example/#victim@b.example", "http://a.example/"),
    ],
)
def test_normalise_gives_one_canonical_form(text: str, expected: str) -> None:
    url = normalise(text)
    assert url is not None
    assert url.url == expected
    again = normalise(url.url)
    assert again == url


@pytest.mark.parametrize(
    "text",
    [
        *(
            "",
            "#",
            "#top",
            "x",
            "/x",
            "?x",
            "page.html",
            "index.php",
            "a@example.com",
            "mailto:a@example.com",
        ),
        *(
            "tel:+1",
            "data:text/html,x",
            "javascript:alert(1)",
            "java\nscript:alert(1)",
            "cid:1@x",
            "about:blank",
        ),
        *(
            "http://",
            "https://xn--/",
            "http://exa mple.com/",
            "http://a.com:99999/",
            "file:///etc/passwd",
            "co.uk",
        ),
        "http://example.com/" + "x" * 8_192,
    ],
)
def test_what_leads_to_no_host_is_none(text: str) -> None:
    assert normalise(text) is None


@pytest.mark.parametrize(
    ("reference", "expected"),
    [
        ("x.html", "https://example.com/d/x.html"),
        ("../x", "https://example.com/x"),
        ("/x", "https://example.com/x"),
        ("?q=1", "https://example.com/d/e?q=1"),
        ("//other.example/x", "http://other.example/x"),
        ("https://other.example/", "https://other.example/"),
        ("", None),
        ("#x", None),
        ("mailto:a@b.example", None),
    ],
)
def test_relative_references_follow_their_base(reference: str, expected: str | None) -> None:
    url = normalise(reference, "https://example.com/d/e?f#g")
    assert (url.url if url else None) == expected


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("www.example.com", "example.com"),
        ("a.b.example.co.uk", "example.co.uk"),
        ("alice.github.io", "alice.github.io"),
        ("co.uk", ""),
        ("com", ""),
        ("127.0.0.1", ""),
        ("::1", ""),
        ("", ""),
        ("host.unheard-of-suffix", "host.unheard-of-suffix"),
        ("localhost", ""),
        ("x" * 300 + ".com", ""),
    ],
)
def test_registrable_domain(host: str, expected: str) -> None:
    assert registrable_domain(host) == expected


def test_known_suffixes() -> None:
    assert has_known_suffix("example.com")
    assert not has_known_suffix("com")
    assert not has_known_suffix("index.php")
    assert not has_known_suffix("1.2.3.4")


def test_host_and_domain_are_punycode_and_ipv6_has_no_brackets() -> None:
    url = normalise("https://www.bücher.example:8443/")
    assert url is not None
    assert (url.host, url.domain, url.scheme) == (
        "www.xn--bcher-kva.example",
        "xn--bcher-kva.example",
        "https",
    )
    address = normalise("http://[2001:db8::1]/")
    assert address is not None
    assert (address.host, address.domain) == ("2001:db8::1", "")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("hxxp://evil[.]example/x", "http://evil.example/x"),
        ("hXXps[:]//evil(.)example", "https://evil.example"),
        ("fxp://evil.example", "ftp://evil.example"),
        ("evil[dot]example", "evil.example"),
        ("a[@]evil[.]example", "a@evil.example"),
        ("bob[at]evil.example", "bob@evil.example"),
        ("https://fine.example/[x]?a(b)", "https://fine.example/[x]?a(b)"),
    ],
)
def test_refang(text: str, expected: str) -> None:
    assert refang(text) == expected


def test_make_link_keeps_both_forms() -> None:
    written = "https://nam02.safelinks.protection.outlook.com/?url=https%3A%2F%2FEvil.example%2Fa%23x&data=05"
    link = make_link(written, location=LinkLocation.BODY, source="a.href", part="1.2", text="Pay" * 100)
    assert link is not None
    assert (link.url, link.host, link.domain) == ("https://evil.example/a", "evil.example", "evil.example")
    assert link.written == written
    assert link.wrapped == written
    assert link.rewritten_by == "safe_links"
    assert len(link.text) == 200


def test_make_link_leaves_a_wrapper_that_holds_no_url() -> None:
    written = "https://nam02.safelinks.protection.outlook.com/?url=mailto%3Aa%40b.example"
    link = make_link(written, location=LinkLocation.BODY, source="text")
    assert link is not None
    assert (link.url, link.wrapped, link.rewritten_by) == (written, "", "")


def test_make_link_ignores_what_is_no_link() -> None:
    assert make_link("WIFI:S:guest;T:WPA;P:secret;;", location=LinkLocation.QR_CODE, source="qr") is None
    assert make_link("mailto:a@b.example", location=LinkLocation.BODY, source="a.href") is None


@given(st.text(), st.sampled_from(["", "https://example.com/a/b", "nonsense"]))
def test_any_text_is_read_without_an_error(text: str, base: str) -> None:
    make_link(text, location=LinkLocation.BODY, source="text", base=base)
    make_link("http://" + text, location=LinkLocation.BODY, source="text", base=base)


@given(st.from_regex(r"https?://[a-z0-9\-._~%\u0100-\u0200]{1,30}(/[\x21-\x7e]{0,30})?", fullmatch=True))
def test_the_canonical_form_is_a_fixed_point(text: str) -> None:
    url = normalise(text)
    if url is not None:
        assert normalise(url.url) == url
