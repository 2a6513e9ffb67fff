"""``/api/automation``: what may run by itself."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec
from litestar import get, patch
from litestar.params import RawBody

from clawback.engine import commands
from clawback.errors import BadParameter
from clawback.response.policy import Policy
from clawback.response.policy_bounds import checked
from clawback.web.answers import Answer, check_tag, tag_of
from clawback.web.given import GivenParts
from clawback.web.indicators import IfMatch
from clawback.web.orders import GivenOrder


@get("/api/automation", sync_to_thread=True, summary="Show the policy in force")
def automation(parts: GivenParts) -> Answer[Policy]:
    """With its ETag, which a change must send back."""
    policy = commands.policy(parts)
    return Answer(policy, headers={"ETag": tag_of(policy)})


@patch("/api/automation", sync_to_thread=True, summary="Change the policy")
def change_automation(body: RawBody, order: GivenOrder, if_match: IfMatch) -> Answer[Policy]:
    """The body has the settings to change; the others stay. Plans that wait keep waiting for a person.

    Refused when somebody else changed the policy in between.
    """

    def work() -> Policy:
        before = commands.policy(order.parts)
        check_tag(if_match, before)
        return commands.set_policy(order.parts, checked(_changed(before, body)), order.actor, was=before)

    return order.once(work)


def _changed(before: Policy, body: bytes) -> Policy:
    try:
        given = msgspec.json.decode(body, type=dict[str, Any])
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise BadParameter(f"the settings cannot be read: {error}") from None
    return changed(before, given)


def changed(before: Policy, given: Mapping[str, Any]) -> Policy:
    """The policy with these settings; raises BadParameter for one that it has not, or that makes no sense."""
    try:
        plain = msgspec.to_builtins(before)
        if unknown := sorted(set(given) - set(plain)):
            raise BadParameter(f"the policy has no setting {unknown[0]!r:.80}")
        return msgspec.convert({**plain, **given}, Policy)
    except msgspec.MsgspecError as error:
        raise BadParameter(f"the settings cannot be read: {error}") from None


HANDLERS: tuple[Any, ...] = (automation, change_automation)
