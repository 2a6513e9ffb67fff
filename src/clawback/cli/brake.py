"""`clawback brake`: what keeps automation from doing harm, how it stands, and the switch that stops it."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

import click

from clawback.cli.formatting import format_list
from clawback.cli.options import as_json
from clawback.cli.session import Session
from clawback.cli.tables import to_json, width_of
from clawback.response.collateral import WORDS, described
from clawback.response.plan import Remediation, RemediationStatus

if TYPE_CHECKING:
    from clawback.engine.parts import Parts
    from clawback.response.brake import Breaker
    from clawback.store import Unit
    from clawback.store.brake import Weighed


@click.group()
def brake() -> None:
    """What holds automation back: legitimate mail, popular keys, the rate, and a breaker that stops all."""


@brake.command()
@as_json
@click.pass_obj
def show(session: Session, as_json: bool) -> None:
    """How the brake stands: the breaker, what automation did lately, and what became of it."""
    with session.app() as app:
        plain = standing(app.parts)
    if as_json:
        click.echo(to_json(plain), nl=False)
        return
    shown: Mapping[str, object] = {
        "Breaker": breaker_line(plain["breaker"]),
        "Copies in the last hour": f"{plain['hour']:,} of {plain['copies_per_hour']:,}",
        "Copies that count": f"{plain['taken']:,} since {plain['since']:%Y-%m-%d %H:%M} UTC",
        "Of these undone": f"{plain['undone']:,}",
        "Of these brought back": f"{plain['returned']:,}",
        "Share that is back": f"{plain['share']:.1%}; the breaker opens over {plain['breaker_share']:.1%}",
        "History of mail": "complete" if plain["complete"] else "is still being filled in",
        "Warning lists": plain["warning_lists"],
    }
    click.echo(format_list([shown], width_of(sys.stdout)), nl=False)


@brake.command(name="open")
@click.option("--note", default="", help="Why.")
@as_json
@click.pass_obj
def open_(session: Session, note: str, as_json: bool) -> None:
    """Let nothing run by itself from now on; what is under way stops.

    People's approvals go on as before, and so do late copies of what people approved.
    """
    from clawback.engine.brake import open_breaker

    with session.app() as app:
        done = open_breaker(app.parts, session.actor, note=note)
    click.echo(to_json(done) if as_json else breaker_line(done), nl=not as_json)


@brake.command()
@click.option("--note", default="", help="Why.")
@as_json
@click.pass_obj
def close(session: Session, note: str, as_json: bool) -> None:
    """Let automation go on. Plans that wait keep waiting; what was undone until now counts no more."""
    from clawback.engine.brake import close_breaker

    with session.app() as app:
        done = close_breaker(app.parts, session.actor, note=note)
    click.echo(to_json(done) if as_json else breaker_line(done), nl=not as_json)


def standing(parts: Parts) -> dict[str, Any]:
    """How the brake stands, as data."""
    from clawback.engine.brake import breaker_of, outcomes_of
    from clawback.engine.policies import policy_of
    from clawback.response.brake import HOUR, window
    from clawback.store.history import is_complete

    now = parts.now()
    with parts.store.read() as unit:
        policy, breaker, outcomes = policy_of(unit), breaker_of(unit), outcomes_of(unit, now)
        return {
            "breaker": breaker,
            "hour": unit.brake.approved_since(now - HOUR),
            "copies_per_hour": policy.copies_per_hour,
            "since": window(breaker, now),
            "taken": outcomes.taken,
            "undone": outcomes.undone,
            "returned": outcomes.returned,
            "share": outcomes.share,
            "breaker_share": policy.breaker,
            "complete": is_complete(unit),
            "warning_lists": parts.warnings.describe(),
        }


def breaker_now(parts: Parts) -> Breaker:
    """The breaker as it is now."""
    from clawback.engine.brake import breaker_of

    with parts.store.read() as unit:
        return breaker_of(unit)


def breaker_line(breaker: Breaker) -> str:
    """The breaker in one line."""
    since = _since(breaker.changed_at)
    if breaker.open:
        why = f"{breaker.by}: {breaker.reason}"
        return f"open{since} ({why}): nothing runs by itself; clawback brake close lets it go on"
    return f"closed{since}" + (f" (by {breaker.by})" if breaker.by else "")


def _since(at: datetime | None) -> str:
    return f" since {at:%Y-%m-%d %H:%M} UTC" if at else ""


def weighed_facts(unit: Unit, action: Remediation, weighed: Weighed | None) -> dict[str, object]:
    """What the brake found about an action, and why it waits, for people."""
    if weighed is None:
        return {}
    facts: dict[str, object] = {"Legitimate mail": described(weighed.estimate)}
    if weighed.estimate.popular:
        facts["Popular"] = weighed.estimate.popular
    if weighed.estimate.examples:
        facts["Such as"] = [
            f"{one.sender} to {one.mailbox}, {' and '.join(WORDS[why] for why in one.reasons)}"
            for one in weighed.estimate.examples
        ]
    return facts | _parts(unit, action, weighed)


def _parts(unit: Unit, action: Remediation, weighed: Weighed) -> dict[str, object]:
    facts: dict[str, object] = {}
    if action.rest:
        facts["Goes after"] = action.follows
    if weighed.rest:
        rest = unit.remediations.get(weighed.rest)
        facts["Goes first for"] = f"{rest.id} ({rest.status.value}, {rest.tally.found} copies)"
    if action.status is RemediationStatus.PENDING and weighed.reason:
        facts["Waits because"] = weighed.reason
    return facts
