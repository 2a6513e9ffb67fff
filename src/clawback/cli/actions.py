"""`clawback actions`: the action center."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

import click

from clawback.cli.brake import weighed_facts
from clawback.cli.columns import REMEDIATIONS
from clawback.cli.exposure import exposure_facts, exposure_record, of_action
from clawback.cli.formatting import format_list
from clawback.cli.options import as_json, more, no_wait, page
from clawback.cli.outcome import show_remediation
from clawback.cli.session import Session, finish
from clawback.cli.tables import Column, emit, to_json, width_of
from clawback.response import defender
from clawback.response.deciding import waits_for
from clawback.response.outcomes import ClassCount, told_undos
from clawback.response.parting import chosen
from clawback.response.plan import Deed, Outcome, Receipt, Remediation, RemediationStatus
from clawback.response.records import account, comment_of
from clawback.response.standing import StandingOrder

RESULTS = (
    Column("Mailbox", lambda r: r[0].handle.mailbox),
    Column("From", lambda r: r[0].handle.folder),
    Column("Result", lambda r: defender.result(r[1])),
    Column("Now in", lambda r: r[1].after.folder if r[1].after else ""),
    Column("Because", lambda r: r[1].reason, wrap=True),
)
DEEDS = (
    Column("Planned for", lambda d: d.handle.mailbox),
    Column("From", lambda d: d.handle.folder),
    Column("To", lambda d: d.folder or "nowhere, for good"),
    Column("Message", lambda d: d.message_id, whole=True, spare=1),
)
SKIPS = (
    Column("Mailbox", lambda s: s.mailbox),
    Column("Place", lambda s: defender.LOCATION[s.location]),
    Column("Left alone because", lambda s: s.reason, wrap=True),
)

CLOCKED = 20_000
"""Copies up to which an action is shown with its exposure; `clawback actions exposure` has that of all."""


@click.group()
def actions() -> None:
    """The action center: what waits for a decision, what was done, what can be undone."""


@actions.command(name="list")
@click.option("--pending", is_flag=True, help="Only what waits for a decision.")
@click.option("--shadow", is_flag=True, help="Only what would have run by itself, but for shadow mode.")
@page
@as_json
@click.pass_obj
def list_(session: Session, pending: bool, shadow: bool, limit: int, cursor: str, as_json: bool) -> None:
    """List actions, newest first: pending and history."""
    from clawback.engine import commands

    statuses = frozenset({RemediationStatus.PENDING}) if pending else None
    with session.app() as app:
        warned = app.parts.now() + commands.policy(app.parts).warning
        with app.store.read() as unit:
            rows, after = unit.remediations.list(statuses=statuses, limit=limit, cursor=cursor)
            mine = unit.brake.in_shadow([row.id for row in rows]) if shadow else set()
    rows = tuple(row for row in rows if row.id in mine) if shadow else rows
    emit(rows, REMEDIATIONS, as_json, nothing="The action center is empty.")
    more(after)
    for action in rows:
        if action.status is RemediationStatus.PENDING and action.expires_at <= warned:
            expires = f"{action.expires_at:%Y-%m-%d %H:%M} UTC"
            click.echo(f"{action.id} expires on {expires}: nobody has decided", err=True)


@actions.command()
@click.argument("action_id", metavar="ID")
@as_json
@click.pass_obj
def show(session: Session, action_id: str, as_json: bool) -> None:
    """One action: its account, and what is planned for every copy, or what became of it.

    ID is that of the action (rem-...), as `clawback actions list` shows it.
    """
    from clawback.engine.exposure import exposure_of
    from clawback.engine.undoing import undos_of

    with session.app() as app, app.store.read() as unit:
        remediation = unit.remediations.get(action_id)
        results = tuple(unit.remediations.results(action_id))
        skips = unit.remediations.left_alone(action_id)
        plan = unit.remediations.plan(action_id)
        order = unit.standing.of_remediation(action_id)
        weighed = unit.brake.get(action_id)
        braked = weighed_facts(unit, remediation, weighed)
        clocked = not remediation.undoes and remediation.tally.found <= CLOCKED
        exposed = exposure_of(unit, action_id, app.parts.now())[0] if clocked else None
        classes = unit.results.classes(action_id)
        undos = told_undos(remediation, undos_of(unit, remediation))
    if as_json:
        plain = {"action": remediation, "results": [_plain(*r) for r in results], "skips": skips}
        plain |= {"planned": () if results else plan.deeds, "armed_until": order.until if order else None}
        plain |= {"exposure": exposure_record(exposed) if exposed else None, "brake": weighed}
        plain |= {"classes": classes, "undos": undos}
        click.echo(to_json(plain), nl=False)
        return
    known = (
        _facts(remediation)
        | _classed(classes, undos)
        | braked
        | armed_until(order)
        | (exposure_facts(exposed) if exposed else {})
    )
    click.echo(format_list([known], width_of(sys.stdout)))
    if results:
        bad_first = sorted(results, key=lambda r: (r[1].outcome is Outcome.REMOVED, r[0].handle.mailbox))
        emit(bad_first, RESULTS, False)
    elif plan.deeds:
        emit(plan.deeds, DEEDS, False)
    if skips:
        click.echo()
        emit(skips, SKIPS, False)


def _facts(done: Remediation) -> dict[str, object]:
    """What a person wants to know before approving, and afterwards."""
    facts: dict[str, object] = {
        "Action": f"{done.id} {defender.ACTION[done.kind]}",
        "Status": defender.ACTION_STATUS[done.status],
        "Entity": done.key.value,
        "Investigation": done.investigation_id,
        "Cluster": done.cluster_id,
        "Account": account(done),
        **({"Came late": f"{done.late} of them"} if done.late else {}),
        **({"Late copies of": done.follows} if done.follows and not done.rest else {}),
        "Planned": done.made_at,
        "Plan hash": done.plan_hash,
    }
    if done.status is RemediationStatus.PENDING:
        return facts | _waiting(done)
    note = comment_of(done)
    later = {"Decided": done.decided_at, "Decided by": done.decided_by, "Note": note, "Ended": done.ended_at}
    first = done.first.by if done.first else ""
    later |= {"Proposed by": first, "Part of": done.part_of}
    later |= {"Undoes": done.undoes, "Undone by": done.undone_by}
    return facts | {name: value for name, value in later.items() if value}


def _classed(classes: Sequence[ClassCount], undos: Sequence[str]) -> dict[str, object]:
    """Failures by cause, what was left alone by reason, and what undos put back, in whole or in part."""
    facts: dict[str, object] = {}
    for name, outcome in (("Failed because", Outcome.FAILED), ("Left alone because", Outcome.SKIPPED)):
        told = [f"{row.copies:,} {_why(row)}" for row in classes if row.outcome is outcome]
        facts |= {name: ", ".join(told)} if told else {}
    return facts | ({"Put back": list(undos)} if undos else {})


def _why(row: ClassCount) -> str:
    return row.cause.value.replace("_", " ") if row.cause else row.reason


def _waiting(action: Remediation) -> dict[str, object]:
    """How a pending action stands: whom it waits for, and what has become of its copies since it was made."""
    seen = action.refreshed
    then = f"{action.tally.open} in mailboxes when it was planned"
    now = f", {seen.places.in_mailbox} now, {seen.beside} more beside it" if seen else ""
    return {
        "Waits for": waits_for(action),
        **({"Proposed because": action.first.note} if action.first and action.first.note else {}),
        **({"Part of": action.part_of} if action.part_of else {}),
        "Copies": then + now,
        "Looked at": seen.at if seen else "not since it was planned",
        "Expires": action.expires_at,
        "Approve with": f"clawback actions approve {action.id}",
    }


def armed_until(order: StandingOrder | None) -> dict[str, object]:
    """Until when late copies are taken out on sight, and how to end it."""
    if order is None:
        return {}
    return {"Armed until": order.until, "Disarm with": f"clawback actions disarm {order.remediation_id}"}


def _plain(deed: Deed, receipt: Receipt) -> dict[str, object]:
    return {"mailbox": deed.handle.mailbox, "message_id": deed.message_id, "receipt": receipt}


@actions.command()
@click.argument("action_ids", metavar="ID...", nargs=-1, required=True)
@click.option("--plan-hash", help="Approve only if the plan still has this hash (one ID).")
@click.option("--mailbox", "mailboxes", multiple=True, help="Only the copies in this mailbox (one ID).")
@click.option("--message", "messages", multiple=True, help="Only the copies of this message (one ID).")
@click.option("--except-mailbox", "but", multiple=True, help="Not the copies in this mailbox (one ID).")
@click.option("--note", default="", help="Why.")
@no_wait
@click.pass_obj
def approve(
    session: Session,
    /,
    action_ids: tuple[str, ...],
    plan_hash: str | None,
    mailboxes: tuple[str, ...],
    messages: tuple[str, ...],
    but: tuple[str, ...],
    note: str,
    no_wait: bool,
) -> None:
    """Let pending actions run, or some of their copies.

    Each ID is that of an action (rem-...). What is approved is the plan as it stands now. Of a part, the
    rest becomes an action of its own, which waits. Where the policy wants two persons, the first approval is
    kept and the action waits for somebody else.

    \b
    Examples:
      clawback actions approve rem-0123456789abcdef0123
      clawback actions approve rem-0123456789abcdef0123 --plan-hash 5f70... --note "seen by Ann"
      clawback actions approve rem-0123456789abcdef0123 --mailbox ann@example.org
      clawback actions approve rem-0123456789abcdef0123 --except-mailbox ceo@example.org
    """
    from clawback.engine import commands

    only = chosen(mailboxes, messages, but)
    if (plan_hash or not only.all) and len(action_ids) > 1:
        raise click.UsageError("--plan-hash and parts of an action go with one ID")
    with session.app() as app:
        approved = [
            commands.approve(app.parts, action_id, session.actor, plan_hash=plan_hash, note=note, only=only)
            for action_id in action_ids
        ]
        if not no_wait:
            finish(app)
        with app.store.read() as unit:
            for action in approved:
                show_remediation(unit.remediations.get(action.id))


@actions.command()
@click.argument("action_ids", metavar="ID...", nargs=-1)
@click.pass_obj
def refresh(session: Session, action_ids: tuple[str, ...]) -> None:
    """Look again at pending actions: their queries run, their copies are counted where they are now.

    Each ID is that of an action (rem-...); without, all that are pending. `clawback up` does so by itself
    from time to time.
    """
    from clawback.engine.refresh import queue

    pending = frozenset({RemediationStatus.PENDING})
    with session.app() as app:
        with app.store.read() as unit:
            waiting, _ = unit.remediations.list(statuses=pending, limit=10_000)
            ids = [unit.remediations.get(one).id for one in action_ids] or [one.id for one in waiting]
        queue(app.parts, ids)
        finish(app)
        with app.store.read() as unit:
            for action_id in ids:
                show_remediation(unit.remediations.get(action_id))
    if not ids:
        click.echo("Nothing waits for a decision.")


@actions.command()
@click.argument("path", metavar="PATH", type=click.Path(path_type=Path, dir_okay=False))
@click.option("--history", is_flag=True, help="What was decided, instead of what waits.")
@click.pass_obj
def export(session: Session, path: Path, history: bool) -> None:
    """Write what waits for a decision to PATH, a .csv file with Defender's columns."""
    from clawback.engine.center import export_actions

    with session.app() as app:
        rows = export_actions(app.parts, path, history=history)
    click.echo(f"{rows} actions written to {path}")


