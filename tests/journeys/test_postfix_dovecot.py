"""A message on its way: sent, delivered, indexed, found malicious, removed, come late, put back.

Postfix, Dovecot and clawback run as they would at a site; owners look into their mailboxes by IMAP. The times
of the steps are printed (pytest -s) and asserted nowhere.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from imapclient import IMAPClient
from tests.servers import dovecot as dovecots
from tests.servers import postfix as postfixes
from tests.servers.dovecot import Dovecot, dovecot
from tests.servers.postfix import Postfix, postfix
from tests.servers.sources import imap_settings

from clawback import app
from clawback.analysis.clusters import ClusterKind
from clawback.analysis.indicators import IndicatorKind, indicator
from clawback.app import App
from clawback.engine import commands
from clawback.response.plan import Remediation, RemediationStatus
from clawback.response.policy import Policy
from clawback.store import MessageQuery

USERS = tuple(f"user{number:02}" for number in range(20))
URL = "https://login.bad.example/verify?id=17"
GUARD = 60.0
"""Seconds after which a step is given up; nothing takes that long."""
_ENDED = frozenset({RemediationStatus.COMPLETED})


@pytest.fixture(scope="module")
def server() -> Iterator[Dovecot]:
    if why := dovecots.missing():
        pytest.skip(why)
    with dovecot("maildir", users=USERS, mail_log=False, special_folders=True) as running:
        yield running


@pytest.fixture(scope="module")
def border(server: Dovecot) -> Iterator[Postfix]:
    if why := postfixes.missing():
        pytest.skip(why)
    with postfix(server.lmtp_port, {"everybody": USERS[:5]}) as running:
        yield running


@dataclass(slots=True)
class Clock:
    """Prints how long each step took."""

    begun: float = 0.0

    def start(self) -> None:
        self.begun = time.perf_counter()

    def done(self, step: str) -> None:
        print(f"{step:<58}{time.perf_counter() - self.begun:8.3f} s")


def letter(subject: str, text: str) -> bytes:
    head = f"From: Eve <eve@bad.example>\r\nTo: all@example.org\r\nSubject: {subject}\r\n"
    return (head + f"Message-ID: <{subject.replace(' ', '.')}@bad.example>\r\n\r\n{text}\r\n").encode()


def seen(server: Dovecot, user: str, folder: str = "INBOX") -> list[tuple[bytes, frozenset[bytes], object]]:
    """All that an owner sees of a folder: bytes, flags and date."""
    client = IMAPClient("127.0.0.1", server.port, ssl=False, timeout=20)
    try:
        client.login(user, dovecots.PASSWORD)
        client.select_folder(folder, readonly=True)
        uids = client.search()
        told = client.fetch(uids, ["FLAGS", "INTERNALDATE", "BODY.PEEK[]"]) if uids else {}
    finally:
        client.logout()
    return sorted(
        (m[b"BODY[]"], frozenset(m[b"FLAGS"]) - {b"\\Recent"}, m[b"INTERNALDATE"]) for m in told.values()
    )


@asynccontextmanager
async def watching(built: App) -> AsyncIterator[None]:
    stop = asyncio.Event()
    running = asyncio.create_task(built.watch().run(stop))
    try:
        yield
    finally:
        stop.set()
        await asyncio.wait_for(running, GUARD)


async def until(met: Callable[[], bool]) -> None:
    """Wait for what other processes bring about."""
    async with asyncio.timeout(GUARD):
        while not met():  # noqa: ASYNC110 - other processes bring it about
            await asyncio.sleep(0.005)


def known(built: App, subject: str) -> int:
    """How many copies of messages with this subject the index holds."""
    with built.store.read() as unit:
        found, _ = unit.messages.search(MessageQuery(text=subject))
        return len(unit.deliveries.of_messages([m.id for m in found]))


def remediations(built: App) -> list[Remediation]:
    with built.store.read() as unit:
        return list(unit.remediations.list()[0])


def idle(built: App) -> bool:
    with built.store.read() as unit:
        return unit.jobs.waiting() == 0


def ended(built: App) -> list[Remediation]:
    return [r for r in remediations(built) if r.ended_at is not None]


def test_a_message_is_removed_everywhere_comes_late_and_is_put_back(
    server: Dovecot, border: Postfix, tmp_path: Path
) -> None:
    command = ["doveadm", "-c", str(server.config), "user", "*"]
    # An unchanged Dovecot, whose log can be read.
    told = imap_settings(server, tmp_path, mailboxes_command=command, log=str(server.log))
    with app.build(told) as built:
        commands.set_policy(built.parts, Policy(automatic=frozenset(ClusterKind)), "ann")
        asyncio.run(_journey(server, border, built))


async def _journey(server: Dovecot, border: Postfix, built: App) -> None:
    clock = Clock()
    async with watching(built):
        clock.start()
        await _send(border, USERS, letter("minutes of monday", "nothing to see"))
        await _send(border, USERS, letter("your account", f"please look: {URL}"))
        await until(lambda: known(built, "your account") == len(USERS))
        clock.done("40 copies: SMTP, queue, LMTP, log line, indexed")
        before = {user: await asyncio.to_thread(seen, server, user) for user in USERS}
        assert all(len(copies) == 2 for copies in before.values())

        clock.start()
        commands.add_indicator(
            built.parts, indicator(IndicatorKind.URL, URL, added_at=built.parts.now()), "ann"
        )
        await until(lambda: len(ended(built)) == 1)
        clock.done("20 copies: URL listed to proven gone from all mailboxes")
        for user in USERS:
            assert [b"your account" in copy[0] for copy in await asyncio.to_thread(seen, server, user)] == [
                False
            ]

        clock.start()
        await _send(border, ["everybody"], letter("your account again", f"now really: {URL}"))
        await until(lambda: sum(r.tally.removed for r in ended(built)) == len(USERS) + 5 and idle(built))
        clock.done("5 late copies by an alias: SMTP to out of the mailboxes")
        for user in USERS:
            assert len(await asyncio.to_thread(seen, server, user)) == 1

        clock.start()
        first = min(ended(built), key=lambda r: r.made_at)
        commands.undo(built.parts, first.id, "ann")
        await until(lambda: any(r.undoes == first.id for r in ended(built)))
        clock.done("undo: every copy back")
        after = {user: await asyncio.to_thread(seen, server, user) for user in USERS}
        for user in USERS:
            assert set(before[user]) <= set(after[user])
        with server.master_client("user00") as master:
            assert master.select('"Quarantine/Soft deleted"', readonly=True)[0] == "OK"
    for connector in built.parts.connectors.values():
        await connector.close()


async def _send(border: Postfix, recipients: object, content: bytes) -> None:
    assert isinstance(recipients, list | tuple)
    addresses = [f"{name}@example.org" for name in recipients]
    await asyncio.to_thread(border.send, "eve@bad.example", addresses, content)
