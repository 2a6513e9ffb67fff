"""Exclusions: what is left out of every cluster and every action, and why.

Copies in SecOps mailboxes; mail of phishing simulations, known by its sender or by a URL. Two things that an
attacker would try are not let through: a simulation's sender counts only while its authentication has not
failed, and its URL does not cover what else a message carries that is listed as bad.
"""

from __future__ import annotations

from collections.abc import Iterable

from clawback.analysis.domains import host_of, is_under
from clawback.analysis.indicators import Indicator, IndicatorKind
from clawback.analysis.matching import matches
from clawback.analysis.places import link_forms
from clawback.analysis.senders import senders_of
from clawback.message.message import Message
from clawback.response.policy import Policy

SECOPS = "SecOps mailbox"
_CARRIED = frozenset({IndicatorKind.URL, IndicatorKind.HOST, IndicatorKind.DOMAIN, IndicatorKind.SHA256})


def excludes(policy: Policy) -> bool:
    """Whether the policy leaves out any message at all."""
    return bool(policy.simulation_senders or policy.simulation_urls)


def why_left_out(message: Message, policy: Policy, indicator: Indicator | None = None) -> str:
    """The reason to leave a message out, "" when it is not.

    `indicator` is what would make it a member: where the message carries that elsewhere than in a
    simulation's URL, only the sender leaves it out.
    """
    if sender := _simulated_by(message, policy.simulation_senders):
        return f"phishing simulation: sender {sender}"
    if not policy.simulation_urls:
        return ""
    simulated = {form.url: entry for form in link_forms(message) if (entry := _entry(form.url, policy))}
    if not simulated:
        return ""
    if indicator is not None and indicator.kind in _CARRIED:
        carried = {place[1] for place, _ in matches(message, indicator) if len(place) > 1}
        if carried - simulated.keys():
            return ""
    return f"phishing simulation: URL {next(iter(simulated.values()))}"


def _simulated_by(message: Message, senders: frozenset[str]) -> str:
    if not senders or _failed(message):
        return ""
    for sender in senders_of(message):
        for entry in sorted(senders):
            name = entry.removeprefix("@")
            if sender.address == entry or ("@" not in name and is_under(sender.domain, name)):
                return entry
    return ""


def _failed(message: Message) -> bool:
    """Whether the organisation's own border says that somebody else wrote it."""
    said = message.authentication
    if said.dmarc:
        return said.dmarc == "fail"
    return "fail" in (said.spf, said.dkim) and "pass" not in (said.spf, said.dkim)


def _entry(url: str, policy: Policy) -> str:
    """The simulation URL that covers this one: a prefix with a scheme, or a host with all below it."""
    host = host_of(url)
    for entry in sorted(policy.simulation_urls):
        if url.lower().startswith(entry) if "://" in entry else is_under(host, entry.rstrip("/")):
            return entry
    return ""


def is_secops(mailbox: str, policy: Policy) -> bool:
    """Whether a mailbox is one of the security team's."""
    return mailbox.lower() in policy.secops_mailboxes


def only_in_secops(mailboxes: Iterable[str], policy: Policy) -> bool:
    """Whether these are mailboxes, and all of the security team."""
    found = tuple(mailboxes)
    return bool(found) and all(is_secops(mailbox, policy) for mailbox in found)
