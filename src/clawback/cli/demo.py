"""`clawback demo`: the whole loop on a sample organisation, for eyes or for scripts."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path

import click


@click.command()
@click.option("--check", is_flag=True, help="Check each outcome and end with 0 only if all held.")
@click.option("--mailboxes", type=click.IntRange(25, 500), default=25, show_default=True)
@click.option("--messages", type=click.IntRange(100, 100_000), default=2_000, show_default=True)
@click.option("--keep", type=click.Path(path_type=Path), help="Play in this new folder and leave it there.")
def demo(check: bool, mailboxes: int, messages: int, keep: Path | None) -> None:
    """Play the loop on a sample organisation of Maildirs in a temporary folder.

    A campaign is delivered, its URL turns malicious, every copy is found, explained and removed, a late
    copy is caught on arrival, and an undo brings all back exactly.
    """
    from clawback.cli.demo_story import Story

    root = keep or Path(tempfile.mkdtemp(prefix="clawback-demo-"))
    if keep and keep.exists() and any(keep.iterdir()):
        raise click.UsageError(f"{keep} is not empty")
    try:
        story = Story(root, mailboxes=mailboxes, messages=messages, shared=_shared())
        story.play()
        held = story.summary()
    finally:
        if not keep:
            shutil.rmtree(root, ignore_errors=True)
    if check and not held:
        raise click.exceptions.Exit(1)


def _shared() -> Path | None:
    """Real mail to play with, where somebody has put some: $CLAWBACK_SHARED or ../shared."""
    named = os.environ.get("CLAWBACK_SHARED")
    for folder in (Path(named) if named else Path("../shared"), Path("../shared")):
        if (folder / "data" / "ham").is_dir():
            return folder / "data"
    return None
