"""The state machine: what each event makes of an investigation, and that evidence never shrinks."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.response.builders import KEY, NOW

from clawback.analysis.clusters import ClusterKind
from clawback.analysis.indicators import Threat, VerdictKind
from clawback.message.delivery import DeliveryLocation
from clawback.response.alerts import Alert, AlertKind, Severity
from clawback.response.applying import apply, start
from clawback.response.counts import Places
from clawback.response.describe import describe
from clawback.response.events import (
    EVENTS,
    AlertJoined,
    ClusterLinked,
    InvestigationEvent,
    InvestigationFailed,
    InvestigationStarted,
    NothingCarried,
    RemediationApproved,
    RemediationCancelled,
    RemediationCompleted,
    RemediationExpired,
    RemediationPlanned,
    RemediationRejected,
    RemediationStarted,
)
from clawback.response.evidence import EvidenceStatus
from clawback.response.investigation import Investigation, InvestigationStatus
from clawback.response.plan import ActionKind, Tally

ALERT = Alert("alr-1", AlertKind.URL_VERDICT_CHANGE, Severity.INFORMATIONAL, "Url bad", KEY, NOW, "manual")


def fresh() -> Investigation:
    return start(InvestigationStarted("inv-1", ALERT), "manual", NOW)


def places(inbox: int, removed: int = 0, unknown: int = 0) -> Places:
    inside = [DeliveryLocation.INBOX] * inbox
    outside = [DeliveryLocation.SOFT_DELETED] * removed + [DeliveryLocation.UNKNOWN] * unknown
    return Places.of(inside + outside)


def linked(
    inbox: int, verdict: VerdictKind = VerdictKind.MALICIOUS, removed: int = 0, unknown: int = 0
) -> ClusterLinked:
    kind, threat = ClusterKind.MALICIOUS_URL, Threat.MALICIOUS_URL
    return ClusterLinked(
        "inv-1", "clu-1", kind, KEY, verdict, threat, inbox + removed, places(inbox, removed, unknown)
    )


def planned(n: int, remediation: str = "rem-1", undoes: str = "") -> RemediationPlanned:
    kind = ActionKind.RESTORE if undoes else ActionKind.SOFT_DELETE
    return RemediationPlanned("inv-1", "clu-1", remediation, kind, "h", n, 0, undoes)


def completed(
    removed: int, left: int = 0, failed: int = 0, remediation: str = "rem-1", undoes: str = ""
) -> RemediationCompleted:
    tally = Tally(found=removed + failed, removed=removed, failed=failed)
    after = places(removed + left) if undoes else places(left + failed, removed)
    return RemediationCompleted("inv-1", remediation, tally, after, undoes)


APPROVED = RemediationApproved("inv-1", "rem-1", "h")
STARTED = RemediationStarted("inv-1", "rem-1")
UNDO: list[InvestigationEvent] = [
    planned(3, "rem-2", "rem-1"),
    RemediationApproved("inv-1", "rem-2", "h"),
    RemediationStarted("inv-1", "rem-2"),
    completed(3, remediation="rem-2", undoes="rem-1"),
]
S, E = InvestigationStatus, EvidenceStatus


def after(events: Sequence[InvestigationEvent]) -> Investigation:
    state = fresh()
    for event in events:
        state = apply(state, event, "Automation", NOW)
    return state


@pytest.mark.parametrize(
    ("events", "status", "evidence"),
    [
        ([], S.STARTING, E.ACTIVE),
        ([NothingCarried("inv-1", KEY)], S.NO_THREATS_FOUND, E.NOT_FOUND),
        ([linked(3, VerdictKind.UNKNOWN)], S.NO_THREATS_FOUND, E.ACTIVE),
        ([linked(3, VerdictKind.SUSPICIOUS)], S.THREATS_FOUND, E.ACTIVE),
        ([linked(0, removed=3)], S.REMEDIATED, E.PREVENTED),
        ([linked(0, unknown=1)], S.THREATS_FOUND, E.ACTIVE),
        ([linked(3), planned(3)], S.PENDING_ACTION, E.PENDING_APPROVAL),
        ([linked(3), planned(3), APPROVED], S.RUNNING, E.RUNNING),
        ([linked(3), planned(3), APPROVED, STARTED], S.RUNNING, E.RUNNING),
        ([linked(3), planned(3), APPROVED, STARTED, completed(3)], S.REMEDIATED, E.REMEDIATED),
        (
            [linked(3), planned(3), APPROVED, STARTED, completed(2, failed=1)],
            S.PARTIALLY_REMEDIATED,
            E.PARTIALLY_REMEDIATED,
        ),
        ([linked(3), planned(3), APPROVED, STARTED, completed(0, failed=3)], S.THREATS_FOUND, E.ACTIVE),
        ([linked(3), planned(3), RemediationRejected("inv-1", "rem-1")], S.THREATS_FOUND, E.DECLINED),
        ([linked(3), planned(3), RemediationExpired("inv-1", "rem-1")], S.TERMINATED_BY_SYSTEM, E.ACTIVE),
        (
            [linked(3), planned(3), RemediationCancelled("inv-1", "rem-1", "nothing left")],
            S.THREATS_FOUND,
            E.ACTIVE,
        ),
        ([linked(3), planned(3), APPROVED, STARTED, completed(3), *UNDO], S.THREATS_FOUND, E.UNDONE),
        ([InvestigationFailed("inv-1", "no store")], S.FAILED, E.ACTIVE),
    ],
)
def test_status_and_evidence(
    events: list[InvestigationEvent], status: InvestigationStatus, evidence: EvidenceStatus
) -> None:
    state = after(events)
    assert (state.status, state.evidence[0].status) == (status, evidence)


def test_a_late_copy_opens_the_investigation_again() -> None:
    done: list[InvestigationEvent] = [linked(3), planned(3), APPROVED, STARTED, completed(3)]
    assert after(done).ended_at == NOW
    again = after([*done, linked(1, removed=3), planned(1, "rem-2")])
    assert again.status is S.PENDING_ACTION
    assert again.ended_at is None
    assert again.clusters[0].then == places(3)
    assert again.clusters[0].now == places(1, 3)


def test_one_alert_joins_once() -> None:
    other = Alert("alr-2", AlertKind.MANUAL, Severity.LOW, "again", KEY, NOW, "ann")
    state = after([AlertJoined("inv-1", other), AlertJoined("inv-1", other)])
    assert [a.id for a in state.alerts] == ["alr-1", "alr-2"]


ANY_EVENT = st.sampled_from(
    [
        AlertJoined("inv-1", ALERT),
        NothingCarried("inv-1", KEY),
        linked(3),
        linked(0, removed=3),
        linked(2, VerdictKind.SUSPICIOUS),
        planned(3),
        APPROVED,
        STARTED,
        completed(3),
        completed(1, failed=2),
        RemediationRejected("inv-1", "rem-1"),
        RemediationExpired("inv-1", "rem-1"),
        RemediationCancelled("inv-1", "rem-1", "why"),
        *UNDO,
        InvestigationFailed("inv-1", "why"),
    ]
)


@given(st.lists(ANY_EVENT, max_size=25))
def test_evidence_grows_and_every_event_is_in_the_log(events: list[InvestigationEvent]) -> None:
    state = fresh()
    for event in events:
        before = state
        state = apply(state, event, "Automation", NOW)
        assert {e.entity for e in before.evidence} <= {e.entity for e in state.evidence}
        assert state.version == before.version + 1
        assert state.log[-1].event == event.TYPE
        assert describe(event)
    stored = msgspec.json.decode(msgspec.json.encode(state), type=Investigation)
    assert stored == state
    left = sum(c.now.left for c in state.clusters if c.verdict is VerdictKind.MALICIOUS)
    if state.status is S.REMEDIATED:
        assert left == 0


def test_every_event_has_its_own_name_and_meaning() -> None:
    names = [event.TYPE for event in EVENTS]
    assert len(set(names)) == len(names)
    assert all(event.__doc__ for event in EVENTS)


def test_an_investigation_starts_only_once() -> None:
    with pytest.raises(TypeError):
        apply(fresh(), InvestigationStarted("inv-1", ALERT), "manual", NOW)
