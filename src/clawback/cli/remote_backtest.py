"""`clawback --server URL backtest`: order it there, follow it, and show what it found."""

from __future__ import annotations

import sys
import time
from typing import Any

import click
import msgspec

from clawback.cli.backtest import say_found
from clawback.cli.options import as_json
from clawback.cli.policy_options import changed, policy_options
from clawback.cli.progress import Bar
from clawback.cli.tables import to_json
from clawback.client import Client
from clawback.errors import Refused
from clawback.response.backtests import UNDER_WAY, OrderedBacktest
from clawback.response.policy import Policy

LOOK_SECONDS = 1.0


@click.command()
@click.option(
    "--days", type=click.FloatRange(0.04, 3_650), default=7, show_default=True, help="How far to go back."
)
@click.option("--no-wait", is_flag=True, help="Order it, and do not wait for the result.")
@policy_options
@as_json
@click.pass_obj
def backtest(client: Client, /, days: float, no_wait: bool, as_json: bool, **given: Any) -> None:
    """Say what a setting would have done with the mail of the last days there.

    A running `clawback up` there does it; who stops waiting does not end it.
    """
    setting = changed(client.get("/api/automation", Policy), given)
    body = {"days": days, "setting": msgspec.to_builtins(setting)}
    ordered = client.post("/api/backtests", OrderedBacktest, body)
    done = ordered if no_wait else _followed(client, ordered)
    if as_json:
        click.echo(to_json(done), nl=False)
    elif done.figures:
        say_found(done.since, done.until, done.figures)
    elif no_wait:
        click.echo(f"{done.id} is ordered; a running `clawback up` there does it")
    else:
        raise Refused(f"{done.id} has no result, it is {done.status.value}: {done.error or 'asked for'}")


def _followed(client: Client, ordered: OrderedBacktest) -> OrderedBacktest:
    with Bar(sys.stderr) as bar:
        while ordered.status in UNDER_WAY:
            bar(ordered.stage or "waiting for clawback up there", ordered.done, ordered.total)
            time.sleep(LOOK_SECONDS)
            ordered = client.get(f"/api/backtests/{ordered.id}", OrderedBacktest)
    return ordered
