"""API tokens, without their secrets: the store has the SHA-256 of each."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Index, Row, Select, Table, func, select, update

from clawback.errors import NotFound
from clawback.response.people import Account, ApiToken, Permission
from clawback.store.accounts import Accounts, accounts
from clawback.store.columns import integer, metadata, running_number, text_column
from clawback.store.listings import Listing
from clawback.store.repository import Repository
from clawback.store.text import armour, disarm, micros, moment, moment_or_none, words, words_of

api_tokens = Table(
    "api_tokens",
    metadata,
    running_number(),
    text_column("id", unique=True),
    integer("account_no"),
    text_column("label"),
    text_column("scopes"),
    text_column("hash", unique=True),
    integer("created_at"),
    integer("expires_at"),
    integer("used_at", nullable=True),
    integer("revoked_at", nullable=True),
    Index("api_tokens_by_account", "account_no"),
)
_COLUMNS = ("id", "account_no", "label", "scopes", "hash", "created_at", "expires_at")

SEARCHED = {
    **{name: api_tokens.c[name] for name in ("id", "label", "created_at", "expires_at")},
    "account": accounts.c.name.label("account"),
    "used_at": func.coalesce(api_tokens.c.used_at, 0).label("used_at"),
    "revoked_at": func.coalesce(api_tokens.c.revoked_at, 0).label("revoked_at"),
}
"""The columns that a search may ask about and sort by; what never was is in 1970."""


class Tokens(Repository):
    """All API tokens."""

    def add(self, token: ApiToken, secret_hash: str) -> None:
        """Keep a new token; raises NotFound when there is no such account."""
        query = select(accounts.c.no).where(accounts.c.name == armour(token.account))
        no = self._connection.execute(query).scalar()
        if no is None:
            raise NotFound(f"there is no account {token.account}")
        row = (
            token.id,
            no,
            armour(token.label),
            words(scope.value for scope in token.scopes),
            secret_hash,
            micros(token.created_at),
            micros(token.expires_at),
        )
        self._insert(api_tokens, _COLUMNS, [row])

    def get(self, token_id: str) -> ApiToken:
        """The token; raises NotFound."""
        found = self._connection.execute(_query().where(api_tokens.c.id == armour(token_id))).first()
        if found is None:
            raise NotFound(f"there is no token {token_id}")
        return _token(found)

    def by_hash(self, secret_hash: str) -> tuple[ApiToken, Account] | None:
        """The token with that hash and its account, None when there is none."""
        found = self._connection.execute(_query().where(api_tokens.c.hash == secret_hash)).first()
        if found is None:
            return None
        token = _token(found)
        return token, Accounts(self._connection).get(token.account)

    def list(
        self, *, account: str | None = None, limit: int = 100, cursor: str = ""
    ) -> tuple[tuple[ApiToken, ...], str]:
        """A page, newest first, of one account or of all, and the cursor of the next ("" at the end)."""
        query = _query()
        if account is not None:
            query = query.where(accounts.c.name == armour(account))
        rows, after = self._page(query, api_tokens.c.no, limit, cursor)
        return tuple(_token(row) for row in rows), after

    def search(self, listing: Listing) -> tuple[tuple[ApiToken, ...], str]:
        """A page of those that meet the listing's conditions, in its order, and the next cursor.

        Columns: `SEARCHED`. Raises BadQuery.
        """
        joined = api_tokens.join(accounts, accounts.c.no == api_tokens.c.account_no)
        query = select(api_tokens.c.no, *SEARCHED.values()).select_from(joined)
        found, after = self._listing(query, SEARCHED, api_tokens.c.no, listing)
        numbers = [row.no for row in found]
        mine = _query().where(self._within(api_tokens.c.no, numbers))
        rows = {row.no: row for row in self._connection.execute(mine)} if numbers else {}
        return tuple(_token(rows[no]) for no in numbers), after

    def count(self, listing: Listing) -> int:
        """How many `search` finds, on whatever page."""
        return self._count_listing(_query(), SEARCHED, listing)

    def revoke(self, token_id: str, now: datetime) -> ApiToken:
        """Let a token open nothing any more; raises NotFound."""
        mine = (api_tokens.c.id == armour(token_id)) & api_tokens.c.revoked_at.is_(None)
        self._connection.execute(update(api_tokens).where(mine).values(revoked_at=micros(now)))
        return self.get(token_id)

    def touch(self, token_id: str, now: datetime) -> None:
        """Note that a token was used."""
        mine = update(api_tokens).where(api_tokens.c.id == armour(token_id))
        self._connection.execute(mine.values(used_at=micros(now)))


def _query() -> Select[Any]:
    joined = api_tokens.join(accounts, accounts.c.no == api_tokens.c.account_no)
    return select(api_tokens, accounts.c.name).select_from(joined)


def _token(row: Row[Any]) -> ApiToken:
    return ApiToken(
        id=row.id,
        account=disarm(row.name),
        label=disarm(row.label),
        scopes=frozenset(Permission(scope) for scope in words_of(row.scopes)),
        created_at=moment(row.created_at),
        expires_at=moment(row.expires_at),
        used_at=moment_or_none(row.used_at),
        revoked_at=moment_or_none(row.revoked_at),
    )
