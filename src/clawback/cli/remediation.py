"""`clawback messages remediate`: an action on messages that were chosen, previewed before it is ordered."""

from __future__ import annotations

from typing import Any

import click

from clawback.cli.message_options import filter_from, filter_options
from clawback.cli.options import as_json, no_wait
from clawback.cli.outcome import show_remediation
from clawback.cli.printable import printable
from clawback.cli.session import Session, finish
from clawback.cli.tables import to_json
from clawback.response import defender
from clawback.response.plan import ActionKind, Remediation
from clawback.response.selection import ACTIONS, Ordered, Preview

WHAT = click.Choice([one.value for one in ACTIONS])


@click.command()
@click.argument("what", type=WHAT, metavar="ACTION")
@click.argument("message_ids", metavar="ID...", nargs=-1)
@filter_options
@click.option("--note", default="", help="Why; needed for the order.")
@click.option("--dry-run", is_flag=True, help="Only say what would happen.")
@click.option("--approve", is_flag=True, help="Approve it at once; else it waits in the action center.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@no_wait
@as_json
@click.pass_obj
def remediate(
    session: Session,
    /,
    what: str,
    message_ids: tuple[str, ...],
    note: str,
    dry_run: bool,
    approve: bool,
    yes: bool,
    no_wait: bool,
    as_json: bool,
    **given: Any,
) -> None:
    """Take ACTION on the messages with these IDs (msg-...), or on all that a search finds.

    ACTION is soft_delete, move_to_junk, move_to_deleted_items, move_to_inbox, quarantine or hard_delete. It
    says what would happen, asks, and does nothing that was not in that preview. Undo it like any other
    action, but for a hard delete.

    \b
    Examples:
      clawback messages remediate soft_delete --sender evil.example --dry-run
      clawback messages remediate move_to_junk --text newsletter --note "not wanted" --approve
    """
    from clawback.engine.selection import Selection, act, preview

    chosen, action = Selection(message_ids, filter_from(given)), ActionKind(what)
    if as_json and not (dry_run or yes):
        raise click.UsageError("with --json nothing is asked: say --dry-run or --yes")
    with session.app() as app:
        seen = preview(app.parts, chosen, action)
        if dry_run or not seen.copies:
            _say(seen, as_json)
            return
        if not as_json:
            _say(seen, False)
        if not yes:
            click.confirm("Order it?", abort=True)
        made = act(
            app.parts, chosen, action, session.actor, preview_hash=seen.hash, note=note, approved=approve
        )
        if not no_wait:
            finish(app)
        with app.store.read() as unit:
            planned = unit.remediations.of_cluster(made.cluster_id)
    _tell(made, planned, as_json)


def _say(seen: Preview, as_json: bool) -> None:
    if as_json:
        click.echo(to_json(seen), nl=False)
        return
    click.echo(
        f"{defender.ACTION[seen.action]}: {seen.copies:,} copies of {seen.messages:,} messages in "
        f"{seen.mailboxes:,} mailboxes"
    )
    where = ", ".join(
        f"{count:,} {place.value.replace('_', ' ')}" for place, count in seen.places.by_location
    )
    click.echo(f"  now: {where or 'no copy is known'}")
    for one in seen.left_out:
        click.echo(f"  left alone: {one.copies:,}, {printable(one.reason)}")
    for words in (seen.told, printable(seen.estimate.popular), seen.second_person):
        if words:
            click.echo(f"  {words}")
    if not seen.undo:
        click.echo("  it has no undo")


def _tell(made: Ordered, planned: tuple[Remediation, ...], as_json: bool) -> None:
    if as_json:
        click.echo(to_json({"ordered": made, "actions": planned}), nl=False)
        return
    click.echo(f"investigation {made.investigation_id}")
    for one in planned:
        show_remediation(one)
