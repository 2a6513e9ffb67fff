"""What the organisation's border writes above a message when it lets it in: trace headers."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256

from clawback.testing.mime_writing import dated


@dataclass(frozen=True, slots=True)
class Origin:
    """The host that handed a message in: its name, address, and how its sender authenticated."""

    host: str
    ip: str
    sender_domain: str
    spf: str = "pass"
    dkim: str = "pass"
    dmarc: str = "pass"


def inbound(
    content: bytes, *, domain: str, recipient: str, envelope_sender: str, origin: Origin, moment: datetime
) -> bytes:
    """The content as it lies in one recipient's mailbox after coming in from outside."""
    border = f"mx.{domain}"
    token = _token(content, recipient)
    mailfrom = envelope_sender.rpartition("@")[2] or origin.host
    lines = (
        f"Return-Path: <{envelope_sender}>",
        f"Delivered-To: {recipient}",
        f"Received: from {border}\n\tby store.{domain} with LMTP\n\tid {token[:18]}\n\t(envelope-from "
        f"<{envelope_sender}>)\n\tfor <{recipient}>; {dated(moment)}",
        f"Received: from {origin.host} ({origin.host} [{origin.ip}])\n\tby {border} (Postfix) with ESMTPS id "
        f"{token[20:31].upper()}\n\tfor <{recipient}>; {dated(moment - timedelta(seconds=1))}",
        f"Authentication-Results: {border};\n\tspf={origin.spf} smtp.mailfrom={mailfrom};"
        f"\n\tdkim={origin.dkim} header.d={origin.sender_domain};\n\tdmarc={origin.dmarc} "
        f"header.from={origin.sender_domain}",
    )
    return _above(lines, content)


def internal(
    content: bytes, *, domain: str, recipient: str, envelope_sender: str, client_ip: str, moment: datetime
) -> bytes:
    """The content as it lies in a recipient's mailbox when a colleague sent it."""
    token = _token(content, recipient)
    lines = (
        f"Return-Path: <{envelope_sender}>",
        f"Delivered-To: {recipient}",
        f"Received: from submit.{domain}\n\tby store.{domain} with LMTP\n\tid {token[:18]}\n"
        f"\tfor <{recipient}>; {dated(moment)}",
        f"Received: from [{client_ip}] (unknown [{client_ip}])\n\t(Authenticated sender: {envelope_sender})\n"
        f"\tby submit.{domain} (Postfix) with ESMTPSA id {token[20:31].upper()}; "
        f"{dated(moment - timedelta(seconds=1))}",
    )
    return _above(lines, content)


def _token(content: bytes, recipient: str) -> str:
    return sha256(content[:4096] + recipient.encode()).hexdigest()


def _above(lines: tuple[str, ...], content: bytes) -> bytes:
    """The lines above the content, with the line ends that the content has."""
    text = ("\n".join(lines) + "\n").encode()
    first = content[: content.find(b"\n") + 1]
    return (text.replace(b"\n", b"\r\n") if first.endswith(b"\r\n") else text) + content
