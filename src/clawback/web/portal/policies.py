"""Policies: what runs by itself, its limits, what is left out, and the brake."""

from __future__ import annotations

from dataclasses import fields, replace
from datetime import timedelta
from typing import Any

from litestar.params import FromPath, URLEncodedBody
from litestar.response import Redirect, Template

from clawback.analysis.clusters import ClusterKind
from clawback.engine import brake, commands
from clawback.errors import BadParameter
from clawback.response.brake import HOUR
from clawback.response.policy import Policy
from clawback.response.policy_bounds import BOUNDS, NAMES, checked
from clawback.web.answers import tag_of
from clawback.web.given import GivenParts
from clawback.web.portal.forms import NoteForm
from clawback.web.portal.frame import GivenPage, form_at, page_at

HERE = "/policies"
_UNITS = {"expiry": "days", "armed": "days", "warning": "days", "canary_wait": "minutes"}
_DAY, _MINUTE = timedelta(days=1), timedelta(minutes=1)
GROUPS: tuple[tuple[str, tuple[tuple[str, str], ...]], ...] = (
    (
        "Limits",
        (
            ("limit", "Plans over so many copies always wait"),
            ("collateral", "Plans with more probably legitimate copies wait"),
            ("copies_per_hour", "Copies that automation takes out in an hour at most"),
            ("canary", "Copies that go before all others"),
            ("canary_wait", "The others wait so many minutes when anything legitimate may be among them"),
            ("breaker", "Share of a day's copies that, once undone, stops all automation (0 to 1)"),
        ),
    ),
    (
        "People",
        (
            ("two_step_copies", "Plans of so many copies need a second person (0: never)"),
            ("two_step_mailboxes", "Plans in so many mailboxes need a second person (0: never)"),
            ("expiry", "Pending plans expire after days"),
            ("warning", "They warn so many days before"),
            ("armed", "Late copies are taken out for days after a removal (0: not at all)"),
        ),
    ),
    (
        "Clusters and work",
        (
            ("handful", "More malicious members than this make a similar cluster malicious"),
            ("likeness", "Bodies are similar from this value on (0.3 to 1)"),
            ("investigations_per_hour", "More investigations that start by themselves are queued"),
            ("clusters_limit", "Clusters in one investigation at most"),
            ("members_limit", "Messages in one cluster at most"),
        ),
    ),
)
LISTS: tuple[tuple[str, str], ...] = (
    ("excluded_mailboxes", "Mailboxes that are never touched"),
    ("secops_mailboxes", "Mailboxes of the security team"),
    ("simulation_senders", "Senders of phishing simulations (addresses or domains)"),
    ("simulation_urls", "URLs of phishing simulations (prefixes or hosts)"),
)


@page_at(HERE)
def shown(page: GivenPage, parts: GivenParts) -> Template:
    """The policy in force, as a form for whoever may change it."""
    policy = commands.policy(parts)
    with parts.store.read() as unit:
        now = parts.now()
        breaker, outcomes = brake.breaker_of(unit), brake.outcomes_of(unit, now)
        hour = unit.brake.approved_since(now - HOUR)
    return page.show(
        "policies.html",
        "Policies",
        HERE,
        policy=policy,
        kinds=tuple(ClusterKind),
        groups=[(title, [_row(policy, *row) for row in rows]) for title, rows in GROUPS],
        lists=[(name, title, "\n".join(sorted(getattr(policy, name)))) for name, title in LISTS],
        tag=tag_of(policy),
        breaker=breaker,
        outcomes=outcomes,
        hour=hour,
    )


def _row(policy: Policy, name: str, title: str) -> tuple[str, str, str]:
    value = getattr(policy, name)
    if isinstance(value, timedelta):
        value = value / (_MINUTE if _UNITS[name] == "minutes" else _DAY)
    return name, title, f"{value:g}" if isinstance(value, float) else str(value)


@form_at(HERE)
def change(page: GivenPage, parts: GivenParts, data: URLEncodedBody[dict[str, Any]]) -> Redirect:
    """Put the policy of the form in force, unless somebody changed it in between."""
    actor = page.ordered(str(data.get("csrf", "")))
    before = commands.policy(parts)
    if data.get("tag") != tag_of(before):
        raise BadParameter("somebody else changed the policy since you looked at it; look again, then save")
    chosen = data.get("automatic", ())
    kinds = {chosen} if isinstance(chosen, str) else set(chosen)
    given: dict[str, Any] = {name: _given(name, str(data.get(name, ""))) for name in BOUNDS}
    given |= {name: frozenset(str(data.get(name, "")).lower().split()) for name in NAMES}
    given |= {"shadow": "shadow" in data, "justify": "justify" in data}
    given["automatic"] = frozenset(kind for kind in ClusterKind if kind.value in kinds)
    after = replace(before, **given)
    commands.set_policy(parts, checked(after), actor, was=before)
    return page.done(HERE, "saved")


def _given(name: str, text: str) -> Any:
    try:
        value = float(text)
    except ValueError:
        raise BadParameter(f"{name} is a number, not {text!r:.40}") from None
    if name in _UNITS:
        if not 0 <= value <= 100_000:
            raise BadParameter(f"{name} is out of its bounds")
        return value * (_MINUTE if _UNITS[name] == "minutes" else _DAY)
    kind = next(field.type for field in fields(Policy) if field.name == name)
    if kind == "int" and not value.is_integer():
        raise BadParameter(f"{name} is a whole number, not {text!r:.40}")
    return int(value) if kind == "int" else value


@form_at(HERE + "/breaker/{turn:str}")
def switch(
    turn: FromPath[str], page: GivenPage, parts: GivenParts, data: URLEncodedBody[NoteForm]
) -> Redirect:
    """Open or close the breaker by hand."""
    actor = page.ordered(data.csrf)
    if turn not in ("open", "close"):
        raise BadParameter("the breaker can be opened and closed")
    if turn == "close":
        brake.close_breaker(parts, actor, note=data.note)
        return page.done(HERE, "closed")
    brake.open_breaker(parts, actor, note=data.note)
    return page.done(HERE, "opened")


HANDLERS: tuple[Any, ...] = (shown, change, switch)
