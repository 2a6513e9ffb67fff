"""Alerts that people and scripts raise, and inquiries that they end early."""

from __future__ import annotations

from dataclasses import replace

from clawback.analysis.entities import Entity, EntityKind
from clawback.analysis.indicators import VerdictKind
from clawback.analysis.senders import canonical_sender
from clawback.engine.compromise import account_entity
from clawback.engine.investigate import PENDING
from clawback.engine.parts import Parts
from clawback.engine.record import record
from clawback.engine.requests import raised
from clawback.engine.standing import cancel
from clawback.engine.starting import about_messages, give_order, request_about
from clawback.errors import BadParameter, PlanStale
from clawback.response.alerts import AlertKind
from clawback.response.events_inquiries import InvestigationTerminated
from clawback.response.investigation import OPEN_STATUSES, Investigation
from clawback.response.playbooks import ACCOUNTS, RAISED
from clawback.store import MessageQuery

RECEIVED = 1_000
"""Messages of a recipient that are looked at, the last ones."""


def raise_alert(parts: Parts, kind: AlertKind, text: str, actor: str, *, detail: str = "") -> str:
    """Raise an alert about an account, or about what `text` names; answers its investigation's id.

    The work is queued. A person who asks for an inquiry into an account gets it at once; all else may have
    to wait its turn. Raises BadParameter, NotFound or BadIndicator for what cannot be meant.
    """
    if kind not in RAISED:
        raise BadParameter(f"{kind.value} is not raised by hand")
    trigger = f"raised:{actor}:{parts.now().isoformat()}"
    if kind in ACCOUNTS:
        account = canonical_sender(text)
        if not account:
            raise BadParameter(f"{text!r:.80} is no mail address")
        asked = kind is AlertKind.USER_COMPROMISE
        request = raised(kind, account_entity(account), trigger, actor, asked=asked, detail=detail)
    else:
        about = request_about(parts, text, actor)
        request = raised(
            kind,
            about.cause,
            trigger,
            actor,
            indicators=about.indicators,
            messages=about.messages,
            detail=detail,
        )
    return give_order(parts, request)


def start_recipient(parts: Parts, address: str, actor: str) -> str:
    """Investigate what a recipient got: all that is listed as malicious in the last thousand messages there.

    Answers the investigation's id at once; the work is queued. Raises BadParameter for no address.
    """
    mailbox = canonical_sender(address)
    if not mailbox:
        raise BadParameter(f"{address!r:.80} is no mail address")
    with parts.store.read() as unit:
        owners = [owner for owner in unit.deliveries.owners() if owner.lower() == mailbox]
        got = [
            message.id
            for owner in owners
            for message in unit.messages.search(MessageQuery(mailbox=owner, limit=RECEIVED))[0]
        ]
        verdicts = unit.detections.verdicts(got)
    bad = tuple(m for m in got if m in verdicts and verdicts[m].verdict is VerdictKind.MALICIOUS)
    request = about_messages(parts, bad, actor) if bad else request_about(parts, mailbox, actor)
    cause = Entity(EntityKind.MAILBOX, mailbox)
    indicators = request.indicators if bad else ()
    request = replace(request, cause=cause, indicators=indicators, messages=())
    return give_order(parts, request)


def stop(parts: Parts, investigation_id: str, actor: str, *, note: str = "") -> Investigation:
    """End an inquiry before its outcome, and cancel its plans that wait; what runs goes on to its end.

    Raises NotFound, or PlanStale when it has ended.
    """
    now = parts.now()
    with parts.store.write(durable=True) as unit:
        unit.indicators.fence(changing=False)
        state = unit.investigations.get(investigation_id)
        if state.status not in OPEN_STATUSES or state.terminated:
            raise PlanStale(f"{investigation_id} has ended: {state.status.value}; nothing was done")
        waiting = list(unit.remediations.each(statuses=PENDING, investigation_id=investigation_id))
        reason = f"{actor} stopped it{f': {note}' if note else ''}"
        for plan in waiting:
            cancel(unit, plan, reason, now)
        event = InvestigationTerminated(investigation_id, reason, False)
        record(unit, event, actor=actor, at=now)
        return unit.investigations.get(investigation_id)
