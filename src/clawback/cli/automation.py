"""`clawback automation`: what may run by itself."""

from __future__ import annotations

import sys
from dataclasses import replace
from datetime import timedelta

import click

from clawback.analysis.clusters import ClusterKind
from clawback.cli.formatting import format_list
from clawback.cli.options import as_json
from clawback.cli.session import Session
from clawback.cli.tables import to_json, width_of
from clawback.response import defender
from clawback.response.policy import Policy

KINDS = {"files": ClusterKind.MALICIOUS_FILE, "urls": ClusterKind.MALICIOUS_URL}
KINDS["attributes"] = ClusterKind.SIMILAR_ATTRIBUTES


@click.group()
def automation() -> None:
    """What may run by itself, and how much of it. Off until you turn it on."""


@automation.command()
@as_json
@click.pass_obj
def show(session: Session, as_json: bool) -> None:
    """Show the policy in force."""
    from clawback.engine import commands

    with session.app() as app:
        _print(commands.policy(app.parts), as_json)


@automation.command(name="set")
@click.option("--on", "turned_on", multiple=True, type=click.Choice([*KINDS, "all"]), help="Run these.")
@click.option("--off", "turned_off", multiple=True, type=click.Choice([*KINDS, "all"]), help="Ask first.")
@click.option("--limit", type=click.IntRange(1, 10_000_000), help="Plans over this many copies wait.")
@click.option("--expiry-days", type=click.IntRange(1, 365), help="Pending plans expire after.")
@click.option(
    "--armed-days",
    type=click.FloatRange(0, 36_500),
    help="For so long after a removal late copies are taken out on sight; 0: not at all.",
)
@click.option("--exclude", multiple=True, metavar="MAILBOX", help="Never touch this mailbox.")
@click.option("--include", multiple=True, metavar="MAILBOX", help="Touch this mailbox again.")
@as_json
@click.pass_obj
def set_(
    session: Session,
    turned_on: tuple[str, ...],
    turned_off: tuple[str, ...],
    limit: int | None,
    expiry_days: int | None,
    armed_days: float | None,
    exclude: tuple[str, ...],
    include: tuple[str, ...],
    as_json: bool,
) -> None:
    """Change the policy.

    \b
    Examples:
      clawback automation set --on urls --on files
      clawback automation set --off all
      clawback automation set --limit 2000 --exclude soc@example.org
      clawback automation set --armed-days 90
    """
    from clawback.engine import commands

    with session.app() as app:
        before = commands.policy(app.parts)
        kinds = (before.automatic | _kinds(turned_on)) - _kinds(turned_off)
        spared = before.excluded_mailboxes | {m.lower() for m in exclude}
        after = replace(
            before,
            automatic=kinds,
            excluded_mailboxes=spared - {m.lower() for m in include},
            limit=limit or before.limit,
            expiry=timedelta(days=expiry_days) if expiry_days else before.expiry,
            armed=before.armed if armed_days is None else timedelta(days=armed_days),
        )
        _print(commands.set_policy(app.parts, after, session.actor), as_json)


def _kinds(names: tuple[str, ...]) -> frozenset[ClusterKind]:
    return frozenset(KINDS.values()) if "all" in names else frozenset(KINDS[name] for name in names)


def _print(policy: Policy, as_json: bool) -> None:
    if as_json:
        click.echo(to_json(policy), nl=False)
        return
    facts: dict[str, object] = {
        defender.CLUSTER_TYPE[kind]: "runs by itself" if kind in policy.automatic else "waits for approval"
        for kind in KINDS.values()
    }
    facts["Action"] = "Soft delete"
    facts["Limit"] = f"plans over {policy.limit:,} copies wait"
    facts["Pending plans expire after"] = f"{policy.expiry.days} days"
    facts["After a removal"] = (
        f"late copies are taken out on sight for {_length(policy.armed)}"
        if policy.armed
        else "late copies are judged like any other mail"
    )
    facts["Excluded mailboxes"] = sorted(policy.excluded_mailboxes) or "none"
    click.echo(format_list([facts], width_of(sys.stdout)), nl=False)


def _length(time: timedelta) -> str:
    """Whole days, or hours where there are not."""
    hours = time.total_seconds() / 3600
    return f"{hours / 24:g} days" if hours % 24 == 0 else f"{hours:g} hours"
