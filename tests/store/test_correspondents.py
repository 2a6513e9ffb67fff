"""History: who wrote to whom, on which days senders wrote, what answers what; and the signs made of it."""

from __future__ import annotations

import threading
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from tests.store.make import NOW, delivery, features, message

from clawback.analysis.authenticity import Authenticity
from clawback.analysis.clusters import Cluster, ClusterKind, Member
from clawback.analysis.entities import Entity, EntityKind, Reason
from clawback.analysis.indicators import Threat, VerdictKind
from clawback.analysis.verdict import Said
from clawback.message.address import Address
from clawback.message.authentication import Authentication
from clawback.message.delivery import Delivery, DeliveryLocation
from clawback.message.message import Direction, Message
from clawback.response.collateral import Signs
from clawback.response.habits import Habit
from clawback.store import Store, Unit
from clawback.store.history import fill, is_complete

DAY = timedelta(days=1)
ANN, BO = "ann@corp.example", "bo@shop.example"
PASSED = Authentication(dmarc="pass")
Copy = tuple[Delivery, Message]


def mail(n: int, sender: str = BO, to: str = ANN, *, days: int = 0, refs: tuple[str, ...] = ()) -> Copy:
    """The n-th message and its copy in Ann's inbox, so many days old."""
    written = replace(
        message(n, sender=sender),
        to=(Address("", to),),
        direction=Direction.INBOUND,
        authentication=PASSED,
        references=refs,
    )
    return replace(delivery(n), internal_date=NOW - days * DAY), written


def sent(n: int, to: str, *, days: int = 0) -> Copy:
    """The copy of the n-th message in Ann's Sent folder."""
    copy, written = mail(n, ANN, to, days=days)
    copy = replace(copy, location=DeliveryLocation.SENT, original_location=DeliveryLocation.SENT)
    return copy, replace(written, direction=Direction.OUTBOUND, authentication=Authentication())


def keep(unit: Unit, copies: list[Copy]) -> None:
    unit.messages.add([(m, features(int(m.id.removeprefix("msg-")))) for _, m in copies], now=NOW)
    unit.deliveries.save([d for d, _ in copies])


def note(store: Store, *copies: Copy) -> None:
    with store.write() as unit:
        keep(unit, list(copies))
        unit.correspondents.note(copies)


def test_whom_we_wrote_to_is_known_from_sent_mail_whatever_order_it_is_read_in(store: Store) -> None:
    note(store, sent(1, BO, days=3))
    note(store, sent(2, BO, days=9), sent(3, "Bo@Shop.example", days=5))
    with store.read() as unit:
        assert unit.correspondents.wrote(ANN, BO) == (3, NOW - 9 * DAY, NOW - 3 * DAY)
        assert unit.correspondents.wrote("ANN@corp.example", BO) == (3, NOW - 9 * DAY, NOW - 3 * DAY)
        assert unit.correspondents.wrote(BO, ANN) is None


def test_mail_within_the_organisation_makes_its_author_the_correspondent(store: Store) -> None:
    copy, written = mail(1, "cy@corp.example", ANN)
    note(store, (copy, replace(written, direction=Direction.INTRA_ORG)))
    with store.read() as unit:
        assert unit.correspondents.wrote("cy@corp.example", ANN) == (1, NOW, NOW)
        assert unit.correspondents.wrote(ANN, "cy@corp.example") is None


def test_inbound_mail_that_names_us_as_its_sender_makes_no_correspondent(store: Store) -> None:
    note(store, mail(1, ANN, "eve@evil.example"))
    with store.read() as unit:
        assert unit.correspondents.wrote(ANN, "eve@evil.example") is None


def test_each_message_counts_once_however_many_copies_there_are(store: Store) -> None:
    copy, written = sent(1, BO)
    note(store, (copy, written), (replace(copy, id="dlv-9"), written))
    note(store, (replace(copy, id="dlv-8"), written))
    again, received = mail(2)
    note(store, (again, received))
    note(store, (replace(again, id="dlv-7"), received))
    with store.read() as unit:
        assert unit.correspondents.wrote(ANN, BO) == (1, NOW, NOW)
        assert unit.correspondents.habits([BO], NOW + DAY)[BO].messages == 1


def test_habits_count_the_days_before_and_what_the_border_vouched_for(store: Store) -> None:
    unsaid, other = mail(5, days=4)
    other = replace(other, authentication=Authentication())
    note(store, mail(1, days=20), mail(2, days=20), mail(3, days=6), mail(4), (unsaid, other))
    with store.read() as unit:
        found = unit.correspondents.habits([BO, "@shop.example", "@nobody.example"], NOW)
    today = int((NOW - datetime(1970, 1, 1, tzinfo=UTC)) / DAY)
    habit = Habit(3, today - 20, today - 4, 4, 3)
    assert found == {BO: habit, "@shop.example": habit}


def test_a_date_in_the_future_is_the_day_on_which_it_was_seen(store: Store) -> None:
    copy, written = mail(1)
    note(store, (replace(copy, internal_date=NOW + 900 * DAY), written))
    with store.read() as unit:
        assert unit.correspondents.habits([BO], NOW) == {}
        assert unit.correspondents.habits([BO], NOW + DAY)[BO].days == 1


def test_a_mass_mailing_makes_nobody_known(store: Store) -> None:
    copy, written = sent(1, BO)
    many = tuple(Address("", f"user{n}@far.example") for n in range(201))
    note(store, (copy, replace(written, to=many)))
    with store.read() as unit:
        assert unit.correspondents.wrote(ANN, "user1@far.example") is None


