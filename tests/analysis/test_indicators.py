"""What people and feeds write becomes one canonical value, or one clear sentence."""

from __future__ import annotations

from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.analysis.making import NOW, listed, safe_link

from clawback.analysis.indicators import IndicatorKind, Match, Threat, guess_kind, indicator
from clawback.analysis.places import EMPTY_SHA256
from clawback.errors import BadIndicator

SHA = "AB" * 32


@pytest.mark.parametrize(
    ("kind", "written", "canonical"),
    [
        ("url", "https://Evil.Test", "https://evil.test/"),
        ("url", "hxxps://evil[.]test/a", "https://evil.test/a"),
        ("url", "hXXp://evil(dot)test/a", "http://evil.test/a"),
        ("url", "  https://evil.test:443/a/../b#frag ", "https://evil.test/b"),
        ("url", "https://user:pw@evil.test/", "https://evil.test/"),
        ("url", "evil.test/login", "http://evil.test/login"),
        ("url", "evil.test:8080/login", "http://evil.test:8080/login"),
        ("url", "http://0x7f.1/", "http://127.0.0.1/"),
        ("url", "http://[2001:DB8::0:1]/x", "http://[2001:db8::1]/x"),
        ("url", "https://live.test/?x[.y]=(at)", "https://live.test/?x[.y]=(at)"),
        ("url", "http://bücher.test/", "http://xn--bcher-kva.test/"),
        ("url", safe_link("https%3A%2F%2FEvil.test%2Fa%3Fb%3Dc"), "https://evil.test/a?b=c"),
        ("host", "WWW.Evil.test.", "www.evil.test"),
        ("host", "bücher.test", "xn--bcher-kva.test"),
        ("host", "1.2.3.4", "1.2.3.4"),
        ("host", "[::1]", "::1"),
        ("domain", "*.evil.test", "evil.test"),
        ("domain", "Evil[.]co[.]uk", "evil.co.uk"),
        ("domain", "a.evil.co.uk", "a.evil.co.uk"),
        ("sender", "Bob@Evil.Test", "bob@evil.test"),
        ("sender", "Bob <Bob@Evil.Test>", "bob@evil.test"),
        ("sender", "mailto:bob@evil.test", "bob@evil.test"),
        ("sender", "bob[at]evil[.]test", "bob@evil.test"),
        ("sender", "bob@bücher.test", "bob@xn--bcher-kva.test"),
        ("sender", "@Evil.test", "@evil.test"),
        ("ip", "192.0.2[.]1", "192.0.2.1"),
        ("ip", "2001:DB8:0:0::0001", "2001:db8::1"),
        ("ip", "[2001:db8::1]", "2001:db8::1"),
        ("ip", "::ffff:192.0.2.1", "192.0.2.1"),
        ("sha256", f" {SHA} ", SHA.lower()),
    ],
)
def test_a_value_becomes_canonical(kind: str, written: str, canonical: str) -> None:
    made = listed(kind, written)
    assert made.value == canonical
    assert listed(kind, made.value) == made


@pytest.mark.parametrize(
    ("kind", "written", "sentence"),
    [
        ("url", "", "The indicator is empty."),
        ("url", "   ", "The indicator is empty."),
        ("url", "javascript:alert(1)", "not a URL that mail can link to"),
        ("url", "mailto:bob@evil.test", "not a URL that mail can link to"),
        ("url", "user@evil.test/x", "not a URL that mail can link to"),
        ("url", "https://", "not a URL that mail can link to"),
        ("url", "https://evil.test/\0", "control characters"),
        ("url", "https://evil.test/\ud800", "control characters"),
        ("url", "https://evil.test/" + "a" * 9000, "9,018 characters; at most 8,192"),
        ("host", "https://evil.test/", "is a URL, not a host"),
        ("host", "*.evil.test", "use kind domain"),
        ("host", "two words", "not a host name"),
        ("host", "evil.test:80", "not a host name"),
        ("host", "evil..test", "not a host name"),
        ("domain", "co.uk", "public suffix and would match half the world"),
        ("domain", "*.com.", "not a full domain name"),
        ("domain", "github.io", "public suffix"),
        ("domain", "localhost", "not a full domain name"),
        ("domain", "1.2.3.4", "use kind ip"),
        ("sender", "bob", "not a mail address"),
        ("sender", "@", "not a sender domain"),
        ("sender", "two words@evil.test", "not a mail address"),
        ("sender", "x@<bob@evil.test bob@evil.test", "not a mail address"),
        ("ip", "10.0.0.0/8", "is a network: list its addresses one by one"),
        ("ip", "1.2.3", "not an IP address"),
        ("ip", "01.2.3.4", "not an IP address"),
        ("ip", "fe80::1%eth0", "not an IP address"),
        ("sha256", "ab", "not a SHA-256 (64 hex digits)"),
        ("sha256", "ab" * 16, "looks like an MD5; only SHA-256"),
        ("sha256", "ab" * 20, "looks like a SHA-1; only SHA-256"),
        ("sha256", EMPTY_SHA256, "empty file"),
        ("sha256", "zz" * 32, "not a SHA-256"),
    ],
)
def test_nonsense_is_refused_in_one_sentence(kind: str, written: str, sentence: str) -> None:
    with pytest.raises(BadIndicator) as caught:
        listed(kind, written)
    text = str(caught.value)
    assert sentence in text
    assert text.endswith(".")
    assert len(text) < 250
    assert text.isprintable()


