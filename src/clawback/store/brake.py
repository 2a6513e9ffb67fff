"""What the brake remembers: estimates beside their plans, and what automation did lately."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, Table, case, exists, func, or_, select

from clawback.message.delivery import DeliveryLocation
from clawback.response.brake import Outcomes
from clawback.response.collateral import Collateral
from clawback.response.plan import AUTOMATION, LET_RUN, OPEN, STANDING, Outcome, RemediationStatus
from clawback.store.columns import blob, metadata, text_column
from clawback.store.records import Codec
from clawback.store.repository import Repository
from clawback.store.schema import deeds, deliveries, receipts, remediations
from clawback.store.text import armour, micros

estimates = Table("estimates", metadata, text_column("remediation_id", primary_key=True), blob("record"))

_MAILBOX = [place.value for place in DeliveryLocation if place.in_mailbox]
_AGAIN = "ON CONFLICT (remediation_id) DO UPDATE SET record = excluded.record"


@dataclass(frozen=True, slots=True)
class Weighed:
    """A remediation's estimate, and what the brake decided: why it waits, "" when it runs.

    `rest` is the remediation of the copies that go on after this one's. What is `held` waits for a person,
    whatever becomes of the copies that went first. `shadow`: it would have run but for shadow mode.
    """

    estimate: Collateral = Collateral()
    reason: str = ""
    rest: str = ""
    held: bool = False
    shadow: bool = False


_codec = Codec(Weighed)


class Brake(Repository):
    """Estimates, and counts of what went by automation."""

    def keep(self, remediation_id: str, weighed: Weighed) -> None:
        """Keep what was weighed for a remediation, in the place of what was before."""
        row = (armour(remediation_id), _codec.encode(weighed))
        self._insert(estimates, ("remediation_id", "record"), [row], _AGAIN)

    def get(self, remediation_id: str) -> Weighed | None:
        """What was weighed for a remediation; None for undos, and for what is older than the brake."""
        table = estimates.c
        query = select(table.record).where(table.remediation_id == armour(remediation_id))
        found = self._connection.execute(query).scalar()
        return None if found is None else _codec.decode(found)

    def in_shadow(self, remediation_ids: Sequence[str]) -> set[str]:
        """Which of these remediations would have run but for shadow mode."""
        ids = [armour(remediation_id) for remediation_id in remediation_ids]
        query = select(estimates).where(self._within(estimates.c.remediation_id, ids))
        rows = self._connection.execute(query)
        return {row.remediation_id for row in rows if _codec.decode(row.record).shadow}

    def approved_since(self, moment: datetime) -> int:
        """Copies in the plans that automation let run since then; late ones too."""
        return self._count(_planned(), _by_itself(moment))

    def outcomes(self, moment: datetime) -> Outcomes:
        """What automation took out of what it let go since then, and how much of it is back."""
        mine = _by_itself(moment)
        done = receipts.c.outcome == Outcome.REMOVED.value
        undone = (
            select(deeds.c.delivery_id)
            .join(remediations, remediations.c.no == deeds.c.remediation_no)
            .where(
                remediations.c.undoes != "",
                remediations.c.status.in_([s.value for s in (*OPEN, RemediationStatus.COMPLETED)]),
                remediations.c.decided_at >= micros(moment),
            )
        )
        back = deeds.c.delivery_id.in_(undone)
        lies = deeds.c.delivery_id.in_(
            select(deliveries.c.id).where(
                deliveries.c.id == deeds.c.delivery_id, deliveries.c.location.in_(_MAILBOX)
            )
        )
        moved = remediations.c.kind.in_(("soft_delete", "quarantine"))
        return Outcomes(
            taken=self._count(_receipted(), mine & done),
            undone=self._count(_receipted(), mine & done & back),
            returned=self._count(_receipted(), mine & done & ~back & ((lies & moved) | _taken_again())),
        )

    def back_in_mailbox(self, remediation_id: str) -> int:
        """How many copies that a remediation took out were brought back: they lie in a mailbox again, or did.

        Late copies are taken out on sight, and so are those that come back.
        """
        lies = deliveries.c.location.in_(_MAILBOX) & (deliveries.c.location != _goal())
        back = lies | _taken_again()
        done = receipts.c.outcome == Outcome.REMOVED.value
        query = _receipted().join(deliveries, deliveries.c.id == deeds.c.delivery_id)
        mine = (remediations.c.id == armour(remediation_id)) & done & back
        return self._count(query, mine)

    def rest_of(self, remediation_id: str) -> Sequence[str]:
        """The ids of the remediations of copies that go on after this one's and still wait."""
        table = remediations.c
        pending = table.status == RemediationStatus.PENDING.value
        mine = (table.follows != "") & (table.follows == armour(remediation_id))
        query = select(table.id).where(mine, table.rest == 1, pending).order_by(table.no)
        return self._connection.execute(query).scalars().all()

    def _count(self, query: Select[Any], where: ColumnElement[bool]) -> int:
        found: int = self._connection.execute(query.where(where)).scalar_one()
        return found


def _planned() -> Select[Any]:
    joined = remediations.join(deeds, deeds.c.remediation_no == remediations.c.no)
    return select(func.count()).select_from(joined)


def _receipted() -> Select[Any]:
    joined = remediations.join(deeds, deeds.c.remediation_no == remediations.c.no).join(
        receipts, (receipts.c.remediation_no == deeds.c.remediation_no) & (receipts.c.seq == deeds.c.seq)
    )
    return select(func.count()).select_from(joined)


def _goal() -> ColumnElement[str]:
    """The place that a remediation moves to, where it is one in the mailbox."""
    table = remediations.c
    return case(
        (table.kind == "move_to_junk", DeliveryLocation.JUNK.value),
        (table.kind == "move_to_deleted_items", DeliveryLocation.DELETED_ITEMS.value),
        else_="",
    )


def _taken_again() -> ColumnElement[bool]:
    """Whether the copy of a deed came late for its own remediation: somebody had brought it back."""
    other, again = remediations.alias("other"), deeds.alias("again")
    joined = again.join(other, other.c.no == again.c.remediation_no)
    query = select(again.c.seq).select_from(joined)
    return exists(
        query.where(
            again.c.delivery_id == deeds.c.delivery_id,
            other.c.follows == remediations.c.id,
            other.c.rest == 0,
        )
    )


def _by_itself(moment: datetime) -> ColumnElement[bool]:
    """Whether a removal went by automation since then: by its own word, or late for one that did."""
    table, root = remediations.c, remediations.alias("root")
    late = table.follows.in_(select(root.c.id).where(root.c.decided_by == AUTOMATION))
    by = or_(table.decided_by == AUTOMATION, (table.decided_by == STANDING) & late)
    let = table.status.in_([s.value for s in LET_RUN])
    return (table.undoes == "") & by & let & (table.decided_at >= micros(moment))
