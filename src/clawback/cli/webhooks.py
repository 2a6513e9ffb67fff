"""`clawback webhooks`: whom events are told by signed HTTP requests."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import click

from clawback.cli.options import as_json, more, page
from clawback.cli.session import Session
from clawback.cli.tables import Column, emit, emit_one, to_json
from clawback.errors import Refused
from clawback.response.sinks import Outcome, SinkState

if TYPE_CHECKING:
    from clawback.engine.webhooks import Webhook


def _state(one: Webhook) -> str:
    return "failing" if one.state is SinkState.ON and one.failing_since else one.state.value


WEBHOOKS = (
    Column("Id", lambda w: w.id, whole=True),
    Column("Name", lambda w: w.name),
    Column("State", _state, whole=True),
    Column("Events", lambda w: " ".join(w.events) or "all", spare=2),
    Column("Delivered", lambda w: w.delivered_at or "never", whole=True, spare=3),
    Column("Waiting", lambda w: w.behind, whole=True, spare=1),
    Column("Dead", lambda w: w.dead, whole=True),
    Column("Because", lambda w: w.why or w.error, spare=4),
)
ONE = (
    Column("Id", lambda w: w.id),
    Column("Name", lambda w: w.name),
    Column("URL", lambda w: w.url),
    Column("State", _state),
    Column("Because", lambda w: w.why or w.error),
    Column("Events", lambda w: " ".join(w.events) or "all"),
    Column("Delivered", lambda w: w.delivered_at or "never"),
    Column("Failing since", lambda w: w.failing_since or ""),
    Column("Next try", lambda w: w.next_try_at or ""),
    Column("Waiting", lambda w: w.behind),
    Column("Dead letters", lambda w: w.dead),
    Column("Old secret until", lambda w: w.old_secret_until or ""),
)
DELIVERIES = (
    Column("Event", lambda d: d.event_id, whole=True),
    Column("Seq", lambda d: d.seq, whole=True, spare=3),
    Column("Type", lambda d: d.type),
    Column("Outcome", lambda d: d.outcome.value, whole=True),
    Column("Answer", lambda d: d.status or "", whole=True),
    Column("Tries", lambda d: d.tries, whole=True, spare=2),
    Column("At", lambda d: d.at, whole=True, spare=1),
    Column("Because", lambda d: d.error, spare=4),
)


@click.group()
def webhooks() -> None:
    """Whom events are told by signed HTTP requests; `clawback up` sends them."""


@webhooks.command()
@click.argument("url")
@click.option("--event", "events", multiple=True, metavar="BEGINNING", help="Only events that begin so.")
@click.option("--name", default="", help="What it is called (default: the host of URL).")
@as_json
@click.pass_obj
def add(session: Session, url: str, events: tuple[str, ...], name: str, as_json: bool) -> None:
    """Tell URL of events from now on; prints the secret that signs, once.

    \b
    Example:
      clawback webhooks add https://siem.example.org/hooks/clawback --event remediation_
    """
    from clawback.engine.webhooks import add_webhook

    with session.app() as app:
        made, secret = add_webhook(app.parts, url, events, session.actor, name=name)
    if as_json:
        click.echo(to_json({"webhook": made, "secret": secret}), nl=False)
        return
    emit([made], WEBHOOKS, False)
    click.echo(f"secret: {secret} (shown this once)")


@webhooks.command(name="list")
@page
@as_json
@click.pass_obj
def list_(session: Session, limit: int, cursor: str, as_json: bool) -> None:
    """List webhooks, newest first."""
    from clawback.engine.webhooks import listed

    with session.app() as app:
        rows, after = listed(app.parts, limit, cursor)
    emit(rows, WEBHOOKS, as_json, nothing="No webhooks: `clawback webhooks add URL` makes one.")
    more(after)


@webhooks.command()
@click.argument("webhook_id", metavar="ID")
@as_json
@click.pass_obj
def show(session: Session, webhook_id: str, as_json: bool) -> None:
    """One webhook and how it stands. ID is that of the webhook (whk-...)."""
    from clawback.engine.webhooks import webhook

    with session.app() as app:
        emit_one(webhook(app.parts, webhook_id), ONE, as_json)


@webhooks.command(name="set")
@click.argument("webhook_id", metavar="ID")
@click.option("--url", help="Another URL.")
@click.option("--name", help="Another name.")
@click.option("--event", "events", multiple=True, metavar="BEGINNING", help="Only events that begin so.")
@click.option("--all-events", is_flag=True, help="All events.")
@click.pass_obj
def set_(
    session: Session,
    webhook_id: str,
    url: str | None,
    name: str | None,
    events: tuple[str, ...],
    all_events: bool,
) -> None:
    """Change what is given. ID is that of the webhook (whk-...)."""
    from clawback.engine.webhooks import change_webhook

    if events and all_events:
        raise click.UsageError("--event and --all-events exclude each other")
    wanted = events if events or all_events else None
    with session.app() as app:
        made = change_webhook(app.parts, webhook_id, session.actor, name=name, url=url, events=wanted)
    emit([made], WEBHOOKS, False)


@webhooks.command()
@click.argument("webhook_id", metavar="ID")
@click.pass_obj
def pause(session: Session, webhook_id: str) -> None:
    """Tell it nothing for a while; nothing is lost. ID is that of the webhook (whk-...)."""
    _turn(session, webhook_id, on=False)


@webhooks.command()
@click.argument("webhook_id", metavar="ID")
@click.pass_obj
def resume(session: Session, webhook_id: str) -> None:
    """Let one that is paused or switched off go on from where it stood.

    ID is that of the webhook (whk-...).
    """
    _turn(session, webhook_id, on=True)


def _turn(session: Session, webhook_id: str, *, on: bool) -> None:
    from clawback.engine.webhooks import change_webhook

    with session.app() as app:
        made = change_webhook(app.parts, webhook_id, session.actor, on=on)
    emit([made], WEBHOOKS, False)


@webhooks.command()
@click.argument("webhook_id", metavar="ID")
@click.pass_obj
def remove(session: Session, webhook_id: str) -> None:
    """Tell it nothing any more, and forget its dead letters. ID is that of the webhook (whk-...)."""
    from clawback.engine.webhooks import remove_webhook

    with session.app() as app:
        last = remove_webhook(app.parts, webhook_id, session.actor)
    click.echo(f"{last.name} is told nothing any more; {last.dead} dead letters are forgotten")


@webhooks.command()
@click.argument("webhook_id", metavar="ID")
@as_json
@click.pass_obj
def test(session: Session, webhook_id: str, as_json: bool) -> None:
    """Send a test event now and say what came of it. ID is that of the webhook (whk-...).

    Ends with 3 when it was not taken.
    """
    from clawback.engine.webhooks import send_test

    with session.app() as app:
        sent = send_test(app.parts, webhook_id, session.actor)
    if as_json:
        click.echo(to_json(sent), nl=False)
    if sent.error:
        raise Refused(f"the test was not taken: it {sent.error}")
    if not as_json:
        click.echo(f"the test was taken: it answered {sent.status}")


@webhooks.command()
@click.argument("webhook_id", metavar="ID")
@click.option(
    "--keep-hours",
    type=click.FloatRange(0, 168),
    default=24.0,
    show_default=True,
    help="For how long the old secret signs too.",
)
@as_json
@click.pass_obj
def rotate(session: Session, webhook_id: str, keep_hours: float, as_json: bool) -> None:
    """Make another secret and print it once. ID is that of the webhook (whk-...)."""
    from clawback.engine.webhooks import rotate_secret

    with session.app() as app:
        overlap = timedelta(hours=keep_hours)
        made, secret = rotate_secret(app.parts, webhook_id, session.actor, overlap=overlap)
    if as_json:
        click.echo(to_json({"webhook": made, "secret": secret}), nl=False)
        return
    click.echo(f"secret: {secret} (shown this once); the old one signs too for {keep_hours:g} h")


@webhooks.command()
@click.argument("webhook_id", metavar="ID")
@click.option("--outcome", type=click.Choice([one.value for one in Outcome]), help="Only those.")
@page
@as_json
@click.pass_obj
def deliveries(
    session: Session, webhook_id: str, outcome: str | None, limit: int, cursor: str, as_json: bool
) -> None:
    """What became of its events, newest first: the last 200 delivered, and every dead letter.

    ID is that of the webhook (whk-...).
    """
    from clawback.engine.webhooks import deliveries as found

    with session.app() as app:
        wanted = Outcome(outcome) if outcome else None
        rows, after = found(app.parts, webhook_id, wanted, limit, cursor)
    emit(rows, DELIVERIES, as_json, nothing="Nothing was sent.")
    more(after)


@webhooks.command()
@click.argument("webhook_id", metavar="ID")
@click.argument("events", metavar="EVENT...", nargs=-1)
@click.pass_obj
def replay(session: Session, webhook_id: str, events: tuple[str, ...]) -> None:
    """Send dead letters once more: that of each EVENT (evt-...), or all.

    ID is that of the webhook (whk-...).
    """
    from clawback.engine.webhooks import replay as again

    with session.app() as app:
        letters = again(app.parts, webhook_id, session.actor, events or None)
    click.echo(f"{letters} dead letters are sent once more (`clawback up` sends them)")
