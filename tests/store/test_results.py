"""Results by class, on both databases: every error has its class, and the pages of a class are whole."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from dataclasses import replace

import pytest
from tests.store.make import NOW, handle, plan, remediation

from clawback import errors
from clawback.errors import BadQuery, MailboxError, NotFound
from clawback.response.outcomes import (
    CAUSES,
    Cause,
    CopyResult,
    ResultClass,
    cause_of,
    class_of,
    told_undos,
)
from clawback.response.plan import Outcome, Receipt, RemediationStatus, Tally
from clawback.store import Store

REASONS = (
    (Outcome.REMOVED, ""),
    (Outcome.REMOVED, "its move had been cut in half"),
    (Outcome.ALREADY_GONE, "nowhere in the mailbox"),
    (Outcome.FAILED, "Unavailable: the server said Gone: yes"),
    (Outcome.FAILED, "Throttled: slow down"),
    (Outcome.FAILED, "ReadOnly: no"),
    (Outcome.FAILED, "HandleStale: moved"),
    (Outcome.FAILED, "Surprise: \udce9"),
    (Outcome.SKIPPED, "the breaker was opened"),
)
EXPECTED = {
    "removed": 2,
    "already_gone": 1,
    "failed.mailbox_unavailable": 2,
    "failed.permission": 1,
    "failed.changed_meanwhile": 1,
    "failed.other": 1,
    "skipped.the breaker was opened": 1,
    "skipped.excluded mailbox": 3,
}


@pytest.fixture
def done(store: Store) -> Store:
    """An action with a receipt for each reason, three copies left alone, and one that came late for it."""
    whole, late = plan(deeds=len(REASONS), skips=3), plan(2, deeds=1)
    with store.write() as unit:
        unit.remediations.add(remediation(whole), whole)
        follower = replace(remediation(late, 2), follows="act-1", status=RemediationStatus.COMPLETED)
        unit.remediations.add(follower, replace(late, follows="act-1"))
        for name, rows in (("act-1", REASONS), ("act-2", REASONS[:1])):
            unit.remediations.intend(name, range(1, len(rows) + 1), NOW)
            unit.remediations.receipt(name, [_receipt(n, *row) for n, row in enumerate(rows, 1)])
    return store


def _receipt(seq: int, outcome: Outcome, reason: str) -> Receipt:
    return Receipt(seq, outcome, reason, handle(seq), handle(seq, folder="Vault"), NOW)


def every(store: Store, of: ResultClass | None, limit: int) -> Iterator[CopyResult]:
    cursor = ""
    with store.read() as unit:
        while True:
            found, cursor = unit.results.copies("act-1", of, limit=limit, cursor=cursor)
            assert len(found) <= limit
            yield from found
            if not cursor:
                return


def test_classes_count_the_whole_account(done: Store) -> None:
    with done.read() as unit:
        classes = unit.results.classes("act-1")
        assert sum(row.copies for row in classes) == unit.remediations.get("act-1").tally.found
        with pytest.raises(NotFound):
            unit.results.classes("act-0")
    assert {row.key: row.copies for row in classes} == EXPECTED | {"removed": 3}
    assert classes[0].outcome is Outcome.FAILED


@pytest.mark.parametrize("limit", [1, 2, 3, 100])
def test_the_pages_of_every_class_are_whole(done: Store, limit: int) -> None:
    with done.read() as unit:
        classes = unit.results.classes("act-1")
    whole = list(every(done, None, limit))
    assert len(whole) == sum(row.copies for row in classes)
    for row in classes:
        of = class_of(row.key)
        mine = list(every(done, of, limit))
        assert len(mine) == row.copies
        assert all((copy.outcome, copy.cause) == (of.outcome, of.cause) for copy in mine)
        assert all(copy in whole for copy in mine)
    assert len(list(every(done, class_of("failed"), limit))) == 5


def test_every_error_of_a_mail_system_has_a_cause() -> None:
    named = {name for names in CAUSES.values() for name in names}
    assert named <= set(dir(errors))
    for name, kind in inspect.getmembers(errors, inspect.isclass):
        if issubclass(kind, MailboxError) and kind is not MailboxError:
            assert cause_of(Receipt(0, Outcome.FAILED, f"{name}: x", None, None, NOW)) is not Cause.OTHER


@pytest.mark.parametrize("key", ["", "gone", "failed.strange", "removed.x", "already_gone."])
def test_a_class_that_there_is_not_is_refused(key: str) -> None:
    if key == "already_gone.":
        assert class_of(key) == ResultClass(Outcome.ALREADY_GONE)
        return
    with pytest.raises(BadQuery):
        class_of(key)


def test_what_undos_did_is_told_in_whole_and_in_part() -> None:
    removal = replace(remediation(plan()), tally=Tally(found=5, removed=5))
    undo = replace(remediation(plan(2), 2), undoes="act-1", status=RemediationStatus.COMPLETED)
    whole = replace(undo, tally=Tally(found=5, removed=5))
    part = replace(undo, tally=Tally(found=5, removed=2, failed=2, already_gone=1))
    going = replace(undo, status=RemediationStatus.RUNNING, tally=Tally(found=3, skipped=1, open=2))
    assert told_undos(removal, (part, going, whole)) == (
        "act-2 put 2 of 5 copies back, 2 could not be, 1 are nowhere any more",
        "act-2 is putting 2 copies back",
        "act-2 put 5 copies back",
    )


def test_a_plan_names_its_mailboxes_whatever_is_in_their_names(store: Store) -> None:
    whole = plan(deeds=4)
    names = ('x",y', "back\\", "\udce9@example.org", 'x",y')
    odd = [
        replace(one, handle=replace(one.handle, mailbox=name))
        for one, name in zip(whole.deeds, names, strict=True)
    ]
    with store.write() as unit:
        unit.remediations.add(remediation(whole), replace(whole, deeds=tuple(odd)))
        assert unit.results.mailboxes("act-1") == tuple(sorted(set(names)))
