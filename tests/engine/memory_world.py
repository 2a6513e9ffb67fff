"""The whole engine over mailboxes in memory: a clock to turn, faults to cause, a fuse that kills it."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from tests.engine.world import mail

from clawback.analysis.clusters import ClusterKind
from clawback.analysis.indicators import Indicator, IndicatorKind, VerdictKind, indicator
from clawback.engine import commands
from clawback.engine.ingest import Synced, sync_all
from clawback.engine.parts import Bodies, Parts
from clawback.engine.reading import InlineReader, Reader
from clawback.engine.workflow import LEASE, Worker
from clawback.errors import MailboxError, ReadOnly
from clawback.mailboxes.base import Failure, FolderListing, Move, RawMessage, Wanted
from clawback.mailboxes.memory import MemoryConnector
from clawback.message.delivery import Delivery, DeliveryLocation, Handle, Observed
from clawback.message.message import Organisation
from clawback.response.investigation import Investigation
from clawback.response.plan import Receipt, Remediation
from clawback.response.policy import Policy
from clawback.response.standing import StandingOrder
from clawback.store import Job, Store, Unit

URL = "https://login.evil.example/session"
OTHER_URL = "https://files.evil.example/invoice"
USERS = ("ann@example.org", "ben@example.org", "cat@example.org")
AUTOMATIC = Policy(automatic=frozenset(ClusterKind))
START = datetime(2026, 11, 23, 9, tzinfo=UTC)


class Killed(BaseException):
    """The process dies here; nothing of ours may catch it."""


@dataclass(slots=True)
class Fuse:
    """Kills at the step it is set to; counts steps."""

    left: int = 0
    steps: int = 0

    def step(self) -> None:
        self.steps += 1
        if self.left:
            self.left -= 1
            if not self.left:
                raise Killed


class MortalStore(Store):
    """A store in whose writes the process may die: before, inside (rolled back), and after the commit."""

    fuse = Fuse()

    @contextmanager
    def write(self, *, durable: bool = False) -> Iterator[Unit]:
        self.fuse.step()
        with super().write(durable=durable) as unit:
            yield unit
            self.fuse.step()
        self.fuse.step()


@dataclass(frozen=True, slots=True)
class Manner:
    """What a mail system is like: whether moves keep a copy's native id, and listings tell changes only.

    With `halves`, a death of our process is one of its server too, which leaves a move half done.
    """

    keeps_ids: bool = True
    partial: bool = False
    halves: bool = False


LIKE_MAILDIR, LIKE_IMAP = Manner(), Manner(keeps_ids=False, partial=True, halves=True)
MANNERS = {"whole": LIKE_MAILDIR, "partial": Manner(partial=True), "imap": LIKE_IMAP}


class MortalConnector(MemoryConnector):
    """A mail system during whose calls the process may die, between any two copies too."""

    def __init__(
        self, name: str, mailboxes: Sequence[str], fuse: Fuse, manner: Manner = LIKE_MAILDIR
    ) -> None:
        super().__init__(name, mailboxes, keeps_ids=manner.keeps_ids, partial=manner.partial)
        self._fuse = fuse
        self._halves = manner.halves

    async def list(self, mailbox: str, cursors: Mapping[str, str]) -> tuple[FolderListing, ...]:
        self._fuse.step()
        return await super().list(mailbox, cursors)

    async def fetch(self, handles: Sequence[Handle]) -> Sequence[RawMessage | Failure]:
        self._fuse.step()
        return await super().fetch(handles)

    async def find(self, wanted: Sequence[Wanted]) -> Sequence[tuple[Observed, ...] | Failure]:
        self._fuse.step()
        return await super().find(wanted)

    async def move(self, moves: Sequence[Move]) -> Sequence[Observed | Failure]:
        answers: tuple[Observed | Failure, ...] = ()
        for move in moves:
            try:
                self._fuse.step()
            except Killed:
                if self._halves:
                    with contextlib.suppress(MailboxError, ReadOnly):
                        self.leave_half_done(move)
                raise
            answers = (*answers, *await super().move([move]))
        self._fuse.step()
        return answers

    async def delete(self, handles: Sequence[Handle]) -> Sequence[Observed | Failure]:
        answers: tuple[Observed | Failure, ...] = ()
        for handle in handles:
            self._fuse.step()
            answers = (*answers, *await super().delete([handle]))
        self._fuse.step()
        return answers


@dataclass(frozen=True, slots=True, order=True)
class Held:
    """One copy as it lies in a mailbox."""

    mailbox: str
    folder: str
    id: str
    content: bytes
    flags: tuple[str, ...]
    date: datetime

    @property
    def handle(self) -> Handle:
        return Handle("main", self.mailbox, self.folder, self.id, " ".join(self.flags))

    @property
    def in_vault(self) -> bool:
        return self.folder.startswith(("soft_deleted/", "quarantine/"))


@dataclass(slots=True)
class MemoryWorld:
    """Mailboxes, a store, and the engine between them. `mail` outlives the process, as mail does."""

    root: Path
    url: str = ""
    bodies: Bodies = Bodies.NONE
    reader: Reader = field(default_factory=lambda: InlineReader(Organisation()))
    fuse: Fuse = field(default_factory=Fuse)
    manner: Manner = LIKE_MAILDIR
    clock: datetime = START
    count: int = 0
    down: dict[str | None, MailboxError] = field(default_factory=dict)
    mail: MortalConnector = field(init=False)
    connectors: dict[str, MemoryConnector] = field(init=False)
    store: MortalStore = field(init=False)

    def __post_init__(self) -> None:
        self.mail = MortalConnector("main", USERS, self.fuse, self.manner)
        self.connectors = {"main": self.mail}
        self.url = self.url or f"sqlite:///{self.root / 'clawback.db'}"
        self._open()
        self.store.migrate()

    def _open(self) -> None:
        store = MortalStore.open(self.url, self.root / "blobs")
        assert isinstance(store, MortalStore)
        store.fuse = self.fuse
        self.store = store

    def now(self) -> datetime:
        """A clock on which no two looks are the same."""
        self.clock += timedelta(milliseconds=1)
        return self.clock

    def wait(self, pause: timedelta) -> None:
        self.clock += pause

    @property
    def parts(self) -> Parts:
        return Parts(self.store, self.connectors, self.reader, self.bodies, self.now)

    def close(self) -> None:
        self.store.close()

    def restart(self) -> None:
        """The process died: another one comes up once the dead one's lease has run out."""
        self.fuse.left = 0
        self.store.close()
        self._open()
        self.wait(LEASE + timedelta(seconds=1))

    def read(self) -> Synced:
        """Read every mailbox, then do what follows."""
        seen = asyncio.run(sync_all(self.parts))
        self.drain()
        return seen

    def drain(self) -> int:
        return asyncio.run(Worker(self.parts, "worker").drain())

    def settle(self, patience: timedelta = timedelta(hours=2)) -> None:
        """Drain until nothing waits any more, while time passes."""
        end = self.clock + patience
        while self.drain() or self.clock < end:
            with self.store.read() as unit:
                if not unit.jobs.waiting():
                    return
            self.wait(timedelta(seconds=301))

    def deliver(self, user: str, body: str, *, folder: str = "INBOX", flags: Sequence[str] = ()) -> Observed:
        """A message of its own arrives."""
        self.count += 1
        return self.again(user, mail(self.count, body), folder=folder, flags=flags)

    def again(
        self, user: str, content: bytes, *, folder: str = "INBOX", flags: Sequence[str] = ()
    ) -> Observed:
        """These very bytes arrive."""
        date = START - timedelta(days=1) + timedelta(seconds=self.count)
        return self.mail.deliver(user, content, folder=folder, flags=flags, date=date)

    def campaign(self, copies: int, clean: int = 2, url: str = URL) -> list[Observed]:
        """Bad copies over the users, and some clean ones."""
        bad = [self.deliver(USERS[n % 3], f"Dear {n}, see {url} now") for n in range(copies)]
        for n in range(clean):
            self.deliver(USERS[n % 3], f"Minutes {n}")
        return bad

    def listed(self, url: str = URL) -> Indicator:
        return indicator(
            IndicatorKind.URL, url, verdict=VerdictKind.MALICIOUS, source="manual", added_at=self.now()
        )

    def turn(self, url: str = URL) -> Indicator:
        """A URL turns malicious; what follows is done."""
        bad = self.listed(url)
        commands.add_indicator(self.parts, bad, "ann")
        self.drain()
        return bad

    def automate(self) -> None:
        commands.set_policy(self.parts, AUTOMATIC, "ann")

    def fail(self, error: MailboxError | None, mailbox: str | None = None) -> None:
        """A mailbox, or with None the whole mail system, answers with this from now on; None heals it."""
        self.down.pop(mailbox, None)
        if error is not None:
            self.down[mailbox] = error
        self.mail.fail(error, mailbox)

    def held(self) -> list[Held]:
        """Every copy that there is, seen past all faults, sorted."""
        with self.healed():
            return sorted(asyncio.run(self._held()))

    @contextmanager
    def healed(self) -> Iterator[None]:
        """For the moment no fault is felt and nothing dies: users and tests look past them."""
        fuse, self.fuse.left = self.fuse.left, 0
        for mailbox in self.down:
            self.mail.fail(None, mailbox)
        yield
        for mailbox, error in self.down.items():
            self.mail.fail(error, mailbox)
        self.fuse.left = fuse

    async def _held(self) -> list[Held]:
        found: list[Held] = []
        for mailbox in await self.mail.mailboxes():
            copies = [c for f in await self.mail.list(mailbox, {}) for c in f.copies or ()]
            for raw in await self.mail.fetch([c.handle for c in copies]):
                assert isinstance(raw, RawMessage)
                handle, o = raw.observed.handle, raw.observed
                flags = tuple(sorted(o.flags))
                found.append(
                    Held(mailbox, handle.folder, handle.native_id, raw.content, flags, o.internal_date)
                )
        return found

    def seen(self) -> list[Held]:
        """Every copy as far as a move back restores it: under the name it has only where moves keep names."""
        return sorted(copy if self.manner.keeps_ids else replace(copy, id="") for copy in self.held())

    def visible(self, text: str = "") -> list[Held]:
        """The copies that their owners can see, of messages with this text."""
        return [h for h in self.held() if not h.in_vault and text.encode() in h.content]

    def actions(self) -> tuple[Remediation, ...]:
        with self.store.read() as unit:
            return unit.remediations.list(limit=1_000)[0]

    def every_action(self) -> tuple[Remediation, ...]:
        """Also those of late copies, each with what it follows before it."""
        with self.store.read() as unit:
            alone = [r for r in unit.remediations.list(limit=1_000)[0] if not r.follows]
            return tuple(one for r in alone for one in (r, *unit.remediations.following(r.id)))

    def orders(self) -> list[StandingOrder]:
        """The standing orders there are."""
        with self.store.read() as unit:
            return list(unit.standing.due(self.clock + timedelta(days=10_000), 1_000))

    def receipts(self, remediation: Remediation) -> list[Receipt]:
        with self.store.read() as unit:
            return [receipt for _, receipt in unit.remediations.receipts(remediation.id)]

    def investigations(self) -> tuple[Investigation, ...]:
        with self.store.read() as unit:
            return unit.investigations.list(limit=1_000)[0]

    def jobs(self) -> tuple[Job, ...]:
        with self.store.read() as unit:
            return unit.jobs.list()[0]

    def deliveries(self) -> list[Delivery]:
        """Every delivery the store believes to exist."""
        with self.store.read() as unit:
            known = [d for user in USERS for d in unit.deliveries.known("main", user).values()]
        return [d for d in known if d.location is not DeliveryLocation.HARD_DELETED]
