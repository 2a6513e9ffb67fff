"""The `clawback` command: a tree of nouns and verbs."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from clawback import __version__
from clawback.cli import (
    accounts,
    actions,
    alerts,
    audit,
    automation,
    backtest,
    brake,
    clicks,
    clusters,
    demo,
    doctor,
    exposure,
    indicators,
    investigations,
    mail,
    messages,
    reports,
    retract,
    serve,
    setup,
    up,
    webhooks,
)
from clawback.cli.exits import exit_code
from clawback.cli.printable import printable
from clawback.cli.session import Serve, Session
from clawback.errors import ClawbackError


class Tree(click.Group):
    """The commands; with a server, only those that another clawback can be asked."""

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command of that name."""
        if not ctx.params.get("server"):
            return super().get_command(ctx, cmd_name)
        from clawback.cli import remote

        if cmd_name not in remote.COMMANDS and super().get_command(ctx, cmd_name):
            raise click.UsageError(f"{cmd_name} works on this machine only: leave --server out")
        return remote.COMMANDS.get(cmd_name)


@click.group(cls=Tree, context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--server",
    metavar="URL",
    help="Ask the clawback at this address instead (investigations list and show; actions list, approve, "
    "reject and undo; backtest).",
)
@click.option(
    "--token-file", type=click.Path(path_type=Path), help="The file with the API token for --server."
)
@click.option(
    "--settings",
    metavar="FILE",
    help="The settings file (default: $CLAWBACK_SETTINGS, ./clawback.toml, /etc/clawback/clawback.toml).",
)
@click.version_option(__version__, prog_name="clawback")
@click.pass_context
def cli(context: click.Context, settings: str | None, server: str | None, token_file: Path | None) -> None:
    """Find every copy of a malicious message, take it out, prove it gone, put it back.

    \b
    Start here:
      clawback demo                        see it at work on a sample organisation
      clawback init --root /var/vmail      point it at your own mailboxes
      clawback up                          watch them and act
    """
    if server and token_file:
        from clawback.client import Client, token_in

        context.obj = Client(server, token_in(token_file))
    elif server or token_file:
        raise click.UsageError("--server and --token-file go together")
    else:
        context.obj = Session(settings, context.obj)


for command in (
    setup.init,
    up.up,
    doctor.doctor,
    setup.completion,
    demo.demo,
    mail.ingest,
    indicators.indicators,
    messages.messages,
    clusters.clusters,
    investigations.investigations,
    alerts.alerts,
    clicks.clicks,
    actions.actions,
    exposure.exposure,
    retract.retract,
    automation.automation,
    backtest.backtest,
    brake.brake,
    accounts.accounts,
    accounts.tokens,
    serve.serve,
    reports.reports,
    audit.audit,
    webhooks.webhooks,
):
    cli.add_command(command)


def main(door: Serve | None = None) -> None:
    """Run the command line; errors become one sentence on standard error and an exit code.

    `door` is the other one, without which there is no portal to start.
    """
    try:
        code = cli.main(standalone_mode=False, obj=door)
    except click.exceptions.Abort:
        click.echo("stopped", err=True)
        sys.exit(130)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except ClawbackError as error:
        click.echo(f"clawback: {printable(str(error))}", err=True)
        sys.exit(exit_code(error))
    sys.exit(code if isinstance(code, int) else 0)
