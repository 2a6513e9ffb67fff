"""Policies: what runs by itself, its limits, what is left out, and the brake."""

from __future__ import annotations

from dataclasses import replace
from http import HTTPStatus
from typing import Any

from litestar.params import FromPath, URLEncodedBody
from litestar.response import Redirect, Template

from clawback.engine import brake, commands
from clawback.errors import BadParameter, ChangedMeanwhile
from clawback.response.brake import HOUR
from clawback.response.policy import Policy
from clawback.web.answers import tag_of
from clawback.web.given import GivenParts
from clawback.web.portal.forms import NoteForm, Word
from clawback.web.portal.frame import GivenPage, Page, form_at, page_at
from clawback.web.portal.policy_form import PolicyForm, differences, sent_back

HERE = "/policies"
TABS = (("Policy", HERE, None), ("Backtests", f"{HERE}/backtests", None))


@page_at(HERE)
def shown(page: GivenPage, parts: GivenParts, setting: Word = "") -> Template:
    """The policy in force, as a form for whoever may change it; or filled with a backtest's `setting`."""
    now = commands.policy(parts)
    if not setting:
        return _shown(page, now, now)
    with parts.store.read() as unit:
        tried = unit.backtests.get(setting)
    return _shown(page, replace(tried.policy, shadow=now.shadow), now, tried=tried.id)


def _shown(page: Page, policy: Policy, now: Policy, *, tried: str = "", clash: bool = False) -> Template:
    """The form with a policy that is in force, was tried, or clashes with what somebody else has saved."""
    with page.parts.store.read() as unit:
        at = page.parts.now()
        breaker, outcomes = brake.breaker_of(unit), brake.outcomes_of(unit, at)
        hour = unit.brake.approved_since(at - HOUR)
    return page.show(
        "policies.html",
        "Policies",
        HERE,
        tabs=TABS,
        policy=now,
        form=PolicyForm(policy, now),
        tag=tag_of(now),
        tried=tried,
        clash=clash,
        differences=differences(policy, now),
        breaker=breaker,
        outcomes=outcomes,
        hour=hour,
    )


@form_at(HERE)
def change(page: GivenPage, parts: GivenParts, data: URLEncodedBody[dict[str, Any]]) -> Redirect | Template:
    """Put the policy of the form in force; shows it beside what somebody else has saved in between."""
    actor = page.ordered(str(data.get("csrf", "")))
    before = commands.policy(parts)
    after = replace(sent_back(before, data), shadow="shadow" in data, justify="justify" in data)
    try:
        if data.get("tag") != tag_of(before):
            raise ChangedMeanwhile("somebody else changed the policy in between")
        commands.set_policy(parts, after, actor, was=before)
    except ChangedMeanwhile:
        clashing = _shown(page, after, commands.policy(parts), clash=True)
        clashing.status_code = HTTPStatus.PRECONDITION_FAILED
        return clashing
    return page.done(HERE, "saved")


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
