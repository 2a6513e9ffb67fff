"""One sign-in by OpenID Connect: what it was begun with, kept in the browser, signed and for a short time."""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import msgspec

from clawback.engine.identities import Admission, Person
from clawback.errors import Forbidden
from clawback.oidc.provider import Provider, Started

MINUTES = 10
"""How long one may take at the provider."""
LONGEST_COOKIE = 4_096
MOST_GROUPS = 2_000
_BEGIN_AGAIN = "this sign-in was not begun here, or too long ago: begin again"


@dataclass(frozen=True, slots=True)
class Oidc:
    """The way in by OpenID Connect. `key` signs what browsers keep meanwhile; it ends with the process."""

    provider: Provider
    label: str
    name_claim: str
    roles_claim: str = ""
    admission: Admission = Admission()
    break_glass: str = ""
    key: bytes = field(default_factory=lambda: secrets.token_bytes(32), repr=False)

    @property
    def issuer(self) -> str:
        """The provider as it calls itself."""
        return self.provider.relying.issuer


class Pending(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A sign-in that was begun, and the page to show after it."""

    state: str
    nonce: str
    verifier: str
    back: str
    next: str
    until: float

    @property
    def started(self) -> Started:
        """What the provider must hear of it."""
        return Started(self.state, self.nonce, self.verifier, self.back)

    @property
    def challenge(self) -> str:
        """The verifier as the provider gets it first (RFC 7636, S256)."""
        return _text(hashlib.sha256(self.verifier.encode("ascii")).digest())


def begun(back: str, way: str, now: datetime) -> Pending:
    """A new sign-in, with 256 random bits each as its state, its nonce and its verifier."""
    state, nonce, verifier = (secrets.token_urlsafe(32) for _ in range(3))
    return Pending(state, nonce, verifier, back, way, now.timestamp() + MINUTES * 60)


def sealed(pending: Pending, key: bytes) -> str:
    """What the browser keeps."""
    content = _text(msgspec.json.encode(pending))
    return f"{content}.{_seal(content, key)}"


def opened(kept: str, state: str, key: bytes, now: datetime) -> Pending:
    """What the browser kept; Forbidden when it is not ours, not of this state, or too old."""
    content, _, seal = kept.partition(".")
    if len(kept) > LONGEST_COOKIE or not kept.isascii() or not _same(seal, _seal(content, key)):
        raise Forbidden(_BEGIN_AGAIN)
    pending = msgspec.json.decode(base64.urlsafe_b64decode(f"{content}=="), type=Pending)
    if not _same(state, pending.state) or now.timestamp() >= pending.until:
        raise Forbidden(_BEGIN_AGAIN)
    return pending


def person_of(claims: Mapping[str, Any], oidc: Oidc) -> Person:
    """Who somebody is by verified claims. Forbidden when the address that names them is not verified."""
    name = claims.get(oidc.name_claim)
    if oidc.name_claim == "email" and claims.get("email_verified") is not True:
        raise Forbidden("the identity provider has not verified your mail address: ask an administrator")
    told = name if isinstance(name, str) else ""
    return Person(oidc.issuer, claims["sub"], told, _groups(claims, oidc.roles_claim))


def _groups(claims: Mapping[str, Any], claim: str) -> frozenset[str]:
    found: Any = claims.get(claim)
    if found is None:
        found = claims
        for word in claim.split("."):
            found = found.get(word) if isinstance(found, Mapping) else None
    if isinstance(found, str):
        return frozenset({found})
    listed = found[:MOST_GROUPS] if isinstance(found, list) else ()
    return frozenset(group for group in listed if isinstance(group, str))


def _text(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode("ascii")


def _seal(content: str, key: bytes) -> str:
    return hmac.new(key, content.encode("ascii"), hashlib.sha256).hexdigest()


def _same(one: str, other: str) -> bool:
    return hmac.compare_digest(one.encode("utf-8", "replace"), other.encode("utf-8", "replace"))
