"""Partial approval: a plan becomes two, nothing is lost or doubled, and each seal holds."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.response.builders import NOW, cluster, delivery

from clawback.errors import BadParameter, Forbidden, NotFound
from clawback.message.delivery import DeliveryLocation
from clawback.response.deciding import check_note, check_second, second_person, waits_for
from clawback.response.parting import EVERYTHING, chosen, part
from clawback.response.plan import ActionKind, Approval, Deed, Plan
from clawback.response.planning import Ground, plan, remediation_of, seal_of
from clawback.response.policy import Policy

MAILBOXES = ("ann@example.org", "Ben@example.org", "cat@example.org")


def made(owners: list[int], gone: list[int] | None = None) -> Plan:
    """One copy for each owner named; those numbered in `gone` are in no mailbox any more."""
    copies = tuple(
        delivery(
            n,
            DeliveryLocation.QUARANTINE if n in (gone or []) else DeliveryLocation.INBOX,
            mailbox=MAILBOXES[owner],
        )
        for n, owner in enumerate(owners)
    )
    folders = {copy.id: "soft_deleted/INBOX" for copy in copies}
    return plan(
        "inv-1",
        cluster(*copies),
        Ground(copies, folders),
        action=ActionKind.SOFT_DELETE,
        policy=Policy(),
        now=NOW,
    )


def content(deed: Deed) -> Deed:
    return replace(deed, seq=0)


names = st.lists(st.sampled_from(["ann@example.org", "BEN@example.org", "cat@example.org"]), max_size=2)


@given(
    owners=st.lists(st.integers(0, 2), min_size=1, max_size=12),
    gone=st.lists(st.integers(0, 11), max_size=3),
    mailboxes=names,
    but=names,
    messages=st.lists(st.integers(0, 11).map(lambda n: f"msg-{n:04d}"), max_size=3),
)
def test_nothing_is_lost_or_doubled_and_seals_hold(
    owners: list[int], gone: list[int], mailboxes: list[str], but: list[str], messages: list[str]
) -> None:
    whole = made(owners, gone)
    choice = chosen(mailboxes, messages, but)
    try:
        mine, rest = part(whole, choice)
    except (NotFound, BadParameter):
        wanted = [deed for deed in whole.deeds if choice.has(deed)]
        known = {d.handle.mailbox.lower() for d in whole.deeds} | {d.message_id for d in whole.deeds}
        named = choice.mailboxes | choice.but_mailboxes | choice.messages
        assert not wanted or not named <= known
        return
    parts = [mine] if rest is None else [mine, rest]
    deeds = [content(deed) for one in parts for deed in one.deeds]
    assert sorted(deeds, key=lambda d: d.delivery_id) == sorted(
        map(content, whole.deeds), key=lambda d: d.delivery_id
    )
    assert [s for one in parts for s in one.skips] == list(whole.skips)
    assert all(choice.has(deed) for deed in mine.deeds)
    assert not any(choice.has(deed) for deed in (rest.deeds if rest else ()))
    for one in parts:
        assert seal_of(one) == one.hash
        assert [deed.seq for deed in one.deeds] == list(range(len(one.deeds)))
        assert (one.made_at, one.expires_at, one.key) == (whole.made_at, whole.expires_at, whole.key)
    assert len({whole.id, *(one.id for one in parts)}) == (1 if rest is None else 3)


def test_what_is_not_in_the_plan_cannot_be_chosen() -> None:
    whole = made([0, 1])
    for choice in (
        chosen(["eve@example.org"]),
        chosen((), ["msg-9999"]),
        chosen((), (), ["eve@example.org"]),
    ):
        with pytest.raises(NotFound):
            part(whole, choice)
    with pytest.raises(BadParameter, match="no copy"):
        part(whole, chosen((), (), MAILBOXES[:2]))
    assert part(whole, EVERYTHING) == (whole, None)
    assert part(whole, chosen(MAILBOXES[:2])) == (whole, None)


@pytest.mark.parametrize(
    ("policy", "says"),
    [
        (Policy(), ""),
        (Policy(two_step_copies=4), ""),
        (Policy(two_step_copies=3), "3 copies need a second person (from 3)"),
        (Policy(two_step_mailboxes=2), "2 mailboxes need a second person (from 2)"),
        (Policy(two_step_mailboxes=3), ""),
    ],
)
def test_a_large_plan_takes_two_persons(policy: Policy, says: str) -> None:
    assert second_person(made([0, 0, 1]), policy) == says
    assert second_person(replace(made([0, 0, 1]), kind=ActionKind.RESTORE), policy) == ""


def test_the_second_person_is_another_one() -> None:
    waiting = remediation_of(made([0]))
    assert waits_for(waiting) == "waits for approval"
    check_second(waiting, "ann")
    proposed = replace(waiting, first=Approval(waiting.plan_hash, "ann", NOW))
    assert waits_for(proposed) == "proposed by ann, waits for a second person"
    with pytest.raises(Forbidden, match="second person"):
        check_second(proposed, "Ann")
    check_second(proposed, "ben")


def test_a_reason_is_wanted_where_the_policy_says_so() -> None:
    check_note(Policy(), "")
    check_note(Policy(justify=True), "a phish")
    with pytest.raises(BadParameter, match="--note"):
        check_note(Policy(justify=True), " ")
