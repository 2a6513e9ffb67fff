"""What says that a copy is probably legitimate, row by row, and what makes a key popular."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from tests.response.builders import NOW, cluster, delivery

from clawback.analysis.authenticity import Authenticity as A
from clawback.analysis.clusters import Cluster
from clawback.analysis.entities import Entity, EntityKind
from clawback.analysis.facts import Fact
from clawback.message.delivery import DeliveryLocation as L
from clawback.response import popularity
from clawback.response.collateral import Collateral, Count, Signs, Why, described, reasons
from clawback.response.habits import Habit
from clawback.response.popularity import Carried, why_listed, why_popular

TODAY = 20_000
REGULAR = Habit(4, TODAY - 20, TODAY - 6, 9, 5)
STRANGE = Signs(
    "dlv-1", "msg-1", "ann@example.org", "bo@shop.example", L.INBOX, frozenset({"\\Seen"}), False,
    NOW - timedelta(hours=3), A.PASSED,
)  # fmt: skip
OLD = NOW - timedelta(days=2)
KNOWN = {"@shop.example": REGULAR}
SHORT = replace(REGULAR, first=TODAY - 13)

COPIES: dict[str, tuple[Signs, tuple[Why, ...]]] = {
    "a stranger's fresh mail, though read": (STRANGE, ()),
    "its owner had written to the sender": (
        replace(STRANGE, written_since=NOW - timedelta(days=9)),
        (Why.CORRESPONDENT,),
    ),
    "its owner wrote back only after it came": (replace(STRANGE, written_since=NOW), ()),
    "a forged correspondent": (
        replace(STRANGE, written_since=NOW - timedelta(days=9), authenticity=A.FAILED),
        (),
    ),
    "it answers us": (replace(STRANGE, threaded=True), (Why.THREAD,)),
    "it answers another member": (replace(STRANGE, threaded=True, derived=True), ()),
    "its owner sent it": (replace(STRANGE, location=L.SENT), (Why.OWN,)),
    "its owner sent another member on": (replace(STRANGE, location=L.SENT, derived=True), ()),
    "its owner sent it long ago": (replace(STRANGE, location=L.SENT, arrived=OLD), (Why.OWN,)),
    "read and kept": (replace(STRANGE, arrived=OLD), (Why.KEPT,)),
    "kept and never read": (replace(STRANGE, arrived=OLD, flags=frozenset()), ()),
    "kept though forged": (replace(STRANGE, arrived=OLD, authenticity=A.FAILED), ()),
    "unsaid, read and kept": (replace(STRANGE, arrived=OLD, authenticity=A.UNSAID), (Why.KEPT,)),
    "forged, and answered": (
        replace(STRANGE, arrived=OLD, authenticity=A.FAILED, flags=frozenset({"\\Answered"})),
        (Why.KEPT,),
    ),
    "filed": (
        replace(STRANGE, arrived=OLD, flags=frozenset(), filed=True, location=L.OTHER_FOLDER),
        (Why.KEPT,),
    ),
    "a day too young to be kept": (replace(STRANGE, arrived=OLD + timedelta(seconds=1)), ()),
    "read in junk": (replace(STRANGE, arrived=OLD, location=L.JUNK), ()),
    "a correspondent's, thrown away": (
        replace(STRANGE, written_since=NOW - timedelta(days=9), location=L.DELETED_ITEMS),
        (),
    ),
    "something else in it is malicious": (
        replace(STRANGE, written_since=NOW - timedelta(days=9), threaded=True, arrived=OLD, accused=True),
        (),
    ),
}


@pytest.mark.parametrize("case", COPIES)
def test_a_copy_is_probably_legitimate_because(case: str) -> None:
    signs, why = COPIES[case]
    assert reasons(signs, {}, frozenset(), NOW) == why


SENDERS = {
    "regular and authenticated": (STRANGE, KNOWN, frozenset[str](), True),
    "regular, and this one is not authenticated": (
        replace(STRANGE, authenticity=A.UNSAID), KNOWN, frozenset[str](), False
    ),
    "three days only": (STRANGE, {"@shop.example": replace(REGULAR, days=3)}, frozenset[str](), False),
    "for days only": (STRANGE, {"@shop.example": SHORT}, frozenset[str](), False),
    "its name was mostly forged": (
        STRANGE, {"@shop.example": replace(REGULAR, authenticated=4)}, frozenset[str](), False
    ),
    "the domain is of many": (STRANGE, KNOWN, frozenset({"shop.example"}), False),
    "of many, and this address is regular": (
        STRANGE, {"bo@shop.example": REGULAR}, frozenset({"shop.example"}), True
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", SENDERS)
def test_a_sender_is_regular_when(case: str) -> None:
    signs, habits, shared, regular = SENDERS[case]
    assert (Why.REGULAR in reasons(signs, habits, shared, NOW)) is regular


def test_each_copy_counts_once_and_each_sign_by_itself() -> None:
    count = Count(9, NOW)
    both = replace(STRANGE, threaded=True, arrived=OLD)
    count.add([replace(both, delivery_id=f"dlv-{n}") for n in range(7)], {})
    count.add([STRANGE], {})
    made = count.close("")
    assert (made.copies, made.of, made.at_least) == (7, 9, True)
    assert dict(made.reasons) == {Why.THREAD: 7, Why.KEPT: 7}
    assert len(made.examples) == 5
    assert made.likely == tuple(f"dlv-{n}" for n in range(7))
    assert described(made).startswith("at least 7 of 9 copies are probably legitimate (")
    assert described(Collateral(of=3)) == "none of 3 copies is probably legitimate"


def about(kind: EntityKind, value: str) -> Cluster:
    return replace(cluster(delivery(1)), key=Entity(kind, value))


def fact(name: str) -> Fact:
    return Fact(name, "a list", "warning lists", NOW, timedelta(days=1))


TOP, HOSTING = (fact(popularity.TOP),), (fact(popularity.TOP), fact(popularity.HOSTING))
LISTED = [
    (EntityKind.DOMAIN, "paypal.example", TOP, True),
    (EntityKind.HOST, "www.paypal.example", TOP, True),
    (EntityKind.DOMAIN, "paypal.example", (fact(popularity.POPULAR),), True),
    (EntityKind.URL, "https://www.paypal.example/", (fact(popularity.POPULAR),), True),
    (EntityKind.URL, "https://www.paypal.example/login", (fact(popularity.POPULAR),), False),
    (EntityKind.URL, "https://www.paypal.example/login", TOP, True),
    (EntityKind.URL, "https://storage.example/bucket/x.html", HOSTING, False),
    (EntityKind.DOMAIN, "storage.example", HOSTING, True),
    (EntityKind.HOST, "storage.example", (fact(popularity.HOSTING),), True),
    (EntityKind.SENDER, "@mail.example", (fact(popularity.FREE_MAIL),), True),
    (EntityKind.SENDER, "eve@mail.example", (fact(popularity.FREE_MAIL), fact(popularity.TOP)), False),
    (EntityKind.SENDER, "eve@paypal.example", TOP, False),
    (EntityKind.SENDER, "bo@ours.example", (fact(popularity.OWN),), True),
    (EntityKind.URL, "https://ours.example/page", (fact(popularity.OWN),), True),
    (EntityKind.FILE, "e3b0", (fact(popularity.HARMLESS_FILE),), True),
    (EntityKind.DOMAIN, "evil.example", (), False),
]


@pytest.mark.parametrize(("kind", "value", "facts", "popular"), LISTED)
def test_a_warning_list_speaks_for_whole_sites_and_not_for_what_anybody_put_there(
    kind: EntityKind, value: str, facts: tuple[Fact, ...], popular: bool
) -> None:
    assert bool(why_listed(about(kind, value), facts)) is popular


def carried(senders: int, days: int, since: int = TODAY - 10) -> list[Carried]:
    return [Carried(f"desk@sender{n}.example", since + n % days) for n in range(max(senders, days))]


@pytest.mark.parametrize(
    ("rows", "popular"),
    [
        (carried(5, 5), True),
        (carried(9, 4), False),
        (carried(5, 5, TODAY - 2), False),  # the days of today and later do not count
        ([Carried("desk@sender0.example", TODAY - n) for n in range(1, 9)], False),
    ],
)
def test_a_key_is_popular_when_several_regular_senders_carried_it_for_days(
    rows: list[Carried], popular: bool
) -> None:
    key = Entity(EntityKind.DOMAIN, "news.example")
    habits = {f"@sender{n}.example": REGULAR for n in range(9)}
    assert bool(why_popular(key, rows, habits, frozenset(), TODAY)) is popular
    assert why_popular(key, rows, {}, frozenset(), TODAY) == ""
    assert why_popular(Entity(EntityKind.SENDER, "a@b.example"), rows, habits, frozenset(), TODAY) == ""
