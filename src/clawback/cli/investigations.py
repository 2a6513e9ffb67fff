"""`clawback investigations`: inquiries and how they stand."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import fields
from datetime import datetime

import click

from clawback.cli.columns import INVESTIGATIONS
from clawback.cli.formatting import format_list
from clawback.cli.options import F, Moment, as_json, more, no_wait, page
from clawback.cli.outcome import show_investigation
from clawback.cli.session import Session, finish
from clawback.cli.spread import show_offers
from clawback.cli.tables import Column, emit, to_json, width_of
from clawback.response import defender
from clawback.response.alert_status import alert_status
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
ALERTS = (
    Column("Raised", lambda a: a.raised_at, whole=True, spare=1),
    Column("Severity", lambda a: defender.SEVERITY[a.severity], whole=True),
    Column("Alert", lambda a: a.title, wrap=True),
    Column("Detail", lambda a: a.detail, wrap=True),
)
COUNTS = (
    Column("Evidence", lambda c: defender.EVIDENCE_TYPE[c.type], whole=True),
    Column("Total", lambda c: f"{c.total}+" if c.more else c.total, whole=True),
    Column("Remediated", lambda c: c.remediated, whole=True),
    Column("Malicious", lambda c: c.malicious, whole=True),
    Column("Suspicious", lambda c: c.suspicious, whole=True),
    Column("Verified", lambda c: c.verified, whole=True, spare=2),
    Column("No threats found", lambda c: c.no_threats_found, whole=True, spare=3),
    Column("Unknown", lambda c: c.unknown, whole=True, spare=4),
    Column("Not found", lambda c: c.not_found, whole=True, spare=5),
    Column("Unremediated", lambda c: c.unremediated, whole=True, spare=1),
    Column("Partially remediated", lambda c: c.partially_remediated, whole=True, spare=6),
)
EVIDENCE = (
    Column("First seen", lambda e: e.first_seen or "", whole=True, spare=2),
    Column("Type", lambda e: defender.EVIDENCE_TYPE[e.type], whole=True),
    Column("Entity", lambda e: e.entity),
    Column("Verdict", lambda e: defender.VERDICT[e.verdict], whole=True),
    Column("Remediation status", lambda e: defender.EVIDENCE_STATUS[e.status], whole=True),
    Column("Status details", lambda e: e.details, wrap=True, spare=3),
    Column("Impacted assets", lambda e: " ".join(e.impacted), wrap=True, spare=4),
    Column("Detection origin", lambda e: e.origin, spare=5),
    Column("Threats", lambda e: defender.THREAT[e.threat] if e.threat else "", whole=True, spare=1),
)
LOG = (
    Column("At", lambda e: e.at, whole=True, spare=2),
    Column("Actor", lambda e: e.actor, whole=True, spare=1),
    Column("What happened", lambda e: f"{e.event.replace('_', ' ')}: {e.text}", wrap=True),
)
LEFT_OUT = 1_000
"""Messages left out that are shown."""
LEFT_OUT_COLUMNS = (
    Column("Message", lambda one: one.message_id, whole=True),
    Column("Copy in", lambda one: one.mailbox),
    Column("Because", lambda one: one.reason, wrap=True),
)


def some(command: F) -> F:
    """`--status`, `--since` and `--until`: some of the investigations."""
    statuses = click.Choice([status.value for status in InvestigationStatus])
    for option in (
        click.option("--until", type=Moment(), help="Created before."),
        click.option("--since", type=Moment(), help="Created at or after."),
        click.option("--status", type=statuses, help="Only those that stand so."),
    ):
        command = option(command)
    return command


def listed(rows: Sequence[Investigation], after: str, as_json: bool) -> None:
    """Print a page of investigations, and how to get the next."""
    emit(rows, INVESTIGATIONS, as_json, nothing="No investigations yet.")
    more(after)


@click.group()
def investigations() -> None:
    """Inquiries: from an alert to clusters, places, actions and an outcome."""


@investigations.command(name="list")
@some
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
    listed(rows, after, as_json)


@investigations.command()
@click.argument("investigation_id", metavar="ID")
@as_json
@click.pass_obj
def show(session: Session, investigation_id: str, as_json: bool) -> None:
    """One investigation: clusters, actions, log, and what moved on from its messages.

    ID is that of the investigation (inv-...), as `clawback investigations list` shows it.
    """
    from clawback.engine.evidence import evidence_of
    from clawback.engine.spread import offers_of

    with session.app() as app, app.store.read() as unit:
        investigation = unit.investigations.get(investigation_id)
        offers = {c.cluster_id: offers_of(unit, c.cluster_id) for c in investigation.clusters}
        evidence, counted = evidence_of(unit, investigation_id)
        left_out = unit.exclusions.of_investigation(investigation_id, LEFT_OUT)
    if as_json:
        plain = {field.name: getattr(investigation, field.name) for field in fields(investigation)}
        more = {"offers": offers, "entities": evidence, "counts": counted, "left_out": left_out}
        click.echo(to_json(plain | more), nl=False)
        return
    click.echo(format_list([_facts(investigation)], width_of(sys.stdout)))
    for title, rows, columns in (
        ("Alerts", investigation.alerts, ALERTS),
        ("Evidence", counted, COUNTS),
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
    if left_out:
        click.echo("Left out by the policy:")
        emit(left_out, LEFT_OUT_COLUMNS, False)


@investigations.command()
@click.argument("investigation_id", metavar="ID")
@as_json
@click.pass_obj
def evidence(session: Session, investigation_id: str, as_json: bool) -> None:
    """Every entity of one investigation: verdict, what became of it, whom it reached; 200 of each type.

    ID is that of the investigation (inv-...), as `clawback investigations list` shows it.
    """
    from clawback.engine.evidence import evidence_of

    with session.app() as app, app.store.read() as unit:
        found, counted = evidence_of(unit, investigation_id)
    emit(found, EVIDENCE, as_json, nothing="No evidence.")
    if beyond := [defender.EVIDENCE_TYPE[one.type] for one in counted if one.more]:
        click.echo(f"There are more of: {', '.join(beyond)}", err=True)


@investigations.command()
@click.argument("investigation_id", metavar="ID")
@click.option("--note", default="", help="Why, for whoever reads it later.")
@click.pass_obj
def stop(session: Session, investigation_id: str, note: str) -> None:
    """End an investigation before its outcome, and cancel its plans that wait; what runs goes to its end.

    ID is that of the investigation (inv-...), as `clawback investigations list` shows it.
    """
    from clawback.engine import alerting

    with session.app() as app:
        show_investigation(alerting.stop(app.parts, investigation_id, session.actor, note=note))


def _facts(investigation: Investigation) -> dict[str, object]:
    facts: dict[str, object] = {
        "Id": investigation.id,
        "Status": defender.INVESTIGATION_STATUS[investigation.status],
        "Investigation": investigation.title,
        "Type": defender.INVESTIGATION_TYPE[investigation.kind],
        "Created": investigation.created_at,
        "Ended": investigation.ended_at,
        "Threats": threats(investigation),
        "Alerts": f"{len(investigation.alerts)}, {alert_status(investigation).value}",
    }
    if investigation.failure:
        return facts | {"Failure": investigation.failure}
    return facts | ({"Because": investigation.reason} if investigation.reason else {})


@investigations.command()
@click.argument("entity")
@click.option("--recipient", is_flag=True, help="ENTITY is an address: investigate what it was sent.")
@no_wait
@click.pass_obj
def start(session: Session, entity: str, recipient: bool, no_wait: bool) -> None:
    """Investigate ENTITY: a message id, internet message id, URL, SHA-256, sender, host or IP."""
    from clawback.engine import alerting, commands

    order = alerting.start_recipient if recipient else commands.start
    with session.app() as app:
        investigation_id = order(app.parts, entity, session.actor)
        if not no_wait:
            finish(app)
        with app.store.read() as unit:
            investigation = unit.investigations.get(investigation_id)
    show_investigation(investigation)
