"""Accounts, the sessions that are open for them, and who failed to sign in. Secrets leave only as hashes."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import Index, Row, Table, delete, func, insert, select, update
from sqlalchemy.exc import IntegrityError

from clawback.errors import NotFound
from clawback.response.people import Account, Role
from clawback.store.columns import integer, metadata, running_number, text_column
from clawback.store.repository import Repository
from clawback.store.text import armour, disarm, micros, moment

accounts = Table(
    "accounts",
    metadata,
    running_number(),
    text_column("id", unique=True),
    text_column("name", unique=True),
    text_column("role"),
    integer("content"),
    integer("disabled"),
    integer("created_at"),
    text_column("password"),
    text_column("totp"),
    integer("totp_step"),
)

# `hash` is the SHA-256 of the secret that the cookie holds.
sessions = Table(
    "sessions",
    metadata,
    text_column("hash", primary_key=True),
    integer("account_no"),
    integer("made_at"),
    integer("seen_at"),
    Index("sessions_by_account", "account_no"),
    sqlite_with_rowid=False,
)

failed_sign_ins = Table(
    "failed_sign_ins",
    metadata,
    text_column("subject", primary_key=True),
    integer("since"),
    integer("tries"),
    Index("failed_sign_ins_by_since", "since"),
    sqlite_with_rowid=False,
)

# Who somebody is at an identity provider, and whose account that opens.
identities = Table(
    "identities",
    metadata,
    text_column("issuer", primary_key=True),
    text_column("subject", primary_key=True),
    integer("account_no", unique=True),
    integer("bound_at"),
    sqlite_with_rowid=False,
)


@dataclass(frozen=True, slots=True)
class Keys:
    """What an account is known by: the hash of its password, the TOTP secret ("" for none), its last step.

    Without a password it comes by OpenID Connect only.
    """

    password: str = field(repr=False)
    totp: str = field(default="", repr=False)
    totp_step: int = 0


@dataclass(frozen=True, slots=True)
class Session:
    """An open session and whose it is."""

    hash: str = field(repr=False)
    account: Account
    made_at: datetime
    seen_at: datetime


class Accounts(Repository):
    """All accounts."""

    def add(self, account: Account, keys: Keys) -> bool:
        """Write a new account; False when its name is taken."""
        row = {
            "id": account.id,
            "name": armour(account.name),
            "role": account.role.value,
            "content": int(account.content),
            "disabled": int(account.disabled),
            "created_at": micros(account.created_at),
            "password": keys.password,
            "totp": keys.totp,
            "totp_step": keys.totp_step,
        }
        try:
            with self._connection.begin_nested():
                self._connection.execute(insert(accounts).values(row))
        except IntegrityError:
            return False
        return True

    def get(self, name: str) -> Account:
        """The account of that name; raises NotFound."""
        return _account(self._row(name))

    def find(self, name: str) -> Account | None:
        """The account of that name, None when there is none."""
        row = self._connection.execute(select(accounts).where(accounts.c.name == armour(name))).first()
        return None if row is None else _account(row)

    def keys(self, name: str) -> Keys:
        """What the account is known by; raises NotFound."""
        row = self._row(name)
        return Keys(row.password, row.totp, row.totp_step)

    def list(self, *, limit: int = 100, cursor: str = "") -> tuple[tuple[Account, ...], str]:
        """A page, newest first, and the cursor of the next ("" at the end)."""
        rows, after = self._page(select(accounts), accounts.c.no, limit, cursor)
        return tuple(_account(row) for row in rows), after

    def count(self) -> int:
        """How many there are."""
        return self._connection.execute(select(func.count()).select_from(accounts)).scalar_one()

    def change(
        self,
        name: str,
        *,
        role: Role | None = None,
        content: bool | None = None,
        disabled: bool | None = None,
    ) -> Account:
        """Change what is given and end the account's sessions; raises NotFound."""
        given = {"role": role, "content": content, "disabled": disabled}
        values = {key: _plain(value) for key, value in given.items() if value is not None}
        return self._change(name, values)

    def set_keys(self, name: str, keys: Keys) -> Account:
        """Replace what the account is known by and end its sessions; raises NotFound."""
        values = {"password": keys.password, "totp": keys.totp, "totp_step": keys.totp_step}
        return self._change(name, values)

    def use_step(self, name: str, step: int) -> bool:
        """Note that the TOTP code of a step was used; False when it, or a later one, was used before."""
        mine = update(accounts).where(accounts.c.name == armour(name), accounts.c.totp_step < step)
        return self._connection.execute(mine.values(totp_step=step)).rowcount == 1

    def open_session(self, secret_hash: str, name: str, now: datetime) -> None:
        """Keep a new session; raises NotFound."""
        row = (secret_hash, self._row(name).no, micros(now), micros(now))
        self._insert(sessions, ("hash", "account_no", "made_at", "seen_at"), [row])

    def session(self, secret_hash: str) -> Session | None:
        """The session with that hash, None when there is none."""
        joined = sessions.join(accounts, accounts.c.no == sessions.c.account_no)
        query = select(accounts, sessions.c.made_at, sessions.c.seen_at).select_from(joined)
        row = self._connection.execute(query.where(sessions.c.hash == armour(secret_hash))).first()
        if row is None:
            return None
        return Session(secret_hash, _account(row), moment(row.made_at), moment(row.seen_at))

    def touch(self, secret_hash: str, now: datetime) -> None:
        """Note that a session was used."""
        mine = update(sessions).where(sessions.c.hash == armour(secret_hash))
        self._connection.execute(mine.values(seen_at=micros(now)))

    def close_session(self, secret_hash: str) -> None:
        """End one session."""
        self._connection.execute(delete(sessions).where(sessions.c.hash == armour(secret_hash)))

    def close_older(self, made_until: datetime, seen_until: datetime) -> None:
        """End the sessions that were opened, or used last, no later than then."""
        table = sessions.c
        over = (table.made_at <= micros(made_until)) | (table.seen_at <= micros(seen_until))
        self._connection.execute(delete(sessions).where(over))

    def failed(self, subject: str, now: datetime, since: datetime) -> int:
        """Count one more failure of a subject; answers how many since the first one after `since`."""
        table = failed_sign_ins
        self._connection.execute(delete(table).where(table.c.since < micros(since)))
        row = (armour(subject), micros(now), 1)
        tail = "ON CONFLICT (subject) DO UPDATE SET tries = failed_sign_ins.tries + 1"
        self._insert(table, ("subject", "since", "tries"), [row], tail)
        return self.failures(subject, since)[0]

    def failures(self, subject: str, since: datetime) -> tuple[int, datetime | None]:
        """How often a subject failed, and since when, if that began after `since`."""
        table = failed_sign_ins.c
        query = select(table.tries, table.since).where(table.subject == armour(subject))
        row = self._connection.execute(query.where(table.since >= micros(since))).first()
        return (0, None) if row is None else (row.tries, moment(row.since))

    def forgive(self, subject: str) -> None:
        """Forget a subject's failures."""
        table = failed_sign_ins
        self._connection.execute(delete(table).where(table.c.subject == armour(subject)))

    def by_identity(self, issuer: str, subject: str) -> Account | None:
        """The account that a person of an identity provider opens, None when there is none."""
        joined = identities.join(accounts, accounts.c.no == identities.c.account_no)
        mine = (identities.c.issuer == armour(issuer)) & (identities.c.subject == armour(subject))
        row = self._connection.execute(select(accounts).select_from(joined).where(mine)).first()
        return None if row is None else _account(row)

    def identity(self, name: str) -> tuple[str, str] | None:
        """The issuer and subject that open an account, None when none does; raises NotFound."""
        mine = identities.c.account_no == self._row(name).no
        row = self._connection.execute(select(identities).where(mine)).first()
        return None if row is None else (disarm(row.issuer), disarm(row.subject))

    def bind(self, name: str, issuer: str, subject: str, now: datetime) -> None:
        """Let a person of an identity provider open an account; raises NotFound."""
        row = (armour(issuer), armour(subject), self._row(name).no, micros(now))
        self._insert(identities, ("issuer", "subject", "account_no", "bound_at"), [row])

    def unbind(self, name: str) -> None:
        """Let nobody of an identity provider open the account any more; raises NotFound."""
        mine = identities.c.account_no == self._row(name).no
        self._connection.execute(delete(identities).where(mine))

    def _change(self, name: str, values: dict[str, Any]) -> Account:
        no = self._row(name).no
        if values:
            self._connection.execute(update(accounts).where(accounts.c.no == no).values(values))
            self._connection.execute(delete(sessions).where(sessions.c.account_no == no))
        return self.get(name)

    def _row(self, name: str) -> Row[Any]:
        found = self._connection.execute(select(accounts).where(accounts.c.name == armour(name))).first()
        if found is None:
            raise NotFound(f"there is no account {name}")
        return found


def _plain(value: Role | bool) -> str | int:
    return value.value if isinstance(value, Role) else int(value)


def _account(row: Row[Any]) -> Account:
    return Account(
        id=row.id,
        name=disarm(row.name),
        role=Role(row.role),
        content=bool(row.content),
        disabled=bool(row.disabled),
        totp=row.totp != "",
        created_at=moment(row.created_at),
    )
