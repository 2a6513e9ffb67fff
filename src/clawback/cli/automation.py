"""`clawback automation`: what may run by itself."""

from __future__ import annotations

import sys
from typing import Any

import click

from clawback.cli.formatting import format_list
from clawback.cli.options import as_json
from clawback.cli.policy_options import KINDS, changed, described, policy_options
from clawback.cli.session import Session
from clawback.cli.tables import to_json, width_of
from clawback.response import defender
from clawback.response.policy import Policy


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
@policy_options
@as_json
@click.pass_obj
def set_(session: Session, /, as_json: bool, **given: Any) -> None:
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
        after = changed(commands.policy(app.parts), given)
        _print(commands.set_policy(app.parts, after, session.actor), as_json)


def _print(policy: Policy, as_json: bool) -> None:
    if as_json:
        click.echo(to_json(policy), nl=False)
        return
    facts: dict[str, object] = {
        defender.CLUSTER_TYPE[kind]: "runs by itself" if kind in policy.automatic else "waits for approval"
        for kind in KINDS.values()
    }
    facts |= {"Action": "Soft delete", **described(policy)}
    click.echo(format_list([facts], width_of(sys.stdout)), nl=False)
