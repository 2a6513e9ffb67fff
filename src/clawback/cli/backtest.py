"""`clawback backtest`: what another setting of automation would have done."""

from __future__ import annotations

import sys
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import click

from clawback.cli.formatting import format_list
from clawback.cli.options import as_json
from clawback.cli.policy_options import changed, length, policy_options
from clawback.cli.session import Session
from clawback.cli.tables import Column, emit, to_json, width_of
from clawback.response import defender
from clawback.response.backtest import Label
from clawback.response.backtests import BacktestFigures, figures_of

WAITS = (
    Column("Plans", lambda w: w.plans, whole=True),
    Column("Copies", lambda w: w.copies, whole=True),
    Column("Would have waited because", lambda w: w.reason, wrap=True),
)
RUNS = (
    Column("At", lambda r: r.at, whole=True),
    Column("Type", lambda r: defender.CLUSTER_TYPE[r.kind], whole=True, spare=1),
    Column("Entity", lambda r: r.key.value),
    Column("Copies", lambda r: r.copies, whole=True),
    Column("By itself", lambda r: "yes" if r.by_itself else "no", whole=True),
)
LARGEST = 20
"""Plans and reasons that are shown: --json has all."""
_LABELS = {
    Label.PUT_BACK: "a person had them put back",
    Label.TAKEN_BACK: "what spoke against them is not listed any more",
    Label.GOOD: "an entry says since that they are good",
}


@click.command()
@click.option(
    "--days", type=click.FloatRange(0.04, 3_650), default=7, show_default=True, help="How far to go back."
)
@policy_options
@as_json
@click.pass_obj
def backtest(session: Session, /, days: float, as_json: bool, **given: Any) -> None:
    """Say what a setting of automation would have done with the mail of the last days.

    The setting is the one in force, changed by the options, and with shadow mode off. The same engine goes
    through the same mail again, in a store of its own: no mailbox is touched.

    \b
    Examples:
      clawback backtest --days 30 --on all
      clawback backtest --days 30 --on urls --collateral 5
    """
    from clawback.engine import commands

    with session.app() as app:
        setting = replace(changed(commands.policy(app.parts), given), shadow=False)
        found = app.backtest(setting, timedelta(days=days))
    if as_json:
        click.echo(to_json({"backtest": found, "waits": found.waits}), nl=False)
        return
    say_found(found.since, found.until, figures_of(found))


def say_found(since: datetime, until: datetime, found: BacktestFigures) -> None:
    """The figures of a result, its largest plans, and why others would have waited."""
    click.echo(format_list([_facts(since, until, found)], width_of(sys.stdout)))
    emit(found.runs[:LARGEST], RUNS, False, nothing="Nothing would have been planned.")
    if found.waits:
        click.echo()
        emit(found.waits[:LARGEST], WAITS, False)
    if found.plans > LARGEST or len(found.waits) > LARGEST:
        click.echo("(the largest; --json has all)", err=True)


def _facts(since: datetime, until: datetime, found: BacktestFigures) -> dict[str, object]:
    mean = length(timedelta(minutes=round(found.mean_minutes)))
    facts: dict[str, object] = {
        "From": since,
        "To": until,
        "New mail": f"{found.messages:,} messages, {found.copies:,} copies in {found.mailboxes:,} mailboxes",
        "Investigations": f"{found.investigations:,}",
        "Plans": f"{found.plans:,}, {found.by_itself:,} of them by themselves",
        "Taken out": f"{found.taken:,} copies of {found.messages_taken:,} messages in "
        f"{found.mailboxes_touched:,} mailboxes",
        "Exposure saved": f"{found.minutes_saved:,.0f} minutes in all, {mean} a copy",
        "False positives": f"{found.wrong:,} copies",
    }
    labels = found.false_positives.items()
    return facts | {f"  {_LABELS[label]}": f"{n:,}" for label, n in labels if n}
