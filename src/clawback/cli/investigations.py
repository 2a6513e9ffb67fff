"""`clawback investigations`: inquiries and how they stand."""

from __future__ import annotations

import sys
from dataclasses import fields
from datetime import datetime

import click

from clawback.cli.columns import INVESTIGATIONS
from clawback.cli.formatting import format_list
from clawback.cli.options import Moment, as_json, more, no_wait, page
from clawback.cli.outcome import show_investigation
from clawback.cli.session import Session, finish
from clawback.cli.spread import show_offers
from clawback.cli.tables import Column, emit, to_json, width_of
from clawback.response import defender
from clawback.response.investigation import Investigation, InvestigationStatus
from clawback.response.records import account, threats

CLUSTERS = (
    Column("Cluster", lambda c: c.cluster_id, whole=True),
    Column("Key", lambda c: c.key.value),
    Column("Messages", lambda c: c.messages, whole=True),
    Column("Copies", lambda c: c.now.copies, whole=True),
    Column("In mailboxes then", lambda c: c.then.in_mailbox, whole=True, spare=1),
    Column("Now", lambda c: c.now.in_mailbox, whole=True),
    Column("Armed until", lambda c: c.armed_until or "", whole=True, spare=2),
)
ACTIONS = (
    Column("Action", lambda r: r.remediation_id, whole=True),
    Column("What", lambda r: defender.ACTION[r.kind], whole=True),
    Column("Status", lambda r: defender.ACTION_STATUS[r.status], whole=True),
    Column("Account", account, wrap=True),
)
LOG = (
    Column("At", lambda e: e.at, whole=True, spare=2),
    Column("Actor", lambda e: e.actor, whole=True, spare=1),
    Column("What happened", lambda e: f"{e.event.replace('_', ' ')}: {e.text}", wrap=True),
)


@click.group()
def investigations() -> None:
    """Inquiries: from an alert to clusters, places, actions and an outcome."""


@investigations.command(name="list")
@click.option(
    "--status", type=click.Choice([s.value for s in InvestigationStatus]), help="Only those that stand so."
)
@click.option("--since", type=Moment(), help="Created at or after.")
@click.option("--until", type=Moment(), help="Created before.")
@page
@as_json
@click.pass_obj
def list_(
    session: Session,
    status: str | None,
    since: datetime | None,
    until: datetime | None,
    limit: int,
    cursor: str,
    as_json: bool,
) -> None:
    """List investigations, newest first."""
    with session.app() as app, app.store.read() as unit:
        wanted = InvestigationStatus(status) if status else None
        rows, after = unit.investigations.list(
            status=wanted, since=since, until=until, limit=limit, cursor=cursor
        )
    emit(rows, INVESTIGATIONS, as_json, nothing="No investigations yet.")
    more(after)


@investigations.command()
@click.argument("investigation_id", metavar="ID")
@as_json
@click.pass_obj
def show(session: Session, investigation_id: str, as_json: bool) -> None:
    """One investigation: clusters, actions, log, and what moved on from its messages.

    ID is that of the investigation (inv-...), as `clawback investigations list` shows it.
    """
    from clawback.engine.spread import offers_of

    with session.app() as app, app.store.read() as unit:
        investigation = unit.investigations.get(investigation_id)
        offers = {c.cluster_id: offers_of(unit, c.cluster_id) for c in investigation.clusters}
    if as_json:
        plain = {field.name: getattr(investigation, field.name) for field in fields(investigation)}
        click.echo(to_json(plain | {"offers": offers}), nl=False)
        return
    click.echo(format_list([_facts(investigation)], width_of(sys.stdout)))
    for title, rows, columns in (
        ("Clusters", investigation.clusters, CLUSTERS),
        ("Actions", investigation.remediations, ACTIONS),
        ("Log", investigation.log, LOG),
    ):
        click.echo(f"{title}:")
        emit(rows, columns, False, nothing="None.")
        click.echo()
    for cluster_id, mine in offers.items():
        if mine:
            show_offers(mine, cluster_id)


def _facts(investigation: Investigation) -> dict[str, object]:
    facts: dict[str, object] = {
        "Id": investigation.id,
        "Status": defender.INVESTIGATION_STATUS[investigation.status],
        "Investigation": investigation.title,
        "Type": defender.INVESTIGATION_TYPE[investigation.kind],
        "Created": investigation.created_at,
        "Ended": investigation.ended_at,
        "Threats": threats(investigation),
    }
    return facts | ({"Failure": investigation.failure} if investigation.failure else {})


@investigations.command()
@click.argument("entity")
@no_wait
@click.pass_obj
def start(session: Session, entity: str, no_wait: bool) -> None:
    """Investigate ENTITY: a message id, internet message id, URL, SHA-256, sender, host or IP."""
    from clawback.engine import commands

    with session.app() as app:
        investigation_id = commands.start(app.parts, entity, session.actor)
        if not no_wait:
            finish(app)
        with app.store.read() as unit:
            investigation = unit.investigations.get(investigation_id)
    show_investigation(investigation)
