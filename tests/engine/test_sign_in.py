"""Coming in, with a clock of its own."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyotp
import pytest
from tests.engine.world import World

from clawback.engine import accounts, passwords
from clawback.engine.parts import Parts
from clawback.engine.sign_in import (
    TRIES_OF_ADDRESS,
    Lives,
    caller_by_session,
    caller_by_token,
    origin,
    sign_in,
    sign_out,
)
from clawback.errors import BadParameter, Forbidden, NotFound, TriedTooOften
from clawback.response.people import Permission, Role

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
LIVES = Lives(timedelta(hours=1), timedelta(hours=12))
PASSWORD = "a long enough password"


class Clock:
    """A time that a test moves."""

    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def parts(tmp_path: Path, clock: Clock) -> Iterator[Parts]:
    with World(tmp_path, "").app() as app:
        made = replace(app.parts, now=clock)
        accounts.add_account(made, "ann", Role.ANALYST, "test", password=PASSWORD)
        yield made


def enter(parts: Parts, name: str = "ann", password: str = PASSWORD, code: str = "") -> str:
    return sign_in(parts, name, password, code, "192.0.2.1")


def test_a_session_ends_when_it_is_idle_or_old_and_not_before(parts: Parts, clock: Clock) -> None:
    secret = enter(parts, " ANN ")
    for _ in range(12):
        clock.now += timedelta(minutes=59)
        assert caller_by_session(parts, secret, LIVES)
    clock.now += timedelta(minutes=13)
    assert caller_by_session(parts, secret, LIVES) is None
    idle = enter(parts)
    clock.now += timedelta(hours=1)
    assert caller_by_session(parts, idle, LIVES) is None
    clock.now -= timedelta(minutes=30)
    assert caller_by_session(parts, idle, LIVES) is None


def test_signing_out_ends_one_session(parts: Parts) -> None:
    one, two = enter(parts), enter(parts)
    sign_out(parts, one)
    assert caller_by_session(parts, one, LIVES) is None
    assert caller_by_session(parts, two, LIVES)


def test_a_code_counts_once_and_a_wrong_one_not_at_all(parts: Parts, clock: Clock) -> None:
    uri = accounts.set_totp(parts, "ann", "test", on=True)
    app = pyotp.parse_uri(uri)
    assert isinstance(app, pyotp.TOTP)
    for wrong in ("", "000000" if app.at(NOW) != "000000" else "111111", "12345", "１２３４５６"):
        with pytest.raises(Forbidden):
            enter(parts, code=wrong)
    assert enter(parts, code=app.at(NOW))
    with pytest.raises(Forbidden):
        enter(parts, code=app.at(NOW))
    clock.now += timedelta(seconds=30)
    assert enter(parts, code=f" {app.at(clock.now)[:3]} {app.at(clock.now)[3:]}")
    accounts.set_totp(parts, "ann", "test", on=False)
    assert enter(parts)


def test_many_names_from_one_address_are_slowed_too(parts: Parts, clock: Clock) -> None:
    with parts.store.write() as unit:
        for _ in range(TRIES_OF_ADDRESS):
            unit.accounts.failed("address 192.0.2.1", NOW, NOW)
    clock.now += timedelta(minutes=5)
    with pytest.raises(TriedTooOften) as refused:
        enter(parts)
    assert refused.value.after == timedelta(minutes=10).total_seconds()
    assert sign_in(parts, "ann", PASSWORD, "", "192.0.2.2")
    clock.now += timedelta(minutes=10, seconds=1)
    assert enter(parts)


@pytest.mark.parametrize(
    ("address", "counted"),
    [("192.0.2.1", "192.0.2.1"), ("2001:db8:0:1::7", "2001:db8:0:1::/64"), ("", ""), ("x" * 100, "x" * 64)],
)  # fmt: skip
def test_failures_are_counted_for_a_network_where_one_person_has_it(address: str, counted: str) -> None:
    assert origin(address) == counted


def test_a_token_opens_until_it_expires_and_no_more_than_its_scopes(parts: Parts, clock: Clock) -> None:
    token, secret = accounts.new_token(parts, "ann", "x", ("read",), 1, "test")
    caller = caller_by_token(parts, secret)
    assert caller is not None
    assert (caller.name, caller.permissions, caller.by_token) == ("ann", frozenset({Permission.READ}), True)
    with parts.store.read() as unit:
        assert unit.tokens.get(token.id).used_at == NOW
    clock.now += timedelta(days=1)
    assert caller_by_token(parts, secret) is None
    assert caller_by_token(parts, "clb_other") is None
    assert caller_by_token(parts, "") is None


def test_what_no_token_may_be_is_refused(parts: Parts) -> None:
    for label, scopes, days in (("", (), 1), ("x", ("approve",), 1), ("x", ("fly",), 1), ("x", (), 0)):
        with pytest.raises(BadParameter):
            accounts.new_token(parts, "ann", label, scopes, days, "test")
    with pytest.raises(NotFound):
        accounts.new_token(parts, "bob", "x", (), 1, "test")


def test_another_password_ends_sessions_and_the_old_one_opens_nothing(parts: Parts) -> None:
    secret = enter(parts)
    made = accounts.set_password(parts, "ann", "test")
    assert caller_by_session(parts, secret, LIVES) is None
    with pytest.raises(Forbidden):
        enter(parts)
    assert enter(parts, password=made)
    for short in ("", "short", "x" * 1_001):
        with pytest.raises(BadParameter):
            accounts.set_password(parts, "ann", "test", short)


def test_the_first_administrator_is_made_once(tmp_path: Path) -> None:
    with World(tmp_path, "").app() as app:
        made = accounts.first_administrator(app.parts)
        assert made is not None
        account, password = made
        assert account.role is Role.ADMINISTRATOR
        assert enter(app.parts, account.name, password)
        assert accounts.first_administrator(app.parts) is None
        with pytest.raises(BadParameter):
            accounts.change_account(app.parts, account.name, "test", disabled=True)
        assert enter(app.parts, account.name, password)


def test_a_hash_is_argon2id_and_no_two_are_the_same() -> None:
    one, two = passwords.hashed(PASSWORD), passwords.hashed(PASSWORD)
    assert one.startswith("$argon2id$")
    assert one != two
    assert passwords.matches(PASSWORD, one)
    assert not passwords.matches(PASSWORD, "")
    assert not passwords.matches(PASSWORD + "x", one)
