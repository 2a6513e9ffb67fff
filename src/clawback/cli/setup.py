"""`clawback init` and `completion`: from nothing to a settings file and a shell that knows the commands."""

from __future__ import annotations

from pathlib import Path

import click
from click.shell_completion import get_completion_class

from clawback.cli.settings_file import settings_text, write_settings
from clawback.errors import BadParameter


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
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def completion(shell: str) -> None:
    """Print the completion script for SHELL; in bash it completes the cmdlets too.

    \b
    Examples:
      source <(clawback completion bash)
      clawback completion bash > /etc/bash_completion.d/clawback
    """
    from clawback.cli.cmdlet_completion import bash_completion
    from clawback.cli.cmdlets import COMMANDS
    from clawback.cli.main import cli

    kind = get_completion_class(shell)
    assert kind is not None
    click.echo(kind(cli, {}, "clawback", "_CLAWBACK_COMPLETE").source())
    if shell == "bash":
        click.echo(bash_completion([command.cmdlet for command in COMMANDS]))
