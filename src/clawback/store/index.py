"""The index of messages: 64-bit keys to message numbers, in one clustered table parted by time."""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import delete, func, select

from clawback.store.repository import Repository, chunks
from clawback.store.schema import epochs, message_keys

# A busy month is parted, so that the pages one part touches (about 50 MB) fit into the page cache. More
# parts make look-ups slower, each by some 10 microseconds.
MESSAGES_PER_EPOCH = 100_000
_LOCK = 0x65706F63


class Index(Repository):
    """Which messages carry a key. An epoch is a month, or the part of one that a run of numbers falls in."""

    def epoch_for(self, moment: datetime, no: int) -> int:
        """The epoch in which messages first seen then, numbered from `no`, are indexed."""
        month, slot = moment.year * 12 + moment.month - 1, no // MESSAGES_PER_EPOCH
        found = self._epoch(month, slot)
        if found is None:
            self._begin_epoch(month, slot)
            found = self._epoch(month, slot)
        assert found is not None
        return found

    def add(self, keys: list[tuple[int, int, int]]) -> None:
        """Index (epoch, key, message number) triples; sorted first, to go through the pages in order."""
        keys.sort()
        self._insert(message_keys, ("epoch", "key", "message_no"), keys)

    def parts(self) -> Sequence[int]:
        """The epochs there are; a look-up that names them all goes by the index of each."""
        return self._connection.execute(select(epochs.c.epoch)).scalars().all()

    def numbers(self, keys: Sequence[int]) -> array[int]:
        """The numbers of the messages with any of these keys, each once, ascending; 8 bytes each."""
        parts = self.parts()
        found = array("q")
        for chunk in chunks(keys):
            query = select(message_keys.c.message_no).where(
                self._within(message_keys.c.epoch, parts), self._within(message_keys.c.key, chunk)
            )
            for run in self._connection.execute(query).scalars().partitions(10_000):
                found.extend(run)
        return array("q", sorted(set(found) if len(keys) > 1 else found))

    def back(self, keys: Sequence[int], limit: int, below: int | None = None) -> list[int]:
        """The newest numbers with any of these keys, of those below a number, newest first; at most `limit`.

        Epochs are asked from the newest on, each for what is newer than the oldest that is wanted so far:
        what very many messages carry costs no more than that.
        """
        table, found = message_keys.c, list[int]()
        mine = select(table.message_no).distinct().where(self._within(table.key, keys))
        if below is not None:
            mine = mine.where(table.message_no < below)
        newest = mine.order_by(table.message_no.desc()).limit(limit)
        for epoch in sorted(self.parts(), reverse=True):
            here = newest.where(table.epoch == epoch)
            if len(found) == limit:
                here = here.where(table.message_no > found[-1])
            found += self._connection.execute(here).scalars()
            found = sorted(set(found), reverse=True)[:limit]
        return found

    def count(self, keys: Sequence[int], most: int) -> int:
        """How many messages carry any of these keys; counting ends with `most`."""
        table = message_keys.c
        query = select(table.message_no).where(
            self._within(table.epoch, self.parts()), self._within(table.key, keys)
        )
        some = (query.distinct() if len(keys) > 1 else query).limit(most).subquery()
        return self._connection.execute(select(func.count()).select_from(some)).scalar_one()

    def forget(self, epoch: int) -> None:
        """Drop a whole epoch from the index."""
        self._connection.execute(delete(message_keys).where(message_keys.c.epoch == epoch))
        self._connection.execute(delete(epochs).where(epochs.c.epoch == epoch))

    def _epoch(self, month: int, slot: int) -> int | None:
        mine = select(epochs.c.epoch).where(epochs.c.month == month, epochs.c.slot == slot)
        return self._connection.execute(mine).scalar()

    def _begin_epoch(self, month: int, slot: int) -> None:
        if not self._sqlite:
            self._connection.execute(select(func.pg_advisory_xact_lock(_LOCK)))
            if self._epoch(month, slot) is not None:
                return
        last = self._connection.execute(select(func.max(epochs.c.epoch))).scalar() or 0
        self._insert(epochs, ("epoch", "month", "slot"), [(last + 1, month, slot)])
