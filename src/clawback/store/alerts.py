"""Alerts, each with the investigation it led to."""

from __future__ import annotations

from sqlalchemy import select

from clawback.errors import NotFound
from clawback.response.alerts import Alert
from clawback.store.records import Codec
from clawback.store.repository import Repository
from clawback.store.schema import alerts
from clawback.store.text import armour, micros

_codec = Codec(Alert)


class Alerts(Repository):
    """The alerts that were raised."""

    def add(self, alert: Alert, investigation_id: str) -> None:
        """Keep an alert; fine when it is known already."""
        row = (alert.id, investigation_id, micros(alert.raised_at), _codec.encode(alert))
        columns = ("id", "investigation_id", "raised_at", "record")
        self._insert(alerts, columns, [row], "ON CONFLICT (id) DO NOTHING")

    def get(self, alert_id: str) -> Alert:
        """The alert; raises NotFound."""
        query = select(alerts.c.record).where(alerts.c.id == armour(alert_id))
        found = self._connection.execute(query).scalar()
        if found is None:
            raise NotFound(f"there is no alert {alert_id}")
        return _codec.decode(found)

    def investigation_of(self, alert_id: str) -> str:
        """The id of the investigation that an alert led to, "" when the alert is not known."""
        query = select(alerts.c.investigation_id).where(alerts.c.id == armour(alert_id))
        return self._connection.execute(query).scalar() or ""

    def of_investigation(self, investigation_id: str) -> tuple[Alert, ...]:
        """The alerts of an investigation, in the order in which they came."""
        query = select(alerts.c.record).where(alerts.c.investigation_id == armour(investigation_id))
        rows = self._connection.execute(query.order_by(alerts.c.no))
        return tuple(_codec.decode(row.record) for row in rows)

    def list(self, *, limit: int = 100, cursor: str = "") -> tuple[tuple[Alert, ...], str]:
        """A page of alerts, newest first, and the cursor of the next ("" at the end)."""
        rows, after = self._page(select(alerts.c.no, alerts.c.record), alerts.c.no, limit, cursor)
        return tuple(_codec.decode(row.record) for row in rows), after
