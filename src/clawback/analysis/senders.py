"""Senders of a message in their canonical form."""

from __future__ import annotations

from dataclasses import dataclass

from clawback.analysis.domains import canonical_host
from clawback.message.message import Message

MAX_ADDRESS = 512


@dataclass(frozen=True, slots=True)
class Sender:
    """One sender: the whole address, its domain, and the header it stood in."""

    address: str
    domain: str
    where: str


def canonical_sender(text: str) -> str:
    """The address in lower case with a punycode domain; "" when it has no local part or no domain.

    Mail systems tell ``A@x`` and ``a@x`` apart in theory only (RFC 5321 section 2.4), so we do not.
    """
    text = text.strip().removeprefix("<").removesuffix(">")
    if len(text) > MAX_ADDRESS:
        return ""
    local, _, domain = text.rpartition("@")
    domain = canonical_domain(domain)
    if not local or not domain:
        return ""
    return f"{local.lower()}@{domain}".encode("utf-8", "replace").decode("utf-8")


def canonical_domain(text: str) -> str:
    """The domain of an address in lower-case punycode; an address literal stays as it is."""
    if text.isascii():
        return text.strip().lower().rstrip(".")
    return canonical_host(text.strip())


def senders_of(message: Message) -> tuple[Sender, ...]:
    """P2 (From) and P1 (Return-Path), those that are there."""
    pairs = ((message.sender.address, "header From"), (message.envelope_sender, "header Return-Path"))
    found = ((canonical_sender(text), where) for text, where in pairs)
    return tuple(Sender(a, a.rpartition("@")[2], where) for a, where in found if a)
