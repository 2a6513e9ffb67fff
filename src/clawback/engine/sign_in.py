"""Coming in: by name, password and code into a session; by the secret of a session or token as an account."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from ipaddress import ip_address, ip_network

from clawback.engine import passwords
from clawback.engine.parts import Parts
from clawback.engine.record import record
from clawback.errors import Forbidden, NotFound, TriedTooOften
from clawback.response.events_access import SignedIn, SignInBlocked
from clawback.response.people import Account, Permission
from clawback.store.accounts import Keys

WINDOW = timedelta(minutes=15)
"""How long failures count, and how long they block."""
TRIES = 10
"""Failures of one account within the window."""
TRIES_OF_ADDRESS = 50
"""Failures of one address within the window: several people may sit behind it."""
TOUCHED = timedelta(minutes=1)
"""Uses of a session or token closer together than this are not written down."""


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks, and what may be done: by a session (with its `csrf`), or by a token."""

    account: Account
    permissions: frozenset[Permission]
    id: str
    csrf: str = field(default="", repr=False)

    @property
    def name(self) -> str:
        """The account's name, the actor of whatever is ordered."""
        return self.account.name

    @property
    def by_token(self) -> bool:
        """Whether it is a token that asks, and nobody who signed in."""
        return not self.csrf


@dataclass(frozen=True, slots=True)
class Lives:
    """How long a session lives without being used, and at most."""

    idle: timedelta = timedelta(hours=1)
    whole: timedelta = timedelta(hours=12)


def sign_in(parts: Parts, name: str, password: str, code: str, address: str, *, only: str = "") -> str:
    """The secret of a new session; with `only` that account alone may come in by password.

    Raises Forbidden, which never says what was wrong; TriedTooOften after too many failures of the account
    or of the address.
    """
    name, now = name.strip().lower()[:64], parts.now()
    subjects = ((f"account {name}", TRIES), (f"address {origin(address)}", TRIES_OF_ADDRESS))
    check_tries(parts, subjects, now)
    keys = _keys(parts, name)
    right = passwords.matches(password, keys.password) and name == (only or name)
    step = passwords.totp_step(keys.totp, code, now) if keys.totp else 0
    with parts.store.write(durable=True) as unit:
        account = unit.accounts.get(name) if right else None
        known = account is not None and not account.disabled and step is not None
        if known and keys.totp and step is not None:
            known = unit.accounts.use_step(name, step)
        if account is not None and known:
            secret = passwords.new_session()
            unit.accounts.open_session(passwords.sealed(secret), name, now)
            unit.accounts.forgive(subjects[0][0])
            record(unit, SignedIn(name, address), actor=name, at=now)
            return secret
        for subject, most in subjects:
            if unit.accounts.failed(subject, now, now - WINDOW) == most:
                record(unit, SignInBlocked(subject), actor=name, at=now)
    raise Forbidden("the name, the password or the code is wrong")


def origin(address: str) -> str:
    """Where somebody comes from, as failures are counted: of IPv6 the network, which one person has."""
    try:
        known = ip_address(address)
    except ValueError:
        return address[:64]
    return str(ip_network((known, 64), strict=False)) if known.version == 6 else str(known)


def check_tries(parts: Parts, subjects: tuple[tuple[str, int], ...], now: datetime) -> None:
    """Raise TriedTooOften when one of the subjects failed as often as it may."""
    with parts.store.read() as unit:
        for subject, most in subjects:
            tries, since = unit.accounts.failures(subject, now - WINDOW)
            if tries >= most and since is not None:
                after = (since + WINDOW - now).total_seconds()
                raise TriedTooOften("too many failed tries: wait, then try again", max(1.0, after))


def _keys(parts: Parts, name: str) -> Keys:
    """What the account is known by, nothing for nobody."""
    with parts.store.read() as unit:
        try:
            return unit.accounts.keys(name)
        except NotFound:
            return Keys("")


def sign_out(parts: Parts, secret: str) -> None:
    """End a session."""
    with parts.store.write() as unit:
        unit.accounts.close_session(passwords.sealed(secret))


def caller_by_session(parts: Parts, secret: str, lives: Lives) -> Caller | None:
    """Who has this session, None when it is unknown, over or of a disabled account."""
    kept, now = passwords.sealed(secret), parts.now()
    with parts.store.read() as unit:
        session = unit.accounts.session(kept)
    if session is None or session.account.disabled:
        return None
    if now - session.made_at >= lives.whole or now - session.seen_at >= lives.idle:
        with parts.store.write() as unit:
            unit.accounts.close_older(now - lives.whole, now - lives.idle)
        return None
    if now - session.seen_at >= TOUCHED:
        with parts.store.write() as unit:
            unit.accounts.touch(kept, now)
    account = session.account
    return Caller(account, account.permissions, account.id, passwords.csrf_of(secret))


def caller_by_token(parts: Parts, secret: str) -> Caller | None:
    """Who has this API token, None when it is unknown, over, revoked or of a disabled account."""
    if not secret.startswith(passwords.TOKEN_MARK):
        return None
    now = parts.now()
    with parts.store.read() as unit:
        found = unit.tokens.by_hash(passwords.sealed(secret))
    if found is None:
        return None
    token, account = found
    if not token.alive(now) or account.disabled:
        return None
    if token.used_at is None or now - token.used_at >= TOUCHED:
        with parts.store.write() as unit:
            unit.tokens.touch(token.id, now)
    return Caller(account, account.permissions & token.scopes, token.id)
