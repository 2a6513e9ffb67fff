"""`clawback messages`: mail that was seen."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import click

from clawback.cli.columns import DELIVERIES, MESSAGES, places
from clawback.cli.formatting import format_list
from clawback.cli.message_options import filter_from, filter_options
from clawback.cli.options import as_json, more, page
from clawback.cli.remediation import remediate
from clawback.cli.session import Session
from clawback.cli.tables import Column, emit, to_json, width_of
from clawback.message.message import Message
from clawback.response import defender


@dataclass(frozen=True, slots=True)
class Counted:
    """How many were first seen from `start` on."""

    start: datetime
    kind: str
    count: int


COUNTED = (
    Column("First seen from", lambda r: r.start),
    Column("Kind", lambda r: r.kind),
    Column("Count", lambda r: r.count),
)


@click.group()
def messages() -> None:
    """Mail that was seen, and where every copy of it is."""


@messages.command(name="list")
@filter_options
@click.option("--oldest-first", is_flag=True, help="In the other order.")
@page
@as_json
@click.pass_obj
def list_(
    session: Session, /, limit: int, cursor: str, as_json: bool, oldest_first: bool, **given: Any
) -> None:
    """Search messages by any field, newest first; every field given must hold.

    \b
    Examples:
      clawback messages list --sender evil.example --since 2026-11-01
      clawback messages list --url 'https://evil.example/*' --location inbox
    """
    from clawback.store.message_query import query_of

    query = query_of(filter_from(given), oldest_first=oldest_first, limit=limit, cursor=cursor)
    with session.app() as app, app.store.read() as unit:
        rows, after = unit.messages.search(query)
    emit(rows, MESSAGES, as_json, nothing="No such messages.")
    more(after)


@messages.command()
@filter_options
@click.option("--oldest-first", is_flag=True, help="In the other order.")
@click.argument("path", type=click.Path(path_type=Path))
@click.pass_obj
def export(session: Session, /, path: Path, oldest_first: bool, **given: Any) -> None:
    """Write what a search finds to PATH: .csv or .json, at most 10,000.

    \b
    Example:
      clawback messages export --sender evil.example found.csv
    """
    from clawback.engine.message_export import export_messages

    wanted = filter_from(given)
    with session.app() as app:
        written = export_messages(app.parts, path, wanted, oldest_first=oldest_first)
    click.echo(f"{written} messages written to {path}")


@messages.command()
@click.option(
    "--by",
    type=click.Choice(["verdict", "location"]),
    default="verdict",
    show_default=True,
    help="What is counted.",
)
@click.option(
    "--step",
    type=click.Choice(["hour", "day"]),
    default="day",
    show_default=True,
    help="How wide a step of time is.",
)
@filter_options
@as_json
@click.pass_obj
def count(session: Session, /, by: str, step: str, as_json: bool, **given: Any) -> None:
    """Count what a search finds, by when it was first seen: messages by verdict, or copies by location."""
    from clawback.store import FoundBy

    wanted, width = filter_from(given), timedelta(hours=1) if step == "hour" else timedelta(days=1)
    with session.app() as app, app.store.read() as unit:
        found = unit.messages.over_time(wanted, FoundBy(by), width)
    rows = sorted((start, kind.value, number) for (start, kind), number in found.items())
    emit([Counted(*row) for row in rows], COUNTED, as_json, nothing="No such messages.")


@messages.command()
@click.argument("message_id", metavar="ID")
@as_json
@click.pass_obj
def show(session: Session, message_id: str, as_json: bool) -> None:
    """One message: what it carries, and where each copy is. ID is ours or the internet message id."""
    from clawback.engine.naming import messages_named

    with session.app() as app, app.store.read() as unit:
        known = messages_named(app.parts, message_id)
        message = unit.messages.get(known[0] if known else message_id)
        deliveries = unit.deliveries.of_messages([message.id])
    if as_json:
        click.echo(to_json({"message": message, "deliveries": deliveries}), nl=False)
        return
    width = width_of(sys.stdout)
    facts = {name: value for name, value in _facts(message).items() if value not in ("", None, [])}
    click.echo(format_list([facts], width))
    click.echo(f"{len(deliveries)} copies: {places(deliveries)}\n")
    emit(deliveries, DELIVERIES, False)


def _facts(message: Message) -> dict[str, object]:
    said = message.authentication
    links = [
        f"{link.url} ({defender.URL_LOCATION[link.location]})"
        + (f", rewritten by {link.rewritten_by}" if link.rewritten_by else "")
        for link in message.links[:20]
    ]
    return {
        "Id": message.id,
        "Internet message id": message.internet_message_id,
        "Subject": message.subject,
        "From": str(message.sender),
        "Envelope sender": message.envelope_sender,
        "To": [str(address) for address in message.to],
        "Date": message.date,
        "Direction": defender.DIRECTION[message.direction],
        "Sending IP": message.sending_ip,
        "SPF, DKIM, DMARC": ", ".join(word or "none" for word in (said.spf, said.dkim, said.dmarc)),
        "Links": links,
        "Files": [f"{a.path} {a.true_type or a.declared_type} {a.sha256}" for a in message.attachments[:20]],
        "Defects": [f"{d.code}: {d.detail}" if d.detail else d.code for d in message.defects[:20]],
    }


messages.add_command(remediate)