def cluster(*numbers: int) -> Cluster:
    key = Entity(EntityKind.URL, "https://evil.example/x")
    reason = (Reason("same_url", key, "body", "It leads there."),)
    members = tuple(Member(f"msg-{n}", reason) for n in numbers)
    kind = ClusterKind.MALICIOUS_URL
    return Cluster("clu-1", kind, key, "", NOW, VerdictKind.MALICIOUS, Threat.MALICIOUS_URL, members)


def signs(store: Store, *numbers: int, same_key: tuple[str, ...] = ()) -> dict[str, Signs]:
    with store.write() as unit:
        unit.clusters.save(cluster(*numbers), "inv-1")
    with store.read() as unit:
        found = [
            one for some in unit.signs.of([f"dlv-{n}" for n in numbers], "clu-1", same_key) for one in some
        ]
    return {one.delivery_id: one for one in found}


def test_signs_say_what_is_known_of_each_copy(store: Store) -> None:
    note(store, sent(1, BO, days=9), sent(2, "cy@far.example", days=2))
    answer, strange = mail(3, refs=("<1@example.org>",)), mail(4, "eve@evil.example")
    note(store, answer, strange)
    found = signs(store, 3, 4)
    assert found["dlv-3"] == Signs(
        "dlv-3", "msg-3", ANN, BO, DeliveryLocation.INBOX, frozenset({"\\Seen"}), False, NOW,
        Authenticity.PASSED, NOW - 9 * DAY, threaded=True,
    )  # fmt: skip
    assert (found["dlv-4"].written_since, found["dlv-4"].threaded) == (None, False)


def test_what_answers_another_member_or_was_passed_on_is_derived(store: Store) -> None:
    first = mail(1, "eve@evil.example", days=2)
    answer = mail(2, "cy@corp.example", refs=("<1@example.org>",), days=1)
    forward, alone = sent(3, BO), mail(4, "eve@evil.example")
    note(store, first, answer, forward, alone)
    assert {one for one, s in signs(store, 1, 2, 3, 4).items() if s.derived} == {"dlv-2", "dlv-3"}


def test_only_another_malicious_thing_accuses_a_message(store: Store) -> None:
    note(store, *(mail(n) for n in range(1, 5)))
    bad, doubtful = (VerdictKind.MALICIOUS, Threat.PHISH), (VerdictKind.SUSPICIOUS, Threat.SPAM)
    words = [("msg-1", Said("ind-key", *bad, 90)), ("msg-2", Said("ind-other", *bad, 90))]
    words += [("msg-3", Said("ind-other", *doubtful, 90)), ("msg-4", Said("ind-key", *bad, 90))]
    words += [("msg-4", Said("sub-1", *bad, 90))]
    with store.write() as unit:
        unit.detections.put(words, NOW)
    found = signs(store, 1, 2, 3, 4, same_key=("ind-key",))
    assert {one for one, s in found.items() if s.accused} == {"dlv-2", "dlv-4"}


def test_who_carried_a_key_is_told_by_day(store: Store) -> None:
    note(store, mail(1, days=3), mail(2, days=3), mail(3, "cy@far.example"))
    signs(store, 1, 2, 3)
    with store.read() as unit:
        assert sorted((c.sender, c.day) for c in unit.signs.carried("clu-1")) == sorted(
            {(BO, _day(3)), ("cy@far.example", _day(0))}
        )


def _day(ago: int) -> int:
    return int((NOW - ago * DAY - datetime(1970, 1, 1, tzinfo=UTC)) / DAY)


def test_filling_in_gives_what_intake_would_have_given(store: Store, tmp_path: Path) -> None:
    copies = [sent(1, BO, days=9), *(mail(n, days=n) for n in range(2, 30)), sent(30, "cy@far.example")]
    with store.write() as unit:
        keep(unit, copies)
        unit.settings.put("history", {"after": 0, "upto": 30})
    note(store, mail(31, days=40))
    with store.read() as unit:
        assert not is_complete(unit)
    counts: list[int] = []
    while not counts or counts[-1]:
        with store.write() as unit:
            counts.append(fill(unit))
    beside = Store.open(f"sqlite:///{tmp_path / 'beside.db'}", tmp_path / "beside")
    beside.migrate()
    note(beside, *copies, mail(31, days=40))
    with store.read() as filled, beside.read() as noted:
        assert (is_complete(filled), is_complete(noted), counts) == (True, True, [30, 0])
        for owner, address in ((ANN, BO), (ANN, "cy@far.example")):
            told = filled.correspondents.wrote(owner, address)
            assert told == noted.correspondents.wrote(owner, address) is not None
        assert filled.correspondents.habits([BO], NOW) == noted.correspondents.habits([BO], NOW) != {}
    beside.close()


def test_writers_of_the_same_senders_do_not_wait_for_each_other_for_ever(store: Store) -> None:
    people = [f"user{n}@shop.example" for n in range(20)]

    def work(start: int, order: int) -> None:
        for turn in range(5):
            first = start + 100 * turn
            note(store, *(mail(first + n, person, days=n) for n, person in enumerate(people[::order])))

    threads = [threading.Thread(target=work, args=(1_000 * (n + 1), (-1) ** n)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    with store.read() as unit:
        found = unit.correspondents.habits(["@shop.example"], NOW + DAY)
    assert found["@shop.example"].messages == 4 * 5 * 20
