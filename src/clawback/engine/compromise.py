"""Compromise: what an account that may be taken over sent, and what its own mail rules do."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from clawback.analysis.clusters import Cluster
from clawback.analysis.entities import Entity, EntityKind
from clawback.analysis.indicators import VerdictKind
from clawback.analysis.senders import canonical_sender
from clawback.analysis.sent import sent_cluster
from clawback.engine.exclusions import kept, note_left_out, without_secops
from clawback.engine.parts import Parts
from clawback.engine.policies import policy_of
from clawback.engine.record import AUTOMATION, record
from clawback.engine.requests import raised
from clawback.errors import MailboxError, NotFound
from clawback.mailboxes.base import Capability, Connector, RuleReader
from clawback.message.delivery import Delivery, DeliveryLocation
from clawback.message.message import Direction, Message
from clawback.response.alerts import AlertKind
from clawback.response.events_inquiries import MailRulesFound
from clawback.response.sending import BURST, PAST, RECENT, Sent, suspicion
from clawback.store import Unit

SENDING = "sending"
"""The kind of job that judges what an account sends; its key is the account."""
JUDGED = 10_000
"""Sent messages of an account that are looked at when its sending is judged, the newest."""
_OURS = frozenset({Direction.OUTBOUND, Direction.INTRA_ORG})


def account_entity(account: str) -> Entity:
    """An account as the cause of an investigation."""
    return Entity(EntityKind.MAILBOX, account.strip().lower())


def note_sent(unit: Unit, copies: Sequence[tuple[Delivery, Message]], now: datetime) -> None:
    """Remember what accounts of ours sent, in the transaction that records these copies.

    An account's own is what lies in its Sent folder, and what the trace shows to be sent by one of ours.
    Accounts that sent much lately are judged.
    """
    sent: list[tuple[str, Sent]] = []
    for delivery, message in copies:
        if author := _author(delivery, message):
            everyone = (a.address for a in (*message.to, *message.cc))
            to = {address.lower() for address in (*everyone, *message.recipients)}
            sent.append((author, Sent(message.id, delivery.internal_date, max(1, len(to)))))
    if not sent:
        return
    unit.sent_mail.add(sent)
    recent = {account for account, one in sent if one.at > now - RECENT}
    judge_later(unit, unit.sent_mail.busy(recent, now - RECENT, BURST), now)


def _author(delivery: Delivery, message: Message) -> str:
    """The account of ours that sent this copy, "" for none."""
    if delivery.original_location is DeliveryLocation.SENT:
        return delivery.handle.mailbox.lower()
    return canonical_sender(message.sender.address) if message.direction in _OURS else ""


def judge_later(unit: Unit, accounts: Sequence[str], now: datetime) -> None:
    """Let the sending of these accounts be judged, once what is being recorded now can be seen."""
    for account in accounts:
        unit.jobs.put(SENDING, account, {"account": account}, now)


def judge_sending(parts: Parts, account: str) -> bool:
    """Raise the alert when what an account sends is suspicious; answers whether it is."""
    now = parts.now()
    with parts.store.read() as unit:
        sent = unit.sent_mail.of_account(account, now - PAST, JUDGED)
        verdicts = unit.detections.verdicts([one.message_id for one in sent])
        hours = unit.sent_mail.hours(account, now - PAST - RECENT)
        handful = policy_of(unit).handful
    bad = [s for s in sent if s.message_id in verdicts]
    malicious = [s for s in bad if verdicts[s.message_id].verdict is VerdictKind.MALICIOUS]
    found = suspicion(account, hours, malicious, handful, now)
    if found is None:
        return False
    request = raised(
        AlertKind.SUSPICIOUS_SENDING,
        account_entity(account),
        found.trigger,
        AUTOMATION,
        detail=found.text,
    )
    with parts.store.write() as unit:
        if not unit.alerts.investigation_of(request.alert(now).id):
            unit.jobs.put("investigate", request.key, request.encode(), now)
    return True


def sent_clusters(parts: Parts, investigation_id: str, account: str) -> tuple[Cluster, ...]:
    """What an account sent in the last ten days: clusters of malicious, suspicious and clean mail.

    In this order, without empty ones, kept in the store. Only the first can lead to an action.
    """
    now = parts.now()
    left: dict[str, str] = {}
    with parts.store.read() as unit:
        policy = policy_of(unit)
        sent = unit.sent_mail.of_account(account, now - PAST, policy.members_limit + 1)
        messages = unit.messages.get_many([one.message_id for one in sent])
        mine = [m.id for m in kept(messages.values(), policy, left)]
        verdicts = unit.detections.verdicts(mine)
        made = [
            without_secops(unit, cluster, policy, left)
            for verdict in (VerdictKind.MALICIOUS, VerdictKind.SUSPICIOUS, VerdictKind.NO_THREATS_FOUND)
            if (cluster := sent_cluster(investigation_id, account, verdict, mine, verdicts, now)).members
        ]
    found = [cluster for cluster in made if cluster.members]
    with parts.store.write() as unit:
        for cluster in found:
            unit.clusters.save(cluster, investigation_id)
        if made:
            note_left_out(unit, investigation_id, made[0], left, now)
    return tuple(found)


async def tell_rules(parts: Parts, investigation_id: str, account: str) -> None:
    """Read the mail rules of an account wherever it has a mailbox, and tell its investigation of them."""
    for source, mailbox in _mailboxes(parts, account):
        event = await _rules(parts.connectors.get(source), investigation_id, source, mailbox)
        with parts.store.write(durable=True) as unit:
            state = unit.investigations.get(investigation_id)
            details = {item.detail for item in state.evidence if item.role == "mail_rule"}
            if event.trouble or any(rule.sentence not in details for rule in event.rules):
                record(unit, event, actor=AUTOMATION, at=parts.now())


def _mailboxes(parts: Parts, account: str) -> list[tuple[str, str]]:
    with parts.store.read() as unit:
        return [(s, m) for s, m, _ in unit.deliveries.mailboxes() if m.lower() == account]


async def _rules(
    connector: Connector | None, investigation_id: str, source: str, mailbox: str
) -> MailRulesFound:
    can = connector is not None and Capability.RULES in connector.capabilities()
    if not can or not isinstance(connector, RuleReader):
        trouble = "this mail system does not show them"
        return MailRulesFound(investigation_id, mailbox, source, (), trouble)
    try:
        return MailRulesFound(investigation_id, mailbox, source, tuple(await connector.rules(mailbox)))
    except (MailboxError, NotFound) as error:
        return MailRulesFound(investigation_id, mailbox, source, (), str(error))
