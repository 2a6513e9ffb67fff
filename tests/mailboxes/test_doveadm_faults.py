"""What goes wrong around doveadm has a named result, hits nobody else, and leaves no process behind."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest
from tests.mailboxes.doveadm_world import GOAL, INBOX, Post, arrived, children, evil, moved
from tests.servers.dovecot import dovecot, missing

from clawback.errors import CapabilityMissing, Gone, HandleStale, ReadOnly, Unavailable
from clawback.mailboxes.base import Failure, Move
from clawback.mailboxes.imap.doveadm import DoveadmHand
from clawback.mailboxes.imap.doveadm.process import Command
from clawback.message.delivery import Handle, Observed
from clawback.testing.asking import run

USERS = ("ann", "bob", "cat", "dan")


@pytest.fixture(scope="module")
def running() -> Iterator[Post]:
    if why := missing():
        pytest.skip(why)
    with dovecot("maildir", users=(), mail_log=True) as server:
        yield Post(server)


@pytest.fixture
def post(running: Post) -> Iterator[Post]:
    """Four users with the same message each; afterwards no process of ours is left."""
    running.renew(USERS)
    running.server.deliver(USERS, evil(1))
    before = children()
    yield running
    assert children() <= before


@contextmanager
def locked(post: Post, user: str) -> Iterator[Path]:
    """Somebody holds the lock of a user's goal."""
    post.read(user)
    lock = post.server.mail / user / "Maildir" / f".{GOAL}" / "dovecot-uidlist.lock"
    lock.touch()
    try:
        yield lock
    finally:
        lock.unlink(missing_ok=True)


def everywhere(post: Post) -> list[Observed]:
    """All copies, of which each user has one, wherever it is."""
    copies = [copy for user in USERS for copy in post.read(user)]
    assert [copy.handle.mailbox for copy in copies] == list(USERS)
    return copies


Answers = Sequence[Observed | Failure]


async def disturbed(
    post: Post,
    hand: DoveadmHand,
    copies: Sequence[Observed],
    disturb: Callable[[asyncio.Task[Answers]], None],
) -> Answers:
    """Disturb a move in the moment when ann's copy has gone and bob's cannot go."""
    task = asyncio.ensure_future(hand.move([Move(copy.handle, GOAL) for copy in copies]))
    while not await asyncio.to_thread(_gone, post, "ann"):
        assert not task.done()
    disturb(task)
    return await task


def _gone(post: Post, user: str) -> bool:
    return not post.folder(user, INBOX)


def test_a_locked_mailbox_does_not_hold_up_its_neighbours_twice(post: Post) -> None:
    hand, copies = post.hand(processes=1, timeout=2.0), everywhere(post)
    with locked(post, "bob"):
        answers = moved(hand, copies)
        waiting = [copy for user in USERS for copy in post.folder(user, INBOX)]
        assert {copy.handle.mailbox for copy in waiting} >= {"bob", "cat"}
        again = moved(hand, waiting)
    after = {copy.handle.mailbox: copy for copy in everywhere(post)}
    assert isinstance(answers[1], Unavailable)
    assert {type(answer) for answer in answers} <= {Observed, Unavailable}
    for answer, copy in zip(again, waiting, strict=True):
        user = copy.handle.mailbox
        assert isinstance(answer, Unavailable) if user == "bob" else answer == after[user]
    arrived(moved(hand, post.folder("bob", INBOX)))
    assert {copy.handle.folder for copy in everywhere(post)} == {GOAL}


def test_when_doveadm_is_killed_in_the_middle_nothing_is_concluded(post: Post) -> None:
    copies, before = everywhere(post), children()

    def kill(_task: asyncio.Task[Answers]) -> None:
        (doveadm,) = children() - before
        os.kill(doveadm, signal.SIGKILL)

    with locked(post, "bob"):
        answers = run(disturbed(post, post.hand(processes=1), copies, kill))
    for answer, copy in zip(answers, everywhere(post), strict=True):
        assert answer == copy or isinstance(answer, Unavailable)
    assert [copy.handle.folder for copy in everywhere(post)] == [GOAL, INBOX, INBOX, INBOX]


