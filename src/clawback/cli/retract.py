"""`clawback retract`: take a wrong verdict back."""

from __future__ import annotations

import click

from clawback.analysis.indicators import IndicatorKind
from clawback.cli.options import as_json, no_wait
from clawback.cli.printable import printable
from clawback.cli.session import Session, finish
from clawback.cli.tables import to_json
from clawback.response.retraction import Outlook, Turn

KINDS = click.Choice([kind.value for kind in IndicatorKind])
REASONS = 10
"""Reasons that are shown, the commonest."""


@click.command()
@click.argument("what", metavar="WHAT")
@click.option("--kind", type=KINDS, help="What WHAT is (default: guessed).")
@click.option(
    "--allow/--no-allow",
    default=True,
    show_default=True,
    help="Say by hand that it is good, so that no feed brings it back.",
)
@click.option("--note", default="", help="Why.")
@click.option("--dry-run", is_flag=True, help="Only say what would come back.")
@no_wait
@as_json
@click.pass_obj
def retract(
    session: Session,
    what: str,
    kind: str | None,
    allow: bool,
    note: str,
    dry_run: bool,
    no_wait: bool,
    as_json: bool,
) -> None:
    """Take the verdict on WHAT back, and put everything back that was removed because of it alone.

    WHAT is a URL, host, domain, sender, IP or SHA-256, an indicator (ind-...), a rule, or a message
    (msg-... or its Message-ID): then all that speaks against the message is meant. Whoever listed it, it is
    taken off the list. Copies that something else speaks against stay out.

    \b
    Examples:
      clawback retract --dry-run https://intranet.example/payroll
      clawback retract intranet.example --note "our own"
    """
    from clawback.engine.retract import outlook, preview
    from clawback.engine.retract import retract as take_back

    meant = IndicatorKind(kind) if kind else None
    with session.app() as app:
        if dry_run:
            found = preview(app.parts, what, session.actor, kind=meant)
        else:
            retraction = take_back(app.parts, what, session.actor, kind=meant, allow=allow, note=note)
            if not no_wait:
                finish(app)
            with app.store.read() as unit:
                found = outlook(unit, retraction)
    if as_json:
        click.echo(to_json(found), nl=False)
        return
    _say(found, dry_run)


def _say(found: Outlook, dry_run: bool) -> None:
    """What is taken back, and what becomes of the copies."""
    listed = ", ".join(sorted({one.source for one in found.retraction.indicators}))
    would = "would be " if dry_run else ""
    click.echo(
        f"the verdict on {printable(found.retraction.text)} {'would be' if dry_run else 'is'} taken back"
        + (f" (listed by {printable(listed)})" if listed else "")
    )
    coming = found.count(Turn.DUE, Turn.COMING)
    _line(found.count(Turn.BACK), "put back")
    _line(coming, f"{would}put back" if dry_run else "on the way back (the queue holds the work)")
    _line(found.count(Turn.OUT), "still out because something else speaks against them")
    _reasons(found, Turn.OUT)
    _line(found.count(Turn.GONE), "gone for good: nowhere in their mailboxes, and no sealed copy is kept")
    _line(found.count(Turn.FAILED), "failed: fix what is wrong, then say it again")
    _reasons(found, Turn.FAILED)
    if found.cancelled:
        click.echo(f"{would}cancelled: {', '.join(found.cancelled)}")
    if found.running:
        click.echo(f"still running, undone when it has ended: {', '.join(found.running)}")
    if not found.fates and not found.cancelled and not found.running:
        click.echo("nothing is out because of it")


def _line(copies: int, words: str) -> None:
    if copies:
        click.echo(f"{copies} {'copy' if copies == 1 else 'copies'} {words}")


def _reasons(found: Outlook, turn: Turn) -> None:
    reasons = found.why(turn)
    for why, copies in reasons[:REASONS]:
        click.echo(f"  {copies}: {printable(why)}")
    if len(reasons) > REASONS:
        click.echo(f"  and {len(reasons) - REASONS} other reasons (--json has all)")
