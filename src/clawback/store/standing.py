"""Standing orders, the index by which late copies find them, and the late copies that wait."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Select, delete, exists, func, select

from clawback.analysis.entities import Entity
from clawback.analysis.matching import keys_of
from clawback.ids import key64
from clawback.response.standing import StandingOrder
from clawback.store.audit import Audit
from clawback.store.records import Codec
from clawback.store.repository import Repository, chunks
from clawback.store.schema import cluster_members, clusters, late_copies, standing_keys, standing_orders
from clawback.store.text import armour, micros

_codec = Codec(StandingOrder)
_KEYS_TAIL = "ON CONFLICT (key, order_no) DO NOTHING"
_LATE_TAIL = "ON CONFLICT (remediation_id, delivery_id) DO NOTHING"


class Standing(Repository):
    """The standing orders in force, at most one for each cluster.

    Whoever gives one, holds one or strikes one off also writes to the audit log, and has that first:
    locks that all take in the same order cannot wait for each other.
    """

    def put(self, order: StandingOrder) -> None:
        """Write an order, in the place of the one that its remediation has."""
        self.remove(order.remediation_id)
        cluster_no = select(clusters.c.no).where(clusters.c.id == armour(order.cluster_id))
        row = (
            armour(order.remediation_id),
            self._connection.execute(cluster_no).scalar_one(),
            micros(order.until),
            _codec.encode(order),
        )
        self._insert(standing_orders, ("remediation_id", "cluster_no", "until", "record"), [row])
        mine = select(standing_orders.c.no).where(standing_orders.c.remediation_id == row[0])
        no = self._connection.execute(mine).scalar_one()
        keys = {(key64(e.kind.value, e.value), no) for e in keys_of(order.indicator)}
        self._insert(standing_keys, ("key", "order_no"), sorted(keys), _KEYS_TAIL)

    def remove(self, remediation_id: str) -> None:
        """Strike an order off; fine when there is none. What has come late for it still waits."""
        Audit(self._connection).alone()
        table = standing_orders.c
        no = select(table.no).where(table.remediation_id == armour(remediation_id))
        found = self._connection.execute(no.with_for_update()).scalar()
        if found is not None:
            self._connection.execute(delete(standing_keys).where(standing_keys.c.order_no == found))
            self._connection.execute(delete(standing_orders).where(table.no == found))

    def of_remediation(self, remediation_id: str, *, hold: bool = False) -> StandingOrder | None:
        """A remediation's order; with `hold` nobody else can strike it off until the end of the unit."""
        if hold:
            Audit(self._connection).alone()
        mine = standing_orders.c.remediation_id == armour(remediation_id)
        query = select(standing_orders.c.record).where(mine)
        return self._first(query.with_for_update() if hold else query)

    def of_cluster(self, cluster_id: str) -> StandingOrder | None:
        """A cluster's order."""
        joined = standing_orders.join(clusters, clusters.c.no == standing_orders.c.cluster_no)
        query = select(standing_orders.c.record).select_from(joined)
        return self._first(query.where(clusters.c.id == armour(cluster_id)))

    def matching(self, entities: Iterable[Entity], now: datetime | None) -> tuple[StandingOrder, ...]:
        """Every order whose indicator may name one of these entities, oldest first.

        More may come than really match: `analysis.matching` decides. Without `now` expired ones come too.
        """
        keys = sorted({key64(entity.kind.value, entity.value) for entity in entities})
        found: dict[int, StandingOrder] = {}
        joined = standing_keys.join(standing_orders, standing_orders.c.no == standing_keys.c.order_no)
        query = _alive(select(standing_orders.c.no, standing_orders.c.record).select_from(joined), now)
        for chunk in chunks(keys):
            for row in self._connection.execute(query.where(self._within(standing_keys.c.key, chunk))):
                found[row.no] = _codec.decode(row.record)
        return tuple(found[no] for no in sorted(found))

    def of_messages(self, message_ids: Sequence[str], now: datetime) -> dict[str, list[StandingOrder]]:
        """The orders of the clusters that each of these messages is a member of, oldest first."""
        joined = cluster_members.join(
            standing_orders, standing_orders.c.cluster_no == cluster_members.c.cluster_no
        )
        columns = (standing_orders.c.no, standing_orders.c.record, cluster_members.c.message_id)
        query = _alive(select(*columns).select_from(joined), now)
        found: dict[str, list[StandingOrder]] = {}
        for chunk in chunks(sorted({armour(message_id) for message_id in message_ids})):
            mine = query.where(self._within(cluster_members.c.message_id, chunk))
            for row in self._connection.execute(mine.order_by(standing_orders.c.no)):
                found.setdefault(row.message_id, []).append(_codec.decode(row.record))
        return found

    def due(self, now: datetime, limit: int) -> tuple[StandingOrder, ...]:
        """Orders whose time is over, those that ended first coming first."""
        table = standing_orders.c
        query = select(table.record).where(table.until <= micros(now)).order_by(table.until, table.no)
        rows = self._connection.execute(query.limit(limit)).scalars()
        return tuple(_codec.decode(record) for record in rows)

    def any(self, now: datetime) -> bool:
        """Whether there is an order in force at all."""
        alive = exists().where(standing_orders.c.until > micros(now))
        return bool(self._connection.execute(select(alive)).scalar())

    def count(self) -> int:
        """How many orders there are."""
        return self._connection.execute(select(func.count()).select_from(standing_orders)).scalar_one()

    def add_late(self, remediation_id: str, delivery_ids: Iterable[str]) -> None:
        """Let copies wait until a worker plans for them; asking twice is asking once."""
        rows = sorted((armour(remediation_id), armour(delivery_id)) for delivery_id in set(delivery_ids))
        self._insert(late_copies, ("remediation_id", "delivery_id"), rows, _LATE_TAIL)

    def late(self, remediation_id: str) -> tuple[str, ...]:
        """The deliveries that wait."""
        table = late_copies.c
        query = select(table.delivery_id).where(table.remediation_id == armour(remediation_id))
        return tuple(self._connection.execute(query.order_by(table.delivery_id)).scalars())

    def strike_late(self, remediation_id: str, delivery_ids: Iterable[str]) -> None:
        """Let these wait no longer."""
        table = late_copies.c
        query = delete(late_copies).where(table.remediation_id == armour(remediation_id))
        for chunk in chunks(sorted({armour(delivery_id) for delivery_id in delivery_ids})):
            self._connection.execute(query.where(self._within(table.delivery_id, chunk)))

    def _first(self, query: Select[Any]) -> StandingOrder | None:
        found = self._connection.execute(query).scalar()
        return None if found is None else _codec.decode(found)


def _alive(query: Select[Any], now: datetime | None) -> Select[Any]:
    return query if now is None else query.where(standing_orders.c.until > micros(now))
