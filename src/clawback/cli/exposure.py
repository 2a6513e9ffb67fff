"""The exposure clock as people read it: how long copies could be opened, and what was done with them."""

from __future__ import annotations

import sys
from datetime import datetime, timedelta

import click

from clawback.cli.formatting import format_list
from clawback.cli.options import Moment, as_json
from clawback.cli.session import Session
from clawback.cli.tables import Column, emit, to_json, width_of
from clawback.response.exposure import Exposed, Exposure
from clawback.response.plan import Remediation, RemediationStatus

DAYS = 30
"""How far back the account of all goes unless told otherwise."""
_RAN = frozenset({RemediationStatus.COMPLETED, RemediationStatus.FAILED, RemediationStatus.RUNNING})
ACTIONS = (
    Column("Action", lambda r: r[0].id, whole=True),
    Column("Copies", lambda r: r[1].copies, whole=True),
    Column("Minutes", lambda r: r[1].minutes, whole=True),
    Column("Median", lambda r: _or_none(r[1].median_minutes), whole=True, spare=2),
    Column("Unread", lambda r: _share(r[1]), whole=True),
    Column("Clicked", lambda r: r[1].clicked, whole=True, spare=1),
    Column("To decide", lambda r: _or_none(_decided(r[1])), whole=True, spare=3),
    Column("Entity", lambda r: r[0].key.value, spare=4),
)
COPIES = (
    Column("Mailbox", lambda c: c.mailbox),
    Column("Delivered", lambda c: c.delivered, whole=True),
    Column("Read", lambda c: c.marks.read or "", whole=True),
    Column("Answered", lambda c: c.marks.answered or "", whole=True, spare=2),
    Column("Forwarded", lambda c: c.marks.forwarded or "", whole=True, spare=1),
    Column("Clicked", lambda c: c.marks.clicked or "", whole=True, spare=3),
    Column("Removed", lambda c: c.removed or "", whole=True),
    Column("Left", lambda c: c.left or "", whole=True, spare=4),
)


@click.command()
@click.option("--since", type=Moment(), help=f"Removals approved at or after (default: {DAYS} days ago).")
@as_json
@click.pass_obj
def exposure(session: Session, since: datetime | None, as_json: bool) -> None:
    """For how long people could open what was removed, over all removals."""
    from clawback.engine.exposure import exposure_since

    with session.app() as app, app.store.read() as unit:
        now = app.parts.now()
        found = exposure_since(unit, since or now - timedelta(days=DAYS), now)
    _show(found, as_json)


@click.command(name="exposure")
@click.argument("action_id", metavar="ID", required=False)
@as_json
@click.pass_obj
def of_action(session: Session, action_id: str | None, as_json: bool) -> None:
    """For how long people could open an action's copies, and what they did with each; without ID: a table.

    ID is that of the action (rem-...), as `clawback actions list` shows it.
    """
    from clawback.engine.exposure import exposure_of

    with session.app() as app, app.store.read() as unit:
        now = app.parts.now()
        if action_id is None:
            done, _ = unit.remediations.list(statuses=_RAN, limit=100)
            rows = [(one, exposure_of(unit, one.id, now)[0]) for one in done if not one.undoes]
        else:
            found, copies = exposure_of(unit, action_id, now)
    if action_id is None:
        _list(rows, as_json)
        return
    _show(found, as_json, copies)


def _list(rows: list[tuple[Remediation, Exposure]], as_json: bool) -> None:
    if as_json:
        plain = [{"action_id": action.id, **exposure_record(exposure)} for action, exposure in rows]
        click.echo(to_json(plain), nl=False)
    else:
        emit(rows, ACTIONS, False, nothing="Nothing was removed yet.")


def _show(found: Exposure, as_json: bool, copies: tuple[Exposed, ...] = ()) -> None:
    if as_json:
        whole = {"copies": copies} if copies else {}
        click.echo(to_json({"exposure": exposure_record(found), **whole}), nl=False)
        return
    click.echo(format_list([exposure_facts(found)], width_of(sys.stdout)), nl=False)
    if copies:
        click.echo()
        oldest: list[Exposed] = sorted(copies, key=lambda copy: (copy.delivered, copy.mailbox))
        emit(oldest, COPIES, False)


def exposure_record(found: Exposure) -> dict[str, object]:
    """The account of an exposure as data; times in seconds."""
    plain = {name: getattr(found, name) for name in found.__dataclass_fields__}
    seconds = {
        name: value.total_seconds() if isinstance(value, timedelta) else value
        for name, value in plain.items()
    }
    return {
        (f"{name}_seconds" if name.startswith("to_") else name): value for name, value in seconds.items()
    } | {"unread_share": found.unread_share}


def exposure_facts(found: Exposure) -> dict[str, object]:
    """The account of an exposure, as lines for people."""
    done = ("read", "answered", "forwarded", "clicked")
    ends = f"removed {found.removed} + left {found.left} + still there {found.there}"
    return {
        "Exposed copies": f"{found.copies} = {ends}",
        "Exposed for": f"{found.minutes:,.1f} minutes in all, {_or_none(found.median_minutes)} at the median",
        "Removed unread": f"{found.removed_unread} of {found.removed} ({_share(found)})",
        "Before it went": ", ".join(f"{name} {getattr(found, name)}" for name in done),
        "Sent by its owner": found.written,
        "To detect": _or_none(found.to_detect),
        "To decide, by itself": _or_none(found.to_decide_by_itself),
        "To decide, by people": _or_none(found.to_decide_by_people),
        "To act": _or_none(found.to_act),
    }


def _decided(found: Exposure) -> timedelta | None:
    return found.to_decide_by_people or found.to_decide_by_itself


def _share(found: Exposure) -> str:
    return "none" if found.unread_share is None else f"{found.unread_share:.0%}"


def _or_none(value: object) -> object:
    return "none" if value is None else value
