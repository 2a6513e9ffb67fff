"""`clawback clicks`: who followed which link, as logs say."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import click

from clawback.cli.options import Moment, as_json, more, no_wait, page
from clawback.cli.outcome import show_work
from clawback.cli.session import Session, finish
from clawback.cli.tables import Column, emit
from clawback.message.defect import Defect

CLICKS = (
    Column("At", lambda c: c.at, whole=True),
    Column("User", lambda c: c.user),
    Column("URL", lambda c: c.url),
    Column("Source", lambda c: c.source, spare=1),
)


@click.group()
def clicks() -> None:
    """Who followed which link: log evidence. A click on what is listed as malicious raises an alert."""


@clicks.command()
@click.option("--user", required=True, metavar="ADDRESS", help="Who clicked.")
@click.option("--url", required=True, metavar="URL", help="What was opened.")
@click.option("--at", type=Moment(), help="When (default: now).")
@click.option("--source", default="manual", show_default=True, help="The log that says so.")
@no_wait
@click.pass_obj
def add(session: Session, user: str, url: str, at: datetime | None, source: str, no_wait: bool) -> None:
    """Tell of one click.

    \b
    Example:
      clawback clicks add --user ann@example.org --url https://login.evil.example/ --at 2026-11-24T09:12
    """
    from clawback.engine.clicks import record_clicks
    from clawback.response.clicks import click as made

    with session.app() as app:
        since = app.parts.now()
        event = record_clicks(app.parts, source, [made(user, url, at or since, source)], session.actor)
        if not no_wait:
            finish(app)
        click.echo("1 click recorded" if event.added else "this click is known already")
        show_work(app, since, "it is not listed as malicious, or no mail known so far carries it")


@clicks.command(name="import")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--source", help="Name of the log (default: the file's name).")
@no_wait
@as_json
@click.pass_obj
def import_(session: Session, file: Path, source: str | None, no_wait: bool, as_json: bool) -> None:
    """Take in every line of FILE: JSON with `user` and `url`, and if known `at`, `source` and `message_id`.

    Lines that make no sense are counted and shown; the rest is kept. Known clicks are not taken in twice.
    """
    from clawback.engine.clicks import read_clicks, record_clicks

    defects: list[Defect] = []
    name = source or file.name
    with session.app() as app:
        since = app.parts.now()
        with file.open(encoding="utf-8", errors="replace") as lines:
            rows = []
            for row in read_clicks(lines, name, since):
                rows.append(row)
                if isinstance(row, Defect):
                    defects.append(row)
            event = record_clicks(app.parts, name, rows, session.actor)
        if not no_wait:
            finish(app)
        if as_json:
            emit([event], (), True)
            return
        click.echo(f"{event.read} lines read: {event.added} new clicks, {event.defects} not understood")
        for defect in defects[:10]:
            click.echo(f"  {defect.detail}", err=True)
        show_work(app, since, "none leads to what is listed as malicious in mail known so far")


@clicks.command(name="list")
@page
@as_json
@click.pass_obj
def list_(session: Session, limit: int, cursor: str, as_json: bool) -> None:
    """List clicks, last told first."""
    with session.app() as app, app.store.read() as unit:
        rows, after = unit.clicks.list(limit=limit, cursor=cursor)
    emit(rows, CLICKS, as_json, nothing="No clicks are known.")
    more(after)
