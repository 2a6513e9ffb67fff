"""Evidence: what became of a thing with copies, the counts of each type, and the bound on items."""

from __future__ import annotations

from dataclasses import asdict

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clawback.analysis.indicators import VerdictKind as V
from clawback.message.delivery import DeliveryLocation as D
from clawback.response.evidence import EvidenceStatus as E
from clawback.response.evidence_summary import (
    MOST,
    EvidenceItem,
    bounded,
    counts,
    gravest,
    status_of_copies,
)
from clawback.response.evidence_summary import (
    EvidenceType as T,
)

IN, OUT, GONE, UNKNOWN = D.INBOX, D.SOFT_DELETED, D.HARD_DELETED, D.UNKNOWN


@pytest.mark.parametrize(
    ("verdict", "places", "clusters", "status"),
    [
        (V.SUSPICIOUS, [IN], [E.ACTIVE], E.NONE),
        (V.NO_THREATS_FOUND, [], [], E.NONE),
        (V.MALICIOUS, [], [E.REMEDIATED], E.NOT_FOUND),
        (V.MALICIOUS, [OUT, GONE], [E.PARTIALLY_REMEDIATED], E.REMEDIATED),
        (V.MALICIOUS, [GONE], [E.PREVENTED], E.PREVENTED),
        (V.MALICIOUS, [GONE], [], E.PREVENTED),
        (V.MALICIOUS, [OUT, IN], [E.PARTIALLY_REMEDIATED], E.PARTIALLY_REMEDIATED),
        (V.MALICIOUS, [OUT, UNKNOWN], [E.PARTIALLY_REMEDIATED], E.PARTIALLY_REMEDIATED),
        (V.MALICIOUS, [OUT, IN], [E.RUNNING], E.RUNNING),
        (V.MALICIOUS, [OUT, IN], [E.PENDING_APPROVAL, E.ACTIVE], E.PENDING_APPROVAL),
        (V.MALICIOUS, [IN], [E.DECLINED], E.DECLINED),
        (V.MALICIOUS, [IN], [E.UNDONE, E.DECLINED], E.UNDONE),
        (V.MALICIOUS, [IN], [E.ACTIVE], E.ACTIVE),
        (V.MALICIOUS, [UNKNOWN], [], E.ACTIVE),
    ],
)
def test_what_became_of_something_with_copies(
    verdict: V, places: list[D], clusters: list[E], status: E
) -> None:
    assert status_of_copies(verdict, places, clusters) is status


def item(n: int, verdict: V = V.UNKNOWN, status: E = E.NONE, type: T = T.EMAILS) -> EvidenceItem:
    return EvidenceItem(type, f"msg-{n}", verdict, None, status, None)


def test_the_gravest_verdict_wins_and_good_is_graver_than_unknown() -> None:
    assert gravest([]) is V.UNKNOWN
    assert gravest([V.UNKNOWN, V.NO_THREATS_FOUND]) is V.NO_THREATS_FOUND
    assert gravest([V.SUSPICIOUS, V.MALICIOUS, V.UNKNOWN]) is V.MALICIOUS


@given(st.lists(st.tuples(st.integers(0, 30), st.sampled_from(V), st.sampled_from(E), st.sampled_from(T))))
def test_counts_add_up(made: list[tuple[int, V, E, T]]) -> None:
    items, more = bounded(item(*one) for one in made)
    summary = {one.type: one for one in counts(items, more)}
    assert set(summary) == set(T)
    assert sum(one.total for one in summary.values()) == len(items)
    for one in summary.values():
        plain = asdict(one)
        assert one.total == one.malicious + one.suspicious + one.no_threats_found + one.unknown
        assert one.verified == one.total - one.unknown
        nothing = sum(i.type is one.type and i.status is E.NONE for i in items)
        standing = ("remediated", "unremediated", "partially_remediated", "not_found")
        assert one.total == nothing + sum(plain[name] for name in standing)


def test_an_entity_seen_twice_is_one_with_the_gravest_verdict_and_its_status() -> None:
    (one,), _ = bounded([item(1), item(1, V.MALICIOUS, E.ACTIVE), item(1, V.SUSPICIOUS, E.NOT_FOUND)])
    assert (one.verdict, one.status) == (V.MALICIOUS, E.ACTIVE)


def test_there_are_no_more_than_are_shown_and_it_says_so() -> None:
    items, more = bounded(item(n) for n in range(MOST + 1))
    assert (len(items), more[T.EMAILS], more[T.URLS]) == (MOST, True, False)
    (emails,) = [one for one in counts(items, more) if one.type is T.EMAILS]
    assert (emails.total, emails.more) == (MOST, True)
    _, exact = bounded(item(n) for n in range(MOST))
    assert not exact[T.EMAILS]