@pytest.mark.parametrize("written", ["https://evil.test/", "https://evil.test", "https://evil.test/a?b="])
def test_a_prefix_has_scheme_and_whole_host(written: str) -> None:
    made = listed("url", written, match=Match.PREFIX)
    assert made.value.startswith("https://evil.test/")


@pytest.mark.parametrize("written", ["evil.test/a", "https://", "https:///", "https", "//evil.test/"])
def test_a_prefix_without_them_is_refused(written: str) -> None:
    with pytest.raises(BadIndicator, match="at least https://host/"):
        listed("url", written, match=Match.PREFIX)


@pytest.mark.parametrize("kind", ["host", "domain"])
def test_only_urls_have_prefixes(kind: str) -> None:
    with pytest.raises(BadIndicator, match="Only a URL can be matched by prefix"):
        listed(kind, "evil.test", match=Match.PREFIX)


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"confidence": 101}, "0 to 100"),
        ({"confidence": -1}, "0 to 100"),
        ({"confidence": True}, "0 to 100"),
        ({"confidence": 5.5}, "0 to 100"),
        ({"source": ""}, "source"),
        ({"source": "x" * 201}, "source"),
        ({"note": "x" * 8193}, "note"),
        ({"verdict": "bad"}, "is not one of malicious, suspicious"),
        ({"threat": "bad"}, "is not one of malware"),
        ({"match": "fuzzy"}, "is not one of exact, prefix"),
        ({"expires_at": NOW}, "expire before it is added"),
        ({"expires_at": datetime(2030, 1, 1)}, "time zone"),
        ({"expires_at": "tomorrow"}, "time zone"),
        ({"added_at": datetime(2030, 1, 1)}, "time zone"),
    ],
)
def test_impossible_terms_are_refused(fields: dict[str, Any], sentence: str) -> None:
    with pytest.raises(BadIndicator, match=sentence):
        listed("host", "evil.test", **fields)


def test_only_text_is_a_value() -> None:
    wrong: Any = 5
    with pytest.raises(BadIndicator, match="must be text, not int"):
        indicator(IndicatorKind.URL, wrong, added_at=NOW)


def test_the_id_is_made_of_kind_match_value_and_source() -> None:
    one = listed("url", "https://evil.test/a")
    assert listed("url", "hxxps://EVIL[.]test/a", confidence=5, note="again").id == one.id
    others = [
        listed("url", "https://evil.test/b"),
        listed("url", "https://evil.test/a", source="feed"),
        listed("url", "https://evil.test/a", match=Match.PREFIX),
        listed("host", "evil.test"),
        listed("domain", "evil.test"),
    ]
    assert len({one.id, *(other.id for other in others)}) == 6


def test_a_kind_has_its_usual_threat() -> None:
    assert listed("sha256", SHA).threat is Threat.MALICIOUS_FILE
    assert listed("host", "evil.test").threat is Threat.MALICIOUS_URL
    assert listed("host", "evil.test", threat=Threat.SPAM).threat is Threat.SPAM


def test_an_indicator_ends_with_the_moment_it_expires() -> None:
    end = NOW + timedelta(days=1)
    made = listed("host", "evil.test", expires_at=end)
    assert made.alive(NOW)
    assert not made.alive(end)
    assert listed("host", "evil.test").alive(end)


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        (SHA, "sha256"),
        ("https://evil.test/", "url"),
        ("hxxps://evil[.]test", "url"),
        ("evil.test/login", "url"),
        ("evil.test:8080", "url"),
        ("evil.test?x=1", "url"),
        ("1.2.3.4/x", "url"),
        ("bob@evil.test", "sender"),
        ("Bob <bob@evil.test>", "sender"),
        ("@evil.test", "sender"),
        ("1.2.3[.]4", "ip"),
        ("2001:db8::1", "ip"),
        ("10.0.0.0/8", "ip"),
        ("evil.test", "domain"),
        ("evil.co.uk", "domain"),
        ("*.evil.test", "domain"),
        ("co.uk", "domain"),
        ("www.evil.test", "host"),
        ("ec2-1-2-3-4.compute-1.amazonaws.com", "host"),
    ],
)
def test_a_kind_is_guessed(text: str, kind: str) -> None:
    assert guess_kind(text) is IndicatorKind(kind)


@pytest.mark.parametrize("text", ["", "localhost", "two words", "ab" * 16, "---", "x" * 9000])
def test_what_is_nothing_is_said_to_be_nothing(text: str) -> None:
    with pytest.raises(BadIndicator):
        guess_kind(text)


@given(st.sampled_from(IndicatorKind), st.text(max_size=60))
def test_any_text_is_an_indicator_or_refused(kind: IndicatorKind, text: str) -> None:
    with suppress(BadIndicator):
        made = listed(kind, text)
        assert listed(kind, made.value).value == made.value
