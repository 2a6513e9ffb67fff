"""A store with one webhook, a real receiver behind it, and a clock to turn."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from tests.sinks.receiver import Receiver

from clawback.engine import webhooks
from clawback.engine.parts import Parts
from clawback.engine.reading import InlineReader
from clawback.engine.telling import Telling
from clawback.engine.webhooks import Webhook
from clawback.message.message import Organisation
from clawback.response import sinks
from clawback.response.sinks import Outcome, SinkKind, SinkState
from clawback.sinks.reach import Reach, networks_of
from clawback.sinks.webhooks import WebhookTeller
from clawback.store import Store

START = datetime(2026, 11, 24, 9, tzinfo=UTC)
HOME = Reach(networks_of(["127.0.0.0/8"]), http=True)


@dataclass
class Desk:
    """A store with one webhook, a receiver behind it, and a clock to turn."""

    store: Store
    receiver: Receiver
    reach: Reach = HOME
    seconds: float = 10.0
    at: datetime = START
    secret: str = ""
    id: str = ""
    wrote: list[str] = field(default_factory=list)

    @property
    def parts(self) -> Parts:
        teller = WebhookTeller(self.reach, seconds=self.seconds)
        reader = InlineReader(Organisation(frozenset(), frozenset()))
        return Parts(self.store, {}, reader, now=lambda: self.at, sinks={SinkKind.WEBHOOK: teller})

    def add(self, *events: str, path: str = "/hook") -> None:
        made, self.secret = webhooks.add_webhook(self.parts, self.receiver.address + path, events, "ann")
        self.id = made.id

    def happen(self, count: int = 1, kind: str = "investigation_failed") -> None:
        """So many events."""
        with self.store.write(durable=True) as unit:
            for _ in range(count):
                body = {"investigation_id": f"inv-{len(self.wrote)}", "reason": "grün \ud83d"}
                unit.audit.append(kind, "test", self.at, body)
                self.wrote.append(body["investigation_id"])

    def tell(self, worker: str = "one") -> None:
        asyncio.run(Telling(self.parts, worker).step())

    def turn(self, by: timedelta) -> None:
        self.at += by

    @property
    def now(self) -> Webhook:
        return webhooks.webhook(self.parts, self.id)

    def deliveries(self, outcome: Outcome | None = None) -> list[sinks.Delivery]:
        with self.store.read() as unit:
            return list(unit.sinks.deliveries(self.id, outcome=outcome, limit=1_000)[0])

    def told(self) -> list[Any]:
        return [one.body["data"].get("investigation_id") for one in self.receiver.got]

    def events(self) -> list[str]:
        with self.store.read() as unit:
            return [row.type for row in unit.audit.list(limit=1_000) if row.type.startswith("sink_")]

    def exhaust(self, status: int, most: int = 400) -> int:
        """Let the receiver answer so, and try at each time that is set; answers how many tries came."""
        self.receiver.answer = lambda got: status
        before = len(self.receiver.got)
        for _ in range(most):
            now = self.now
            if now.state is not SinkState.ON or (not now.failing_since and not now.behind):
                break
            self.at = max(self.at, now.next_try_at or self.at)
            self.tell()
        return len(self.receiver.got) - before
