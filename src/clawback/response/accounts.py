"""Accounts: a remediation inside its investigation, and how late copies join the one that they follow."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

from clawback.response.plan import ActionKind, RemediationStatus, Tally

_AT_WORK = frozenset({RemediationStatus.APPROVED, RemediationStatus.RUNNING})


@dataclass(frozen=True, slots=True)
class RemediationStanding:
    """A remediation inside its investigation.

    `tally` is over its own copies and those that came late, which are `late` of the found ones.
    `following` are the remediations that are taking late copies out for it right now; one that `follows`
    another stands by itself only until it is approved. The `rest` of a plan of which some copies went first
    is part of their account, and not late.
    """

    remediation_id: str
    cluster_id: str
    kind: ActionKind
    status: RemediationStatus
    planned_at: datetime
    decided_at: datetime | None = None
    tally: Tally = Tally()
    undoes: str = ""
    undone: bool = False
    follows: str = ""
    late: int = 0
    following: tuple[RemediationStanding, ...] = ()
    rest: bool = False

    @property
    def at_work(self) -> bool:
        """Whether copies are being acted on, or are about to be."""
        return self.status in _AT_WORK or bool(self.following)


Standings = tuple[RemediationStanding, ...]


def holder(standings: Standings, remediation_id: str) -> RemediationStanding | None:
    """The standing of a remediation, or of the one that it is taking late copies out for."""
    for standing in standings:
        if remediation_id in (standing.remediation_id, *(f.remediation_id for f in standing.following)):
            return standing
    return None


def join(standings: Standings, remediation_id: str) -> Standings:
    """Put an approved remediation of late copies into the account of the one that it follows."""
    mine = next((s for s in standings if s.remediation_id == remediation_id and s.follows), None)
    root = next((s for s in standings if mine and s.remediation_id == mine.follows), None)
    if mine is None or root is None:
        return standings
    joined = replace(
        root,
        tally=root.tally + mine.tally,
        late=root.late + (0 if mine.rest else mine.tally.found),
        following=(*root.following, mine),
    )
    return tuple(joined if s is root else s for s in standings if s is not mine)


def settle(standings: Standings, remediation_id: str, tally: Tally) -> Standings:
    """Close what was open for a remediation of late copies in the account it has joined."""
    root, mine = _pair(standings, remediation_id)
    if root is None or mine is None:
        return standings
    done = replace(root, tally=root.tally - mine.tally + tally, following=_without(root, mine))
    return tuple(done if s is root else s for s in standings)


def leave(standings: Standings, remediation_id: str) -> Standings:
    """Take a remediation of late copies out of the account again: it was cancelled before it began."""
    root, mine = _pair(standings, remediation_id)
    if root is None or mine is None:
        return standings
    alone = replace(
        root,
        tally=root.tally - mine.tally,
        late=root.late - (0 if mine.rest else mine.tally.found),
        following=_without(root, mine),
    )
    return (*(alone if s is root else s for s in standings), mine)


def _pair(
    standings: Standings, remediation_id: str
) -> tuple[RemediationStanding | None, RemediationStanding | None]:
    for root in standings:
        for mine in root.following:
            if mine.remediation_id == remediation_id:
                return root, mine
    return None, None


def _without(root: RemediationStanding, mine: RemediationStanding) -> Standings:
    return tuple(f for f in root.following if f is not mine)
