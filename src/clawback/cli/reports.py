"""`clawback reports`: what users have reported, and what a person says to it."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path

import click

from clawback.analysis.indicators import Threat
from clawback.cli.formatting import format_list
from clawback.cli.options import as_json, more, no_wait, page
from clawback.cli.outcome import show_investigation
from clawback.cli.printable import printable
from clawback.cli.session import Session, finish
from clawback.cli.tables import Column, emit, to_json, width_of
from clawback.message.bounds import MAX_MESSAGE
from clawback.message.message import Message
from clawback.message.reports import ReportedAs
from clawback.response import defender
from clawback.response.submissions import OPEN_SUBMISSIONS, Reputation, Submission, SubmissionState
from clawback.store import Unit

CARRIED = 10
"""URLs and files of a reported message that are shown."""
THREATS = {"phish": Threat.PHISH, "malware": Threat.MALWARE, "spam": Threat.SPAM}


@dataclass(frozen=True, slots=True)
class ReportRow:
    """A report in a listing, with what its reporter's word was worth so far."""

    submission: Submission
    reputation: Reputation


REPORTS = (
    Column("Id", lambda r: r.submission.id, whole=True),
    Column("State", lambda r: defender.SUBMISSION_STATE[r.submission.state], whole=True),
    Column("Reported as", lambda r: defender.REPORTED_AS[r.submission.reported_as], whole=True, spare=2),
    Column("Result", lambda r: _result(r.submission), whole=True),
    Column("Reporter", lambda r: r.submission.reporter),
    Column("Right so far", lambda r: f"{r.reputation.share:.2f}", whole=True, spare=3),
    Column("Subject", lambda r: r.submission.subject, spare=1),
    Column("Reported", lambda r: r.submission.reported_at, whole=True, spare=4),
)


@click.group()
def reports() -> None:
    """What users have reported: the messages, the results, and what a person says to them."""


@reports.command(name="list")
@click.option("--open", "open_", is_flag=True, help="Only those without a result, best reporters first.")
@click.option("--refused", is_flag=True, help="Only what was refused: from outside, or from a machine.")
@click.option("--reporter", default="", metavar="ADDRESS", help="Only those of this person.")
@page
@as_json
@click.pass_obj
def list_(
    session: Session, open_: bool, refused: bool, reporter: str, limit: int, cursor: str, as_json: bool
) -> None:
    """List reports, newest first. What was refused is listed only when it is asked for."""
    states = set(SubmissionState) - {SubmissionState.REFUSED}
    states = {SubmissionState.REFUSED} if refused else set(OPEN_SUBMISSIONS) if open_ else states
    with session.app() as app, app.store.read() as unit:
        found, after = unit.submissions.list(states=states, reporter=reporter, limit=limit, cursor=cursor)
        rows = _rows(unit, found)
    if open_:
        rows.sort(key=lambda row: -row.reputation.share)
    emit(rows, REPORTS, as_json, nothing="No reports.")
    more(after)


def _rows(unit: Unit, found: tuple[Submission, ...]) -> list[ReportRow]:
    reputations = unit.submissions.reputations(one.reporter for one in found)
    return [ReportRow(one, reputations[one.reporter.lower()]) for one in found]


def _result(one: Submission) -> str:
    return defender.SUBMISSION_RESULT[one.result] if one.result else ""


@reports.command()
@click.argument("report_id", metavar="ID")
@as_json
@click.pass_obj
def show(session: Session, report_id: str, as_json: bool) -> None:
    """One report: what it is about, how that was found, what came of it, and what the message carries.

    ID is that of the report (sub-...), as `clawback reports list` shows it.
    """
    with session.app() as app, app.store.read() as unit:
        (row,) = _rows(unit, (unit.submissions.get(report_id),))
        original = unit.messages.get_many([row.submission.message_id]).get(row.submission.message_id)
    if as_json:
        plain = {"report": row.submission, "reputation": row.reputation, "share": row.reputation.share}
        click.echo(to_json(plain | {"carries": carried(original) if original else {}}), nl=False)
        return
    click.echo(format_list([_facts(row, original)], width_of(sys.stdout)), nl=False)
    if original:
        show_carried(original)


