"""Orders about accounts and API tokens, each written into the audit log with who gave it."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from clawback import ids
from clawback.engine import passwords
from clawback.engine.parts import Parts
from clawback.engine.record import record
from clawback.errors import BadParameter, NotFound
from clawback.response.events import Event
from clawback.response.events_access import AccountAdded, AccountChanged, TokenMade, TokenRevoked
from clawback.response.people import (
    Account,
    ApiToken,
    Permission,
    Role,
    account_name,
    scopes_of,
    token_label,
)
from clawback.store import Unit
from clawback.store.accounts import Keys

FIRST = "admin"
"""The name of the first administrator."""
SETUP = "Setup"
"""The actor's name when clawback makes the first administrator itself."""
MOST_DAYS = 3_650
"""Days that a token may open something, at most."""


def first_administrator(parts: Parts) -> tuple[Account, str] | None:
    """The first account with its password, which is told nowhere else; None when there are accounts."""
    password = passwords.new_password()
    kept, now = passwords.hashed(password), parts.now()
    account = _account(FIRST, Role.ADMINISTRATOR, False, parts)
    with parts.store.write(durable=True) as unit:
        if unit.accounts.count() or not unit.accounts.add(account, Keys(kept)):
            return None
        event = AccountAdded(account.name, account.role.value, account.content)
        record(unit, event, actor=SETUP, at=now)
    return account, password


def add_account(
    parts: Parts,
    name: str,
    role: Role,
    actor: str,
    *,
    content: bool = False,
    password: str | None = None,
    by_oidc: bool = False,
) -> tuple[Account, str]:
    """Let somebody in from now on; answers the account and its password, made here when none is given.

    With `by_oidc` it has none: the first person to whom the identity provider gives that name opens it.
    Raises BadParameter when the name cannot be, or is taken.
    """
    if by_oidc and password is not None:
        raise BadParameter("an account that comes in by OpenID Connect has no password")
    secret = "" if by_oidc else passwords.new_password() if password is None else password
    kept = "" if by_oidc else passwords.hashed(secret)
    account = _account(account_name(name), role, content, parts)
    with parts.store.write(durable=True) as unit:
        if not unit.accounts.add(account, Keys(kept)):
            raise BadParameter(f"there is an account {account.name} already")
        event = AccountAdded(account.name, account.role.value, account.content)
        record(unit, event, actor=actor, at=parts.now())
    return account, secret


def _account(name: str, role: Role, content: bool, parts: Parts) -> Account:
    return Account(ids.make("acc", name), name, role, content, False, False, parts.now())


def change_account(
    parts: Parts,
    name: str,
    actor: str,
    *,
    role: Role | None = None,
    content: bool | None = None,
    disabled: bool | None = None,
) -> Account:
    """Change what is given; the account's sessions end. Raises NotFound.

    BadParameter when no administrator would be left who may come in.
    """
    with parts.store.write(durable=True) as unit:
        before = unit.accounts.get(name)
        after = unit.accounts.change(name, role=role, content=content, disabled=disabled)
        if _rules(before) and not _rules(after) and not _rulers(unit):
            raise BadParameter(f"{name} is the last administrator who may come in")
        if what := "; ".join(_differences(before, after)):
            _record(unit, parts, AccountChanged(name, what), actor)
    return after


def rule_is_left(unit: Unit, account: Account, role: Role) -> bool:
    """Whether an administrator who may come in is left when the account gets that role."""
    after = replace(account, role=role)
    return not _rules(account) or _rules(after) or _rulers(unit, but=account.name)


def _rules(account: Account) -> bool:
    return Permission.ADMINISTER in account.permissions


def _rulers(unit: Unit, but: str = "") -> bool:
    cursor = ""
    while True:
        page, cursor = unit.accounts.list(limit=1_000, cursor=cursor)
        if any(_rules(account) and account.name != but for account in page):
            return True
        if not cursor:
            return False


