"""`clawback ingest`: read what is in the mailboxes now."""

from __future__ import annotations

from dataclasses import asdict

import click

from clawback.cli.options import as_json
from clawback.cli.outcome import show_work
from clawback.cli.session import Session, finish
from clawback.cli.tables import to_json
from clawback.errors import Unavailable


@click.command()
@click.option("--full", is_flag=True, help="Look into folders that seem unchanged too.")
@as_json
@click.pass_obj
def ingest(session: Session, full: bool, as_json: bool) -> None:
    """Read every mailbox once: new copies, moved ones, flags, copies that are gone.

    What arrives with something listed as malicious is investigated at once.
    """
    from clawback.engine.ingest import Synced, sync_all
    from clawback.engine.parts import Parts

    async def read(parts: Parts) -> Synced:
        return await sync_all(parts, full=full)

    with session.app() as app:
        since = app.parts.now()
        seen = app.run(read)
        finish(app)
        if as_json:
            click.echo(to_json(asdict(seen)), nl=False)
        else:
            click.echo(
                f"{seen.mailboxes:,} mailboxes read: {seen.new:,} new copies, {seen.moved:,} moved, "
                f"{seen.changed:,} changed, {seen.gone:,} gone, {seen.failed:,} not readable"
            )
        if seen.malicious and not as_json:
            show_work(app, since)
    if seen.unreachable:
        raise Unavailable(
            f"{seen.unreachable} mailboxes could not be looked at; `clawback doctor` may say why"
        )
