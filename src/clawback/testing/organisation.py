"""A sample organisation: Maildir mailboxes with folders, flags, keywords and real-looking business mail."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random

from clawback.testing import mail_samples, mail_samples_outside, mail_samples_world, maildir_tree
from clawback.testing.checksums import checksums
from clawback.testing.letters import Desk, Letter, chance
from clawback.testing.maildir_tree import CONTRACTS, INBOX
from clawback.testing.people import Person, staff
from clawback.testing.real_mail import RealMail

__all__ = ["DAYS", "Organisation", "build_organisation", "checksums", "deliver", "make_mailboxes"]
Writer = Callable[[Desk], list[Letter]]
"""What writes letters, at a desk."""

DAYS = 90
"""How far back the mail reaches."""

_SAMPLES: tuple[tuple[Callable[[Desk], list[Letter]], int], ...] = (
    (mail_samples.thread, 16),
    (mail_samples.note, 12),
    (mail_samples.invitation, 6),
    (mail_samples.document, 7),
    (mail_samples.forwarded, 3),
    (mail_samples_outside.newsletter, 12),
    (mail_samples_outside.invoice, 9),
    (mail_samples_outside.receipt, 5),
    (mail_samples_outside.parcel, 6),
    (mail_samples_outside.notification, 9),
    (mail_samples_outside.bounce, 2),
    (mail_samples_world.abroad, 8),
    (mail_samples_world.list_post, 6),
    (mail_samples_world.junk, 5),
)
_FOLDERS = ((INBOX, 66), ("Archive", 12), ("Projects/2026", 9), (CONTRACTS, 4), ("Trash", 6), ("Junk", 3))
_FLAGS = (
    ("S", 46),
    (None, 20),
    ("RS", 12),
    ("FS", 7),
    ("", 6),
    ("FRS", 4),
    ("Sa", 3),
    ("Sbd", 1),
    ("FSac", 1),
)


@dataclass(frozen=True, slots=True)
class Organisation:
    """What was built: `delivered` copies in the mailboxes of `people` at `root`, the newest before `now`."""

    root: Path
    domain: str
    people: tuple[Person, ...]
    delivered: int
    seed: int
    now: datetime

    @property
    def users(self) -> tuple[str, ...]:
        """The names of the mailboxes: the parts of the addresses before the @."""
        return tuple(person.user for person in self.people)

    @property
    def border(self) -> str:
        """The host that writes Received and Authentication-Results headers one can trust."""
        return f"mx.{self.domain}"

    @property
    def trusted_hops(self) -> frozenset[str]:
        """Every host of the organisation's own that writes trace headers."""
        return frozenset(f"{host}.{self.domain}" for host in ("mx", "store", "submit"))

    def maildir(self, user: str) -> Path:
        """Where a user's mailbox lies."""
        return self.root / user / "Maildir"


def build_organisation(
    root: Path,
    *,
    mailboxes: int = 25,
    messages: int = 2000,
    seed: int = 7,
    shared: Path | None = None,
    domain: str = "northwind.example",
    now: datetime | None = None,
    also: Writer | None = None,
    share: float = 0.0,
) -> Organisation:
    """Make ``<root>/<user>/Maildir`` for `mailboxes` users and fill them with `messages` copies.

    The same arguments with the same `now` make the same tree. With `shared` (the folder ``shared/data``)
    the messages are real ones from there, else they are written by this package. That `share` of the copies
    is written by `also`.
    """
    moment = now or datetime.now(UTC).replace(microsecond=0)
    random = chance(seed)
    organisation = make_mailboxes(root, staff(domain, mailboxes, random), domain, seed, moment)
    source = RealMail(shared, random).letter if shared else _sample
    desk = Desk(random, organisation.people, domain, moment)
    delivered = written = 0
    while delivered < messages:
        age = timedelta(seconds=random.uniform(60, DAYS * 86_400))
        mine = also if also and written < share * (delivered + 1) else None
        before = delivered
        for letter in (mine or source)(Desk(random, desk.people, domain, moment - age)):
            if letter.moment < moment:
                delivered += deliver(organisation, letter, random, delivered, messages - delivered)
        written += delivered - before if mine else 0
    return Organisation(root, domain, organisation.people, delivered, seed, moment)


def make_mailboxes(
    root: Path, people: tuple[Person, ...], domain: str, seed: int, now: datetime
) -> Organisation:
    """An organisation whose mailboxes are there and empty."""
    organisation = Organisation(root, domain, people, 0, seed, now)
    for user in organisation.users:
        maildir = organisation.maildir(user)
        maildir_tree.make_maildir(maildir)
        for folder in (INBOX, "Archive", "Projects/2026"):
            maildir_tree.write_keywords(maildir, folder)
    return organisation


def _sample(desk: Desk) -> list[Letter]:
    kinds, weights = zip(*_SAMPLES, strict=True)
    chosen: Callable[[Desk], list[Letter]] = desk.random.choices(kinds, weights)[0]
    return chosen(desk)


def deliver(organisation: Organisation, letter: Letter, random: Random, number: int, room: int) -> int:
    """Put the letter's copies where they lie now, at most `room`; answers how many."""
    written = 0
    for user, folder, content, arrived in _copies(letter, random):
        if written == room:
            break
        flags = _flags(folder, random)
        name = maildir_tree.unique_name(arrived, number + written, len(content))
        maildir_tree.put(organisation.maildir(user), folder, name, content, arrived, flags)
        written += 1
    return written


def _copies(letter: Letter, random: Random) -> Iterator[tuple[str, str, bytes, datetime]]:
    """User, folder, bytes and time of each copy: one in the author's Sent, one for each recipient."""
    if letter.author is not None:
        yield letter.author.user, "Sent", letter.content, letter.moment
    for recipient in letter.recipients:
        arrived = letter.moment + timedelta(microseconds=random.randint(400_000, 9_000_000))
        yield recipient.user, _folder(letter, random), letter.copy_for(recipient, arrived), arrived


def _folder(letter: Letter, random: Random) -> str:
    if letter.junk and random.random() < 0.9:
        return "Junk"
    names, weights = zip(*_FOLDERS, strict=True)
    chosen: str = random.choices(names, weights)[0]
    return chosen


def _flags(folder: str, random: Random) -> str | None:
    """The letters in the name; None for what still lies in ``new``."""
    flags, weights = zip(*_FLAGS, strict=True)
    chosen: str | None = random.choices(flags, weights)[0]
    if folder == "Sent":
        return "S"
    if folder in {"Trash", "Junk", CONTRACTS}:
        plain = "".join(letter for letter in chosen or "" if letter.isupper())
        return plain + ("T" if folder == "Trash" and random.random() < 0.2 else "")
    return chosen
