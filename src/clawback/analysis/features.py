"""Features: what is computed from the message alone."""

from __future__ import annotations

from dataclasses import dataclass

from clawback.analysis.domains import canonical_ip, domains_of
from clawback.analysis.entities import Entity, EntityKind
from clawback.analysis.fingerprints import Fingerprint, fingerprints_of, words_of
from clawback.analysis.places import files, link_forms, sending_ip
from clawback.analysis.senders import senders_of
from clawback.analysis.shingles import signature_of
from clawback.message.message import Message


@dataclass(frozen=True, slots=True)
class Features:
    """All entities a message carries (for the index and for indicator look-ups) and its fingerprints.

    `signature` is what bodies are compared by (see `shingles`); b"" when there is no body.
    """

    message_id: str
    entities: frozenset[Entity]
    fingerprints: tuple[Fingerprint, ...]
    signature: bytes


def extract(message: Message) -> Features:
    """The features of a whole message; of a slim one, which has no body, the entities are the same."""
    signature = signature_of(words_of(message))
    return Features(message.id, entities_of(message), fingerprints_of(message, signature), signature)


def entities_of(message: Message) -> frozenset[Entity]:
    """Everything in the message that an indicator can name, each in its canonical form.

    URL: where each link leads, and the rewritten form it stood in. HOST and DOMAIN: of both, domains
    from the registrable one down to the host; DOMAIN also of the senders. SENDER: P1 and P2, each as
    the address and as ``@domain``. IP: the sending host and links to bare addresses. FILE: SHA-256 of
    every file that is not empty, members of archives and inline images included.
    """
    found: set[tuple[EntityKind, str]] = set()
    for form in link_forms(message):
        found.add((EntityKind.URL, form.url))
        _add_host(found, form.host)
    for sender in senders_of(message):
        found.add((EntityKind.SENDER, sender.address))
        found.add((EntityKind.SENDER, f"@{sender.domain}"))
        found.update((EntityKind.DOMAIN, domain) for domain in domains_of(sender.domain))
    found.update((EntityKind.FILE, file.sha256) for file in files(message))
    if ip := sending_ip(message):
        found.add((EntityKind.IP, ip))
    return frozenset(Entity(kind, value) for kind, value in found if value)


def _add_host(found: set[tuple[EntityKind, str]], host: str) -> None:
    if (EntityKind.HOST, host) in found:
        return
    found.add((EntityKind.HOST, host))
    found.update((EntityKind.DOMAIN, domain) for domain in domains_of(host))
    if ip := canonical_ip(host):
        found.add((EntityKind.IP, ip))
