"""Following a mail log through all that happens to files, and behind real servers."""

from __future__ import annotations

import asyncio
import os
import tracemalloc
from collections.abc import Callable, Coroutine, Iterator
from pathlib import Path

import pytest
from tests.mailboxes import documented
from tests.servers import postfix as postfix_server
from tests.servers.dovecot import PROGRAM, address, dovecot
from tests.servers.postfix import postfix

from clawback.errors import Unavailable
from clawback.mailboxes.mail_log import MailLog, mailboxes_of
from clawback.mailboxes.mail_log_lines import Kind, parse
from clawback.testing.connector_contract import run

ANN, BOB, CAT = "ann@example.org", "bob@example.org", "cat@example.org"
KNOWN = {name: address(name) for name in ("ann", "bob", "cat")} | {a: a for a in (ANN, BOB, CAT)}
PATIENCE = 20.0
NOBODY_UID = 65_534


def line(user: str, message_id: str = "<a@b>") -> str:
    return f"Nov 24 08:00:41 lmtp({user})<13893><abc>: Info: msgid={message_id}: saved mail to INBOX\n"


class Following:
    """A follower that has begun, so that what is written from now on is new to it."""

    def __init__(self, log: MailLog) -> None:
        self.log = log
        self._answers = log.follow()
        self.waiting = asyncio.ensure_future(anext(self._answers))

    @classmethod
    async def begin(cls, log: MailLog) -> Following:
        following = cls(log)
        # It opens the file before it first waits.
        await asyncio.sleep(0)
        return following

    async def until(self, *mailboxes: str) -> set[str]:
        """All that is told until these are."""
        seen: set[str] = set()
        async with asyncio.timeout(PATIENCE):
            while not seen >= set(mailboxes):
                seen |= await self.waiting
                self.waiting = asyncio.ensure_future(anext(self._answers))
        return seen

    async def end(self) -> list[frozenset[str]]:
        """Close it; what it still tells."""
        await self.log.close()
        told = []
        async with asyncio.timeout(PATIENCE):
            try:
                while True:
                    told.append(await self.waiting)
                    self.waiting = asyncio.ensure_future(anext(self._answers))
            except StopAsyncIteration:
                return told


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "mail.log"
    path.write_text(line("cat"))
    return path


def _append(path: Path, *lines: str | bytes) -> None:
    with path.open("ab") as file:
        file.write(b"".join(text.encode() if isinstance(text, str) else text for text in lines))


def _follow(path: Path, doing: Callable[[Following], Coroutine[None, None, None]]) -> None:
    async def following() -> None:
        begun = await Following.begin(MailLog(path, KNOWN.get))
        await doing(begun)
        assert await begun.end() == []

    run(following())


def test_only_new_lines_of_known_users_are_told(path: Path) -> None:
    async def doing(following: Following) -> None:
        _append(path, line("mallory"), "x\n", line("ann"))
        assert await following.until(ANN) == {ANN}
        _append(path, line("bob").replace("\n", "\r\n"))
        assert await following.until(BOB) == {BOB}

    _follow(path, doing)


def test_many_lines_come_in_few_answers(path: Path) -> None:
    users = [f"u{number}" for number in range(300)]

    async def following() -> None:
        begun = await Following.begin(MailLog(path, lambda user: user))
        _append(path, *(line(user) for _ in range(20) for user in users))
        assert await begun.until(*users) == set(users)
        await begun.end()

    run(following())


def test_a_line_is_told_when_it_is_whole(path: Path) -> None:
    async def doing(following: Following) -> None:
        half = line("ann")
        _append(path, line("bob"), half[:30])
        assert await following.until(BOB) == {BOB}
        _append(path, half[30:], line("cat"))
        assert await following.until(CAT, ANN) == {CAT, ANN}

    _follow(path, doing)


def test_a_line_begun_before_is_not_told_in_part(path: Path) -> None:
    _append(path, "Nov 24 08:00:41 lmtp(cat)<1><x>: Info: msgid=<")

    async def doing(following: Following) -> None:
        _append(path, line("ann", "x"), line("bob"))
        assert await following.until(BOB) == {BOB}

    _follow(path, doing)


