"""What came of an order, in a few lines for people."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

import click

from clawback.cli.printable import printable
from clawback.response import defender
from clawback.response.deciding import waits_for
from clawback.response.investigation import Investigation
from clawback.response.plan import Remediation, RemediationStatus
from clawback.response.records import account

if TYPE_CHECKING:
    from clawback.app import App

LAST = 5
"""Actions of an investigation that are shown, the newest: `clawback investigations show` has all."""


def show_work(app: App, since: datetime, nothing: str = "no mail known so far carries it") -> None:
    """The investigations that changed since a moment, and what waits for a person."""
    with app.store.read() as unit:
        newest, _ = unit.investigations.list(limit=50)
        waiting = unit.jobs.waiting()
    changed = [i for i in newest if i.changed_at >= since]
    if not changed and not waiting:
        click.echo(nothing)
    for investigation in changed:
        show_investigation(investigation)
    if waiting:
        click.echo(f"{waiting} pieces of work wait in the queue (`clawback up` takes them)")


def show_investigation(investigation: Investigation) -> None:
    """Two or three lines: the status, the clusters, what to do next."""
    status = defender.INVESTIGATION_STATUS[investigation.status]
    click.echo(f"investigation {investigation.id}: {status}")
    for cluster in investigation.clusters:
        click.echo(
            f"  cluster {cluster.cluster_id}: {cluster.messages} messages, {cluster.now.copies} copies, "
            f"{cluster.now.in_mailbox} in mailboxes now"
        )
        click.echo(f"    {printable(cluster.key.value)}")
    for standing in investigation.remediations[-LAST:]:
        click.echo(
            f"  action {standing.remediation_id}: {defender.ACTION[standing.kind]}, "
            f"{defender.ACTION_STATUS[standing.status]}"
        )
        click.echo(f"    {account(standing)}")
        if standing.status is RemediationStatus.PENDING:
            click.echo(f"  approve with: clawback actions approve {standing.remediation_id}")


def show_remediation(remediation: Remediation) -> None:
    """Two lines about a remediation."""
    click.echo(
        f"action {remediation.id}: {defender.ACTION[remediation.kind]}, "
        f"{defender.ACTION_STATUS[remediation.status]}"
    )
    click.echo(f"  {account(remediation)}")
    if remediation.status is RemediationStatus.PENDING and remediation.first:
        click.echo(f"  {waits_for(remediation)}")
