"""Very many copies of one malicious message over many mailboxes, quickly, for benchmarks and crash tests."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from random import Random
from urllib.parse import quote

from clawback.testing import maildir_tree
from clawback.testing.campaign_variants import page
from clawback.testing.campaigns import URL, Campaign, Delivered, Shape
from clawback.testing.letters import Desk, Letter, chance, from_outside
from clawback.testing.maildir_tree import INBOX
from clawback.testing.mime_writing import multipart, text
from clawback.testing.organisation import Organisation, build_organisation
from clawback.testing.people import Person

_NAME, _LINK, _TOKEN = b"GIVENNAMEHERE", b"LINKHERE", b"0123456789abcdef"
_FLAGS = (None, None, None, "S", "S", "", "FS", "RS")
_FOLDERS = (*(INBOX,) * 44, "Junk", "Trash", "Archive", "Projects/2026", "Junk", "Trash")


def deliver_many(
    root: Path,
    mailboxes: int,
    copies: int,
    *,
    clean: int = 2_000,
    url: str = URL,
    seed: int = 3,
    now: datetime | None = None,
) -> tuple[Organisation, Campaign]:
    """Build an organisation with `clean` messages and `copies` of one malicious message, a little varied.

    The copies are dealt out evenly. Each has a name, a Message-ID and a subject of its own; one in ten
    has the link rewritten by Safe Links, every third a token in the fragment.
    """
    organisation = build_organisation(root, mailboxes=mailboxes, messages=clean, seed=seed, now=now)
    random = chance(seed)
    template = _template(Desk(random, organisation.people, organisation.domain, organisation.now))
    delivered = tuple(_dealt(organisation, template, random, copies, url))
    return organisation, Campaign(url, Shape.EXACT, url, delivered, (), (), seed)


def _template(desk: Desk) -> Letter:
    at = replace(desk, moment=desk.moment - timedelta(hours=2))
    story = f"Dear {_NAME.decode()},\n\nyour mailbox is almost full. Sign in to keep your messages."
    parts = (text(story), text(page(story, _LINK.decode()), "html", encoding="7bit"))
    sender = ("Northwind IT", "it@northwlnd-portal.example")
    subject = f"Mailbox of {_NAME.decode()} is full"
    body = multipart("alternative", parts, "=_many")
    letter = from_outside(at, sender, (), subject, body, ip="203.0.113.66", to="undisclosed-recipients:;")
    stamped = letter.content.replace(
        letter.message_id.encode(), b"<" + _TOKEN + b"@northwlnd-portal.example>"
    )
    return replace(letter, content=stamped)


def _dealt(
    organisation: Organisation, template: Letter, random: Random, copies: int, url: str
) -> Iterator[Delivered]:
    people = organisation.people
    for number in range(copies):
        person = people[number % len(people)]
        arrived = template.moment + timedelta(milliseconds=number * 7_000_000 / copies)
        content = _varied(template, person, _link(url, number), number).copy_for(person, arrived)
        folder, flags = random.choice(_FOLDERS), random.choice(_FLAGS)
        name = maildir_tree.unique_name(arrived, number, len(content))
        path = maildir_tree.put(organisation.maildir(person.user), folder, name, content, arrived, flags)
        copy = maildir_tree.copy_of(person.user, folder, path, content)
        yield Delivered(person.address, folder, path, copy.sha256, "many")


def _varied(template: Letter, person: Person, link: str, number: int) -> Letter:
    given = person.user.partition(".")[0].title().encode()
    content = template.content.replace(_NAME, given).replace(_LINK, link.encode())
    return replace(template, content=content.replace(_TOKEN, b"%016x" % number))


def _link(url: str, number: int) -> str:
    if number % 10 == 9:
        inner = quote(url, safe="")
        return f"https://eur03.safelinks.protection.outlook.com/?url={inner}&amp;data=05%7C{number}&amp;reserved=0"
    return f"{url}#t={number:08x}" if number % 3 == 0 else url