def _differences(before: Account, after: Account) -> list[str]:
    said = []
    if before.role is not after.role:
        said.append(f"role {before.role.value} -> {after.role.value}")
    if before.content is not after.content:
        said.append("may see contents" if after.content else "may not see contents any more")
    if before.disabled is not after.disabled:
        said.append("disabled" if after.disabled else "enabled")
    return said


def set_password(parts: Parts, name: str, actor: str, password: str | None = None) -> str:
    """Give an account another password and answer it, made here when none is given; its sessions end.

    An account that came in by OpenID Connect does so no more.
    Raises NotFound, BadParameter.
    """
    secret = passwords.new_password() if password is None else password
    kept = passwords.hashed(secret)
    with parts.store.write(durable=True) as unit:
        keys = unit.accounts.keys(name)
        unit.accounts.set_keys(name, replace(keys, password=kept))
        unit.accounts.unbind(name)
        _record(unit, parts, AccountChanged(name, "another password"), actor)
    return secret


def set_oidc(parts: Parts, name: str, actor: str) -> Account:
    """Take an account's password and code: it comes in by OpenID Connect from now on; its sessions end.

    Whoever opened it by OpenID Connect before does so no more: the next person of that name does. Raises
    NotFound.
    """
    with parts.store.write(durable=True) as unit:
        account = unit.accounts.set_keys(name, Keys(""))
        unit.accounts.unbind(name)
        _record(unit, parts, AccountChanged(name, "comes in by OpenID Connect"), actor)
    return account


def set_totp(parts: Parts, name: str, actor: str, *, on: bool) -> str:
    """Ask an account for a code from now on, or no more; answers what an authenticator app reads, "" if off.

    Its sessions end. Raises NotFound.
    """
    secret = passwords.new_totp() if on else ""
    with parts.store.write(durable=True) as unit:
        keys = unit.accounts.keys(name)
        if on and not keys.password:
            raise BadParameter(f"{name} comes in by OpenID Connect: the identity provider asks for codes")
        unit.accounts.set_keys(name, Keys(keys.password, secret))
        _record(unit, parts, AccountChanged(name, f"TOTP {'on' if on else 'off'}"), actor)
    return passwords.totp_uri(secret, name) if on else ""


def new_token(
    parts: Parts, account: str, label: str, scopes: tuple[str, ...], days: int, actor: str
) -> tuple[ApiToken, str]:
    """Make an API token for an account; answers it with its secret, which is kept nowhere.

    Raises NotFound, BadParameter.
    """
    if not 1 <= days <= MOST_DAYS:
        raise BadParameter(f"a token opens something for 1 to {MOST_DAYS:,} days")
    secret, now = passwords.new_token(), parts.now()
    kept = passwords.sealed(secret)
    with parts.store.write(durable=True) as unit:
        owner = unit.accounts.get(account)
        token = ApiToken(
            id=ids.make("tok", kept),
            account=owner.name,
            label=token_label(label),
            scopes=scopes_of(scopes, owner),
            created_at=now,
            expires_at=now + timedelta(days=days),
        )
        unit.tokens.add(token, kept)
        named = tuple(sorted(scope.value for scope in token.scopes))
        _record(unit, parts, TokenMade(token.id, token.account, token.label, named), actor)
    return token, secret


def revoke_token(parts: Parts, token_id: str, actor: str, *, of: str | None = None) -> ApiToken:
    """Let a token open nothing any more. With `of`, only one of that account; raises NotFound."""
    with parts.store.write(durable=True) as unit:
        token = unit.tokens.get(token_id)
        if of is not None and token.account != of:
            raise NotFound(f"there is no token {token_id}")
        if token.revoked_at is not None:
            return token
        revoked = unit.tokens.revoke(token_id, parts.now())
        _record(unit, parts, TokenRevoked(token.id, token.account), actor)
    return revoked


def _record(unit: Unit, parts: Parts, event: Event, actor: str) -> None:
    record(unit, event, actor=actor, at=parts.now())
