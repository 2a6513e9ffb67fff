"""Submissions: users' reports, and how often each reporter was right."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Index, Select, Table, exists, func, select, text, update

from clawback.errors import NotFound
from clawback.response.submissions import Reputation, Submission, SubmissionState, was_right
from clawback.store.audit import Audit
from clawback.store.columns import blob, integer, metadata, running_number, text_column
from clawback.store.listings import Listing
from clawback.store.records import Codec, pack, unpack
from clawback.store.repository import Repository, chunks
from clawback.store.text import armour, disarm, micros

_codec = Codec(Submission)
_HAS_COPY = text("kept_copy <> ''")
_COLUMNS = (
    "id", "reporter", "state", "kept_copy", "message_id", "investigation_id", "was_right", "reported_at",
    "record",
)  # fmt: skip

submissions = Table(
    "submissions",
    metadata,
    running_number(),
    text_column("id", unique=True),
    text_column("reporter"),
    text_column("state"),
    text_column("kept_copy"),
    text_column("message_id"),
    text_column("investigation_id"),
    integer("was_right", nullable=True),
    integer("reported_at"),
    blob("record"),
    Index("submissions_by_reporter", "reporter"),
    Index("submissions_by_state", "state", "no"),
    Index("submissions_by_kept_copy", "kept_copy", sqlite_where=_HAS_COPY, postgresql_where=_HAS_COPY),
    Index("submissions_by_message", "message_id"),
    Index("submissions_by_investigation", "investigation_id"),
    Index("submissions_by_time", "reported_at", "no"),
)
SEARCHED = {name: submissions.c[name] for name in ("id", "reporter", "state", "message_id", "reported_at")}
"""The columns that a search may ask about and sort by."""


def kept(delivery_id: ColumnElement[str]) -> ColumnElement[bool]:
    """That a copy is a report which is kept, for the queries of others."""
    return exists().where(_HAS_COPY, submissions.c.kept_copy == delivery_id)


class Submissions(Repository):
    """All submissions.

    Whoever changes one also writes to the audit log, and has that first (see `hold`): locks that all take
    in the same order cannot wait for each other.
    """

    def add(self, new: Sequence[Submission]) -> None:
        """Keep new submissions; those that are known already stay as they are."""
        rows = [_row(one) for one in new]
        self._insert(submissions, _COLUMNS, rows, "ON CONFLICT (id) DO NOTHING")

    def save(self, changed: Submission) -> None:
        """Write a submission that is known."""
        row = dict(zip(_COLUMNS, _row(changed), strict=True))
        self._connection.execute(update(submissions).values(row).where(submissions.c.id == row["id"]))

    def get(self, submission_id: str) -> Submission:
        """The submission; raises NotFound."""
        found = self._read(select(submissions.c.record).where(submissions.c.id == armour(submission_id)))
        if not found:
            raise NotFound(f"there is no report {submission_id}")
        return found[0]

    def hold(self, submission_id: str) -> Submission:
        """As `get`, and nobody else changes a submission until the end of the unit."""
        Audit(self._connection).alone()
        return self.get(submission_id)

    def of_investigation(self, investigation_id: str) -> tuple[Submission, ...]:
        """The submissions that an investigation is about, oldest first."""
        mine = submissions.c.investigation_id == armour(investigation_id)
        return self._read(select(submissions.c.record).where(mine).order_by(submissions.c.no))

    def waiting(self, investigation_id: str) -> bool:
        """Whether a submission waits for the end of an investigation."""
        table = submissions.c
        mine = table.investigation_id == armour(investigation_id)
        open_ = exists().where(mine, table.state == SubmissionState.INVESTIGATING.value)
        return bool(self._connection.execute(select(open_)).scalar())

    def count_of(self, investigation_id: str) -> int:
        """How many submissions an investigation is about."""
        mine = submissions.c.investigation_id == armour(investigation_id)
        return self._connection.execute(
            select(func.count()).select_from(submissions).where(mine)
        ).scalar_one()

    def of_message(self, message_id: str) -> tuple[Submission, ...]:
        """The submissions of a message, oldest first."""
        mine = submissions.c.message_id == armour(message_id)
        return self._read(select(submissions.c.record).where(mine).order_by(submissions.c.no))

    def confirmed(self, message_ids: Sequence[str]) -> tuple[Submission, ...]:
        """Of each of these messages that a person has confirmed to be bad the newest submission."""
        found: dict[str, Submission] = {}
        query = select(submissions.c.record).order_by(submissions.c.no)
        for chunk in chunks([armour(message_id) for message_id in message_ids]):
            for one in self._read(query.where(self._within(submissions.c.message_id, chunk))):
                if one.confirmed_as is not None:
                    found[one.message_id] = one
        return tuple(found.values())

    def newest(self, states: Iterable[SubmissionState], limit: int) -> tuple[Submission, ...]:
        """The newest submissions that stand so."""
        names = sorted(state.value for state in states)
        query = select(submissions.c.record).where(submissions.c.state.in_(names))
        return self._read(query.order_by(submissions.c.no.desc()).limit(limit))

    def kept_copies(self, delivery_ids: Sequence[str]) -> set[str]:
        """Which of these copies are reports that are kept: never taken out with what they are about."""
        found: set[str] = set()
        query = select(submissions.c.kept_copy).where(_HAS_COPY)
        if self._connection.execute(query.limit(1)).first() is None:
            return found
        for chunk in chunks([armour(delivery_id) for delivery_id in delivery_ids]):
            mine = query.where(self._within(submissions.c.kept_copy, chunk))
            found.update(self._connection.execute(mine).scalars())
        return found

    def list(
        self,
        *,
        states: Iterable[SubmissionState] | None = None,
        reporter: str = "",
        limit: int = 100,
        cursor: str = "",
    ) -> tuple[tuple[Submission, ...], str]:
        """A page, newest first, and the next cursor."""
        query = select(submissions.c.no, submissions.c.record)
        if states is not None:
            query = query.where(submissions.c.state.in_(sorted(state.value for state in states)))
        if reporter:
            query = query.where(submissions.c.reporter == armour(reporter.lower()))
        rows, after = self._page(query, submissions.c.no, limit, cursor)
        return tuple(_codec.decode(unpack(row.record)) for row in rows), after

    def search(self, listing: Listing) -> tuple[tuple[Submission, ...], str]:
        """A page of those that meet the listing's conditions, in its order, and the next cursor.

        Columns: `SEARCHED`; reporters are in small letters. Raises BadQuery.
        """
        table = submissions.c
        query = select(table.no, table.record, *SEARCHED.values())
        rows, after = self._listing(query, SEARCHED, table.no, listing)
        return tuple(_codec.decode(unpack(row.record)) for row in rows), after

    def count(self, listing: Listing) -> int:
        """How many `search` finds, on whatever page."""
        return self._count_listing(select(submissions.c.no), SEARCHED, listing)

    def reputations(self, reporters: Iterable[str]) -> dict[str, Reputation]:
        """How often each of these people was right, those without a result yet too."""
        names = sorted({reporter.lower() for reporter in reporters})
        found = {name: Reputation() for name in names}
        table = submissions.c
        query = select(table.reporter, func.sum(table.was_right).label("right"), func.count().label("known"))
        query = query.where(table.was_right.is_not(None)).group_by(table.reporter)
        for chunk in chunks([armour(name) for name in names]):
            for row in self._connection.execute(query.where(self._within(table.reporter, chunk))):
                right = int(row.right)
                found[disarm(row.reporter)] = Reputation(right, row.known - right)
        return found

    def _read(self, query: Select[Any]) -> tuple[Submission, ...]:
        return tuple(_codec.decode(unpack(record)) for record in self._connection.execute(query).scalars())


def _row(one: Submission) -> tuple[str | int | bytes | None, ...]:
    right = was_right(one)
    return (
        armour(one.id),
        armour(one.reporter.lower()),
        one.state.value,
        armour(one.delivery_id) if one.is_kept else "",
        armour(one.message_id),
        armour(one.investigation_id),
        None if right is None else int(right),
        micros(one.reported_at),
        pack(_codec.encode(one)),
    )
