"""`clawback indicators`: what is known to be bad or good."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import click

from clawback.analysis.canonical import guess_kind
from clawback.analysis.indicators import Indicator, IndicatorKind, Match, Threat, VerdictKind, indicator
from clawback.cli.columns import INDICATORS
from clawback.cli.options import Moment, as_json, more, no_wait, page
from clawback.cli.outcome import show_work
from clawback.cli.session import Session, finish
from clawback.cli.tables import emit
from clawback.message.defect import Defect

KINDS = click.Choice([k.value for k in IndicatorKind])
VERDICTS = click.Choice([v.value for v in (VerdictKind.MALICIOUS, VerdictKind.SUSPICIOUS)] + ["good"])


@click.group()
def indicators() -> None:
    """What is known to be bad or good: URLs, hosts, domains, senders, IPs, files."""


@indicators.command()
@click.argument("value")
@click.option("--kind", type=KINDS, help="What VALUE is (default: guessed).")
@click.option("--prefix", is_flag=True, help="A URL: every URL that begins with VALUE counts.")
@click.option(
    "--verdict", type=VERDICTS, default="malicious", show_default=True, help="What is said of VALUE."
)
@click.option("--threat", type=click.Choice([t.value for t in Threat]), help="What kind of harm.")
@click.option(
    "--confidence", type=click.IntRange(0, 100), default=100, show_default=True, help="How sure, in percent."
)
@click.option("--expires", type=Moment(), help="When it stops counting.")
@click.option("--note", default="", help="Why, for whoever reads it later.")
@no_wait
@as_json
@click.pass_obj
def add(
    session: Session,
    value: str,
    kind: str | None,
    prefix: bool,
    verdict: str,
    threat: str | None,
    confidence: int,
    expires: datetime | None,
    note: str,
    no_wait: bool,
    as_json: bool,
) -> None:
    """List VALUE, and look for it in all mail that is already there.

    \b
    Examples:
      clawback indicators add https://login.evil.example/session
      clawback indicators add --prefix https://evil.example/s/
      clawback indicators add 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08
      clawback indicators add --verdict good https://intranet.example/
    """
    from clawback.engine import commands

    with session.app() as app:
        listed = indicator(
            IndicatorKind(kind) if kind else guess_kind(value),
            value,
            match=Match.PREFIX if prefix else Match.EXACT,
            verdict=VerdictKind.NO_THREATS_FOUND if verdict == "good" else VerdictKind(verdict),
            threat=Threat(threat) if threat else None,
            source="manual",
            confidence=confidence,
            added_at=app.parts.now(),
            expires_at=expires,
            note=note,
        )
        since = app.parts.now()
        commands.add_indicator(app.parts, listed, session.actor)
        if not no_wait:
            finish(app)
        emit([listed], INDICATORS, as_json)
        if not as_json:
            show_work(app, since)


@indicators.command(name="import")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--kind", type=KINDS, help="What every line is (default: guessed line by line).")
@click.option("--source", help="Name of the list (default: the file's name).")
@click.option(
    "--confidence", type=click.IntRange(0, 100), default=80, show_default=True, help="How sure, in percent."
)
@click.option("--expires", type=Moment(), help="When the entries stop counting.")
@no_wait
@as_json
@click.pass_obj
def import_(
    session: Session,
    file: Path,
    kind: str | None,
    source: str | None,
    confidence: int,
    expires: datetime | None,
    no_wait: bool,
    as_json: bool,
) -> None:
    """List every line of FILE: a plain list, a hosts file, or CSV with a header.

    Lines that make no sense are counted and shown; the rest is kept.
    """
    from clawback.analysis.lists import Terms, read_lines
    from clawback.engine import commands

    defects: list[Defect] = []

    def rows() -> Iterator[Indicator | Defect]:
        with file.open(encoding="utf-8", errors="replace") as lines:
            for row in read_lines(lines, terms):
                if isinstance(row, Defect):
                    defects.append(row)
                yield row

    with session.app() as app:
        now = app.parts.now()
        terms = Terms(
            now,
            source or file.name,
            IndicatorKind(kind) if kind else None,
            confidence=confidence,
            expires_at=expires,
        )
        event = commands.import_indicators(app.parts, terms.source, rows(), session.actor)
        if not no_wait:
            finish(app)
        if as_json:
            emit([event], (), True)
            return
        click.echo(f"{event.read} lines read: {event.added} new indicators, {event.defects} not understood")
        for defect in defects[:10]:
            click.echo(f"  {defect.detail}", err=True)
        show_work(app, now)


@indicators.command(name="list")
@click.option("--kind", type=KINDS, help="Only indicators of this kind.")
@click.option("--source", metavar="NAME", help="Only indicators of this list; by hand is `manual`.")
@page
@as_json
@click.pass_obj
def list_(
    session: Session, kind: str | None, source: str | None, limit: int, cursor: str, as_json: bool
) -> None:
    """List what is known, newest first."""
    with session.app() as app, app.store.read() as unit:
        rows, after = unit.indicators.list(
            kind=IndicatorKind(kind) if kind else None, source=source, limit=limit, cursor=cursor
        )
    emit(rows, INDICATORS, as_json, nothing="No indicators are listed.")
    more(after)


@indicators.command()
@click.argument("indicator_id", metavar="ID")
@click.pass_obj
def remove(session: Session, indicator_id: str) -> None:
    """Take an indicator off the list; what was done because of it stays until you undo it.

    ID is that of the indicator (ind-...), as `clawback indicators list` shows it.
    """
    from clawback.engine import commands

    with session.app() as app:
        removed = commands.remove_indicator(app.parts, indicator_id, session.actor)
    click.echo(f"{removed.kind.value} {removed.value} is not listed any more")
