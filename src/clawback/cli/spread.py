"""How the copies of a cluster got there, whom they went on to, and what is offered beside, for people."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import click

from clawback.cli.tables import Column, emit
from clawback.response.spread import Offer, Passage, Spread, Way

_LEFT_OUT = frozenset({Way.ORIGINAL})
WAYS = (
    Column("How it got there", lambda row: row[0].value, whole=True),
    Column("Copies", lambda row: row[1], whole=True),
    Column("In mailboxes", lambda row: row[2], whole=True),
)
MOVED = (
    Column("Mailbox", lambda p: p.mailbox),
    Column("How", lambda p: p.way.value, whole=True),
    Column("By", lambda p: p.sent_on_by),
    Column("To", lambda p: " ".join(p.sent_on_to), spare=1),
    Column("Known by", lambda p: "; ".join(p.evidence), wrap=True),
)
OFFERS = (
    Column("Message", lambda o: o.message_id, whole=True),
    Column("Copies", lambda o: len(o.copies), whole=True),
    Column("In mailboxes", lambda o: o.left, whole=True),
    Column("Because", lambda o: o.reason.text, wrap=True),
)


def show_spread(spread: Spread, cluster_id: str) -> None:
    """Print it: counts by way, the copies that moved on, who cannot be called back, the offers."""
    click.echo()
    emit(_by_way(spread.passages), WAYS, False, nothing="No copies.")
    moved = [p for p in spread.passages if p.way not in _LEFT_OUT]
    if moved:
        click.echo("\nMoved on:")
        emit(moved, MOVED, False)
    if gone := outside([*moved, *(copy for offer in spread.offers for copy in offer.copies)]):
        click.echo(f"\nCannot be called back: {', '.join(gone)}")
    if spread.offers:
        show_offers(spread.offers, cluster_id)


def show_offers(offers: Sequence[Offer], cluster_id: str) -> None:
    """Print what the key misses, and how to take it up."""
    click.echo("\nMoved on without what the cluster is about; not touched unless you say so:")
    emit(offers, OFFERS, False)
    if any(offer.left for offer in offers):
        click.echo(f"plan their removal with: clawback actions propose {cluster_id}")


def outside(passages: Sequence[Passage]) -> list[str]:
    """Whom mail was sent on to outside of the organisation, each with by whom."""
    return list(dict.fromkeys(f"{to} (by {p.sent_on_by})" for p in passages for to in p.outside))


def _by_way(passages: Sequence[Passage]) -> list[tuple[Way, int, int]]:
    there = Counter(p.way for p in passages if p.location.in_mailbox)
    return [(way, count, there[way]) for way, count in Counter(p.way for p in passages).most_common()]