def _facts(row: ReportRow, original: Message | None) -> dict[str, object]:
    one, reputation = row.submission, row.reputation
    facts: dict[str, object] = {
        "Report": one.id,
        "State": defender.SUBMISSION_STATE[one.state],
        "Reporter": one.reporter,
        "Right so far": f"{reputation.share:.2f} ({reputation.right} right, {reputation.wrong} wrong)",
        "Reported": one.reported_at,
        "Reported as": defender.REPORTED_AS[one.reported_as],
        "Format": one.format.value,
        "Subject": one.subject,
        "From": str(original.sender) if original else "",
        "Message": one.message_id,
        "Found by": one.found_by.value.replace("_", " "),
        "Because": one.reason,
        "Investigation": one.investigation_id,
        "Result": _result(one),
        "Decided by": one.decided_by,
        "Feedback": one.feedback.value,
    }
    if one.state in OPEN_SUBMISSIONS and original:
        facts["Confirm with"] = f"clawback reports confirm {one.id} --as phish"
    return {name: value for name, value in facts.items() if value != ""}


def carried(message: Message) -> dict[str, list[str]]:
    """The URLs that a message leads to and the SHA-256 of its files: what could be listed because of it."""
    return {
        "urls": list(dict.fromkeys(link.url for link in message.links))[:CARRIED],
        "files": list(dict.fromkeys(file.sha256 for file in message.attachments if file.size))[:CARRIED],
    }


def show_carried(message: Message) -> None:
    """What a message carries, to be listed by a person who knows that it is bad wherever it is."""
    found = carried(message)
    if not any(found.values()):
        return
    click.echo("\nIt carries the following; list what is bad wherever it is: clawback indicators add VALUE")
    for name, values in found.items():
        for value in values:
            click.echo(f"  {name.removesuffix('s')}: {printable(value)}")


@reports.command()
@click.argument("report_id", metavar="ID")
@click.option("--as", "threat", type=click.Choice([*THREATS]), required=True, help="What the message is.")
@click.option("--note", default="", help="Why.")
@no_wait
@click.pass_obj
def confirm(session: Session, report_id: str, threat: str, note: str, no_wait: bool) -> None:
    """Say that a reported message is bad, and look into its copies.

    ID is that of the report (sub-...). The message's copies, and those that differ in their recipient alone,
    become a cluster; what is planned for them waits for an approval unless the policy says otherwise. Spam
    is suspicious only: nothing is planned for it.
    """
    from clawback.engine import report_commands

    with session.app() as app:
        one = report_commands.confirm(app.parts, report_id, THREATS[threat], session.actor, note=note)
        if not no_wait:
            finish(app)
        with app.store.read() as unit:
            original = unit.messages.get(one.message_id)
            click.echo(f"report {one.id}: confirmed as {threat}")
            show_investigation(unit.investigations.get(one.investigation_id))
    show_carried(original)


@reports.command()
@click.argument("report_id", metavar="ID")
@click.option("--note", default="", help="Why.")
@no_wait
@click.pass_obj
def dismiss(session: Session, report_id: str, note: str, no_wait: bool) -> None:
    """Say that a reported message is no threat, and close the report.

    ID is that of the report (sub-...). A confirmation is taken back: what waits because of it is cancelled,
    and what was removed because of it alone comes back.
    """
    from clawback.engine import report_commands

    with session.app() as app:
        one = report_commands.dismiss(app.parts, report_id, session.actor, note=note)
        if not no_wait:
            finish(app)
    click.echo(f"report {one.id}: {_result(one)}")


@reports.command()
@click.argument("file", metavar="FILE", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option(
    "--as", "reported_as", type=click.Choice([r.value for r in ReportedAs]), required=True, help="What."
)
@click.option("--reporter", default="", metavar="ADDRESS", help="Who reported it (default: you).")
@no_wait
@click.pass_obj
def submit(session: Session, file: Path, reported_as: str, reporter: str, no_wait: bool) -> None:
    """Report a message from a FILE: the message itself, or a report that holds it."""
    from clawback.engine import report_commands

    with session.app() as app:
        with file.open("rb") as content:
            raw = content.read(MAX_MESSAGE + 1)
        one = report_commands.submit(app.parts, raw, ReportedAs(reported_as), reporter, session.actor)
        if not no_wait:
            finish(app)
        with app.store.read() as unit:
            (row,) = _rows(unit, (unit.submissions.get(one.id),))
    click.echo(format_list([_facts(row, None)], width_of(sys.stdout)), nl=False)
