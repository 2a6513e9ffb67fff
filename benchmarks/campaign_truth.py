"""The labelled mail that clusters are measured on: phishing campaigns, ham, and variants made by mutation."""

from __future__ import annotations

import csv
import hashlib
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from random import Random

from clawback.analysis.features import Features, extract
from clawback.message.address import Address
from clawback.message.link import Link
from clawback.message.message import Message
from clawback.message.parse import parse

REPOSITORY = Path(__file__).resolve().parent.parent
HAM = ("spamassassin", "csdmc2010", "usrp_users", "bounces_sisimai")
VARIANTS = 12
"""Variants made of one message: each kind of mutation twice."""
_NAMES = ("Anna Schmidt", "Bob Jones", "Chiara Rossi", "Dmitri Orlov", "Eve Martin", "Farid Aziz")
_SYNONYMS = {
    "please": "kindly", "account": "profile", "click": "tap", "verify": "confirm", "your": "the",
    "immediately": "at once", "message": "mail", "dear": "hello", "secure": "safe", "update": "renew",
    "here": "below", "will": "shall", "now": "today", "information": "details", "contact": "reach",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Labelled:
    """One message: its campaign ("" when it has none), its split unit ("" for ham), and when it came."""

    message: Message
    features: Features
    campaign: str
    group: str
    received: datetime

    @property
    def tuned(self) -> bool:
        """Whether it is in the half on which things were tuned; the other half is for reporting."""
        return hashlib.sha256(self.group.encode()).digest()[0] % 2 == 1

    def same(self, other: Labelled) -> bool | None:
        """Whether two messages belong together; None where the labels do not say.

        They say nothing of two messages of one split unit with other campaigns or none (they are kept
        together because they are related), and nothing of two phishing mails of which one has no campaign.
        """
        if self.campaign and self.campaign == other.campaign:
            return True
        if not self.group or not other.group:
            return False
        related = self.group == other.group or not self.campaign or not other.campaign
        return None if related else False


def shared() -> Path:
    """The folder of the shared data."""
    return Path(os.environ.get("CLAWBACK_SHARED", REPOSITORY.parent / "shared")) / "data"


def phishing() -> tuple[Labelled, ...]:
    """Every labelled phishing mail."""
    folder = shared() / "phish"
    with (folder / "phishing_pot_dev.tsv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file, delimiter="\t"))
    return tuple(
        _labelled(folder / "phishing_pot" / row["file"], row["campaign"], row["group"], row["received"])
        for row in rows
    )


def ham() -> tuple[Labelled, ...]:
    """Every ham mail."""
    paths = (p for name in HAM for p in sorted((shared() / "ham" / name).rglob("*")))
    return tuple(_labelled(p, "", "", "") for p in paths if p.is_file() and p.suffix != ".tsv")


def _labelled(path: Path, campaign: str, group: str, received: str) -> Labelled:
    message = parse(path.read_bytes())
    at = datetime.fromisoformat(received) if received else message.date or datetime(2020, 1, 1, tzinfo=UTC)
    at = at if at.tzinfo else at.replace(tzinfo=UTC)
    return Labelled(message, extract(message), campaign, group, at)


def variants(source: Labelled, random: Random) -> Iterator[Labelled]:
    """Variants of one message as a campaign's author makes them, labelled as the source."""
    for number in range(VARIANTS):
        mutate = _MUTATIONS[number % len(_MUTATIONS)]
        name = _NAMES[number % len(_NAMES)]
        message = mutate(_to(source.message, name, random), random)
        unique = f"{source.message.id}-{number}"
        made = replace(message, id=unique, raw_sha256=hashlib.sha256(unique.encode()).hexdigest())
        yield replace(source, message=made, features=extract(made))


def _to(message: Message, name: str, random: Random) -> Message:
    """Another recipient, by name and address, with an id of its own in body and subject."""
    user = name.partition(" ")[0].lower()
    number = f"{random.randrange(10**9):09}"
    to = (Address(name, f"{user}@northwind.example"),)
    greeting = f"Dear {name}, reference {number}. "
    return replace(
        message,
        to=to,
        cc=(),
        recipients=(to[0].address,),
        subject=f"{message.subject} {number}",
        text=greeting + _plain(message),
        html="",
    )


def _plain(message: Message) -> str:
    from clawback.analysis.bodies import body_text

    return body_text(message)


def _names(message: Message, random: Random) -> Message:
    return message


def _ids(message: Message, random: Random) -> Message:
    words = message.text.split(" ")
    for _ in range(max(1, len(words) // 12)):
        words.insert(random.randrange(len(words) + 1), f"{random.getrandbits(40):x}7")
    return replace(message, text=" ".join(words))


def _zero_width(message: Message, random: Random) -> Message:
    text = "".join(c + "\u200b" if c.isalpha() and random.random() < 0.2 else c for c in message.text)
    return replace(message, text=text)


def _synonyms(message: Message, random: Random) -> Message:
    words = (_SYNONYMS.get(w.lower(), w) if random.random() < 0.5 else w for w in message.text.split(" "))
    return replace(message, text=" ".join(words))


def _paths(message: Message, random: Random) -> Message:
    return replace(message, links=tuple(_moved(link, random) for link in message.links))


def _moved(link: Link, random: Random) -> Link:
    base = link.url.partition("?")[0].rstrip("/")
    return replace(link, url=f"{base}/{random.getrandbits(48):x}", written=base)


def _everything(message: Message, random: Random) -> Message:
    for mutate in (_ids, _synonyms, _zero_width, _paths):
        message = mutate(message, random)
    return message


_MUTATIONS: tuple[Callable[[Message, Random], Message], ...] = (
    _names,
    _ids,
    _zero_width,
    _synonyms,
    _paths,
    _everything,
)
