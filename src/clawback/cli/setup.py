"""`clawback init` and `completion`: from nothing to a settings file and a shell that knows the commands."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click
from click.shell_completion import get_completion_class

from clawback.cli.settings_file import imap_source, maildir_source, settings_text, write_settings
from clawback.errors import BadParameter


@click.command()
@click.option("--root", type=click.Path(path_type=Path), help="Folder that holds the Maildirs.")
@click.option("--layout", default="{user}/Maildir", show_default=True, help="Way from the root to a Maildir.")
@click.option("--imap", "host", metavar="HOST", help="IMAP server, instead of --root.")
@click.option("--user", default="clawback", show_default=True, help="Its master user or administrator.")
@click.option(
    "--password-file", default="imap-password", show_default=True, help="File with the password, mode 600."
)
@click.option(
    "--access",
    type=click.Choice(["master", "admin"]),
    default="master",
    show_default=True,
    help="master: in each owner's name (Dovecot); admin: one login that sees all (Cyrus).",
)
@click.option(
    "--tls",
    type=click.Choice(["implicit", "starttls", "none"]),
    default="implicit",
    show_default=True,
    help="How the connection is kept secret; none only for this machine.",
)
@click.option(
    "--mailboxes-command",
    default="",
    help="Command that lists the users (default: doveadm user '*' for a master user).",
)
@click.option("--log", default="", help="The server's mail log, where it can be read.")
@click.option("--doveadm", default="", help="Command that moves on the mail host, such as 'sudo -n doveadm'.")
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
def init(path: Path, force: bool, domain: str, data: str, address: str | None, **told: Any) -> None:
    """Write a settings file for your own mailboxes: a tree of Maildirs, or an IMAP server.

    \b
    Examples:
      clawback init --root /var/vmail --layout '{domain}/{user}/Maildir' --address '{user}@{domain}'
      clawback init --root /home --layout '{user}/Maildir' --domain example.org
      clawback init --imap mail.example.org --domain example.org --log /var/log/mail.log
    """
    if path.exists() and not force:
        raise BadParameter(f"{path} exists; give --force to write over it")
    if bool(told["root"]) == bool(told["host"]):
        raise BadParameter("give one of --root (Maildirs) and --imap (a server)")
    named = address or "{user}@" + domain
    source = _imap(told, named) if told["host"] else _maildir(told["root"], told["layout"], named)
    write_settings(path, settings_text(source, domains=[domain], data=data))
    click.echo(f"{path} written. Now: clawback doctor, clawback ingest, clawback up")


def _maildir(root: Path, layout: str, address: str) -> str:
    if not root.is_dir():
        raise BadParameter(f"{root} is no folder")
    return maildir_source(root=str(root.resolve()), layout=layout, address=address)


def _imap(told: Mapping[str, Any], address: str) -> str:
    listing = told["mailboxes_command"] or ("doveadm user *" if told["access"] == "master" else "")
    return imap_source(
        host=told["host"],
        tls=told["tls"],
        access=told["access"],
        user=told["user"],
        password_file=told["password_file"],
        address=address,
        mailboxes=shlex.split(listing),
        log=told["log"],
        doveadm=shlex.split(told["doveadm"]),
    )


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
