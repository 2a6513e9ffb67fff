"""The ledger: one row per deed, intents and receipts. It, and the mailbox, are the truth after a crash."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from enum import IntEnum
from typing import Any

from sqlalchemy import ColumnElement, Row, Select, func, select, text, update
from sqlalchemy.exc import IntegrityError

from clawback.errors import Corrupt, NotFound
from clawback.message.delivery import DeliveryLocation
from clawback.response.plan import Deed, Outcome, Plan, Receipt, RemediationStatus, Skip, Tally
from clawback.store.repository import Repository, chunks
from clawback.store.schema import deeds, receipts, remediations, skips
from clawback.store.text import (
    armour,
    disarm,
    handle_of,
    handle_prefix,
    handle_text,
    micros,
    micros_or_none,
    moment,
    moment_or_none,
    words,
    words_of,
)

_BATCH = 1_000
_DEED = (
    "remediation_no", "seq", "state", "delivery_id", "message_id", "handle", "location", "folder",
    "raw_sha256", "size", "flags", "internal_date",
)  # fmt: skip
_SKIP = ("remediation_no", "seq", "delivery_id", "mailbox", "location", "reason")
_RECEIPT = ("remediation_no", "seq", "outcome", "reason", "before", "after", "at", "flags", "internal_date")


class DeedState(IntEnum):
    """How far a deed has come."""

    PLANNED = 0
    INTENDED = 1
    RECEIPTED = 2


_IS_INTENDED = text(f"deeds.state = {DeedState.INTENDED.value}")
"""Written out, for the index on intended deeds is used where the query says that it wants those."""


class Ledger(Repository):
    """Deeds, intents and receipts, by remediation."""

    def planned(self, remediation_id: str, limit: int, *, hold: bool = False) -> tuple[Deed, ...]:
        """The next deeds that were neither intended nor receipted, by seq; raises NotFound.

        With `hold` they stay so for all others until the unit ends.
        """
        return self._in_state(remediation_id, DeedState.PLANNED, limit, hold=hold)

    def intended(self, remediation_id: str) -> tuple[Deed, ...]:
        """The deeds with an intent and no receipt, by seq: after a crash, look before doing them."""
        return self._in_state(remediation_id, DeedState.INTENDED, None)

    def unsettled(self, source: str, mailbox: str, sha256s: Iterable[str]) -> tuple[Deed, ...]:
        """The deeds of any remediation with an intent and no receipt, on copies of these bytes here."""
        here = deeds.c.handle.startswith(handle_prefix(source, mailbox), autoescape=True)
        query = select(deeds).where(_IS_INTENDED, here)
        return tuple(
            _deed(row)
            for chunk in chunks(sorted({armour(sha256) for sha256 in sha256s}))
            for row in self._connection.execute(
                query.where(self._within(deeds.c.raw_sha256, chunk)).order_by(
                    deeds.c.remediation_no, deeds.c.seq
                )
            )
        )

    def intend(self, remediation_id: str, seqs: Sequence[int], at: datetime) -> None:
        """Write that these deeds are about to be done. Raises Corrupt unless each was only planned."""
        no = self._no(remediation_id)
        wanted = sorted(set(seqs))
        for chunk in chunks(wanted):
            query = update(deeds).where(
                deeds.c.remediation_no == no,
                deeds.c.state == DeedState.PLANNED,
                self._within(deeds.c.seq, chunk),
            )
            changed = self._connection.execute(query.values(state=DeedState.INTENDED, intended_at=micros(at)))
            if changed.rowcount != len(chunk):
                raise Corrupt(f"remediation {remediation_id}: a deed was to be done that is not open")

    def receipt(self, remediation_id: str, items: Sequence[Receipt]) -> None:
        """Write what deeds did. Raises Corrupt for a second receipt or one without a deed."""
        no = self._no(remediation_id)
        rows = [_receipt_row(no, receipt) for receipt in items]
        try:
            for chunk in chunks(rows):
                self._insert(receipts, _RECEIPT, chunk)
        except IntegrityError as error:
            raise Corrupt(f"remediation {remediation_id}: a deed has a receipt already") from error
        for seqs in chunks([receipt.seq for receipt in items]):
            query = update(deeds).where(deeds.c.remediation_no == no, self._within(deeds.c.seq, seqs))
            if self._connection.execute(query.values(state=DeedState.RECEIPTED)).rowcount != len(seqs):
                raise Corrupt(f"remediation {remediation_id}: a receipt belongs to no deed")

    def receipts(self, remediation_id: str) -> Iterator[tuple[Deed, Receipt]]:
        """Each receipted deed with its receipt, by seq, read in batches."""
        no, after = self._no(remediation_id), -1
        joined = deeds.join(
            receipts,
            (receipts.c.remediation_no == deeds.c.remediation_no) & (receipts.c.seq == deeds.c.seq),
        )
        columns = [receipts.c[name].label(f"r_{name}") for name in _RECEIPT]
        query = select(deeds, *columns).select_from(joined).where(deeds.c.remediation_no == no)
        ordered = query.order_by(deeds.c.seq).limit(_BATCH)
        while rows := self._connection.execute(ordered.where(deeds.c.seq > after)).all():
            yield from ((_deed(row), _receipt(row)) for row in rows)
            after = rows[-1].seq

    def skips(self, remediation_id: str) -> tuple[Skip, ...]:
        """The copies that are deliberately not acted on; raises NotFound."""
        return self._skips(self._no(remediation_id))

    def _no(self, remediation_id: str) -> int:
        query = select(remediations.c.no).where(remediations.c.id == armour(remediation_id))
        found: int | None = self._connection.execute(query).scalar()
        if found is None:
            raise NotFound(f"there is no remediation {remediation_id}")
        return found

    def _write_plan(self, no: int, plan: Plan) -> None:
        for chunk in chunks([_deed_row(no, deed) for deed in plan.deeds]):
            self._insert(deeds, _DEED, chunk)
        rows = [
            (no, seq, s.delivery_id, armour(s.mailbox), s.location.value, armour(s.reason))
            for seq, s in enumerate(plan.skips, 1)
        ]
        for skipped in chunks(rows):
            self._insert(skips, _SKIP, skipped)

    def _deeds(self, no: int) -> tuple[Deed, ...]:
        return self._read(select(deeds).where(deeds.c.remediation_no == no))

    def _in_state(
        self, remediation_id: str, state: DeedState, limit: int | None, *, hold: bool = False
    ) -> tuple[Deed, ...]:
        no = self._no(remediation_id)
        query = select(deeds).where(deeds.c.remediation_no == no, deeds.c.state == state).limit(limit)
        return self._read(query.with_for_update() if hold else query)

    def _read(self, query: Select[Any]) -> tuple[Deed, ...]:
        return tuple(_deed(row) for row in self._connection.execute(query.order_by(deeds.c.seq)))

    def _skips(self, no: int) -> tuple[Skip, ...]:
        query = select(skips).where(skips.c.remediation_no == no).order_by(skips.c.seq)
        return tuple(
            Skip(row.delivery_id, disarm(row.mailbox), DeliveryLocation(row.location), disarm(row.reason))
            for row in self._connection.execute(query)
        )

    def _tallies(self, numbers: Sequence[int]) -> dict[int, Tally]:
        """The accounts of several remediations, by three counts over all of them."""
        counts: dict[int, dict[str, int]] = {no: {} for no in numbers}
        for label, query in _counts():
            mine = query.where(self._within(query.selected_columns[0], numbers))
            for no, kind, count in self._connection.execute(mine):
                name = label or str(kind)
                counts[no][name] = counts[no].get(name, 0) + count
        return {no: _tally(found) for no, found in counts.items()}

    def _with_deeds_in(
        self,
        delivery_ids: Sequence[str],
        statuses: Iterable[RemediationStatus],
        which: ColumnElement[bool] | None = None,
    ) -> set[str]:
        joined = deeds.join(remediations, remediations.c.no == deeds.c.remediation_no)
        query = select(deeds.c.delivery_id).select_from(joined)
        query = query.where(remediations.c.status.in_([status.value for status in statuses]))
        if which is not None:
            query = query.where(which)
        found: set[str] = set()
        for chunk in chunks([armour(delivery_id) for delivery_id in delivery_ids]):
            mine = query.where(self._within(deeds.c.delivery_id, chunk))
            found.update(self._connection.execute(mine).scalars())
        return found

    def _last_kind(
        self, delivery_ids: Sequence[str], statuses: Iterable[RemediationStatus]
    ) -> dict[str, str]:
        """The kind of the newest remediation in these statuses that each of the deliveries has a deed in."""
        joined = deeds.join(remediations, remediations.c.no == deeds.c.remediation_no)
        query = select(deeds.c.delivery_id, remediations.c.kind).select_from(joined)
        going = query.where(remediations.c.status.in_([status.value for status in statuses]))
        found: dict[str, str] = {}
        for chunk in chunks([armour(delivery_id) for delivery_id in delivery_ids]):
            mine = going.where(self._within(deeds.c.delivery_id, chunk))
            for row in self._connection.execute(mine.order_by(remediations.c.no)):
                found[row.delivery_id] = row.kind
        return found


def _counts() -> Iterator[tuple[str, Select[Any]]]:
    """(name, query for remediation, kind, count); with no name the kind names what is counted."""
    no = deeds.c.remediation_no
    yield "planned", select(no, func.max(deeds.c.seq), func.count()).group_by(no)
    no = receipts.c.remediation_no
    yield "", select(no, receipts.c.outcome, func.count()).group_by(no, receipts.c.outcome)
    no = skips.c.remediation_no
    yield "skipped_in_plan", select(no, func.max(skips.c.seq), func.count()).group_by(no)


def _tally(counts: dict[str, int]) -> Tally:
    done = {outcome: counts.get(outcome.value, 0) for outcome in Outcome}
    # A deed's receipt may say skipped too, so count what is left over by receipts, not by outcomes.
    planned = counts.get("planned", 0)
    skipped_in_plan = counts.get("skipped_in_plan", 0)
    found = planned + skipped_in_plan
    return Tally(
        found=found,
        removed=done[Outcome.REMOVED],
        already_gone=done[Outcome.ALREADY_GONE],
        failed=done[Outcome.FAILED],
        skipped=done[Outcome.SKIPPED] + skipped_in_plan,
        open=planned - sum(done.values()),
    )


def _deed_row(no: int, deed: Deed) -> tuple[Any, ...]:
    return (
        no,
        deed.seq,
        int(DeedState.PLANNED),
        deed.delivery_id,
        deed.message_id,
        handle_text(deed.handle),
        deed.location.value,
        armour(deed.folder),
        deed.raw_sha256,
        deed.size,
        words(deed.flags),
        micros(deed.internal_date),
    )


def _deed(row: Row[Any]) -> Deed:
    handle = handle_of(row.handle)
    assert handle is not None
    return Deed(
        seq=row.seq,
        delivery_id=row.delivery_id,
        message_id=row.message_id,
        handle=handle,
        location=DeliveryLocation(row.location),
        folder=disarm(row.folder),
        raw_sha256=row.raw_sha256,
        size=row.size,
        flags=words_of(row.flags),
        internal_date=moment(row.internal_date),
    )


def _receipt_row(no: int, receipt: Receipt) -> tuple[Any, ...]:
    return (
        no,
        receipt.seq,
        receipt.outcome.value,
        armour(receipt.reason),
        handle_text(receipt.before),
        handle_text(receipt.after),
        micros(receipt.at),
        words(receipt.flags),
        micros_or_none(receipt.internal_date),
    )


def _receipt(row: Row[Any]) -> Receipt:
    return Receipt(
        seq=row.r_seq,
        outcome=Outcome(row.r_outcome),
        reason=disarm(row.r_reason),
        before=handle_of(row.r_before),
        after=handle_of(row.r_after),
        at=moment(row.r_at),
        flags=words_of(row.r_flags),
        internal_date=moment_or_none(row.r_internal_date),
    )
