"""`clawback serve`: the portal and the API alone."""

from __future__ import annotations

import click

from clawback.cli.printable import printable
from clawback.cli.session import Session
from clawback.errors import BadSettings


@click.command()
@click.option("--bound", is_flag=True, help="End with the standard input, for a parent that may die.")
@click.pass_obj
def serve(session: Session, bound: bool) -> None:
    """Serve the portal and the API, until Ctrl-C.

    What is ordered there waits for a running `clawback up`, which serves them too. The first start makes the
    first administrator, and prints the password once.
    """
    from clawback import settings

    if session.serve is None:
        raise BadSettings("the portal can be started by the program `clawback` only")
    loaded = settings.load(settings.find(session.settings))
    session.serve(loaded, _say, bound=bound)


def _say(text: str) -> None:
    click.echo(printable(text))
