"""``/api/health`` for whoever watches machines, and ``/metrics`` for Prometheus."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Any

from litestar import Request, Response, get
from litestar.di import NamedDependency
from litestar.exceptions import NotAuthorizedException

from clawback.engine.sign_in import Caller
from clawback.errors import Forbidden
from clawback.response.people import Permission
from clawback.response.plan import RemediationStatus
from clawback.store import Unit
from clawback.web.answers import Answer
from clawback.web.given import GivenParts

METRICS_TYPE = "text/plain; version=0.0.4; charset=utf-8"


@dataclass(frozen=True, slots=True)
class Health:
    """Whether the store answers."""

    status: str


@get("/api/health", sync_to_thread=True, summary="Whether clawback answers")
def health(parts: GivenParts) -> Answer[Health]:
    """For a load balancer; says no more than that. 503 when the store does not answer."""
    with parts.store.read() as unit:
        unit.audit.head()
    return Answer(Health("ok"))


@get("/metrics", sync_to_thread=True, media_type=METRICS_TYPE, summary="Metrics for Prometheus")
def metrics(
    request: Request[Any, Any, Any], parts: GivenParts, trusts_loopback: NamedDependency[bool]
) -> Response[str]:
    """By a token that may read, or from this machine itself when no proxy stands before it."""
    caller = request.user
    if isinstance(caller, Caller):
        if Permission.READ not in caller.permissions:
            raise Forbidden(f"{caller.name} may not read")
    elif not (trusts_loopback and _is_loopback(request.client.host if request.client else "")):
        raise NotAuthorizedException("metrics need a token from anywhere but this machine")
    with parts.store.read() as unit:
        lines = [line for name, text, rows in _metrics(unit) for line in _lines(name, text, rows)]
    return Response("\n".join(lines) + "\n", media_type=METRICS_TYPE)


Rows = list[tuple[str, int]]


def _metrics(unit: Unit) -> Iterator[tuple[str, str, Rows]]:
    yield "messages", "Messages known.", [("", unit.messages.count())]
    yield "indicators", "Indicators listed.", [("", unit.indicators.count())]
    yield "audit_events", "Events in the audit log.", [("", unit.audit.count())]
    yield "jobs_waiting", "Pieces of work that wait or are being done.", [("", unit.jobs.waiting())]
    yield "jobs_dead", "Pieces of work that were given up.", [("", unit.jobs.given_up())]
    found = unit.investigations.by_status()
    rows = [(f'{{status="{status.value}"}}', count) for status, count in sorted(found.items())]
    yield "investigations", "Investigations by status.", rows
    actions = unit.remediations.by_status()
    rows = [(f'{{status="{status.value}"}}', actions.get(status, 0)) for status in RemediationStatus]
    yield "actions", "Actions by status.", rows
    places = unit.deliveries.count_by_location()
    rows = [(f'{{location="{place.value}"}}', count) for place, count in sorted(places.items())]
    yield "copies", "Copies by the place where they were last seen.", rows


def _lines(name: str, text: str, rows: Rows) -> Iterator[str]:
    yield f"# HELP clawback_{name} {text}"
    yield f"# TYPE clawback_{name} gauge"
    yield from (f"clawback_{name}{label} {value}" for label, value in rows)


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


HANDLERS: tuple[Any, ...] = (health, metrics)
