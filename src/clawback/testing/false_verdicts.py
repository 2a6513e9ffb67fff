"""Legitimate mail about which a verdict may be wrong: links that all share, young newsletters, a file."""

from __future__ import annotations

from hashlib import sha256

from clawback.testing import small_files
from clawback.testing.letters import Desk, Letter, from_colleague, from_outside
from clawback.testing.mime_writing import attachment, multipart, text
from clawback.testing.people import COMPANIES, outsider

SHARED = "commonlink.example"
"""A domain that colleagues and partners link to."""
YOUNG = "orchardpost.example"
"""The domain of a newsletter that nobody here had seen before last week."""
NEWEST = "cellarpost.example"
"""The domain of a newsletter that began yesterday."""
PRICES = small_files.pdf(("Prices", "as of this month"), "https://brightwater-office.example/prices")
"""A price list that suppliers and colleagues send around."""


def prices_sha256() -> str:
    """The SHA-256 of the price list."""
    return sha256(PRICES).hexdigest()


def shared_link(desk: Desk) -> list[Letter]:
    """A note from a colleague or a partner with a link to a document of theirs."""
    link = f"https://docs.{SHARED}/d/{desk.token(12)}"
    body = text(f"Hello,\n\nhere is what we spoke about: {link}\n\nBest regards\n")
    subject = f"Draft {desk.random.randint(100, 9_999)}"
    readers = desk.some(1, 4)
    if desk.random.random() < 0.5:
        author = desk.random.choice(desk.people)
        others = tuple(person for person in readers if person is not author)
        return [from_colleague(desk, author, others, subject, body)] if others else []
    company = desk.company()
    clerk = outsider(company, desk.random)
    return [from_outside(desk, (clerk.name, clerk.address), readers, subject, body, ip=company.ip)]


def young_newsletter(desk: Desk) -> list[Letter]:
    """One issue of the newsletter of last week, to half of the people."""
    return _issue(desk, YOUNG)


def newest_newsletter(desk: Desk) -> list[Letter]:
    """The first issue of the newest newsletter, to half of the people."""
    return _issue(desk, NEWEST)


def _issue(desk: Desk, domain: str) -> list[Letter]:
    links = [f"https://www.{domain}/read/{desk.token(10)}" for _ in range(3)]
    body = text("This week in the orchard\n\n" + "\n".join(f"Read on: {link}" for link in links) + "\n")
    readers = desk.some(len(desk.people) // 2, len(desk.people) // 2)
    sender = ("Orchard Post", f"news@{domain}")
    more = (("List-Unsubscribe", f"<https://www.{domain}/leave>"), ("Precedence", "bulk"))
    return [
        from_outside(desk, sender, readers, "The orchard in autumn", body, ip="198.51.100.201", more=more)
    ]


def price_list(desk: Desk) -> list[Letter]:
    """The same price list once more, from one of two suppliers."""
    company = COMPANIES[desk.random.randrange(2)]
    clerk = outsider(company, desk.random)
    parts = (
        text("Our prices as of this month are attached.\n"),
        attachment(PRICES, "application/pdf", "prices.pdf"),
    )
    body = multipart("mixed", parts, desk.boundary())
    readers = desk.some(1, 5)
    return [from_outside(desk, (clerk.name, clerk.address), readers, "Price list", body, ip=company.ip)]


def imitation(desk: Desk, link: str) -> list[Letter]:
    """A phish in the very words of a delivery notice that many get, with a link of its own."""
    number = f"NW{desk.random.randint(10**9, 10**10 - 1)}"
    page = (
        f"<html><body><p>Your parcel <b>{number}</b> is on its way and comes between "
        f'{desk.random.randint(8, 12)}:00 and {desk.random.randint(13, 18)}:00.</p><p><a href="{link}">'
        f"Follow it</a></p></body></html>"
    )
    sender = ("Parcel Delivery", f"no-reply@{desk.token(6)}.example")
    body = text(page, "html", encoding="base64")
    return [
        from_outside(
            desk, sender, desk.some(1, 1), f"Parcel {number} is on its way", body, ip="198.51.100.66"
        )
    ]
