"""Coming in as a person of an identity provider: whose account that opens, and with which role."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from clawback import ids
from clawback.engine import passwords
from clawback.engine.accounts import rule_is_left
from clawback.engine.parts import Parts
from clawback.engine.record import record
from clawback.engine.sign_in import TRIES, TRIES_OF_ADDRESS, WINDOW, check_tries, origin
from clawback.errors import BadParameter, Forbidden
from clawback.response.events_access import (
    AccountAdded,
    AccountChanged,
    IdentityBound,
    SignedIn,
    SignInBlocked,
    SignInRefused,
)
from clawback.response.people import Account, Role, account_name
from clawback.store import Unit
from clawback.store.accounts import Keys

LONGEST_TOLD = 200
REASONS: Mapping[str, str] = {
    "no name": "the identity provider tells no name that an account may have: ask an administrator",
    "unknown": "you have no account here: ask an administrator to add one with the name {name}",
    "has password": "the account {name} comes in by its password: ask an administrator to change that",
    "somebody else": "the account {name} belongs to another person of the identity provider",
    "no role": "none of your groups has a role here: ask an administrator",
    "disabled": "your account here is disabled: ask an administrator",
    "last administrator": "your groups take the last administrator away: ask for the break-glass account",
}
"""Why somebody whom the provider knows is not let in."""


@dataclass(frozen=True, slots=True)
class Person:
    """Who somebody is, as a verified ID token says; `groups` are the values that give roles."""

    issuer: str
    subject: str
    name: str
    groups: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Admission:
    """Which group gives which role (none: roles are given by hand); whether unknown people get accounts."""

    roles: Mapping[str, Role] = field(default_factory=dict)
    adds: bool = False

    def role(self, person: Person) -> Role | None:
        """The highest role that the person's groups give."""
        given = {self.roles[group] for group in person.groups if group in self.roles}
        return max(given, key=list(Role).index, default=None)


class _Refused(Exception):
    """Carries the reason, a key of REASONS."""


def sign_in_person(parts: Parts, person: Person, admission: Admission, address: str) -> str:
    """The secret of a new session of the account that the person opens.

    Raises Forbidden, which says what to do; TriedTooOften after too many failures of the person or address.
    """
    now = parts.now()
    subjects = (_subject(person), _address(address))
    check_tries(parts, subjects, now)
    with parts.store.write(durable=True) as unit:
        try:
            account = _opened(unit, person, admission, now)
        except _Refused as refused:
            reason = str(refused)
        else:
            secret = passwords.new_session()
            unit.accounts.open_session(passwords.sealed(secret), account.name, now)
            unit.accounts.forgive(subjects[0][0])
            came = SignedIn(account.name, address, person.issuer, person.subject)
            record(unit, came, actor=account.name, at=now)
            return secret
        _failed(unit, subjects, now, person.name)
        told = _refusal(reason, address, person.issuer, person.subject, person.name)
        record(unit, told, actor=told.claimed or "nobody", at=now)
    raise Forbidden(REASONS[reason].format(name=person.name[:64]))


def refuse_address(parts: Parts, address: str) -> None:
    """Raise TriedTooOften for an address that failed too often."""
    check_tries(parts, (_address(address),), parts.now())


def sign_in_failed(parts: Parts, issuer: str, address: str, reason: str) -> None:
    """Count and record that a provider's answer proved nothing."""
    now = parts.now()
    with parts.store.write(durable=True) as unit:
        _failed(unit, (_address(address),), now, "nobody")
        record(unit, _refusal(reason, address, issuer, "", ""), actor="nobody", at=now)


def _opened(unit: Unit, person: Person, admission: Admission, now: datetime) -> Account:
    """The account, bound, added or given another role as need be; nothing is changed when it is refused."""
    role = admission.role(person)
    account = unit.accounts.by_identity(person.issuer, person.subject)
    bound = account is not None
    if account is None:
        account = _named(unit, person, admission)
    if account is not None and account.disabled:
        raise _Refused("disabled")
    if admission.roles and role is None:
        raise _Refused("no role")
    if account is None:
        assert role is not None
        account = _added(unit, person, role, now)
    elif admission.roles and role is not None and role is not account.role:
        account = _changed(unit, account, role, now)
    if not bound:
        unit.accounts.bind(account.name, person.issuer, person.subject, now)
        event = IdentityBound(account.name, person.issuer, person.subject)
        record(unit, event, actor=account.name, at=now)
    return account


def _named(unit: Unit, person: Person, admission: Admission) -> Account | None:
    """The account that waits for a person of that name; None when one is to be added."""
    try:
        name = account_name(person.name)
    except BadParameter:
        raise _Refused("no name") from None
    found = unit.accounts.find(name)
    if found is None:
        if not admission.adds:
            raise _Refused("unknown")
        return None
    if unit.accounts.keys(name).password:
        raise _Refused("has password")
    if unit.accounts.identity(name) is not None:
        raise _Refused("somebody else")
    return found


def _added(unit: Unit, person: Person, role: Role, now: datetime) -> Account:
    name = account_name(person.name)
    account = Account(ids.make("acc", name), name, role, False, False, False, now)
    unit.accounts.add(account, Keys(""))
    record(unit, AccountAdded(name, role.value, False), actor=name, at=now)
    return account


def _changed(unit: Unit, account: Account, role: Role, now: datetime) -> Account:
    if not rule_is_left(unit, account, role):
        raise _Refused("last administrator")
    after = unit.accounts.change(account.name, role=role)
    what = f"role {account.role.value} -> {role.value}, by its groups"
    record(unit, AccountChanged(account.name, what), actor=account.name, at=now)
    return after


def _failed(unit: Unit, subjects: tuple[tuple[str, int], ...], now: datetime, name: str) -> None:
    for subject, most in subjects:
        if unit.accounts.failed(subject, now, now - WINDOW) == most:
            record(unit, SignInBlocked(subject), actor=name[:64] or "nobody", at=now)


def _subject(person: Person) -> tuple[str, int]:
    return f"identity {passwords.sealed(f'{person.issuer} {person.subject}')[:32]}", TRIES


def _address(address: str) -> tuple[str, int]:
    return f"address {origin(address)}", TRIES_OF_ADDRESS


def _refusal(reason: str, address: str, issuer: str, subject: str, name: str) -> SignInRefused:
    cut = [text[:LONGEST_TOLD] for text in (reason, address, issuer, subject, name)]
    return SignInRefused(cut[0], cut[1], cut[2], cut[3], cut[4])