def test_when_the_server_is_killed_in_the_middle_each_copy_is_where_it_is_said_to_be(post: Post) -> None:
    copies = everywhere(post)
    with locked(post, "bob") as lock:

        def kill(_task: asyncio.Task[Answers]) -> None:
            post.server.kill()
            lock.unlink()

        answers = run(disturbed(post, post.hand(processes=1), copies, kill))
    post.server.start()
    assert isinstance(answers[3], Unavailable)
    for answer, copy in zip(answers, everywhere(post), strict=True):
        assert answer == copy or isinstance(answer, Unavailable)


def test_a_cancelled_request_leaves_no_process_and_no_mailbox_held(post: Post) -> None:
    copies, before, hand = everywhere(post), children(), post.hand(processes=1)

    def cancel(task: asyncio.Task[Answers]) -> None:
        assert children() - before
        task.cancel()

    with locked(post, "bob"), pytest.raises(asyncio.CancelledError):
        run(disturbed(post, hand, copies, cancel))
    assert children() <= before
    left = [copy for copy in everywhere(post) if copy.handle.folder == INBOX]
    assert [copy.handle.mailbox for copy in left] == ["bob", "cat", "dan"]
    arrived(moved(hand, left))


def test_when_the_server_is_down_everything_is_unavailable_and_nothing_is_moved(post: Post) -> None:
    copies, hand = everywhere(post), post.hand()
    arrived(moved(hand, copies[:1]))
    before = everywhere(post)
    post.server.kill()
    answers = moved(hand, before)
    post.server.start()
    assert {type(answer) for answer in answers} == {Unavailable}
    assert everywhere(post) == before
    arrived(moved(hand, before[1:]))


def test_a_call_that_stops_at_a_user_is_taken_up_behind_him(post: Post) -> None:
    stops = 'case "$*" in "-f json batch -F"*) head -n 2 | $DOVEADM "$@"; exit 75;; esac; exec $DOVEADM "$@"'
    users = [f"some{n}" for n in range(7)]
    post.renew(users)
    post.server.deliver(users, evil(1))
    copies = [copy for user in users for copy in post.read(user)]
    answers = arrived(moved(post.hand(command=post.wrapped("stops", stops)), copies))
    assert [copy for user in users for copy in post.read(user)] == answers


def test_a_mailbox_that_cannot_be_opened_is_nobody_elses_trouble(post: Post) -> None:
    copies = everywhere(post)
    home = post.server.mail / "bob"
    home.rename(home.with_name("away"))
    home.write_text("no folder")
    answers = moved(post.hand(), copies)
    home.unlink()
    home.with_name("away").rename(home)
    assert [type(answer) for answer in answers] == [Observed, Unavailable, Observed, Observed]
    assert [copy.handle.folder for copy in everywhere(post)] == [GOAL, INBOX, GOAL, GOAL]


def test_a_mailbox_that_may_not_be_written_stays_as_it_is(post: Post) -> None:
    before = everywhere(post)
    folders = [path for path in (post.server.mail / "bob").rglob("*") if path.is_dir()]
    for folder in folders:
        folder.chmod(0o555)
    answers = moved(post.hand(), before)
    for folder in folders:
        folder.chmod(0o755)
    # Dovecot itself calls it a failure that may pass.
    assert [type(answer) for answer in answers] == [Observed, Unavailable, Observed, Observed]
    assert everywhere(post)[1] == before[1]


def test_a_goal_that_rights_hide_from_doveadm_is_named() -> None:
    if why := missing():
        pytest.skip(why)
    with dovecot("maildir", users=USERS, extra="protocol doveadm {\n  mail_plugins = acl\n}\n") as server:
        post = Post(server)
        server.deliver(USERS, evil(1))
        before = everywhere(post)
        assert {type(answer) for answer in moved(post.hand(), before)} == {CapabilityMissing}
        assert everywhere(post) == before
        hidden = run(post.hand().available("ann", GOAL))
        assert not hidden.usable
        assert "acl" in hidden.why
        assert run(post.hand().available("ann", "Not there yet")).usable


