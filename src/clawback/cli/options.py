"""Options that many commands share."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, TypeVar

import click

F = TypeVar("F", bound=Callable[..., Any])


def as_json(command: F) -> F:
    """`--json`: print the whole records for scripts."""
    return click.option("--json", "as_json", is_flag=True, help="Print JSON for scripts.")(command)


def page(command: F) -> F:
    """`--limit` and `--cursor`: one page of a listing."""
    limit = click.option(
        "--limit", type=click.IntRange(1, 10_000), default=100, show_default=True, help="Rows on a page."
    )
    cursor = click.option("--cursor", default="", metavar="CURSOR", help="Go on where a page ended.")
    return limit(cursor(command))


def no_wait(command: F) -> F:
    """`--no-wait`: leave queued work to a running `clawback up`."""
    return click.option(
        "--no-wait", is_flag=True, help="Only queue the work; a running `clawback up` does it."
    )(command)


class Moment(click.ParamType[datetime]):
    """A date or time; without an offset it is UTC."""

    name = "time"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> datetime:
        """Read an ISO date or time."""
        if isinstance(value, datetime):
            return value
        try:
            moment = datetime.fromisoformat(str(value))
        except ValueError:
            self.fail(f"{value!r} is not a date or time such as 2026-11-24 or 2026-11-24T09:30", param, ctx)
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def more(cursor: str) -> None:
    """Say how to go on when a listing has another page (on standard error, so that pipes stay clean)."""
    if cursor:
        click.echo(f"more: add --cursor {cursor}", err=True)
