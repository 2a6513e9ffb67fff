"""What is listed is detected, what is allowed is left alone, and the gravest word counts."""

from __future__ import annotations

from datetime import timedelta

import pytest
from tests.analysis.making import NOW, file_of, listed, message_of

from clawback.analysis.detections import Detection, detect
from clawback.analysis.facts import Fact
from clawback.analysis.indicators import Indicator, IndicatorKind, Match, Threat, VerdictKind
from clawback.analysis.rules import RULES, rule_of
from clawback.analysis.verdict import Judgement, judge

EVIL = "https://evil.test/a"
GOOD = VerdictKind.NO_THREATS_FOUND
FEED = listed("url", EVIL, source="feed", confidence=70)
MESSAGE = message_of(EVIL, "https://evil.test/b", sender="bob@evil.test")


def test_a_detection_says_what_matched_and_who_listed_it() -> None:
    (found,) = detect(MESSAGE, [FEED], NOW)
    assert (found.rule, found.verdict, found.threat) == (
        "indicator.url",
        VerdictKind.MALICIOUS,
        Threat.MALICIOUS_URL,
    )
    assert (found.confidence, found.indicator_id) == (70, FEED.id)
    assert found.reasons[0].text == (
        f"A link in the body (a.href) leads to {EVIL}. The url {EVIL} is listed as malicious by feed."
    )


def test_what_the_message_does_not_carry_is_not_detected() -> None:
    others = [listed("url", "https://evil.test/c"), listed("sha256", "ab" * 32), listed("ip", "192.0.2.1")]
    assert detect(MESSAGE, others, NOW) == ()


def test_an_expired_indicator_says_nothing_and_an_expired_allow_entry_allows_nothing() -> None:
    end = NOW + timedelta(hours=1)
    brief = listed("url", EVIL, expires_at=end)
    allow = listed("url", EVIL, verdict=GOOD, source="desk", expires_at=end)
    assert detect(MESSAGE, [brief], NOW)
    assert detect(MESSAGE, [brief], end) == ()
    assert judge(detect(MESSAGE, [FEED, allow], NOW)).verdict is GOOD
    assert judge(detect(MESSAGE, [FEED, allow], end)).verdict is VerdictKind.MALICIOUS


def _allow(kind: str, value: str, source: str = "manual", match: Match = Match.EXACT) -> Indicator:
    return listed(kind, value, source=source, match=match, verdict=GOOD)


def _feed(kind: str, value: str, match: Match = Match.EXACT) -> Indicator:
    return listed(kind, value, source="feed", match=match)


@pytest.mark.parametrize(
    ("block", "allow", "verdict"),
    [
        (_feed("url", EVIL), _allow("url", EVIL), GOOD),
        (_feed("url", EVIL), _allow("url", EVIL, "warning list"), GOOD),
        (listed("url", EVIL), _allow("url", EVIL), VerdictKind.MALICIOUS),
        (_feed("url", EVIL), _allow("domain", "evil.test"), GOOD),
        (_feed("url", EVIL), _allow("domain", "evil.test", "warning list"), VerdictKind.MALICIOUS),
        (_feed("url", EVIL), _allow("url", "https://evil.test/b"), VerdictKind.MALICIOUS),
        (_feed("domain", "evil.test"), _allow("domain", "evil.test", "warning list"), GOOD),
        (_feed("host", "evil.test"), _allow("url", EVIL), VerdictKind.MALICIOUS),
        (_feed("host", "evil.test"), _allow("url", "https://evil.test/", match=Match.PREFIX), GOOD),
        (_feed("sender", "bob@evil.test"), _allow("sender", "@evil.test"), GOOD),
        (_feed("sender", "bob@evil.test"), _allow("sender", "@evil.test", "list"), VerdictKind.MALICIOUS),
        (_feed("sender", "bob@evil.test"), _allow("url", EVIL), VerdictKind.MALICIOUS),
    ],
)
def test_allow_entries(block: Indicator, allow: Indicator, verdict: VerdictKind) -> None:
    for order in ([block, allow], [allow, block]):
        assert judge(detect(MESSAGE, order, NOW)).verdict is verdict


def test_a_place_that_is_not_allowed_stands_with_its_own_reason() -> None:
    found = detect(MESSAGE, [_feed("host", "evil.test"), _allow("url", EVIL)], NOW)
    (bad,) = [d for d in found if d.verdict is VerdictKind.MALICIOUS]
    assert ["https://evil.test/b" in reason.text for reason in bad.reasons] == [True]


def _said(verdict: VerdictKind, threat: Threat | None, confidence: int = 50) -> Detection:
    return Detection("indicator.url", verdict, threat, confidence, ())


@pytest.mark.parametrize(
    ("said", "verdict", "threat"),
    [
        ([], GOOD, None),
        ([(GOOD, None)], GOOD, None),
        ([(VerdictKind.UNKNOWN, Threat.SPAM), (GOOD, None)], VerdictKind.UNKNOWN, Threat.SPAM),
        ([(VerdictKind.SUSPICIOUS, Threat.MALWARE), (GOOD, None)], VerdictKind.SUSPICIOUS, Threat.MALWARE),
        (
            [(VerdictKind.SUSPICIOUS, Threat.MALWARE), (VerdictKind.MALICIOUS, Threat.SPAM)],
            VerdictKind.MALICIOUS,
            Threat.SPAM,
        ),
        (
            [(VerdictKind.MALICIOUS, Threat.PHISH), (VerdictKind.MALICIOUS, Threat.MALWARE)],
            VerdictKind.MALICIOUS,
            Threat.MALWARE,
        ),
    ],
)
def test_the_gravest_counts(
    said: list[tuple[VerdictKind, Threat | None]], verdict: VerdictKind, threat: Threat | None
) -> None:
    assert judge(_said(*pair) for pair in said) == Judgement(verdict, threat, ())


def test_the_reasons_are_those_of_the_verdict_surest_first_and_once() -> None:
    message = message_of(EVIL, attachments=(file_of("ab" * 32),))
    sure, unsure = listed("sha256", "ab" * 32, confidence=90), listed("url", EVIL, confidence=10)
    mild = listed("host", "evil.test", verdict=VerdictKind.SUSPICIOUS)
    found = detect(message, [unsure, mild, sure], NOW)
    judged = judge([*found, *found])
    assert [reason.code for reason in judged.reasons] == ["same_file", "same_url"]


def test_every_kind_has_a_documented_rule() -> None:
    assert {rule.id for rule in RULES} == {rule_of(kind) for kind in IndicatorKind}
    assert len({rule.title for rule in RULES}) == len(RULES)
    assert all(rule.text.endswith(".") for rule in RULES)


def test_a_fact_holds_for_its_time_and_an_unknown_one_never() -> None:
    fact = Fact("domain.age", 3, "whois", NOW, timedelta(hours=1))
    assert fact.holds(NOW)
    assert not fact.holds(NOW + timedelta(hours=1))
    unknown = Fact.unknown("the resolver did not answer", name="domain.age", at=NOW)
    assert not unknown.known
    assert not unknown.holds(NOW)
    assert unknown.reason == "the resolver did not answer"
