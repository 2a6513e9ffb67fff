"""Entities: the things investigations talk about, and where a message carries them."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class EntityKind(StrEnum):
    """Every kind of entity."""

    MESSAGE = "message"
    DELIVERY = "delivery"
    MAILBOX = "mailbox"
    SENDER = "sender"
    DOMAIN = "domain"
    HOST = "host"
    URL = "url"
    IP = "ip"
    FILE = "file"
    CLUSTER = "cluster"
    FINGERPRINT = "fingerprint"


@dataclass(frozen=True, slots=True, order=True)
class Entity:
    """One entity in its canonical form (a file is its SHA-256 in lower-case hex)."""

    kind: EntityKind
    value: str

    def __str__(self) -> str:
        return f"{self.kind.value}:{self.value}"


@dataclass(frozen=True, slots=True)
class Reason:
    """Why something was concluded: a stable `code`, the `entity` it rests on, and a sentence for people.

    `where` is the place in the message (``body a.href``, ``attachment 2!/invoice.zip``), "" if none.
    """

    code: str
    entity: Entity
    where: str
    text: str
