"""`clawback demo`: the whole loop on a sample organisation, for eyes or for scripts."""

from __future__ import annotations

import os
import shlex
import shutil
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import click

from clawback.cli.session import Serve, Session
from clawback.errors import BadParameter

if TYPE_CHECKING:
    from clawback.cli.demo_story import Meddle


@click.command()
@click.option("--check", is_flag=True, help="List each outcome that was checked at the end.")
@click.option(
    "--mailboxes", type=click.IntRange(25, 500), default=25, show_default=True, help="How many people."
)
@click.option(
    "--messages",
    type=click.IntRange(100, 100_000),
    default=2_000,
    show_default=True,
    help="How much mail lies there before the campaign.",
)
@click.option(
    "--keep",
    type=click.Path(path_type=Path),
    metavar="FOLDER",
    help="Play in this new folder and leave it there, with its settings file, to go on with.",
)
@click.option(
    "--stay",
    is_flag=True,
    help="Afterwards go on watching the organisation, with the portal to look around in, until Ctrl-C.",
)
@click.pass_obj
def demo(
    session: Session | None, check: bool, mailboxes: int, messages: int, keep: Path | None, stay: bool
) -> None:
    """Play the loop on a sample organisation of Maildirs in a temporary folder.

    A campaign is delivered, its URL turns malicious, every copy is found, explained and removed, a late
    copy is caught on arrival, and an undo brings all back exactly. Ends with 0 only if all of it held.

    \b
    Examples:
      clawback demo
      clawback demo --check
      clawback demo --stay
      clawback demo --keep play && clawback --settings play/clawback.toml actions list
    """
    after = (lambda root: _stay(root, session.serve if session else None)) if stay else None
    play(check=check, mailboxes=mailboxes, messages=messages, keep=keep, after=after)


def play(
    *,
    check: bool,
    mailboxes: int,
    messages: int,
    keep: Path | None,
    meddle: Meddle | None = None,
    after: Callable[[Path], None] | None = None,
) -> None:
    """Play the story; ends with exit code 1 unless every outcome held.

    `meddle` may spoil it; `after` is done in its folder before that is cleared away.
    """
    from clawback.cli.demo_story import Story, leave_alone

    root = _new_folder(keep)
    try:
        story = Story(
            root, mailboxes=mailboxes, messages=messages, shared=_shared(), meddle=meddle or leave_alone
        )
        story.play()
        story.stage.close(every=check)
        if not check:
            _where_next(keep)
        if after:
            after(root)
    finally:
        if not keep:
            shutil.rmtree(root, ignore_errors=True)
    if story.stage.failed:
        raise click.exceptions.Exit(1)


def _stay(root: Path, serve: Serve | None) -> None:
    """Watch the sample organisation and serve its portal, until Ctrl-C."""
    from clawback.cli.up import stay_up
    from clawback.settings import FILE_NAME

    click.echo()
    click.echo("The organisation stays: look around in the portal, whose address and login come now.")
    click.echo("In Investigations, *Investigate again* plans the removal anew. Ctrl-C ends it all.")
    stay_up(Session(str(root / FILE_NAME), serve))


def _new_folder(keep: Path | None) -> Path:
    if keep is None:
        return Path(tempfile.mkdtemp(prefix="clawback-demo-"))
    try:
        keep.mkdir(parents=True, exist_ok=True)
        if any(keep.iterdir()):
            raise BadParameter(f"{keep} is not empty; give a new folder")
    except OSError as error:
        raise BadParameter(f"{keep} cannot be played in: {error.strerror}") from None
    return keep


def _where_next(keep: Path | None) -> None:
    program = _program()
    click.echo()
    if keep:
        settings = shlex.quote(str(keep.resolve() / "clawback.toml"))
        click.echo(f"Go on playing in {keep}; it has a settings file:")
        click.echo(f"   export CLAWBACK_SETTINGS={settings}")
        click.echo(f"   {program} doctor")
        click.echo(f"   {program} actions list")
        click.echo(f"   {program} up")
    else:
        click.echo(f"Look around in it yourself:   {program} demo --keep play")
    click.echo("Point it at your own mailboxes (docs/tutorial.md goes through it step by step):")
    click.echo(f"   {program} init --root /var/vmail --layout '{{user}}/Maildir' --domain example.org")
    click.echo(f"   {program} doctor && {program} ingest && {program} up")


def _program() -> str:
    """How the command was called, so that the lines to copy work as they stand."""
    if shutil.which("clawback"):
        return "clawback"
    called = Path(sys.argv[0])
    return shlex.quote(sys.argv[0]) if called.name == "clawback" else "clawback"


def _shared() -> Path | None:
    """Real mail to play with, where somebody has put some: $CLAWBACK_SHARED or ../shared."""
    named = os.environ.get("CLAWBACK_SHARED")
    for folder in (Path(named) if named else Path("../shared"), Path("../shared")):
        if (folder / "data" / "ham").is_dir():
            return folder / "data"
    return None