actions.add_command(of_action)


@actions.command()
@click.argument("action_ids", metavar="ID...", nargs=-1, required=True)
@click.option("--note", default="", help="Why.")
@click.pass_obj
def reject(session: Session, action_ids: tuple[str, ...], note: str) -> None:
    """Say no to pending actions; nothing is touched.

    Each ID is that of an action (rem-...).
    """
    from clawback.engine import commands

    with session.app() as app:
        for action_id in action_ids:
            show_remediation(commands.reject(app.parts, action_id, session.actor, note=note))


@actions.command()
@click.argument("action_id", metavar="ID")
@click.option("--note", default="", help="Why.")
@no_wait
@click.pass_obj
def undo(session: Session, action_id: str, note: str, no_wait: bool) -> None:
    """Put every copy back: same folder, name, flags, keywords, time and bytes.

    ID is that of the action (rem-...) whose copies shall come back, those that came late with them. No
    more late copies are taken out.
    """
    from clawback.engine import commands

    with session.app() as app:
        back = commands.undo(app.parts, action_id, session.actor, note=note)
        if not no_wait:
            finish(app)
        with app.store.read() as unit:
            show_remediation(unit.remediations.get(back.id))


@actions.command()
@click.argument("action_id", metavar="ID")
@click.option("--note", default="", help="Why.")
@click.pass_obj
def disarm(session: Session, action_id: str, note: str) -> None:
    """Leave late copies alone from now on; what was removed stays removed.

    ID is that of an action (rem-...) whose cluster is armed, as `clawback actions show` says.
    """
    from clawback.engine import commands

    with session.app() as app:
        order = commands.disarm(app.parts, action_id, session.actor, note=note)
    click.echo(f"late copies of {order.remediation_id} are left alone from now on")


@actions.command()
@click.argument("cluster_id", metavar="ID")
@click.option("--message", "messages", multiple=True, metavar="MESSAGE", help="Only this message (msg-...).")
@no_wait
@click.pass_obj
def propose(session: Session, cluster_id: str, messages: tuple[str, ...], no_wait: bool) -> None:
    """Plan the removal of what moved on from a cluster and does not carry what it is about.

    ID is that of the cluster (clu-...); `clawback clusters show` lists what is offered. The plan waits for
    an approval like any other.
    """
    from clawback.engine import commands

    with session.app() as app:
        chosen = commands.take_up(app.parts, cluster_id, messages, session.actor)
        if no_wait:
            click.echo(f"{len(chosen)} messages will be planned for")
            return
        finish(app)
        with app.store.read() as unit:
            found = unit.remediations.of_cluster(cluster_id)
    waiting = [action for action in found if action.status is RemediationStatus.PENDING]
    for action in waiting:
        show_remediation(action)
        click.echo(f"  approve with: clawback actions approve {action.id}")
    if not waiting:
        click.echo("nothing is left in a mailbox that is not in a plan already")
