"""`clawback investigations`: inquiries and how they stand."""

from __future__ import annotations

from datetime import datetime

import click

from clawback.cli.columns import INVESTIGATIONS
from clawback.cli.options import Moment, as_json, more, no_wait, page
from clawback.cli.outcome import show_investigation
from clawback.cli.session import Session, finish
from clawback.cli.tables import emit, to_json
from clawback.response.investigation import InvestigationStatus


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
    """One investigation: clusters, actions, log.

    ID is that of the investigation (inv-...), as `clawback investigations list` shows it.
    """
    with session.app() as app, app.store.read() as unit:
        investigation = unit.investigations.get(investigation_id)
    if as_json:
        click.echo(to_json(investigation), nl=False)
        return
    click.echo(investigation.title)
    show_investigation(investigation)
    click.echo("\nlog:")
    for entry in investigation.log:
        click.echo(f"  {entry.at:%Y-%m-%d %H:%M:%S}  {entry.actor:<12} {entry.event:<24} {entry.text}")


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
