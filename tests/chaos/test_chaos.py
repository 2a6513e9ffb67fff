"""A small chaos run on a real Dovecot; and the checker, which says so when anything was tampered with."""

from __future__ import annotations

import gc
import shutil
import sqlite3
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from tests.chaos.checking import receipts_hold, wrong
from tests.chaos.found import HIDDEN, Found, found_by
from tests.chaos.owners import Doings
from tests.chaos.run import play
from tests.chaos.stage import URL, Names, fill, settings, user
from tests.servers.dovecot import Dovecot, dovecot, missing

from clawback import app
from clawback.analysis.indicators import IndicatorKind, indicator
from clawback.engine import commands
from clawback.engine.ingest import sync_all
from clawback.engine.parts import Parts
from clawback.store import Store
from clawback.testing.policies import unbraked

SEED = 20_261_132
COPIES, MAILBOXES, KILLS = 300, 20, 4
BAD, CLEAN = 3, 2
"""Messages in each of two mailboxes."""


def test_among_owners_and_kills_the_mailboxes_are_as_the_ledger_says() -> None:
    if why := missing():
        pytest.skip(why)
    print(f"seed {SEED}")
    outcome = play("maildir", COPIES, MAILBOXES, KILLS, SEED, pause=2.5)
    gc.collect()
    assert outcome.problems == []
    assert outcome.kills["server"] > 0
    assert outcome.kills["clawback"] > 0
    assert outcome.kills.total() == KILLS
    assert outcome.done["moved"] + outcome.done["deleted"] + outcome.done["copied"] > 0
    assert outcome.rounds > 0


@dataclass(frozen=True, slots=True)
class Settled:
    """A removal that has ended: who has mailboxes, what was delivered, and the folder of the store."""

    server: Dovecot
    users: tuple[str, ...]
    given: tuple[str, ...]
    data: Path
    removal: str

    def found(self) -> list[Found]:
        """What lies in the mailboxes now."""
        return found_by(self.server, self.users)

    def problems(
        self, found: list[Found], store: Path | None = None, doings: Doings | None = None
    ) -> list[str]:
        """What the checker says."""
        with closing(Store.open(f"sqlite:///{store or self.data / 'clawback.sqlite3'}", self.data)) as opened:
            held = receipts_hold(opened, self.removal, found)
            return held + wrong(opened, found, self.given, doings or Doings())


@pytest.fixture(scope="module")
def settled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Settled]:
    if why := missing():
        pytest.skip(why)
    users = (user(0), user(1))
    with dovecot(users=users, passwd_file=True) as server:
        given = fill(server, users, BAD, CLEAN, Names())
        told = settings(server, users, tmp_path_factory.mktemp("chaos"))
        with app.build(told, inline=True) as built:
            commands.set_policy(built.parts, unbraked(), "chaos")
            listed = indicator(IndicatorKind.URL, URL, added_at=built.parts.now())
            commands.add_indicator(built.parts, listed, "chaos")
            worker = built.worker()

            async def remove(parts: Parts) -> None:
                await sync_all(parts)
                await worker.drain()

            built.run(remove)
            with built.store.read() as unit:
                (removal,) = unit.remediations.list()[0]
        yield Settled(server, users, tuple(given), told.data_folder, removal.id)
    gc.collect()


def test_where_all_is_well_the_checker_says_nothing(settled: Settled) -> None:
    found = settled.found()
    assert [copy.visible for copy in found].count(False) == BAD * len(settled.users)
    assert len(found) == (BAD + CLEAN) * len(settled.users)
    assert settled.problems(found) == []


Tampering = Callable[[list[Found]], list[Found]]
_FIRST_BAD = "bad-1"


def _other_bytes(found: list[Found]) -> list[Found]:
    return [replace(copy, sha256="0" * 64) if copy.name == _FIRST_BAD else copy for copy in found]


def _lost(found: list[Found]) -> list[Found]:
    return [copy for copy in found if copy.name != _FIRST_BAD]


def _twice(found: list[Found]) -> list[Found]:
    return [*found, replace(found[0], place="1.999")]


def _renamed(found: list[Found]) -> list[Found]:
    return [replace(copy, name="bad-999") if copy.name == _FIRST_BAD else copy for copy in found]


def _left(found: list[Found]) -> list[Found]:
    return [replace(copy, folder="INBOX") if copy.name == _FIRST_BAD else copy for copy in found]


def _hidden(found: list[Found]) -> list[Found]:
    return [replace(copy, folder=HIDDEN) if copy.visible else copy for copy in found]


@pytest.mark.parametrize(
    ("tampering", "said"),
    [
        (_other_bytes, "has other bytes than the ledger says"),
        (_other_bytes, "the receipt of"),
        (_lost, "bad-1 is lost"),
        (_lost, "is in the ledger, not in the mailbox"),
        (_twice, "is there 2 times, nobody copied it"),
        (_twice, "the ledger does not know it"),
        (_renamed, "bad-999 comes from nowhere"),
        (_left, "bad-1 is still in INBOX"),
        (_hidden, "was hidden, and is harmless"),
    ],
)
def test_a_copy_that_is_not_as_the_ledger_says_is_told_of(
    settled: Settled, tampering: Tampering, said: str
) -> None:
    problems = settled.problems(tampering(settled.found()))
    assert any(said in problem for problem in problems), problems


def test_what_an_owner_moved_once_may_be_there_twice_and_not_three_times(settled: Settled) -> None:
    found = _twice(settled.found())
    moved = Doings(moved=Counter({found[0].name: 1}))
    assert not any("nobody copied it" in problem for problem in settled.problems(found, doings=moved))
    problems = settled.problems([*found, replace(found[0], place="1.1000")], doings=moved)
    assert any("is there 3 times, nobody copied it" in problem for problem in problems)


def test_bytes_that_change_on_the_servers_disk_are_told_of(settled: Settled) -> None:
    files = (settled.server.mail / settled.users[0] / "Maildir").glob(f".{HIDDEN}*/*/*")
    path = next(path for path in files if b"please look at" in path.read_bytes())
    content = path.read_bytes()
    path.write_bytes(content.replace(b"please look at", b"please keep at"))
    try:
        problems = settled.problems(settled.found())
    finally:
        path.write_bytes(content)
    assert len(problems) == 2
    assert problems[0].startswith("the receipt of")
    assert problems[1].endswith("has other bytes than the ledger says")
    assert settled.problems(settled.found()) == []


@pytest.mark.parametrize(
    ("tampering", "said"),
    [
        ("DELETE FROM receipts WHERE seq = 0", "5 receipts for 6 deeds"),
        ("DELETE FROM receipts WHERE seq = 0", "is not the sum"),
        (
            "UPDATE deeds SET delivery_id = (SELECT delivery_id FROM deeds WHERE seq = 1)",
            "a copy is in two classes",
        ),
        ("UPDATE receipts SET after = (SELECT after FROM receipts WHERE seq = 1)", "the receipt of"),
        ("UPDATE remediations SET ended_at = NULL, status = 'running'", "it never ended"),
        ("DELETE FROM deliveries WHERE rowid = 1", "the ledger does not know it"),
    ],
)
def test_a_ledger_that_was_tampered_with_is_told_of(
    settled: Settled, tmp_path: Path, tampering: str, said: str
) -> None:
    copied = tmp_path / "tampered.sqlite3"
    shutil.copy(settled.data / "clawback.sqlite3", copied)
    with closing(sqlite3.connect(copied)) as database, database:
        assert database.execute(tampering).rowcount > 0
    problems = settled.problems(settled.found(), copied)
    assert any(said in problem for problem in problems), problems
