"""Playbooks: for each kind of alert what it is called, how much it matters, and what is looked into.

Titles, severities and types are those of Defender where Defender has them (DEFENDER.md); kinds that only
we have say so in their `rule`.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from clawback.analysis.entities import Entity, EntityKind
from clawback.response.alerts import AlertKind, Severity


class Step(StrEnum):
    """One part of an inquiry.

    `clicks`: who followed the link, by log evidence. `carriers`: clusters of the malicious files and URLs.
    `similar`: attribute pairs, bodies and sender of the original messages. `sent_mail`: what an account sent,
    parted into clean, suspicious and malicious. `mail_rules`: forwarding and filter rules of that account.
    """

    CLICKS = "clicks"
    CARRIERS = "carriers"
    SIMILAR = "similar"
    SENT_MAIL = "sent_mail"
    MAIL_RULES = "mail_rules"


@dataclass(frozen=True, slots=True)
class Playbook:
    """What follows from one kind of alert.

    `title` is the alert's, `name` the investigation's before its cause (``{cause}`` is the kind of it),
    `type` the Investigation Type that people see; `rule` says when the alert is raised.
    """

    kind: AlertKind
    title: str
    severity: Severity
    type: str
    name: str
    steps: tuple[Step, ...]
    rule: str


_LINK = (Step.CLICKS, Step.CARRIERS, Step.SIMILAR)
_CARRIED = (Step.CARRIERS, Step.SIMILAR)
_ACCOUNT = (Step.SENT_MAIL, Step.MAIL_RULES)
_K, _S = AlertKind, Severity

_ALL = (
    Playbook(
        _K.URL_VERDICT_CHANGE,
        "Mail with a URL whose verdict changed to malicious",
        _S.INFORMATIONAL,
        "URL verdict change",
        "{cause} verdict changed to malicious",
        _LINK,
        "A URL, host or domain is listed as bad and mail that is there carries it, or mail that carries a "
        "listed one is delivered.",
    ),
    Playbook(
        _K.MALICIOUS_FILE,
        "Malicious file found after delivery",
        _S.INFORMATIONAL,
        "Zapped File",
        "Malicious file found after delivery",
        _CARRIED,
        "A file's SHA-256 is listed as bad and mail that is there carries it, or mail that carries a listed "
        "one is delivered.",
    ),
    Playbook(
        _K.MALICIOUS_SENDER,
        "Mail from a sender whose verdict changed to malicious",
        _S.INFORMATIONAL,
        "Malicious sender",
        "{cause} verdict changed to malicious",
        _CARRIED,
        "A sender or sending IP address is listed as bad and mail that is there is from it, or mail from a "
        "listed one is delivered. Not in Defender.",
    ),
    Playbook(
        _K.MALICIOUS_URL_REMOVED,
        "Email messages containing malicious URL removed after delivery",
        _S.INFORMATIONAL,
        "Zapped URL",
        "Mail with malicious URL removed after delivery",
        _LINK,
        "Late copies of a cluster of a URL, host or domain are taken out on sight (once for each removal "
        "that is armed), or somebody reports it.",
    ),
    Playbook(
        _K.MALICIOUS_FILE_REMOVED,
        "Email messages containing malicious file removed after delivery",
        _S.INFORMATIONAL,
        "Zapped File",
        "Mail with malicious file removed after delivery",
        _CARRIED,
        "Late copies of a cluster of a file are taken out on sight (once for each removal that is armed), or "
        "somebody reports it.",
    ),
    Playbook(
        _K.MAIL_REMOVED,
        "Email messages removed after delivery",
        _S.INFORMATIONAL,
        "Zapped mail",
        "Mail removed after delivery",
        _CARRIED,
        "Late copies of any other cluster are taken out on sight (once for each removal that is armed), or "
        "somebody reports it. Defender names no type for it; this one is ours.",
    ),
    Playbook(
        _K.USER_REPORT,
        "Email reported by user as malware or phish",
        _S.LOW,
        "User-reported messages",
        "Email reported by user as malware or phish",
        _CARRIED,
        "Somebody reports a message.",
    ),
    Playbook(
        _K.URL_CLICK,
        "A potentially malicious URL click was detected",
        _S.HIGH,
        "URL verdict change",
        "Clicked url Verdict changed to malicious",
        _LINK,
        "A log says that somebody followed a link that is listed as bad, before or after it was.",
    ),
    Playbook(
        _K.SUSPICIOUS_SENDING,
        "Suspicious email sending patterns detected",
        _S.MEDIUM,
        "User compromised",
        "Suspicious email sending patterns detected",
        _ACCOUNT,
        "An account of the organisation sent malicious mail to more than a handful of addresses within a "
        "day, or far more mail in an hour than it ever did in the ten days before.",
    ),
    Playbook(
        _K.USER_RESTRICTED,
        "User restricted from sending email",
        _S.HIGH,
        "User compromised",
        "User restricted from sending email",
        _ACCOUNT,
        "Somebody, or a script at the mail system, says that an account may not send any more.",
    ),
    Playbook(
        _K.USER_COMPROMISE,
        "Admin triggered user compromise investigation",
        _S.MEDIUM,
        "User compromised",
        "Admin triggered user compromise investigation",
        _ACCOUNT,
        "A person asks for it.",
    ),
    Playbook(
        _K.MANUAL,
        "Admin triggered manual investigation of email",
        _S.INFORMATIONAL,
        "Manual investigation",
        "Manual investigation of {cause}",
        _LINK,
        "A person asks about a message, sender, recipient, URL, host, IP address or file.",
    ),
    Playbook(
        _K.ADMIN_ACTION,
        "Administrative action submitted by an Administrator",
        _S.INFORMATIONAL,
        "Administrative action",
        "Administrative action on mail",
        (),
        "A person takes an action on messages that were chosen by hand or by a search.",
    ),
)

PLAYBOOKS: dict[AlertKind, Playbook] = {playbook.kind: playbook for playbook in _ALL}
"""Every playbook by its kind of alert."""
ACCOUNTS = frozenset(kind for kind, playbook in PLAYBOOKS.items() if Step.SENT_MAIL in playbook.steps)
"""Alerts that are about an account."""
RAISED = ACCOUNTS | {
    AlertKind.MALICIOUS_FILE,
    AlertKind.MALICIOUS_FILE_REMOVED,
    AlertKind.MALICIOUS_URL_REMOVED,
    AlertKind.MAIL_REMOVED,
}
"""Alerts that people and scripts may raise; the others come of what clawback sees itself."""

_WORDS = {EntityKind.URL: "Url", EntityKind.IP: "Sending IP"}


def name_of(kind: AlertKind, cause: Entity) -> str:
    """What an investigation is called: ``Url verdict changed to malicious - https://evil.example/x``."""
    name = PLAYBOOKS[kind].name
    if name.startswith("{"):
        return f"{name.format(cause=_WORDS.get(cause.kind, cause.kind.value.capitalize()))} - {cause.value}"
    return f"{name.format(cause=cause.kind.value)} - {cause.value}"
