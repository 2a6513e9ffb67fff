"""Authenticity: whether the organisation's own border vouches for the sender that a message shows."""

from __future__ import annotations

from enum import IntEnum

from clawback.message.message import Message
from clawback.message.suffixes import registrable_domain

_FAILED = frozenset({"fail", "softfail", "permerror"})


class Authenticity(IntEnum):
    """What is known of the From header. The numbers are kept in the store: frozen."""

    FAILED = 0
    UNSAID = 1
    PASSED = 2


def authenticity_of(message: Message) -> Authenticity:
    """Passed with DMARC, or with DKIM of the sender's own domain; failed when DMARC or all of them failed.

    Unsaid where the border said nothing that is about the sender shown (RFC 7489 section 3.1: aligned by
    registrable domain). Only what a trusted hop wrote is in a message's authentication.
    """
    said = message.authentication
    if said.dmarc == "pass" or (said.dkim == "pass" and _aligned(said.dkim_domain, message.sender.domain)):
        return Authenticity.PASSED
    if said.dmarc in _FAILED:
        return Authenticity.FAILED
    if said.dkim in _FAILED and said.spf != "pass":
        return Authenticity.FAILED
    return Authenticity.FAILED if said.spf in _FAILED and said.dkim != "pass" else Authenticity.UNSAID


def _aligned(signed: str, shown: str) -> bool:
    owner = registrable_domain(shown)
    return bool(owner) and registrable_domain(signed) == owner
