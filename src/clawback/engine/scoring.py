"""Scoring: what a backtest found, read from the store that it filled and from what is known by now."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from clawback.analysis.allowing import is_allow, standing
from clawback.analysis.clusters import Cluster
from clawback.analysis.features import entities_of
from clawback.analysis.indicators import VerdictKind
from clawback.engine.grounds import listings, stays_out
from clawback.engine.policies import policy_of
from clawback.engine.record import AUTOMATION, STANDING
from clawback.response.backtest import Backtest, Label, Run, Taken
from clawback.response.events import RemediationPlanned
from clawback.response.plan import ActionKind, Deed, Receipt, Remediation
from clawback.response.policy import Policy
from clawback.response.retraction import removed
from clawback.response.standing import REMOVALS
from clawback.store import Store, Unit

PAGE = 500
_BY_ITSELF = (AUTOMATION, STANDING)
_NAMED = re.compile(r": rem-[0-9a-f]+$")
"""A reason that names an action: that is in a store which is thrown away."""


def score(live: Store, scratch: Store, policy: Policy, since: datetime, until: datetime) -> Backtest:
    """What a policy would have done, beside what became of the same copies in truth."""
    with live.read() as now, scratch.read() as unit:
        reasons = _reasons(unit)
        runs: list[Run] = []
        taken: list[Taken] = []
        for removal in _removals(unit):
            runs.append(_run(unit, removal, reasons))
            out = removed(unit.remediations.receipts(removal.id))
            taken += _taken(now, unit, removal, tuple(out.values()), until)
        investigations = unit.investigations.count()
        return Backtest(
            since,
            until,
            policy,
            now.past.messages_between(since, until),
            now.past.copies_between(since, until),
            len(now.deliveries.mailboxes()),
            investigations,
            tuple(runs),
            tuple(taken),
        )


def _removals(unit: Unit) -> Iterator[Remediation]:
    """Every removal that was planned, newest first, each with what took late copies out for it behind it."""
    for one in unit.remediations.each():
        if one.kind in REMOVALS:
            yield one
            if not one.follows:
                yield from (late for late in unit.remediations.following(one.id) if late.approval)


def _reasons(unit: Unit) -> dict[str, str]:
    """Why each plan that waits does so."""
    found: dict[str, str] = {}
    after = 0
    while rows := unit.audit.list(after_seq=after, types=[RemediationPlanned.TYPE], limit=PAGE):
        found |= {row.body["remediation_id"]: row.body.get("waits_because", "") for row in rows}
        after = rows[-1].seq
    return found


def _run(unit: Unit, removal: Remediation, reasons: dict[str, str]) -> Run:
    approval = removal.approval
    by_itself = approval is not None and approval.by in _BY_ITSELF
    reason = approval.note if approval else _NAMED.sub("", reasons.get(removal.id, ""))
    kind = unit.clusters.head(removal.cluster_id).kind
    tally = unit.remediations.own_tally(removal.id)
    copies = tally.found - tally.skipped
    return Run(removal.id, kind, removal.key, removal.made_at, copies, by_itself, reason)


def _taken(
    now: Unit, unit: Unit, removal: Remediation, out: Sequence[tuple[Deed, Receipt]], until: datetime
) -> Iterator[Taken]:
    cluster = unit.clusters.head(removal.cluster_id)
    truth = _Truth.of(now, cluster, _stands(now, unit, cluster), [deed for deed, _ in out])
    for deed, receipt in out:
        left = truth.left.get(deed.delivery_id) or until
        yield Taken(
            deed.delivery_id,
            deed.message_id,
            deed.handle.mailbox,
            cluster.id,
            removal.id,
            receipt.at,
            max(timedelta(), min(left, until) - receipt.at),
            truth.label(deed),
        )


@dataclass(frozen=True, slots=True)
class _Truth:
    """What became of copies: when they left their mailboxes, who put them back, and what is said by now."""

    left: dict[str, datetime]
    put_back: frozenset[str]
    still_bad: frozenset[str]
    good: frozenset[str]
    stands: bool

    @classmethod
    def of(cls, now: Unit, cluster: Cluster, stands: bool, deeds: Sequence[Deed]) -> _Truth:
        ids = [deed.delivery_id for deed in deeds]
        touched, copies = now.past.touched(ids), now.deliveries.get_many(ids)
        left = {id: copy.located_at for id, copy in copies.items() if not copy.location.in_mailbox}
        back = set()
        for id, touches in touched.items():
            if touches[0].kind is not ActionKind.RESTORE:
                left[id] = touches[0].at
            if any(touch.kind is ActionKind.RESTORE for touch in touches):
                back.add(id)
        messages = sorted({deed.message_id for deed in deeds})
        own = [one.id for one in listings(now, cluster.indicator)] if cluster.indicator else []
        bad = stays_out(now, messages, own)
        return cls(left, frozenset(back), frozenset(bad), _good(now, cluster, messages), stands)

    def label(self, deed: Deed) -> Label | None:
        """Why this copy is a false positive by now; None when it is none."""
        if deed.delivery_id in self.put_back:
            return Label.PUT_BACK
        if deed.message_id in self.still_bad:
            return None
        if deed.message_id in self.good:
            return Label.GOOD
        return None if self.stands else Label.TAKEN_BACK


def _stands(now: Unit, unit: Unit, cluster: Cluster) -> bool:
    """Whether a cluster would be malicious by what is listed and said by now."""
    if cluster.indicator is not None:
        return bool(listings(now, cluster.indicator))
    members = [member.message_id for member in unit.clusters.get(cluster.id).members]
    verdicts = now.detections.verdicts(members).values()
    bad = sum(judged.verdict is VerdictKind.MALICIOUS for judged in verdicts)
    return bad > policy_of(unit).handful


def _good(now: Unit, cluster: Cluster, message_ids: Sequence[str]) -> frozenset[str]:
    """The messages in which entries that are listed by now say that what was bad is good."""
    if cluster.indicator is None:
        return frozenset()
    found: set[str] = set()
    for message_id, message in now.messages.get_many(message_ids).items():
        allowed = [one for one in now.indicators.matching(entities_of(message)) if is_allow(one)]
        carried = allowed and standing(message, cluster.indicator)
        if carried and not standing(message, cluster.indicator, allowed):
            found.add(message_id)
    return frozenset(found)
