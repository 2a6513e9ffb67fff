"""A phishing campaign with personalised variants, delivered into a sample organisation."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from pathlib import Path
from random import Random

from clawback.testing import maildir_tree
from clawback.testing.campaign_variants import LOOK_ALIKES, VARIANTS, Lure, html_link
from clawback.testing.carriers import carriers
from clawback.testing.checksums import checksums
from clawback.testing.letters import Desk, Letter, chance
from clawback.testing.maildir_tree import INBOX
from clawback.testing.organisation import Organisation
from clawback.testing.people import Person

__all__ = [
    "URL",
    "Campaign",
    "Delivered",
    "Shape",
    "carriers",
    "checksums",
    "deliver_campaign",
    "deliver_late_copy",
]

URL = "https://login.northwlnd-portal.example/session/verify"
_FIRST_NUMBER = 500_000  # keeps a campaign's file names apart from the organisation's
_USUAL = ("html_link", "plain_text", "base64_html", "safe_links", "proofpoint")
_PLACES = ((INBOX, 84), ("Junk", 6), ("Trash", 4), ("Archive", 3), ("Projects/2026", 3))
_FLAGS = ((None, 58), ("S", 26), ("", 5), ("FS", 4), ("RS", 3), ("Sa", 2), ("FSbd", 2))


class Shape(StrEnum):
    """Whether all copies lead to one URL, or each to its own below one prefix."""

    EXACT = "exact"
    PREFIX = "prefix"


@dataclass(frozen=True, slots=True)
class Delivered:
    """One copy in a mailbox: of which variant, where, and the SHA-256 of its bytes."""

    mailbox: str
    folder: str
    path: Path
    sha256: str
    variant: str


@dataclass(frozen=True, slots=True)
class Campaign:
    """A delivered campaign.

    `indicator` is what to list as malicious, matched as `shape` says. `look_alikes` do not carry it
    and must stay. `deleted` names users who threw their copy away before anybody looked.
    """

    url: str
    shape: Shape
    indicator: str
    delivered: tuple[Delivered, ...]
    look_alikes: tuple[Delivered, ...]
    deleted: tuple[str, ...]
    seed: int

    @property
    def paths(self) -> frozenset[Path]:
        """The files that carry the indicator."""
        return frozenset(copy.path for copy in self.delivered)

    def link_for(self, desk: Desk) -> str:
        """A recipient's own link, with a token where the shape lets one be."""
        if self.shape is Shape.PREFIX:
            return f"{self.indicator}{desk.token(12)}"
        return f"{self.url}#t={desk.token(8)}" if desk.random.random() < 0.4 else self.url


def deliver_campaign(
    organisation: Organisation,
    *,
    url: str = URL,
    copies: int = 60,
    shape: Shape | str = Shape.EXACT,
    seed: int = 11,
    now: datetime | None = None,
) -> Campaign:
    """Deliver a campaign of `copies` copies in the three hours before `now`, in every variant there is.

    One more copy is already gone, and four look-alikes lie beside. The same arguments deliver the same
    files. `now` is the organisation's when not given.
    """
    kind = Shape(shape)
    indicator = url if kind is Shape.EXACT else f"{url.rstrip('/')}/"
    campaign = Campaign(url, kind, indicator, (), (), (), seed)
    desk = Desk(chance(seed), organisation.people, organisation.domain, now or organisation.now)
    order = list(organisation.people)
    desk.random.shuffle(order)
    delivered = _deliver_all(organisation, campaign, desk, order, copies)
    look_alikes = _deliver_look_alikes(organisation, campaign, desk, order)
    return replace(campaign, delivered=delivered, look_alikes=look_alikes, deleted=(order[-1].user,))


