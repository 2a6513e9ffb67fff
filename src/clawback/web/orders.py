"""Orders: what changes something. With an ``Idempotency-Key`` each is given once, however often sent."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from litestar import Request
from litestar.di import NamedDependency

from clawback.engine.parts import Parts
from clawback.engine.sign_in import Caller
from clawback.errors import BadParameter, ClawbackError, GivenTwice
from clawback.ids import digest
from clawback.web.answers import Answer, as_json, encoded
from clawback.web.callers import caller_of
from clawback.web.given import GivenParts

HEADER = "Idempotency-Key"
LONGEST_KEY = 200
KEPT = timedelta(hours=24)
"""How long a key stands for the same order."""


@dataclass(frozen=True, slots=True)
class Order:
    """One order and who gives it. `key` is "" when it may be given again."""

    parts: Parts
    caller: Caller
    key: str
    asked: str

    @property
    def actor(self) -> str:
        """Whose name goes into the audit log."""
        return self.caller.name

    def once(self, work: Callable[[], object], status: int = 200) -> Answer[Any]:
        """Do the work and answer what it returns; when its key was given before, answer what it was then.

        Raises GivenTwice for a key of another order, or of one that is being done or never ended.
        """
        if not self.key:
            return as_json(encoded(work()), status)
        now, orders = self.parts.now(), self.caller.account.id
        with self.parts.store.write(durable=True) as unit:
            given = unit.given_orders.claim(orders, self.key, self.asked, now, now - KEPT)
        if given is not None:
            if given.request != self.asked:
                raise GivenTwice(f"this {HEADER} was used for another order")
            if given.status is None:
                raise GivenTwice(f"the order with this {HEADER} is being done, or its end is not known")
            return as_json(given.answer, given.status, {"Idempotency-Replayed": "true"})
        try:
            answer = encoded(work())
        except ClawbackError:
            with self.parts.store.write() as unit:
                unit.given_orders.release(orders, self.key)
            raise
        with self.parts.store.write(durable=True) as unit:
            unit.given_orders.answered(orders, self.key, status, answer)
        return as_json(answer, status)


GivenOrder = NamedDependency[Order]


async def order_of(request: Request[Any, Any, Any], parts: GivenParts) -> Order:
    """The order that a request gives."""
    key = request.headers.get(HEADER, "")
    if len(key) > LONGEST_KEY or not key.isascii() or not (key.isprintable() or not key):
        raise BadParameter(f"{HEADER} has at most {LONGEST_KEY} printable characters")
    asked = digest(request.method, request.url.path, request.url.query, await request.body()) if key else ""
    return Order(parts, caller_of(request), key, asked)
