"""The hand that moves by doveadm takes exactly what was asked, with receipts, on every store of a Dovecot."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from tests.mailboxes.doveadm_world import GOAL, INBOX, Post, arrived, evil, moved
from tests.servers.dovecot import dovecot, missing

from clawback.errors import CapabilityMissing, Gone, HandleStale
from clawback.mailboxes.base import Move
from clawback.message.delivery import DeliveryLocation, Handle, Observed
from clawback.testing.asking import FLAGS, run

USERS = ("ann", "bob", "cat", "dan")
HOSTILE = (
    "two  words",
    'quo\'te "and" back\\slash',
    "-A",
    "--",
    "Müll/迷惑メール",
    "( or )",
    "or",
    "user",
    "a&b;c|d$(true)`true`",
    "2024",
    "{}[],:",
    "inner~tilde~",
)
REFUSED = ("", "a*", "50%", "/etc/x", "~/x", "tab\tbed", "line\nbroken", "f" * 32, "x" * 300)


@pytest.fixture(scope="module", params=["maildir", "sdbox", "mdbox"])
def running(request: pytest.FixtureRequest) -> Iterator[Post]:
    if why := missing():
        pytest.skip(why)
    with dovecot(request.param, users=()) as server:
        yield Post(server)


@pytest.fixture
def post(running: Post) -> Post:
    """Four users, who are new to the server in each test."""
    running.renew(USERS)
    return running


def test_a_receipt_is_what_an_independent_reader_sees(post: Post) -> None:
    post.put("ann", evil(1), INBOX, FLAGS, datetime(2024, 2, 29, 23, 59, 59, tzinfo=UTC))
    post.put("ann", evil(2, 999), INBOX, (), datetime(1999, 12, 31, 12, 0, tzinfo=UTC))
    before = post.read("ann")
    answers = arrived(moved(post.hand(), before[::-1]))[::-1]
    assert post.read("ann") == answers
    for answer, copy in zip(answers, before, strict=True):
        assert answer.location is DeliveryLocation.QUARANTINE or answer.handle.folder == GOAL
        assert (answer.flags, answer.internal_date, answer.size) == (
            copy.flags,
            copy.internal_date,
            copy.size,
        )
        assert answer.handle.version == copy.handle.version != ""
    assert answers[0].flags == FLAGS


def test_a_copy_comes_back_as_it_was_with_another_uid(post: Post) -> None:
    post.put("ann", evil(1), "Archive/2024", FLAGS)
    (before,) = post.read("ann")
    hand = post.hand()
    (away,) = arrived(moved(hand, [before]))
    (back,) = arrived(moved(hand, [away], "Archive/2024"))
    assert post.read("ann") == [back]
    assert (back.flags, back.internal_date, back.size) == (before.flags, before.internal_date, before.size)
    assert back.handle.native_id != before.handle.native_id


def test_many_mailboxes_are_answered_in_the_order_of_the_request(post: Post) -> None:
    users = [f"many{n:02d}" for n in range(40)]
    post.renew(users)
    post.server.deliver(users, evil(1))
    copies = [copy for user in users for copy in post.read(user)]
    random.Random(3).shuffle(copies)
    answers = arrived(moved(post.hand(), copies))
    assert [a.handle.mailbox for a in answers] == [c.handle.mailbox for c in copies]
    assert post.everything(users) == {a.handle.mailbox: [a] for a in answers}


def test_a_copy_that_was_not_asked_stays_though_its_uid_and_its_guid_were(post: Post) -> None:
    for number in (1, 2):
        post.server.deliver(["ann", "bob"], evil(number))
    ann, bob = post.read("ann"), post.read("bob")
    # The two copies of each message have the same UID and the same GUID.
    assert [_name(copy) for copy in ann] == [_name(copy) for copy in bob]
    hand = post.hand()
    for _ in range(2):
        # The second time the hand knows the folders already.
        asked = [post.folder("ann", INBOX)[0], post.folder("bob", INBOX)[1]]
        stays = [post.folder("ann", INBOX)[1], post.folder("bob", INBOX)[0]]
        answers = arrived(moved(hand, asked))
        assert [post.folder("ann", INBOX), post.folder("bob", INBOX)] == [[stays[0]], [stays[1]]]
        arrived(moved(hand, answers, INBOX))


def test_of_mailboxes_copied_from_one_pattern_only_what_was_asked_is_moved(post: Post) -> None:
    for number in (1, 2):
        post.server.deliver(["ann"], evil(number))
    post.read("ann")
    post.clone("ann", "bob")
    ann, bob = post.read("ann"), post.read("bob")
    assert [_name(copy) for copy in ann] == [_name(copy) for copy in bob]
    answers = arrived(moved(post.hand(), [ann[0], bob[1]]))
    assert post.read("ann") == [ann[1], answers[0]]
    assert post.read("bob") == [bob[0], answers[1]]


@pytest.mark.parametrize("seed", range(3))
def test_exactly_the_asked_copies_are_moved_whatever_is_asked(post: Post, seed: int) -> None:
    chance = random.Random(seed)
    users = [f"some{n}" for n in range(12)]
    post.renew(users)
    for number in range(8):
        post.server.deliver(chance.sample(users, chance.randint(1, len(users))), evil(number))
    for user in chance.sample(users, 4):
        post.duplicate(user)
    hand = post.hand()
    for _ in range(3):
        there = [copy for user in users for copy in post.read(user)]
        asked = chance.sample(there, len(there) // 2)
        goals = {copy.handle: GOAL if copy.handle.folder == INBOX else INBOX for copy in asked}
        answers = arrived(list(run(hand.move([Move(c.handle, goals[c.handle]) for c in asked]))))
        stayed = [copy for copy in there if copy not in asked]
        after = [copy for user in users for copy in post.read(user)]
        assert sorted(after, key=repr) == sorted([*stayed, *answers], key=repr)


def test_twins_with_one_guid_each_get_their_own_receipt(post: Post) -> None:
    post.server.deliver(["ann"], evil(1))
    post.duplicate("ann")
    first, second = post.read("ann")
    assert first.handle.version == second.handle.version
    post.flag(second.handle, {"\\Flagged"})
    hand = post.hand()
    answers = arrived(moved(hand, [second, first]))
    assert [answer.flags for answer in answers] == [{"\\Flagged"}, frozenset()]
    assert sorted(post.read("ann"), key=repr) == sorted(answers, key=repr)
    (back,) = arrived(moved(hand, [answers[1]], INBOX))
    assert post.read("ann") == [back, answers[0]]


def test_a_copy_that_its_owner_took_first_is_stale_and_the_others_are_moved(post: Post) -> None:
    for number in (1, 2):
        post.server.deliver(USERS, evil(number))
    asked = [copy for user in USERS for copy in post.read(user)]
    post.take("bob", asked[2].handle, "Mine")
    post.take("cat", asked[4].handle, None)
    answers = moved(post.hand(), asked)
    assert [type(answer) for answer in answers] == [
        *(Observed, Observed),
        *(HandleStale, Observed),
        *(HandleStale, Observed),
        *(Observed, Observed),
    ]
    assert [copy.handle.folder for copy in post.read("bob")] == ["Mine", GOAL]
    assert [copy.handle.folder for copy in post.read("cat")] == [GOAL]


def test_a_handle_of_another_uidvalidity_or_guid_moves_nothing(post: Post) -> None:
    post.server.deliver(["ann", "bob"], evil(1))
    ann, bob = post.read("ann"), post.read("bob")
    validity, _, uid = ann[0].handle.native_id.partition(".")
    stale = Handle("mx", "ann", INBOX, f"{int(validity) + 1}.{uid}", ann[0].handle.version)
    other = Handle("mx", "bob", INBOX, bob[0].handle.native_id, "0123456789abcdef0123456789abcdef")
    for _ in range(2):
        answers = run(post.hand().move([Move(stale, GOAL), Move(other, GOAL)]))
        assert [type(answer) for answer in answers] == [HandleStale, HandleStale]
        assert (post.read("ann"), post.read("bob")) == (ann, bob)


def test_a_folder_that_was_made_anew_gives_nothing_to_old_handles(post: Post) -> None:
    hand = post.hand()
    post.put("ann", evil(1), "Work")
    post.put("ann", evil(2), "Work")
    first, second = post.read("ann")
    arrived(moved(hand, [first]))
    with post.opened("ann") as client:
        client.delete_folder("Work")
    post.put("ann", evil(3), "Work")
    post.put("ann", evil(4), "Work")
    before = post.folder("ann", "Work")
    (answer,) = moved(hand, [second])
    assert isinstance(answer, HandleStale)
    assert post.folder("ann", "Work") == before
    assert len(arrived(moved(hand, before))) == 2


def test_a_user_whom_nobody_knows_is_gone_and_stops_nobody(post: Post) -> None:
    post.server.deliver(USERS, evil(1))
    copies = [copy for user in USERS for copy in post.read(user)]
    nobody = Handle("mx", "nobody", INBOX, "1.1", "some")
    hand = post.hand()
    for _ in range(2):
        post.server.remove_user("cat")
        asked = [copies[0].handle, nobody, *(copy.handle for copy in copies[1:])]
        answers = run(hand.move([Move(handle, GOAL) for handle in asked]))
        assert [type(answer) for answer in answers] == [Observed, Gone, Observed, Gone, Observed]
        post.server.add_user("cat")
        copies = [copy for user in USERS for copy in post.read(user)]


@pytest.mark.parametrize("name", HOSTILE)
def test_a_folder_may_have_any_name_that_owners_give(post: Post, name: str) -> None:
    post.server.deliver(["ann", "bob"], evil(1))
    hand = post.hand()
    away = arrived(moved(hand, post.read("ann") + post.read("bob"), name))
    assert {copy.handle.folder for copy in away} == {name}
    assert post.read("ann") + post.read("bob") == away
    back = arrived(moved(hand, away, INBOX))
    assert post.read("ann") + post.read("bob") == back


def test_names_that_would_mean_something_else_to_doveadm_are_refused(post: Post) -> None:
    post.put("ann", evil(1), INBOX)
    (copy,) = before = post.read("ann")
    hand = post.hand()
    asked = [Move(copy.handle, name) for name in REFUSED]
    asked += [Move(Handle("mx", "ann", name, copy.handle.native_id, "g"), GOAL) for name in REFUSED]
    for user in ("", "-u", "an*", "a?n", "ann\nbob", "x" * 300):
        asked.append(Move(Handle("mx", user, INBOX, copy.handle.native_id, copy.handle.version), GOAL))
    for guid in ("", "line\nbroken", "x" * 300):
        asked.append(Move(Handle("mx", "ann", INBOX, copy.handle.native_id, guid), GOAL))
    assert {type(answer) for answer in run(hand.move(asked))} == {CapabilityMissing}
    natives = ("none", "1", ".", "1.0", "1.99999999999", "x.y")
    asked = [Move(Handle("mx", "ann", INBOX, native, "guid"), GOAL) for native in natives]
    assert {type(answer) for answer in run(hand.move(asked))} == {HandleStale}
    assert post.read("ann") == before


def test_a_copy_that_is_where_it_shall_be_is_told_and_left(post: Post) -> None:
    post.put("ann", evil(1), INBOX, FLAGS)
    before = post.read("ann")
    stale = Handle("mx", "ann", INBOX, before[0].handle.native_id, "another")
    answers = run(post.hand().move([Move(before[0].handle, INBOX), Move(stale, INBOX)]))
    assert answers[0] == before[0]
    assert isinstance(answers[1], HandleStale)
    assert post.read("ann") == before


def test_a_mailbox_that_goes_several_ways_is_in_one_process_at_a_time(post: Post) -> None:
    for number in range(6):
        post.put("ann", evil(number), ("INBOX", "Junk", "Work")[number % 3])
    before = post.read("ann")
    hand = post.hand(command=post.alone(), processes=4)

    async def both() -> list[object]:
        halves = (before[::2], before[1::2])
        asked = [
            [Move(copy.handle, goal) for copy in half] for half, goal in zip(halves, ("A", "B"), strict=True)
        ]
        return [answer for part in await asyncio.gather(*map(hand.move, asked)) for answer in part]

    answers = run(both())
    assert sorted(post.read("ann"), key=repr) == sorted(answers, key=repr)
    assert len(answers) == 6


def test_what_a_listing_saw_spares_a_question(post: Post) -> None:
    post.server.deliver(["ann", "bob"], evil(1))
    copies = post.read("ann") + post.read("bob")
    hand = post.hand(command=post.wrapped("unasked", '[ "$3" = batch ] || exit 75; exec $DOVEADM "$@"'))
    for copy in copies:
        for folder in (INBOX, GOAL):
            hand.know(copy.handle.mailbox, folder, *post.state(copy.handle.mailbox, folder))
    answers = arrived(moved(hand, copies))
    assert post.read("ann") + post.read("bob") == answers


@pytest.mark.parametrize("wrong", [{INBOX}, {GOAL}, {INBOX, GOAL}])
def test_a_wrong_hint_loses_at_most_a_receipt(post: Post, wrong: set[str]) -> None:
    post.server.deliver(["ann", "bob"], evil(1))
    (ann,), (bob,) = post.read("ann"), post.read("bob")
    hand = post.hand()
    for folder in (INBOX, GOAL):
        validity, uid_next, guid = post.state("ann", folder)
        hand.know("ann", folder, validity, uid_next, "f" * 32 if folder in wrong else guid)
        hand.know("ann", folder, validity, uid_next, "not a guid")
    answer, other = moved(hand, [ann, bob])
    (there,) = post.read("ann")
    assert there.handle.folder == GOAL
    assert answer == there or (wrong == {GOAL} and isinstance(answer, HandleStale))
    assert arrived(moved(hand, [there], INBOX)) == post.read("ann")
    assert [other] == post.read("bob")


def _name(copy: Observed) -> tuple[str, str]:
    return copy.handle.native_id.partition(".")[2], copy.handle.version