def test_a_long_line_is_passed_over(path: Path) -> None:
    async def doing(following: Following) -> None:
        for size in (65_000, 65_536, 131_072, 1_000_000):
            _append(path, b"x" * size, line("ann"), line("bob"))
            assert await following.until(BOB) == {BOB}
        _append(path, b"x" * 20_000_000, "\n", line("ann"))
        tracemalloc.start()
        try:
            assert await following.until(ANN) == {ANN}
            assert tracemalloc.get_traced_memory()[1] < 2_000_000
        finally:
            tracemalloc.stop()
        _append(path, b"\0" * 200_000, line("ann", "x"), b"\xff\xfe\n", line("bob"))
        assert await following.until(BOB) == {BOB}

    _follow(path, doing)


def test_a_renamed_log_is_read_to_its_end_and_the_new_one_from_its_start(path: Path) -> None:
    old = path.with_suffix(".1")

    async def doing(following: Following) -> None:
        os.rename(path, old)
        _append(old, line("ann"))
        assert await following.until(ANN) == {ANN}
        _append(path, line("bob"))
        assert await following.until(BOB) == {BOB}
        # The server has not been told yet, and writes where it did.
        _append(old, line("cat"))
        assert await following.until(CAT) == {CAT}
        for number in range(2, 9):
            os.rename(path, path.with_suffix(f".{number}"))
            _append(path, line("ann"))
            assert await following.until(ANN) == {ANN}
        os.unlink(path)
        _append(path, line("bob"))
        assert await following.until(BOB) == {BOB}

    _follow(path, doing)


def test_a_log_that_is_cut_is_read_from_its_start(path: Path) -> None:
    _append(path, line("cat") * 10)

    async def doing(following: Following) -> None:
        _append(path, line("ann")[:-10])
        _append(path, line("ann")[-10:], line("bob"))
        await following.until(BOB)
        os.truncate(path, 0)
        _append(path, line("ann"))
        assert await following.until(ANN) == {ANN}

    _follow(path, doing)


def test_only_the_end_of_a_huge_new_log_is_read(path: Path) -> None:
    async def doing(following: Following) -> None:
        new = path.with_suffix(".new")
        _append(new, line("ann"), "\n")
        os.truncate(new, 65 * 1024 * 1024)
        _append(new, "\n", line("bob"))
        new.replace(path)
        assert await following.until(BOB) == {BOB}

    _follow(path, doing)


def test_a_log_that_is_not_there_is_waited_for(tmp_path: Path) -> None:
    path = tmp_path / "later.log"

    async def following() -> None:
        log = MailLog(path, KNOWN.get, patience=0)
        for _ in range(2):
            with pytest.raises(Unavailable, match=r"later\.log.*info_log_path"):
                await anext(log.follow())
            with pytest.raises(Unavailable, match=r"later\.log"):
                log.check()
        _append(path, line("ann"))
        log.check()
        begun = await Following.begin(log)
        assert await begun.until(ANN) == {ANN}
        await begun.end()

    run(following())


def test_a_log_is_not_lost_while_nobody_follows(path: Path) -> None:
    async def following() -> None:
        log = MailLog(path, KNOWN.get)
        begun = await Following.begin(log)
        _append(path, line("ann"))
        await begun.until(ANN)
        begun.waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await begun.waiting
        _append(path, line("bob"))
        again = await Following.begin(log)
        assert await again.until(BOB) == {BOB}
        await again.end()

    run(following())


@pytest.fixture
def forbidden(path: Path) -> Iterator[Path]:
    """A log that whoever runs the test may not read; root becomes nobody."""
    path.chmod(0)
    if os.geteuid() == 0:
        os.seteuid(NOBODY_UID)
    yield path
    os.seteuid(os.getuid())


def test_a_log_that_may_not_be_read_is_unavailable_with_the_way_out(forbidden: Path) -> None:
    log = MailLog(forbidden, KNOWN.get)
    with pytest.raises(Unavailable, match=r"mail\.log may not be read by this user.*group"):
        run(_first(log))
    with pytest.raises(Unavailable, match="group"):
        log.check()


async def _first(log: MailLog) -> frozenset[str]:
    return await anext(log.follow())


def test_what_is_no_file_is_unavailable(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path, tmp_path / "pipe", tmp_path / "file" / "x"):
        with pytest.raises(Unavailable, match=path.name):
            run(_first(MailLog(path, KNOWN.get)))


