"""A letter: a sample message as its sender handed it over, with those who get it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from random import Random

from clawback.testing.border import Origin, inbound, internal
from clawback.testing.mime_writing import Entity, Field, compose, dated, named
from clawback.testing.people import COMPANIES, Company, Person


def chance(seed: int) -> Random:
    """Chance that is the same every time."""
    return Random(seed)  # noqa: S311 - made to be repeated, it keeps no secret


@dataclass(frozen=True, slots=True)
class Desk:
    """What samples are written from: chance, the organisation's people, and the time of writing (UTC)."""

    random: Random
    people: tuple[Person, ...]
    domain: str
    moment: datetime

    def later(self, hours: float) -> Desk:
        """The same desk some hours later."""
        return replace(self, moment=self.moment + timedelta(hours=hours))

    def some(self, least: int, most: int) -> tuple[Person, ...]:
        """Some different people of the organisation."""
        count = min(self.random.randint(least, most), len(self.people))
        return tuple(self.random.sample(self.people, count))

    def company(self) -> Company:
        """A company that writes to us."""
        return self.random.choice(COMPANIES)

    def token(self, digits: int = 16) -> str:
        """A token that stands nowhere else."""
        return f"{self.random.getrandbits(4 * digits):0{digits}x}"

    def boundary(self) -> str:
        """A boundary for a multipart."""
        return f"=_{self.token(24)}"


@dataclass(frozen=True, slots=True)
class Letter:
    """A message without trace headers. `origin` None means that the colleague `author` sent it."""

    content: bytes
    recipients: tuple[Person, ...]
    envelope_sender: str
    moment: datetime
    message_id: str
    origin: Origin | None = None
    author: Person | None = None
    junk: bool = False

    def copy_for(self, recipient: Person, arrived: datetime) -> bytes:
        """The bytes of one recipient's copy, with the trace headers of the organisation's border."""
        if self.origin is None:
            return internal(
                self.content,
                domain=recipient.domain,
                recipient=recipient.address,
                envelope_sender=self.envelope_sender,
                client_ip=f"10.20.{len(self.content) % 8}.{len(self.envelope_sender) * 3 % 250}",
                moment=arrived,
            )
        return inbound(
            self.content,
            domain=recipient.domain,
            recipient=recipient.address,
            envelope_sender=self.envelope_sender,
            origin=self.origin,
            moment=arrived,
        )


def from_colleague(
    desk: Desk,
    author: Person,
    recipients: Sequence[Person],
    subject: str,
    body: Entity,
    more: Sequence[Field] = (),
) -> Letter:
    """A letter that one of the organisation's people sends to others of them."""
    message_id = f"<{desk.token()}@{desk.domain}>"
    fields = [
        ("Message-ID", message_id),
        ("Date", dated(desk.moment)),
        ("From", named(author.name, author.address)),
        ("To", ",\n ".join(named(person.name, person.address) for person in recipients)),
        ("Subject", subject),
        ("User-Agent", "Mozilla Thunderbird"),
        *more,
    ]
    content = compose(fields, body)
    return Letter(content, tuple(recipients), author.address, desk.moment, message_id, author=author)


def from_outside(
    desk: Desk,
    sender: tuple[str, str],
    recipients: Sequence[Person],
    subject: str,
    body: Entity,
    *,
    ip: str,
    envelope_sender: str | None = None,
    more: Sequence[Field] = (),
    to: str | None = None,
) -> Letter:
    """A letter that comes in over the border; `sender` is name and address."""
    name, address = sender
    domain = address.rpartition("@")[2]
    message_id = f"<{desk.token()}.{desk.token(6)}@{domain}>"
    shown = to or ",\n ".join(named(person.name, person.address) for person in recipients)
    fields = [
        ("Date", dated(desk.moment)),
        ("From", named(name, address)),
        ("To", shown),
        ("Message-ID", message_id),
        ("Subject", subject),
        *more,
    ]
    origin = Origin(f"mail.{domain}", ip, domain)
    envelope = address if envelope_sender is None else envelope_sender
    content = compose(fields, body)
    return Letter(content, tuple(recipients), envelope, desk.moment, message_id, origin=origin)