def _deliver_all(
    organisation: Organisation, campaign: Campaign, desk: Desk, order: Sequence[Person], copies: int
) -> tuple[Delivered, ...]:
    delivered: list[Delivered] = []
    for number, variant in enumerate(_variants(desk.random)):
        if len(delivered) >= copies:
            break
        letter = VARIANTS[variant](_lure(campaign, desk, order, number, copies))
        for person, folder, content, arrived in _copies(letter, desk.random):
            if len(delivered) < copies:
                flags = "S" if folder == "Sent" else _weighted(desk.random, _FLAGS)
                count = _FIRST_NUMBER + len(delivered)
                name = maildir_tree.unique_name(arrived, count, len(content))
                delivered.append(_place(organisation, person, folder, name, content, arrived, flags, variant))
    return tuple(delivered)


def _variants(random: Random) -> Iterator[str]:
    """Every variant once, then the usual ones without end."""
    yield from VARIANTS
    while True:
        yield random.choice(_USUAL)


def _lure(campaign: Campaign, desk: Desk, order: Sequence[Person], number: int, copies: int) -> Lure:
    """For the next person in order; each eleventh letter goes to some others too, all with one content."""
    person = order[number % len(order)]
    age = timedelta(seconds=desk.random.uniform(30, 10_800))
    at = replace(desk, moment=desk.moment - age)
    others: tuple[Person, ...] = ()
    if number % 11 == 6 and copies > 20:
        others = tuple(other for other in desk.some(3, 3) if other is not person)
    return Lure(at, person, campaign.link_for(desk), others)


def _copies(letter: Letter, random: Random) -> Iterator[tuple[Person, str, bytes, datetime]]:
    """Whose, which folder, bytes and time of each copy of a letter."""
    if letter.author is not None:
        yield letter.author, "Sent", letter.content, letter.moment
    for person in letter.recipients:
        arrived = letter.moment + timedelta(microseconds=random.randint(300_000, 4_000_000))
        yield person, _weighted(random, _PLACES) or INBOX, letter.copy_for(person, arrived), arrived


def _weighted(random: Random, choices: Sequence[tuple[str | None, int]]) -> str | None:
    return random.choices([value for value, _ in choices], [weight for _, weight in choices])[0]


def _place(
    organisation: Organisation,
    person: Person,
    folder: str,
    name: str,
    content: bytes,
    arrived: datetime,
    flags: str | None,
    variant: str,
) -> Delivered:
    if folder in {"Junk", "Trash"} and flags is not None:
        flags = "".join(letter for letter in flags if letter.isupper())
    path = maildir_tree.put(organisation.maildir(person.user), folder, name, content, arrived, flags)
    copy = maildir_tree.copy_of(person.user, folder, path, content)
    return Delivered(person.address, folder, path, copy.sha256, variant)


def _deliver_look_alikes(
    organisation: Organisation, campaign: Campaign, desk: Desk, order: Sequence[Person]
) -> tuple[Delivered, ...]:
    placed: list[Delivered] = []
    for number, (variant, write) in enumerate(LOOK_ALIKES.items()):
        person = order[number % len(order)]
        letter = write(Lure(desk, person, campaign.url))
        arrived = desk.moment - timedelta(minutes=number + 1)
        content = letter.copy_for(person, arrived)
        name = maildir_tree.unique_name(arrived, _FIRST_NUMBER - 1 - number, len(content))
        placed.append(_place(organisation, person, INBOX, name, content, arrived, None, variant))
    return tuple(placed)


def deliver_late_copy(
    organisation: Organisation, campaign: Campaign, user: str, *, now: datetime | None = None
) -> Path:
    """Deliver one more copy to `user` as a delivery agent does: written in ``tmp``, renamed into ``new``."""
    arrived = now or datetime.now(UTC)
    person = next(person for person in organisation.people if person.user == user)
    random = chance(campaign.seed * 1_000_003 + int(arrived.timestamp() * 1_000_000))
    desk = Desk(random, organisation.people, organisation.domain, arrived - timedelta(seconds=2))
    letter = html_link(Lure(desk, person, campaign.link_for(desk)))
    content = letter.copy_for(person, arrived)
    name = maildir_tree.unique_name(arrived, _FIRST_NUMBER * 2, len(content))
    return maildir_tree.deliver(organisation.maildir(user), name, content, arrived)
