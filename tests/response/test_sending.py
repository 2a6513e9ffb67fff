"""When an account's sending is suspicious, and what is left out of clusters: the rules, case by case."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from clawback.analysis.indicators import Indicator, IndicatorKind, Match, indicator
from clawback.message.message import Organisation
from clawback.message.parse import parse
from clawback.response.exclusions import why_left_out
from clawback.response.policy import Policy
from clawback.response.sending import BURST, Hour, Sent, suspicion

NOW = datetime(2026, 11, 24, 9, 30, tzinfo=UTC)
HOUR = NOW.replace(minute=0)
ANN = "ann@example.org"


def hour(back: int, addresses: int) -> Hour:
    return Hour(HOUR - timedelta(hours=back), 1, addresses)


@pytest.mark.parametrize(
    ("hours", "suspicious"),
    [
        ([], False),
        ([hour(1, BURST)], True),
        ([hour(1, BURST - 1)], False),
        ([hour(1, BURST), hour(100, BURST // 5 - 1)], True),
        ([hour(1, BURST), hour(100, BURST // 5)], False),
        ([hour(1, BURST), hour(24 * 10 + 2, BURST)], True),
        ([hour(1, BURST), hour(0, BURST)], True),
        ([hour(26, BURST)], False),
        ([hour(24, BURST)], True),
    ],
)
def test_a_burst_is_measured_by_the_accounts_own_past(hours: list[Hour], suspicious: bool) -> None:
    found = suspicion(ANN, hours, [], 5, NOW)
    assert (found is not None) is suspicious
    if found:
        assert found.trigger.startswith("burst:")


def sent(minutes: int, addresses: int, n: int = 0) -> Sent:
    return Sent(f"msg-{n or minutes}", NOW - timedelta(minutes=minutes), addresses)


@pytest.mark.parametrize(
    ("malicious", "suspicious"),
    [
        ([], False),
        ([sent(10, 5)], False),
        ([sent(10, 6)], True),
        ([sent(10, 3), sent(20, 3)], True),
        ([sent(10, 3), sent(10 + 24 * 60, 3)], True),
        ([sent(10, 3), sent(11 + 24 * 60, 3)], False),
        ([sent(10 + 9 * 24 * 60, 6)], True),
    ],
)
def test_malicious_mail_to_more_than_a_handful_within_a_day(malicious: list[Sent], suspicious: bool) -> None:
    assert (suspicion(ANN, [], malicious, 5, NOW) is not None) is suspicious


def test_the_trigger_stays_the_same_while_the_case_grows() -> None:
    first = suspicion(ANN, [], [sent(60, 6)], 5, NOW)
    later = suspicion(ANN, [], [sent(60, 6), sent(30, 9)], 5, NOW + timedelta(minutes=5))
    assert first is not None
    assert later is not None
    assert first.trigger == later.trigger


SIM = "https://train.sim.example/lesson/"
BAD = "https://login.evil.example/session"


def mail(
    body: str, sender: str = "it@sim.example", said: str = "dmarc=pass header.from=sim.example"
) -> bytes:
    results = f"Authentication-Results: mx.example.org; {said}\r\n" if said else ""
    return (
        f"{results}From: IT <{sender}>\r\nTo: {ANN}\r\nSubject: x\r\nMessage-ID: <1@sim.example>\r\n\r\n"
        f"{body}"
    ).encode()


def listed(kind: IndicatorKind, value: str, match: Match = Match.EXACT) -> Indicator:
    return indicator(kind, value, match=match, source="feed", added_at=NOW)


BY_SENDER = Policy(simulation_senders=frozenset({"sim.example"}))
BY_ADDRESS = Policy(simulation_senders=frozenset({"it@sim.example"}))
BY_URL = Policy(simulation_urls=frozenset({SIM}))
BY_HOST = Policy(simulation_urls=frozenset({"sim.example"}))
URL, HOST = IndicatorKind.URL, IndicatorKind.HOST


@pytest.mark.parametrize(
    ("raw", "policy", "asked", "left_out"),
    [
        (mail("hello"), Policy(), None, False),
        (mail("hello"), BY_SENDER, None, True),
        (mail("hello"), BY_ADDRESS, None, True),
        (mail("hello", "other@sim.example"), BY_ADDRESS, None, False),
        (mail("hello", "it@notsim.example"), BY_SENDER, None, False),
        (mail("hello", "it@deep.sim.example"), BY_SENDER, None, True),
        (mail("hello", said="dmarc=fail header.from=sim.example"), BY_SENDER, None, False),
        (mail("hello", said="spf=fail; dkim=none"), BY_SENDER, None, False),
        (mail("hello", said="spf=fail; dkim=pass"), BY_SENDER, None, True),
        (mail("hello", said=""), BY_SENDER, None, True),
        (mail(f"go to {SIM}1"), BY_URL, None, True),
        (mail(f"go to {SIM}1"), BY_HOST, None, True),
        (mail("go to https://train.sim.example/other"), BY_URL, None, False),
        (mail("go to https://sim.example.evil.example/"), BY_HOST, None, False),
        (mail(f"go to {SIM}1"), BY_URL, listed(URL, SIM + "1"), True),
        (mail(f"go to {SIM}1"), BY_URL, listed(HOST, "train.sim.example"), True),
        (mail(f"go to {SIM}1"), BY_URL, listed(IndicatorKind.SENDER, "it@sim.example"), True),
        (mail(f"go to {SIM}1 or {BAD}"), BY_URL, listed(URL, BAD), False),
        (mail(f"go to {SIM}1 or {BAD}"), BY_SENDER, listed(URL, BAD), True),
        (mail(f"{SIM}1 https://train.sim.example/x"), BY_URL, listed(HOST, "train.sim.example"), False),
    ],
)
def test_what_is_left_out(raw: bytes, policy: Policy, asked: Indicator | None, left_out: bool) -> None:
    message = parse(raw, Organisation(frozenset({"example.org"})))
    assert bool(why_left_out(message, policy, asked)) is left_out
