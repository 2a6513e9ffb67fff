"""`clawback alerts`: what deserves an investigation, and raising one by hand or from a script."""

from __future__ import annotations

import click

from clawback.cli.options import as_json, more, no_wait, page
from clawback.cli.outcome import show_investigation
from clawback.cli.session import Session, finish
from clawback.cli.tables import Column, emit, emit_one
from clawback.response import defender
from clawback.response.playbooks import PLAYBOOKS, RAISED

WORDS = {kind.value.replace("_", "-"): kind for kind in RAISED}
ALERTS = (
    Column("Id", lambda a: a.id, whole=True),
    Column("Raised", lambda a: a.raised_at, whole=True, spare=2),
    Column("Severity", lambda a: defender.SEVERITY[a.severity], whole=True),
    Column("Alert", lambda a: a.title, wrap=True),
    Column("About", lambda a: a.cause.value),
    Column("Source", lambda a: a.source, spare=1),
    Column("Detail", lambda a: a.detail, wrap=True, spare=3),
)


@click.group()
def alerts() -> None:
    """What deserves an investigation: raised by what clawback sees, by logs, by people and scripts."""


@alerts.command(name="list")
@page
@as_json
@click.pass_obj
def list_(session: Session, limit: int, cursor: str, as_json: bool) -> None:
    """List alerts, newest first."""
    with session.app() as app, app.store.read() as unit:
        rows, after = unit.alerts.list(limit=limit, cursor=cursor)
    emit(rows, ALERTS, as_json, nothing="No alerts yet.")
    more(after)


@alerts.command()
@click.argument("alert_id", metavar="ID")
@as_json
@click.pass_obj
def show(session: Session, alert_id: str, as_json: bool) -> None:
    """One alert, and the investigation that it led to.

    ID is that of the alert (alr-...), as `clawback alerts list` shows it.
    """
    with session.app() as app, app.store.read() as unit:
        alert = unit.alerts.get(alert_id)
        investigation_id = unit.alerts.investigation_of(alert_id)
    emit_one(alert, (*ALERTS, Column("Investigation", lambda _: investigation_id)), as_json)


@alerts.command(name="raise")
@click.argument("kind", type=click.Choice(sorted(WORDS)), metavar="KIND")
@click.argument("entity", metavar="ENTITY")
@click.option("--detail", default="", help="What was seen, for whoever looks into it.")
@no_wait
@click.pass_obj
def raise_(session: Session, kind: str, entity: str, detail: str, no_wait: bool) -> None:
    """Raise an alert of that KIND about ENTITY, and do what its playbook says.

    An account's address for user-compromise, user-restricted and suspicious-sending; for the others a message
    id, internet message id, URL, SHA-256, sender, host or IP.

    \b
    Examples:
      clawback alerts raise user-compromise ann@example.org
      clawback alerts raise user-restricted ann@example.org --detail "outbound limit" --no-wait
    """
    from clawback.engine import alerting

    with session.app() as app:
        made = alerting.raise_alert(app.parts, WORDS[kind], entity, session.actor, detail=detail)
        click.echo(f"{PLAYBOOKS[WORDS[kind]].title}: {entity}")
        if not no_wait:
            finish(app)
        with app.store.read() as unit:
            show_investigation(unit.investigations.get(made))
