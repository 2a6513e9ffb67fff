"""The mail of the measured organisation: a million messages, of which few things carry very much.

A third links to one host, one newsletter sender wrote 50,000, each of two campaigns has 100,000, a notice
went to everybody, and a tenth has a file. All of it came within 60 days.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from store_million import World, _deliveries, _features, _message

from clawback.analysis.entities import Entity, EntityKind
from clawback.analysis.features import Features
from clawback.analysis.indicators import Threat, VerdictKind
from clawback.analysis.verdict import Said
from clawback.message.address import Address
from clawback.message.attachment import Attachment
from clawback.message.delivery import Delivery, DeliveryLocation
from clawback.message.message import Message
from clawback.store import Store

DAYS = 60
MAILBOXES = 5_000
BATCH = 2_000
HOST = "www.popular.example"
NEWSLETTER = "news@newsletter.example"
FILE = hashlib.sha256(b"the file of the campaign").hexdigest()
CAMPAIGNS = ("https://campaign0.example/login", "https://campaign1.example/login")
EVERYBODY = 777
"""The number of the message that everybody got."""
GONE = (DeliveryLocation.SOFT_DELETED, DeliveryLocation.QUARANTINE)


class Mail(World):
    """Messages by number; the same seed makes the same ones."""

    def __init__(self, size: int, until: datetime) -> None:
        super().__init__(size)
        self.since = until - timedelta(days=DAYS)
        self.step = timedelta(days=DAYS) / size

    def url(self, rank: int) -> str:
        """A URL by its popularity, a third of them at one host."""
        made = super().url(rank)
        return made.replace(made.split("/")[2], HOST) if rank % 3 == 0 else made

    def message(self, number: int) -> tuple[Message, Features]:
        """One message with what it carries."""
        rank = self.rank(self.size)
        urls = [self.url(rank), self.url(self.rank(self.size))]
        campaign = campaign_of(number)
        if campaign is not None:
            urls[0] = CAMPAIGNS[campaign]
        template, who = self.rank(self.size // 5 + 2), self.rank(self.size // 20 + 2)
        at = self.since + number * self.step
        made = replace(_message(number, template, who, urls), date=at)
        if number % 20 == 3:
            address = Address("The Newsletter", NEWSLETTER)
            made = replace(made, sender=address, envelope_sender=NEWSLETTER)
        if number % 10 == 4:
            made = replace(made, attachments=(_file(number, self.rank(self.size // 10)),))
        signature = b"\x01" + self.random.randbytes(456)
        features = _features(made, template, signature)
        files = {Entity(EntityKind.FILE, one.sha256) for one in made.attachments}
        return made, replace(features, entities=features.entities | files)


def campaign_of(number: int) -> int | None:
    """Which campaign a message is of, None for most."""
    return {1: 0, 6: 1}.get(number % 10)


def _file(number: int, rank: int) -> Attachment:
    shared = number % 100 == 14
    digest = FILE if shared else hashlib.sha256(f"file {rank}".encode()).hexdigest()
    return Attachment(f"invoice {rank}.pdf", "2", "application/pdf", "application/pdf", 90_000, digest)


def copies_of(message: Message, number: int) -> list[Delivery]:
    """Its copy, everybody's copies of the notice; of the campaigns half were taken out."""
    made = _deliveries([message], MAILBOXES if number == EVERYBODY else 1)
    if campaign_of(number) is None:
        return made
    place = GONE[number % 2] if number % 4 < 2 else DeliveryLocation.INBOX
    return [replace(copy, location=place) for copy in made]


def fill(store: Store, size: int, until: datetime) -> None:
    """Write all the mail, in batches, with what is said against the campaigns."""
    mail = Mail(size, until)
    for numbers in _runs(size):
        batch = [mail.message(number) for number in numbers]
        copies = [c for n, (m, _) in zip(numbers, batch, strict=True) for c in copies_of(m, n)]
        now = batch[0][0].date or datetime.now(UTC)
        with store.write() as unit:
            unit.messages.add(batch, now=now)
            unit.deliveries.save(copies)
            unit.detections.put(_said(numbers, [message for message, _ in batch]), now)
        if numbers.stop % 100_000 == 0 or numbers.stop == size:
            print(f"{numbers.stop:>10,} messages", flush=True)


def _runs(size: int) -> Iterator[range]:
    for first in range(0, size, BATCH):
        yield range(first, min(first + BATCH, size))


def _said(numbers: range, messages: list[Message]) -> Iterator[tuple[str, Said]]:
    for number, message in zip(numbers, messages, strict=True):
        campaign = campaign_of(number)
        if campaign is not None:
            source = f"ind-{campaign:020d}"
            yield message.id, Said(source, VerdictKind.MALICIOUS, Threat.PHISH, 90)
