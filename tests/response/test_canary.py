"""The canary: which copies go first, and what becomes of the others."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.response.builders import NOW, cluster, delivery

from clawback.message.delivery import DeliveryLocation
from clawback.response.canary import Next, Proof, after, canary
from clawback.response.plan import ActionKind, Plan, RemediationStatus, Tally
from clawback.response.planning import Ground, plan, remediation_of, seal_of
from clawback.response.policy import Policy

S = RemediationStatus


def planned(mailboxes: list[int], *, gone: int = 0) -> Plan:
    copies = [delivery(n, mailbox=f"user{m}@example.org") for n, m in enumerate(mailboxes)]
    lost = [delivery(1_000 + n, DeliveryLocation.QUARANTINE) for n in range(gone)]
    folders = {d.id: "soft_deleted/INBOX" for d in copies}
    ground = Ground((*copies, *lost), folders)
    return plan("inv-1", cluster(*copies), ground, action=ActionKind.SOFT_DELETE, policy=Policy(), now=NOW)


@given(
    mailboxes=st.lists(st.integers(0, 6), min_size=1, max_size=40),
    gone=st.integers(0, 3),
    size=st.integers(0, 45),
    likely=st.sets(st.integers(0, 39)),
)
def test_every_copy_is_in_one_of_the_two_plans_and_both_are_sealed(
    mailboxes: list[int], gone: int, size: int, likely: set[int]
) -> None:
    whole = planned(mailboxes, gone=gone)
    head, rest = canary(whole, size, {f"dlv-{n:04d}" for n in likely})
    if rest is None:
        assert head is whole
        assert len(whole.deeds) <= max(1, size)
        return
    assert len(head.deeds) == max(1, size)
    both = [d.delivery_id for d in (*head.deeds, *rest.deeds)]
    assert sorted(both) == sorted(d.delivery_id for d in whole.deeds)
    assert (head.skips, rest.skips) == ((), whole.skips)
    for made in (head, rest):
        assert [d.seq for d in made.deeds] == list(range(len(made.deeds)))
        assert made.hash == seal_of(made)
        assert (made.made_at, made.expires_at) == (whole.made_at, whole.expires_at)
    assert (rest.follows, rest.rest, head.follows, head.rest) == (head.id, True, "", False)
    assert len({whole.id, head.id, rest.id}) == 3


@given(st.lists(st.integers(0, 9), min_size=12, max_size=60), st.integers(1, 11))
def test_the_first_ones_are_spread_over_as_many_mailboxes_as_can_be(mailboxes: list[int], size: int) -> None:
    head, _ = canary(planned(mailboxes), size, ())
    assert len({d.handle.mailbox for d in head.deeds}) == min(size, len(set(mailboxes)))


@given(st.sets(st.integers(0, 29), max_size=30), st.integers(1, 29))
def test_what_is_probably_legitimate_goes_last(likely: set[int], size: int) -> None:
    ids = {f"dlv-{n:04d}" for n in likely}
    head, _ = canary(planned(list(range(30))), size, ids)
    hit = sum(d.delivery_id in ids for d in head.deeds)
    assert hit == max(0, size - (30 - len(ids)))


def proof(*, doubtful: int = 0, status: S = S.COMPLETED, back: int = 0, undone: bool = False,
          listed: bool = True, failed: int = 0) -> Proof:  # fmt: skip
    tally = Tally(found=20, removed=20 - failed, failed=failed)
    ended = None if status in (S.APPROVED, S.RUNNING) else NOW
    head = replace(remediation_of(planned([1])), status=status, tally=tally, ended_at=ended)
    return Proof(head, back, undone, listed, doubtful)


MINUTE = timedelta(minutes=1)
STEPS = {
    "not done yet": (proof(status=S.RUNNING), 0, Next.WAIT, "not done yet"),
    "proved gone, nothing legitimate": (proof(), 0, Next.GO, "20 copies that went first are proved gone"),
    "something may be legitimate": (proof(doubtful=1), 9, Next.WAIT, "the others go at 09:10 UTC"),
    "nothing was said for the whole wait": (proof(doubtful=1), 10, Next.GO, "nothing spoke against it"),
    "undone": (proof(doubtful=1, undone=True), 10, Next.HOLD, "were undone"),
    "undone though nothing was doubtful": (proof(undone=True), 0, Next.HOLD, "were undone"),
    "brought back": (proof(doubtful=1, back=2), 10, Next.HOLD, "2 of the copies that went first are back"),
    "taken off the list": (proof(listed=False, status=S.RUNNING), 0, Next.HOLD, "not listed"),
    "failed": (proof(status=S.FAILED, failed=20), 0, Next.HOLD, "the action is failed"),
    "cancelled": (proof(status=S.CANCELLED), 0, Next.HOLD, "the action is cancelled"),
    "most could not be taken out": (proof(failed=11), 0, Next.HOLD, "11 of the 20 copies"),
    "half of them could": (proof(failed=10), 0, Next.GO, "10 copies that went first are proved gone"),
}


@pytest.mark.parametrize("case", STEPS)
def test_what_becomes_of_the_rest(case: str) -> None:
    seen, minutes, step, reason = STEPS[case]
    said = after(seen, Policy(), NOW + minutes * MINUTE)
    assert said.next is step
    assert reason in said.reason
    assert said.at == (NOW + 10 * MINUTE if case == "something may be legitimate" else None)
