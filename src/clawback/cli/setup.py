"""`clawback init`, `up`, `doctor`, `completion`: from nothing to running."""

from __future__ import annotations

import asyncio
import signal
from pathlib import Path
from typing import TYPE_CHECKING

import click
from click.shell_completion import get_completion_class

from clawback.cli.options import as_json
from clawback.cli.outcome import show_investigation
from clawback.cli.session import Session
from clawback.cli.settings_file import settings_text, write_settings
from clawback.cli.tables import Column, emit
from clawback.errors import BadParameter, ClawbackError

if TYPE_CHECKING:
    from clawback.app import App
    from clawback.engine.parts import Parts


@click.command()
@click.option(
    "--root", required=True, type=click.Path(path_type=Path), help="Folder that holds the Maildirs."
)
@click.option("--layout", default="{user}/Maildir", show_default=True, help="Way from the root to a Maildir.")
@click.option("--domain", default="example.org", show_default=True, help="Your mail domain.")
@click.option("--address", help="What a mailbox is called (default: {user}@DOMAIN).")
@click.option("--data", default="data", show_default=True, help="Folder for clawback's own store.")
@click.option(
    "--file",
    "path",
    default="clawback.toml",
    show_default=True,
    type=click.Path(path_type=Path),
    help="The settings file to write.",
)
@click.option("--force", is_flag=True, help="Write over a settings file that exists.")
def init(
    root: Path, layout: str, domain: str, address: str | None, data: str, path: Path, force: bool
) -> None:
    """Write a settings file for your own mailboxes.

    \b
    Examples:
      clawback init --root /var/vmail --layout '{domain}/{user}/Maildir' --address '{user}@{domain}'
      clawback init --root /home --layout '{user}/Maildir' --domain example.org
    """
    if path.exists() and not force:
        raise BadParameter(f"{path} exists; give --force to write over it")
    if not root.is_dir():
        raise BadParameter(f"{root} is no folder")
    text = settings_text(
        root=str(root.resolve()),
        layout=layout,
        address=address or "{user}@" + domain,
        domains=[domain],
        data=data,
    )
    write_settings(path, text)
    click.echo(f"{path} written. Now: clawback doctor, clawback ingest, clawback up")


@click.command()
@click.pass_obj
def up(session: Session) -> None:
    """Watch every mailbox, judge what arrives, act; until Ctrl-C.

    A queue of work survives a restart: whatever was cut short is looked at and finished.
    """
    with session.app() as app:
        click.echo(f"clawback watches {', '.join(app.parts.connectors) or 'nothing: no sources are set'}")
        app.run(lambda parts: _serve(app, parts))
    click.echo("stopped; queued work goes on with the next start")


async def _serve(app: App, parts: Parts) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for name in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(name, stop.set)
    watch = app.watch()
    telling = asyncio.create_task(_tell(app))
    try:
        await watch.run(stop)
    finally:
        telling.cancel()


async def _tell(app: App) -> None:
    """Print each investigation as it changes."""
    since = app.parts.now()
    while True:
        await asyncio.sleep(1)
        with app.store.read() as unit:
            newest, _ = unit.investigations.list(limit=50)
        for investigation in newest:
            if investigation.changed_at > since:
                show_investigation(investigation)
        since = max([since, *(i.changed_at for i in newest)])


CHECKS = (
    Column("Check", lambda c: c["check"]),
    Column("Holds", lambda c: "yes" if c["ok"] else "NO"),
    Column("What was seen", lambda c: c["seen"]),
)


@click.command()
@as_json
@click.pass_obj
def doctor(session: Session, as_json: bool) -> None:
    """Check settings, store, audit log and every source, and say what was chosen and why."""
    with session.app() as app:
        checks = [*_store_checks(app), *app.run(_source_checks)]
    emit(checks, CHECKS, as_json)
    if not all(check["ok"] for check in checks):
        raise click.exceptions.Exit(1)


def _store_checks(app: App) -> list[dict[str, object]]:
    with app.store.read() as unit:
        audit, messages, queue = unit.audit.verify(), unit.messages.count(), unit.jobs.waiting()
    kind = app.settings.store_url.partition(":")[0]
    return [
        {"check": "store", "ok": True, "seen": f"{kind}, {messages} messages, {queue} pieces of work wait"},
        {"check": "audit log", "ok": audit.ok, "seen": f"{audit.rows} rows, sealed"},
    ]


async def _source_checks(parts: Parts) -> list[dict[str, object]]:
    checks: list[dict[str, object]] = []
    if not parts.connectors:
        checks.append({"check": "sources", "ok": False, "seen": "none are set: see `clawback init`"})
    for name, connector in parts.connectors.items():
        try:
            mailboxes = await connector.mailboxes()
        except ClawbackError as error:
            checks.append({"check": f"source {name}", "ok": False, "seen": str(error)})
            continue
        can = ", ".join(sorted(connector.capabilities())) or "only read"
        checks.append(
            {
                "check": f"source {name}",
                "ok": bool(mailboxes),
                "seen": f"{len(mailboxes)} mailboxes; can {can}",
            }
        )
    return checks


@click.command()
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def completion(shell: str) -> None:
    """Print the completion script for SHELL.

    \b
    Example:
      clawback completion bash > /etc/bash_completion.d/clawback
    """
    from clawback.cli.main import cli

    kind = get_completion_class(shell)
    assert kind is not None
    click.echo(kind(cli, {}, "clawback", "_CLAWBACK_COMPLETE").source())
