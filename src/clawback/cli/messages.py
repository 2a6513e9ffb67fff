"""`clawback messages`: mail that was seen."""

from __future__ import annotations

import sys
from datetime import datetime

import click

from clawback.cli.columns import DELIVERIES, MESSAGES, places
from clawback.cli.formatting import format_list
from clawback.cli.options import Moment, as_json, more, page
from clawback.cli.session import Session
from clawback.cli.tables import emit, to_json, width_of
from clawback.message.message import Message
from clawback.response import defender


@click.group()
def messages() -> None:
    """Mail that was seen, and where every copy of it is."""


@messages.command(name="list")
@click.option("--text", default="", help="Words in the subject.")
@click.option("--sender", default="", help="Address, or a domain.")
@click.option("--mailbox", default="", help="Who got a copy.")
@click.option("--since", type=Moment(), help="First seen at or after.")
@click.option("--until", type=Moment(), help="First seen before.")
@page
@as_json
@click.pass_obj
def list_(
    session: Session,
    text: str,
    sender: str,
    mailbox: str,
    since: datetime | None,
    until: datetime | None,
    limit: int,
    cursor: str,
    as_json: bool,
) -> None:
    """Search messages, newest first.

    \b
    Example:
      clawback messages list --sender evil.example --since 2026-11-01
    """
    from clawback.store import MessageQuery

    query = MessageQuery(text, sender, mailbox, since, until, limit=limit, cursor=cursor)
    with session.app() as app, app.store.read() as unit:
        rows, after = unit.messages.search(query)
    emit(rows, MESSAGES, as_json, nothing="No such messages.")
    more(after)


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
