"""People: accounts, their roles, and what each may do."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from clawback.errors import BadParameter

_NAME = re.compile(r"[a-z0-9][a-z0-9._@+-]{0,63}", re.ASCII)
_LONGEST_LABEL = 100


class Permission(StrEnum):
    """One thing that somebody may do.

    `read` is metadata without bodies; `content` is bodies, and belongs to no role; `analyse` starts
    inquiries, proposes, lists indicators and exports; `approve` decides, undoes and disarms; `audit` reads
    the audit log; `administer` changes automation and accounts.
    """

    READ = "read"
    ANALYSE = "analyse"
    APPROVE = "approve"
    AUDIT = "audit"
    ADMINISTER = "administer"
    CONTENT = "content"


class Role(StrEnum):
    """What a person is here for."""

    READER = "reader"
    ANALYST = "analyst"
    APPROVER = "approver"
    ADMINISTRATOR = "administrator"


_P = Permission
PERMISSIONS: dict[Role, frozenset[Permission]] = {
    Role.READER: frozenset({_P.READ}),
    Role.ANALYST: frozenset({_P.READ, _P.ANALYSE, _P.AUDIT}),
    Role.APPROVER: frozenset({_P.READ, _P.ANALYSE, _P.AUDIT, _P.APPROVE}),
    Role.ADMINISTRATOR: frozenset({_P.READ, _P.ANALYSE, _P.AUDIT, _P.APPROVE, _P.ADMINISTER}),
}
"""What each role may do; `content` is given to an account by itself."""


@dataclass(frozen=True, slots=True)
class Account:
    """Somebody who may come in. `content` is whether bodies may be seen, `totp` whether a code is asked."""

    id: str
    name: str
    role: Role
    content: bool
    disabled: bool
    totp: bool
    created_at: datetime

    @property
    def permissions(self) -> frozenset[Permission]:
        """What the account may do; nothing while it is disabled."""
        if self.disabled:
            return frozenset()
        own = {Permission.CONTENT} if self.content else set[Permission]()
        return PERMISSIONS[self.role] | own


@dataclass(frozen=True, slots=True)
class ApiToken:
    """A token as it is listed, without its secret. `scopes` bound what its account may do by it."""

    id: str
    account: str
    label: str
    scopes: frozenset[Permission]
    created_at: datetime
    expires_at: datetime
    used_at: datetime | None = None
    revoked_at: datetime | None = None

    def alive(self, now: datetime) -> bool:
        """Whether it still opens anything."""
        return self.revoked_at is None and now < self.expires_at


def account_name(text: str) -> str:
    """The name in lower case (BadParameter when no account may be called so)."""
    name = text.strip().lower()
    if not _NAME.fullmatch(name):
        raise BadParameter(
            "an account's name has 1 to 64 letters, digits and . _ @ + -, a letter or digit first"
        )
    return name


def token_label(text: str) -> str:
    """The label of a token (BadParameter when it is empty, too long or not printable)."""
    label = text.strip()
    if not label or len(label) > _LONGEST_LABEL or not label.isprintable():
        raise BadParameter(f"a token's label has 1 to {_LONGEST_LABEL} printable characters")
    return label


def scopes_of(names: Iterable[str], account: Account) -> frozenset[Permission]:
    """The scopes of a new token: those named, all of the account's for none.

    Raises BadParameter for an unknown one, and for one that the account itself does not have.
    """
    wanted = set(names)
    unknown = sorted(wanted - {permission.value for permission in Permission})
    if unknown:
        known = ", ".join(permission.value for permission in Permission)
        raise BadParameter(f"there is no scope {unknown[0]!r:.80}; there are: {known}")
    scopes = frozenset(Permission(name) for name in wanted) or account.permissions
    if beyond := sorted(scopes - account.permissions):
        raise BadParameter(f"{account.name} may not {beyond[0].value}, so no token of theirs may")
    return scopes