@pytest.mark.parametrize(
    ("code", "failure"),
    [(73, Unavailable), (75, Unavailable), (77, ReadOnly), (65, CapabilityMissing), (1, Unavailable)],
)
def test_an_exit_code_has_one_meaning_and_nothing_is_said_to_be_moved(
    post: Post, code: int, failure: type[Exception]
) -> None:
    before = everywhere(post)
    refuses = f'case "$*" in *Quarantine*mailbox-guid*) exit {code};; esac; exec $DOVEADM "$@"'
    answers = moved(post.hand(command=post.wrapped("refuses", refuses)), before)
    assert {type(answer) for answer in answers} == {failure}
    assert everywhere(post) == before


def test_a_program_that_is_not_there_or_floods_us_moves_nothing(post: Post) -> None:
    before = everywhere(post)
    assert {type(a) for a in moved(post.hand(command=("/no/such/program",)), before)} == {CapabilityMissing}
    assert {type(a) for a in moved(post.hand(command=("yes",)), before)} == {Unavailable}
    assert {type(a) for a in moved(post.hand(command=("true",)), before)} == {Unavailable}
    assert everywhere(post) == before


def test_a_dovecot_without_batch_is_told_apart(post: Post) -> None:
    before = everywhere(post)
    newer = post.hand(command=post.wrapped("newer", '[ "$3" = batch ] && exit 64; exec $DOVEADM "$@"'))
    assert {type(answer) for answer in moved(newer, before)} == {CapabilityMissing}
    assert everywhere(post) == before
    told = run(newer.available("ann"))
    assert not told.usable
    assert "2.4" in told.why


def test_it_says_whether_it_can_be_used(post: Post) -> None:
    before = everywhere(post)
    for goal in ("", GOAL, "Not there yet"):
        assert run(post.hand().available("ann", goal)).usable
    assert everywhere(post) == before
    for hand, user in (
        (post.hand(), "nobody"),
        (post.hand(), "a*"),
        (post.hand(command=("/no/such/program",)), "ann"),
        (post.hand(command=("sleep", "1000"), timeout=0.1), "ann"),
        (post.hand(command=("yes",)), "ann"),
    ):
        told = run(hand.available(user))
        assert not told.usable
        assert told.why.strip()
    assert post.hand().reason()


def test_through_ssh_the_words_reach_the_other_host_as_they_are(
    post: Post, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    witness = tmp_path / "witness"
    # What ssh does with its words, on the other host.
    post.wrapped("ssh", 'shift; exec sh -c "$*"')
    ssh = (str(post.server.config.parent / "ssh"), "mailhost", *post.doveadm)
    hand = post.hand(command=ssh)
    name = f'x\'y "z" $(touch {witness.name}) `touch {witness.name}`'
    monkeypatch.chdir(tmp_path)
    (away,) = arrived(moved(hand, post.read("ann"), name))
    assert post.read("ann") == [away]
    assert not witness.exists()


def test_no_more_processes_run_at_once_than_are_allowed(post: Post) -> None:
    hand = post.hand(command=post.alone(), processes=1)
    copies = everywhere(post)

    async def all_at_once() -> list[Answers]:
        return list(await asyncio.gather(*(hand.move([Move(copy.handle, GOAL)]) for copy in copies)))

    assert [[copy] for copy in everywhere_after(run(all_at_once()))] == [[c] for c in everywhere(post)]


def everywhere_after(answers: Sequence[Answers]) -> list[Observed]:
    """The single answers of several requests."""
    return arrived([answer for (answer,) in answers])


def test_a_command_hears_what_goes_wrong_but_not_too_much_of_it() -> None:
    noisy = Command(
        ("sh", "-c", "yes line | head -n 100000 >&2; echo 'the \x1b[31mend' >&2; exit 3"), 1, 20.0
    )
    outcome = run(noisy.run([]))
    assert (outcome.code, outcome.output, outcome.complaint) == (3, b"", "the ?[31mend")


def test_a_mailbox_that_vanished_is_gone_and_a_folder_that_vanished_is_stale(post: Post) -> None:
    post.put("ann", evil(2), "Work")
    work = post.folder("ann", "Work")
    with post.opened("ann") as client:
        client.delete_folder("Work")
    unknown = Handle("mx", "nobody", INBOX, "1.1", "guid")
    answers = run(post.hand().move([Move(work[0].handle, GOAL), Move(unknown, "Elsewhere")]))
    assert [type(answer) for answer in answers] == [HandleStale, Gone]
