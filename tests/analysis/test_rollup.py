"""A cluster's verdict follows from its members' by stated rules, and so does what is odd about its volume."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clawback.analysis.indicators import Threat, VerdictKind
from clawback.analysis.rollup import ThreatCounts, roll_up
from clawback.analysis.sent import sent_cluster
from clawback.analysis.verdict import Judged
from clawback.analysis.volume import Volume, volume

PHISH = Judged(VerdictKind.MALICIOUS, Threat.PHISH)
MALWARE = Judged(VerdictKind.MALICIOUS, Threat.MALWARE)
URL = Judged(VerdictKind.MALICIOUS, Threat.MALICIOUS_URL)
SURE = Judged(VerdictKind.MALICIOUS, Threat.HIGH_CONFIDENCE_PHISH)
SPAM = Judged(VerdictKind.SUSPICIOUS, Threat.SPAM)
ASKED = Judged(VerdictKind.UNKNOWN, Threat.SPAM)
CLEAN = Judged(VerdictKind.NO_THREATS_FOUND, None)
HANDFUL = 5

RULES = {
    "1 made for something malicious": ({}, URL, URL),
    "1 even when nothing is said any more": ({SPAM: 3}, MALWARE, MALWARE),
    "1 made for something suspicious": ({PHISH: 50}, SPAM, SPAM),
    "2 more than a handful": ({PHISH: 6}, None, PHISH),
    "2 of several threats": ({PHISH: 4, URL: 1, SPAM: 9, MALWARE: 1}, None, MALWARE),
    "3 just a handful": ({PHISH: 5}, None, Judged(VerdictKind.SUSPICIOUS, Threat.PHISH)),
    "3 one is enough": ({SURE: 1}, None, Judged(VerdictKind.SUSPICIOUS, Threat.HIGH_CONFIDENCE_PHISH)),
    "3 suspicious ones never make it malicious": ({SPAM: 900}, None, SPAM),
    "3 both": ({SPAM: 900, PHISH: 5}, None, Judged(VerdictKind.SUSPICIOUS, Threat.PHISH)),
    "4 nothing said": ({}, None, CLEAN),
    "4 only asked about": ({ASKED: 12}, None, CLEAN),
    "4 counts of none": ({PHISH: 0, SPAM: 0}, None, CLEAN),
}


@pytest.mark.parametrize("rule", RULES)
def test_the_rules(rule: str) -> None:
    counts, made_for, expected = RULES[rule]
    assert roll_up(counts, HANDFUL, made_for) == expected


@given(
    st.dictionaries(st.sampled_from([PHISH, MALWARE, URL, SURE, SPAM, ASKED]), st.integers(0, 20)),
    st.integers(0, 30),
)
def test_only_malicious_members_over_the_handful_make_it_malicious(
    counts: dict[Judged, int], handful: int
) -> None:
    judged = roll_up(counts, handful)
    malicious = sum(n for j, n in counts.items() if j.verdict is VerdictKind.MALICIOUS)
    assert (judged.verdict is VerdictKind.MALICIOUS) == (malicious > handful)
    assert (judged.threat is None) == (judged.verdict is VerdictKind.NO_THREATS_FOUND)


def test_members_are_counted_once_by_verdict_and_threat() -> None:
    counts = {
        PHISH: 2,
        URL: 3,
        MALWARE: 4,
        SURE: 5,
        SPAM: 6,
        Judged(VerdictKind.MALICIOUS, Threat.MALICIOUS_FILE): 7,
    }
    assert ThreatCounts.of(counts) == ThreatCounts(21, 6, 11, 5, 5, 6)
    assert ThreatCounts.of({}) == ThreatCounts()


VOLUMES = {
    "nothing at all": ({}, Volume(0, 0.0, 5.0), False),
    "five where none were": ({0: 5}, Volume(5, 0.0, 5.0), False),
    "six where none were": ({0: 6}, Volume(6, 0.0, 5.0), True),
    "as every day": (dict.fromkeys(range(11), 40), Volume(40, 40.0, 45.0), False),
    "one day of ten was loud": ({0: 6, 4: 900}, Volume(6, 0.0, 5.0), True),
    "days before those ten": ({0: 2, 11: 900, 12: 900}, Volume(2, 0.0, 5.0), False),
}


def test_sent_mail_has_the_gravest_threat_of_its_members() -> None:
    said = {"msg-1": SPAM, "msg-2": Judged(VerdictKind.SUSPICIOUS, Threat.MALICIOUS_FILE), "msg-3": MALWARE}
    now = datetime(2026, 11, 24, tzinfo=UTC)
    cluster = sent_cluster("inv-1", "ann@example.org", VerdictKind.SUSPICIOUS, [*said], said, now)
    assert [member.message_id for member in cluster.members] == ["msg-1", "msg-2"]
    assert cluster.threat is Threat.MALICIOUS_FILE


@pytest.mark.parametrize("case", VOLUMES)
def test_a_volume_is_odd_from_its_limit_on(case: str) -> None:
    by_day, expected, odd = VOLUMES[case]
    found = volume(by_day)
    assert found == expected
    assert found.anomalous is odd


def test_days_that_vary_leave_more_room() -> None:
    quiet = volume(dict.fromkeys(range(11), 20))
    varied = volume({day: 10 + 4 * (day % 6) for day in range(1, 11)})
    assert varied.limit - varied.usual > quiet.limit - quiet.usual


@given(st.dictionaries(st.integers(0, 30), st.integers(0, 1_000)))
def test_the_usual_number_is_never_odd(by_day: dict[int, int]) -> None:
    usual = volume(by_day).usual
    assert not volume(by_day | {0: int(usual)}).anomalous
