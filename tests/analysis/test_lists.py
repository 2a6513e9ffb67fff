"""Lists of indicators as people and feeds write them."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import islice

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.analysis.making import NOW

from clawback.analysis.indicators import Indicator, IndicatorKind, Match, Threat, VerdictKind
from clawback.analysis.lists import Terms, read_lines, read_list
from clawback.message.defect import Defect

SHA = "ab" * 32


def _pairs(text: str, kind: IndicatorKind | None = None) -> list[tuple[str, str]]:
    found, defects = read_list(text, kind=kind, added_at=NOW)
    assert defects == ()
    return [(i.kind.value, i.value) for i in found]


def _only(text: str) -> Indicator:
    (found,), defects = read_list(text, added_at=NOW)
    assert defects == ()
    return found


def test_one_value_a_line_with_its_kind_guessed() -> None:
    text = (
        "\ufeff# a feed\r\n\r\n; more\n! more\n// more\nhxxps://evil[.]test/x#/y # seen today\n"
        f"www.evil.test\nevil.test\n{SHA}\n192.0.2.1\nbob@evil.test\n"
    )
    assert _pairs(text) == [
        ("url", "https://evil.test/x#/y"),
        ("host", "www.evil.test"),
        ("domain", "evil.test"),
        ("sha256", SHA),
        ("ip", "192.0.2.1"),
        ("sender", "bob@evil.test"),
    ]


def test_a_given_kind_is_not_guessed() -> None:
    assert _pairs("evil.test\n1.2.3.4\n", IndicatorKind.HOST) == [("host", "evil.test"), ("host", "1.2.3.4")]


def test_a_hosts_file() -> None:
    text = (
        "127.0.0.1 localhost localhost.localdomain\n::1 ip6-localhost ip6-loopback\n0.0.0.0 0.0.0.0\n"
        "0.0.0.0 evil.test a.evil.test # both\n127.0.0.1\tb.test\n"
    )
    assert _pairs(text) == [("host", "evil.test"), ("host", "a.evil.test"), ("host", "b.test")]
    assert _pairs("0.0.0.0 evil.test", IndicatorKind.DOMAIN) == [("domain", "evil.test")]


def test_a_csv_with_kind_and_value() -> None:
    text = (
        "kind,value,match,verdict,threat,confidence,expires_at,note\n"
        'url,https://evil.test/,prefix,malicious,malware,80,2027-01-01,"one, two"\n'
    )
    found = _only(text)
    assert (found.kind, found.value, found.match) == (IndicatorKind.URL, "https://evil.test/", Match.PREFIX)
    assert (found.verdict, found.threat, found.confidence) == (
        VerdictKind.MALICIOUS,
        Threat.MALWARE,
        80,
    )
    assert found.expires_at == datetime(2027, 1, 1, tzinfo=UTC)
    assert found.note == "one, two"


@pytest.mark.parametrize(
    ("text", "pairs"),
    [
        ("indicator;source\nevil.test;x\n", [("domain", "evil.test")]),
        ("seen\turl\n2026\thttps://evil.test/a,b\n", [("url", "https://evil.test/a,b")]),
        (
            '"IndicatorType","IndicatorValue","Action"\n"FileSha256","' + SHA + '","Block"\n',
            [("sha256", SHA)],
        ),
        ("DomainName,x\nevil.test,\n", [("domain", "evil.test")]),
        ('# "id","dateadded","url"\n"1","2026","http://evil.test/1,2"\n', [("url", "http://evil.test/1,2")]),
        ("https://evil.test/a,url\n", [("url", "https://evil.test/a,url")]),
        ("type,value\nip-dst,192.0.2.1\n", [("ip", "192.0.2.1")]),
    ],
)
def test_headers_of_many_feeds(text: str, pairs: list[tuple[str, str]]) -> None:
    assert _pairs(text) == pairs


def test_an_allow_row_is_an_allow_entry_and_an_unknown_threat_is_the_usual_one() -> None:
    assert _only("value,action\nevil.test,Allow\n").verdict is VerdictKind.NO_THREATS_FOUND
    assert _only("url,threat\nhttp://a.test/,malware_download\n").threat is Threat.MALICIOUS_URL


@pytest.mark.parametrize(
    ("text", "details"),
    [
        ("evil.test\nnot a thing\n\nco.uk\n", ["line 2: 'not a thing' is not", "line 4: co.uk is a public"]),
        ("0.0.0.0 a..b c.test\n", ["line 1: 'a..b' is not a host name."]),
        ("url,confidence\nhttp://a.test/,101\nhttp://a.test/,x\n", ["line 2: The conf", "line 3: The conf"]),
        ("url,verdict\nhttp://a.test/,maybe\n", ["line 2: 'maybe' is no verdict."]),
        ("url,expires\nhttp://a.test/,soon\n", ["line 2: 'soon' is no date like"]),
        ("url,expires\nhttp://a.test/,2020-01-01\n", ["line 2: The indicator would expire before"]),
        ("kind,value\nregistry,HKLM\n", ["line 2: 'registry' is no kind"]),
        ("url,match\nhttp://a.test/,fuzzy\n", ["line 2: 'fuzzy' is no way to match"]),
        ('id,url\n1,"http://a.test/\n2,\n', ["line 3: The row has no value."]),
        ("x" * 40_000 + "\n", ["line 1: The line has 40,000 characters"]),
    ],
)
def test_a_bad_line_is_told_by_its_number(text: str, details: list[str]) -> None:
    _, defects = read_list(text, added_at=NOW)
    assert [defect.code for defect in defects] == ["bad_indicator"] * len(details)
    for defect, detail in zip(defects, details, strict=True):
        assert defect.detail.startswith(detail)


def test_an_indicator_comes_once() -> None:
    assert _pairs("evil.test\nEVIL.test\nevil[.]test\n") == [("domain", "evil.test")]


def test_prefix_is_for_urls_only() -> None:
    found, defects = read_list("https://evil.test/\nevil.test\n", added_at=NOW, match=Match.PREFIX)
    assert [(i.kind.value, i.match.value) for i in found] == [("url", "prefix"), ("domain", "exact")]
    assert defects == ()


def test_lines_are_read_as_they_come() -> None:
    def endless() -> Iterator[str]:
        number = 0
        while True:
            number += 1
            yield f"https://evil.test/{number}\n"

    entries = read_lines(endless(), Terms(NOW, "feed"))
    first = list(islice(entries, 1000))
    assert len({entry.id for entry in first if isinstance(entry, Indicator)}) == 1000


@given(st.lists(st.text(st.characters(exclude_characters="\r\n"), max_size=30), max_size=8))
def test_no_line_is_lost(lines: list[str]) -> None:
    """Every line that says something to a list without header is an indicator or a defect."""
    text = ["evil.test", *lines]
    entries = list(read_lines(text, Terms(NOW, "feed")))
    comment = ("#", ";", "!", "//")
    spoken = [line.strip().removeprefix("\ufeff").strip() for line in text]
    spoken = [line for line in spoken if line and not line.startswith(comment)]
    assert len(entries) >= len([line for line in spoken if not line.startswith(("0.", "127.", ":"))])
    assert all(isinstance(entry, Indicator | Defect) for entry in entries)