def test_it_ends_when_closed_and_lets_go_of_its_files(path: Path) -> None:
    async def following() -> None:
        before = set(os.listdir("/proc/self/fd"))
        begun = await Following.begin(MailLog(path, KNOWN.get))
        for number in range(6):
            os.rename(path, path.with_suffix(f".{number}"))
            _append(path, line("ann"))
            await begun.until(ANN)
        assert len(os.listdir("/proc/self/fd")) <= len(before) + 4
        assert await begun.end() == []
        assert set(os.listdir("/proc/self/fd")) == before
        assert [told async for told in begun.log.follow()] == []

    run(following())


def test_a_mailbox_is_found_by_its_address_with_a_detail() -> None:
    users = ["ann+news@example.org", "bob+x+y", "Cat@example.org", "+@example.org", "mallory+x", ""]
    assert mailboxes_of(users, KNOWN.get) == {ANN, BOB}
    exact = {"ann+news@example.org": "news@example.org", ANN: ANN}
    assert mailboxes_of(users[:1], exact.get) == {"news@example.org"}


needs_dovecot = pytest.mark.skipif(not PROGRAM, reason="dovecot is not installed")
LETTER = b"From: a@example.net\r\nMessage-ID: <real@example.net>\r\n\r\nx\r\n"


@needs_dovecot
def test_an_unchanged_dovecot_tells_of_deliveries_and_rotation_loses_none() -> None:
    async def following() -> None:
        with dovecot(sieve=True) as server:
            server.write_sieve("bob", 'require ["fileinto", "mailbox"]; fileinto :create "Lists";')
            begun = await Following.begin(MailLog(server.log, KNOWN.get))
            await asyncio.to_thread(server.deliver, ["ann"], LETTER)
            assert await begun.until(ANN) == {ANN}
            await asyncio.to_thread(server.deliver, ["bob"], LETTER)
            assert await begun.until(BOB) == {BOB}
            server.log.rename(server.log.with_suffix(".1"))
            await asyncio.to_thread(server.deliver, ["ann"], LETTER)
            assert await begun.until(ANN) == {ANN}
            await asyncio.to_thread(server.doveadm, "log", "reopen")
            await asyncio.to_thread(server.deliver, ["bob"], LETTER)
            assert await begun.until(BOB) == {BOB}
            await begun.end()

    run(following())


@needs_dovecot
def test_dovecot_with_the_documented_plugins_tells_of_every_change() -> None:
    async def following() -> None:
        with dovecot(extra=documented.configuration("mail_log")) as server:
            await asyncio.to_thread(server.deliver, ["ann"], LETTER)
            begun = await Following.begin(MailLog(server.log, KNOWN.get))
            with server.client("ann") as client:
                client.select("INBOX")
                for change in (
                    lambda: client.uid("STORE", "1", "+FLAGS", "(\\Seen)"),
                    lambda: client.uid("COPY", "1", "Trash"),
                    lambda: client.create("New"),
                    lambda: client.rename("New", "Newer"),
                    lambda: client.append("INBOX", "", "", LETTER),
                    lambda: client.uid("MOVE", "1", "Junk"),
                    lambda: client.uid("STORE", "2", "+FLAGS", "(\\Deleted)"),
                    lambda: client.uid("STORE", "2", "-FLAGS", "(\\Deleted)"),
                    lambda: client.uid("STORE", "2", "+FLAGS", "(\\Deleted)"),
                    client.expunge,
                    lambda: client.delete("Newer"),
                ):
                    answer, _ = await asyncio.to_thread(change)
                    assert answer == "OK"
                    assert await begun.until(ANN) == {ANN}
            await begun.end()
            told = [seen for line in server.log.read_bytes().splitlines() if (seen := parse(line))]
            assert {seen.user for seen in told} == {"ann"}
            assert {seen.kind for seen in told} == set(Kind)
            assert {seen.message_id for seen in told if seen.uid} == {"<real@example.net>"}

    run(following())


@pytest.mark.skipif(bool(postfix_server.missing()), reason=postfix_server.missing())
@needs_dovecot
def test_postfix_tells_whom_its_aliases_led_to() -> None:
    async def following() -> None:
        with dovecot() as server, postfix(server.lmtp_port, {"sales": ["ann", "bob"]}) as gate:
            begun = await Following.begin(MailLog(gate.log, KNOWN.get))
            await asyncio.to_thread(gate.send, "a@example.net", ["sales"], LETTER)
            assert await begun.until(ANN, BOB) == {ANN, BOB}
            await begun.end()

    run(following())
