from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from clawback.errors import NotFound
from clawback.response.people import Account, ApiToken, Permission, Role
from clawback.store import Store
from clawback.store.accounts import Keys

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
ANN = Account("acc-1", "ann", Role.ANALYST, False, False, False, NOW)


def test_an_account_comes_back_as_it_was_and_its_name_is_its_own(store: Store) -> None:
    with store.write() as unit:
        assert unit.accounts.add(ANN, Keys("hash"))
        assert not unit.accounts.add(Account("acc-2", "ann", Role.READER, True, False, False, NOW), Keys("x"))
        assert unit.accounts.get("ann") == ANN
        assert unit.accounts.keys("ann") == Keys("hash")
        assert unit.accounts.list() == ((ANN,), "")
        with pytest.raises(NotFound):
            unit.accounts.get("bob")


def test_a_change_of_an_account_ends_its_sessions_and_no_others(store: Store) -> None:
    with store.write() as unit:
        unit.accounts.add(ANN, Keys("hash"))
        unit.accounts.add(Account("acc-2", "bob", Role.READER, True, False, False, NOW), Keys("x"))
        unit.accounts.open_session("one", "ann", NOW)
        unit.accounts.open_session("two", "bob", NOW)
        assert unit.accounts.change("ann") == ANN
        assert unit.accounts.session("one") is not None
        changed = unit.accounts.change("ann", disabled=True, role=Role.READER)
        assert (changed.disabled, changed.role, changed.permissions) == (True, Role.READER, frozenset())
        assert unit.accounts.session("one") is None
        kept = unit.accounts.session("two")
        assert kept is not None
        assert kept.account.permissions == {Permission.READ, Permission.CONTENT}


def test_sessions_that_are_old_or_idle_go(store: Store) -> None:
    with store.write() as unit:
        unit.accounts.add(ANN, Keys("hash"))
        for name, minutes in (("old", 100), ("idle", 10), ("fresh", 0)):
            unit.accounts.open_session(name, "ann", NOW - timedelta(minutes=minutes))
        unit.accounts.touch("old", NOW)
        unit.accounts.close_older(NOW - timedelta(minutes=60), NOW - timedelta(minutes=5))
        assert [name for name in ("old", "idle", "fresh") if unit.accounts.session(name)] == ["fresh"]


def test_failures_count_within_their_window_and_can_be_forgiven(store: Store) -> None:
    with store.write() as unit:
        counts = [unit.accounts.failed("address 1", NOW, NOW - timedelta(minutes=15)) for _ in range(3)]
        later = NOW + timedelta(minutes=16)
        assert counts == [1, 2, 3]
        assert unit.accounts.failures("address 1", NOW - timedelta(minutes=15)) == (3, NOW)
        assert unit.accounts.failed("address 1", later, later - timedelta(minutes=15)) == 1
        unit.accounts.forgive("address 1")
        assert unit.accounts.failures("address 1", NOW) == (0, None)


def test_a_totp_step_is_used_once_and_none_before_it(store: Store) -> None:
    with store.write() as unit:
        unit.accounts.add(ANN, Keys("hash", "SECRET"))
        assert unit.accounts.get("ann").totp
        assert [unit.accounts.use_step("ann", step) for step in (7, 7, 6, 8)] == [True, False, False, True]


def test_a_token_is_found_by_its_hash_until_it_is_revoked(store: Store) -> None:
    token = ApiToken(
        "tok-1", "ann", "script", frozenset({Permission.READ}), NOW, NOW + timedelta(days=1), None, None
    )
    with store.write() as unit:
        unit.accounts.add(ANN, Keys("hash"))
        unit.tokens.add(token, "sealed")
        assert unit.tokens.by_hash("sealed") == (token, ANN)
        assert unit.tokens.by_hash("other") is None
        assert unit.tokens.list(account="ann") == ((token,), "")
        assert unit.tokens.list(account="bob") == ((), "")
        revoked = unit.tokens.revoke("tok-1", NOW)
        assert (revoked.alive(NOW), token.alive(NOW)) == (False, True)
        assert not token.alive(NOW + timedelta(days=1))
        with pytest.raises(NotFound):
            unit.tokens.revoke("tok-2", NOW)


def test_a_key_of_an_order_is_taken_once_and_its_answer_kept(store: Store) -> None:
    day = timedelta(days=1)
    with store.write() as unit:
        orders = unit.given_orders
        assert orders.claim("ann", "k", "digest", NOW, NOW - day) is None
        going = orders.claim("ann", "k", "digest", NOW, NOW - day)
        assert going is not None
        assert going.status is None
        assert orders.claim("bob", "k", "digest", NOW, NOW - day) is None
        orders.answered("ann", "k", 200, b"{}")
        done = orders.claim("ann", "k", "digest", NOW, NOW - day)
        assert done is not None
        assert (done.status, done.answer, done.request) == (200, b"{}", "digest")
        orders.release("bob", "k")
        assert orders.claim("bob", "k", "other", NOW, NOW - day) is None
        assert orders.claim("ann", "k", "other", NOW + 2 * day, NOW + day) is None
