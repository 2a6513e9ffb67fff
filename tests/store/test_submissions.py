"""Submissions on both databases."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from clawback.analysis.indicators import Threat
from clawback.errors import NotFound
from clawback.message.reports import ReportedAs
from clawback.response.submissions import Reputation, Submission, SubmissionResult, SubmissionState
from clawback.store import Store

AT = datetime(2026, 11, 24, 12, tzinfo=UTC)


def made(number: int, **changes: object) -> Submission:
    plain = Submission(
        f"sub-{number}",
        "Ann@example.org",
        AT,
        ReportedAs.PHISH,
        SubmissionState.RECEIVED,
        report_id=f"msg-r{number}",
        delivery_id=f"dlv-{number}",
        subject="a\ud800b\0c",
    )
    return replace(plain, **changes)  # type: ignore[arg-type]


def test_what_is_kept_is_read_back_and_changed(store: Store) -> None:
    one = made(1)
    with store.write() as unit:
        unit.submissions.add([one])
        unit.submissions.add([replace(one, subject="again")])
    with store.write() as unit:
        assert unit.submissions.hold("sub-1") == one
        unit.submissions.save(replace(one, state=SubmissionState.CLOSED, message_id="msg-1"))
    with store.read() as unit:
        assert unit.submissions.of_message("msg-1") == (unit.submissions.get("sub-1"),)
        with pytest.raises(NotFound):
            unit.submissions.get("sub-2")


def test_pages_come_newest_first_and_are_filtered(store: Store) -> None:
    with store.write() as unit:
        unit.submissions.add([made(n) for n in range(5)])
        unit.submissions.add([made(9, state=SubmissionState.REFUSED, reporter="eve@bad.example")])
    with store.read() as unit:
        first, cursor = unit.submissions.list(states=[SubmissionState.RECEIVED], limit=3)
        rest, end = unit.submissions.list(states=[SubmissionState.RECEIVED], limit=3, cursor=cursor)
        assert [one.id for one in (*first, *rest)] == ["sub-4", "sub-3", "sub-2", "sub-1", "sub-0"]
        assert end == ""
        assert [one.id for one in unit.submissions.list(reporter="EVE@bad.example")[0]] == ["sub-9"]
        assert [one.id for one in unit.submissions.newest([SubmissionState.RECEIVED], 2)] == [
            "sub-4",
            "sub-3",
        ]


def test_kept_copies_are_those_of_reports_that_are_kept(store: Store) -> None:
    with store.write() as unit:
        assert unit.submissions.kept_copies(["dlv-1"]) == set()
        unit.submissions.add([made(1), made(2, kept=False), made(3, report_id="")])
        unit.submissions.add([made(4, state=SubmissionState.REFUSED)])
    with store.read() as unit:
        assert unit.submissions.kept_copies([f"dlv-{n}" for n in range(6)]) == {"dlv-1"}


def test_reputations_count_what_is_closed(store: Store) -> None:
    results = (*[SubmissionResult.SPAM] * 3, SubmissionResult.NO_THREATS_FOUND, None)
    with store.write() as unit:
        unit.submissions.add(
            [
                made(n, result=result, state=SubmissionState.CLOSED if result else SubmissionState.RECEIVED)
                for n, result in enumerate(results)
            ]
        )
    with store.read() as unit:
        found = unit.submissions.reputations(["ANN@example.org", "new@example.org"])
    assert found == {"ann@example.org": Reputation(3, 1), "new@example.org": Reputation()}


def test_confirmed_ones_are_found_by_their_messages(store: Store) -> None:
    with store.write() as unit:
        unit.submissions.add(
            [made(1, message_id="msg-1"), made(2, message_id="msg-2", investigation_id="inv-1")]
        )
        unit.submissions.save(
            made(2, message_id="msg-2", investigation_id="inv-1", confirmed_as=Threat.PHISH)
        )
    with store.read() as unit:
        assert [one.id for one in unit.submissions.confirmed(["msg-1", "msg-2"])] == ["sub-2"]
        assert [one.id for one in unit.submissions.of_investigation("inv-1")] == ["sub-2"]
