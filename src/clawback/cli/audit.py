"""`clawback audit`: what happened, by whom, provably."""

from __future__ import annotations

import click

from clawback.cli.columns import AUDIT
from clawback.cli.options import as_json
from clawback.cli.session import Session
from clawback.cli.tables import emit, to_json
from clawback.errors import AuditBroken


@click.group()
def audit() -> None:
    """What happened, when, by whom; each row sealed to the one before."""


@audit.command(name="list")
@click.option("--after", type=click.IntRange(0), default=0, help="Only rows after this number.")
@click.option("--type", "types", multiple=True, help="Only events of this type.")
@click.option("--limit", type=click.IntRange(1, 10_000), default=100, show_default=True, help="Rows at most.")
@as_json
@click.pass_obj
def list_(session: Session, after: int, types: tuple[str, ...], limit: int, as_json: bool) -> None:
    """List events, oldest first."""
    with session.app() as app, app.store.read() as unit:
        rows = unit.audit.list(after_seq=after, types=list(types) or None, limit=limit)
    emit(rows, AUDIT, as_json, nothing="Nothing has happened yet.")


@audit.command()
@as_json
@click.pass_obj
def verify(session: Session, as_json: bool) -> None:
    """Check that no row was changed, taken out or put in between."""
    with session.app() as app, app.store.read() as unit:
        check = unit.audit.verify()
    if as_json:
        click.echo(to_json(check), nl=False)
    elif check.ok:
        click.echo(f"{check.rows} rows hold; the last seal is {check.head}")
    if not check.ok:
        raise AuditBroken(f"row {check.broken_at} is not what was written")
