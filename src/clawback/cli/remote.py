"""`clawback --server URL`: the same questions and decisions, asked of a clawback on another machine.

Only what is here can be asked there. A command that is missing is refused, and never done here instead.
"""

from __future__ import annotations

from datetime import datetime

import click
import msgspec

from clawback.cli.columns import REMEDIATIONS
from clawback.cli.formatting import format_list
from clawback.cli.investigations import listed, some
from clawback.cli.options import as_json, more, page
from clawback.cli.outcome import show_investigation, show_remediation
from clawback.cli.remote_backtest import backtest
from clawback.cli.tables import emit, to_json
from clawback.client import Client, Listed
from clawback.response.investigation import Investigation
from clawback.response.plan import Remediation, RemediationStatus


class Shown(msgspec.Struct, frozen=True):
    """One action as the API shows it."""

    action: Remediation


@click.group()
def investigations() -> None:
    """Inquiries of the other clawback."""


@investigations.command(name="list")
@some
@page
@as_json
@click.pass_obj
def list_investigations(
    client: Client,
    status: str | None,
    since: datetime | None,
    until: datetime | None,
    limit: int,
    cursor: str,
    as_json: bool,
) -> None:
    """List investigations, newest first."""
    asked = {"status": status, "since": _iso(since), "until": _iso(until), "limit": limit, "cursor": cursor}
    found = client.get("/api/investigations", Listed[Investigation], asked)
    listed(found.items, found.next, as_json)


@investigations.command(name="show")
@click.argument("investigation_id", metavar="ID")
@as_json
@click.pass_obj
def show_one(client: Client, investigation_id: str, as_json: bool) -> None:
    """One investigation. ID is that of the investigation (inv-...)."""
    found = client.get(f"/api/investigations/{_id(investigation_id)}", Investigation)
    if as_json:
        click.echo(to_json(found), nl=False)
        return
    show_investigation(found)
    for entry in found.log:
        click.echo(format_list([{"At": entry.at, "Actor": entry.actor, entry.event: entry.text}]), nl=False)


@click.group()
def actions() -> None:
    """The action center of the other clawback."""


@actions.command(name="list")
@click.option("--pending", is_flag=True, help="Only what waits for a decision.")
@page
@as_json
@click.pass_obj
def list_actions(client: Client, pending: bool, limit: int, cursor: str, as_json: bool) -> None:
    """List actions, newest first."""
    status = RemediationStatus.PENDING.value if pending else None
    asked = {"status": status, "limit": limit, "cursor": cursor}
    found = client.get("/api/actions", Listed[Remediation], asked)
    emit(found.items, REMEDIATIONS, as_json, nothing="The action center is empty.")
    more(found.next)


@actions.command()
@click.argument("action_id", metavar="ID")
@click.option("--plan-hash", help="Approve only if the plan still has this hash.")
@click.option("--note", default="", help="Why.")
@click.pass_obj
def approve(client: Client, action_id: str, plan_hash: str | None, note: str) -> None:
    """Let a pending action run. ID is that of the action (rem-...); its plan is approved as it is now."""
    path = f"/api/actions/{_id(action_id)}"
    if plan_hash is None:
        plan_hash = client.get(path, Shown).action.plan_hash
    show_remediation(client.post(f"{path}/approve", Remediation, {"plan_hash": plan_hash, "note": note}))


@actions.command()
@click.argument("action_id", metavar="ID")
@click.option("--note", default="", help="Why.")
@click.pass_obj
def reject(client: Client, action_id: str, note: str) -> None:
    """Say no to a pending action; nothing is touched. ID is that of the action (rem-...)."""
    show_remediation(client.post(f"/api/actions/{_id(action_id)}/reject", Remediation, {"note": note}))


@actions.command()
@click.argument("action_id", metavar="ID")
@click.option("--note", default="", help="Why.")
@click.pass_obj
def undo(client: Client, action_id: str, note: str) -> None:
    """Put every copy back. ID is that of the action (rem-...) whose copies shall come back."""
    back = client.post(f"/api/actions/{_id(action_id)}/undo", Remediation, {"note": note})
    show_remediation(back)
    click.echo("  a running `clawback up` there does it")


def _iso(moment: datetime | None) -> str | None:
    return moment.isoformat() if moment else None


def _id(text: str) -> str:
    """The id, which may be no path."""
    if not text.replace("-", "").isalnum() or not text.isascii():
        raise click.UsageError(f"{text!r:.80} is no id")
    return text


COMMANDS: dict[str, click.Command] = {
    "investigations": investigations,
    "actions": actions,
    "backtest": backtest,
}
"""What can be asked of another clawback."""
