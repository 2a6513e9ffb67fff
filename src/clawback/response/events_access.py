"""Events about who may come in, who did, and who looked into a body. Part of the list in `events`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar


@dataclass(frozen=True, slots=True)
class AccountAdded:
    """Somebody may come in from now on."""

    TYPE: ClassVar[str] = "account_added"
    account: str
    role: str
    content: bool


@dataclass(frozen=True, slots=True)
class AccountChanged:
    """An account was changed; `what` says how. Its sessions have ended."""

    TYPE: ClassVar[str] = "account_changed"
    account: str
    what: str


@dataclass(frozen=True, slots=True)
class TokenMade:
    """An API token was handed out; the secret was shown once and is kept nowhere."""

    TYPE: ClassVar[str] = "token_made"
    token_id: str
    account: str
    label: str
    scopes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class TokenRevoked:
    """An API token opens nothing any more."""

    TYPE: ClassVar[str] = "token_revoked"
    token_id: str
    account: str


@dataclass(frozen=True, slots=True)
class SignedIn:
    """Somebody came in by the portal: by password, or as a `subject` of an identity provider (`issuer`)."""

    TYPE: ClassVar[str] = "signed_in"
    account: str
    address: str
    issuer: str = ""
    subject: str = ""


@dataclass(frozen=True, slots=True)
class SignInRefused:
    """An identity provider told who somebody is, or tried to, and clawback did not let them in."""

    TYPE: ClassVar[str] = "sign_in_refused"
    reason: str
    address: str
    issuer: str
    subject: str
    claimed: str


@dataclass(frozen=True, slots=True)
class IdentityBound:
    """A person of an identity provider opens an account from now on, and nobody else of it does."""

    TYPE: ClassVar[str] = "identity_bound"
    account: str
    issuer: str
    subject: str


@dataclass(frozen=True, slots=True)
class SignInBlocked:
    """Too many failed tries: an account or an address is turned away for a while. Told once a time."""

    TYPE: ClassVar[str] = "sign_in_blocked"
    subject: str


@dataclass(frozen=True, slots=True)
class ContentViewed:
    """Somebody looked into the body of a message, and said why."""

    TYPE: ClassVar[str] = "content_viewed"
    message_id: str
    delivery_id: str
    reason: str


AccessEvent = (
    AccountAdded
    | AccountChanged
    | TokenMade
    | TokenRevoked
    | SignedIn
    | SignInRefused
    | IdentityBound
    | SignInBlocked
    | ContentViewed
)
ACCESS_EVENTS: tuple[type[AccessEvent], ...] = (
    AccountAdded,
    AccountChanged,
    TokenMade,
    TokenRevoked,
    SignedIn,
    SignInRefused,
    IdentityBound,
    SignInBlocked,
    ContentViewed,
)
