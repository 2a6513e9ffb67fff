"""Sent mail: which account sent which message when, and to how many addresses."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from sqlalchemy import Index, Table, func, select

from clawback.response.sending import Hour, Sent
from clawback.store.columns import integer, metadata, text_column
from clawback.store.repository import Repository, chunks
from clawback.store.text import armour, disarm, micros, moment

_HOUR = 3_600_000_000

sent_mail = Table(
    "sent_mail",
    metadata,
    text_column("message_id", primary_key=True),
    text_column("account", primary_key=True),
    integer("at"),
    integer("addresses"),
    Index("sent_mail_by_account", "account", "at"),
    sqlite_with_rowid=False,
)
_table = sent_mail.c


class SentMail(Repository):
    """What accounts of the organisation sent, each message once however many copies there are."""

    def add(self, items: Iterable[tuple[str, Sent]]) -> None:
        """Keep (account, what it sent), of a message's copies the first; known ones stay as they are."""
        rows: dict[tuple[str, str], tuple[int, int]] = {}
        for account, sent in items:
            # As if each came alone: what is known must not depend on how many are recorded at once.
            rows.setdefault((armour(sent.message_id), armour(account)), (micros(sent.at), sent.addresses))
        columns = ("message_id", "account", "at", "addresses")
        ordered = [(*key, *rest) for key, rest in sorted(rows.items())]
        for chunk in chunks(ordered):
            self._insert(sent_mail, columns, chunk, "ON CONFLICT (message_id, account) DO NOTHING")

    def hours(self, account: str, since: datetime) -> tuple[Hour, ...]:
        """What an account sent in each hour since, oldest first; hours without mail are left out."""
        hour = (_table.at - _table.at % _HOUR).label("hour")
        query = select(hour, func.count().label("messages"), func.sum(_table.addresses).label("addresses"))
        mine = query.where(_table.account == armour(account), _table.at >= micros(since)).group_by(hour)
        rows = self._connection.execute(mine.order_by(hour))
        return tuple(Hour(moment(int(row.hour)), row.messages, int(row.addresses)) for row in rows)

    def of_account(self, account: str, since: datetime, limit: int) -> tuple[Sent, ...]:
        """What an account sent since, newest first, at most so many."""
        query = select(sent_mail).where(_table.account == armour(account), _table.at >= micros(since))
        rows = self._connection.execute(query.order_by(_table.at.desc(), _table.message_id).limit(limit))
        return tuple(Sent(disarm(row.message_id), moment(row.at), row.addresses) for row in rows)

    def accounts_of(self, message_ids: Iterable[str]) -> tuple[str, ...]:
        """The accounts that sent any of these messages, sorted."""
        found: set[str] = set()
        query = select(_table.account).distinct()
        for chunk in chunks(sorted({armour(message_id) for message_id in message_ids})):
            found.update(
                self._connection.execute(query.where(self._within(_table.message_id, chunk))).scalars()
            )
        return tuple(sorted(disarm(account) for account in found))

    def busy(self, accounts: Iterable[str], since: datetime, least: int) -> tuple[str, ...]:
        """Which of these accounts wrote to at least so many addresses since."""
        within = self._within(_table.account, [armour(account) for account in accounts])
        query = select(_table.account).where(within, _table.at >= micros(since)).group_by(_table.account)
        rows = self._connection.execute(query.having(func.sum(_table.addresses) >= least))
        return tuple(sorted(disarm(account) for account in rows.scalars()))
