"""``/api/health`` for whoever watches machines, and ``/metrics`` for Prometheus."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
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
        found = (*_metrics(unit), *_sources(unit, parts.now()))
        lines = [line for name, text, rows in found for line in _lines(name, text, rows)]
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


def _sources(unit: Unit, now: datetime) -> Iterator[tuple[str, str, Rows]]:
    """How each source is doing, as the watch told of it last."""
    told = [(f'{{source="{_label(one.source)}"}}', one) for one in unit.overview.health()]
    ages = [(label, int((now - one.told_at).total_seconds())) for label, one in told]
    yield "source_told_seconds_ago", "When the watch told of a source last.", ages
    looks = [(label, int((now - one.swept_at).total_seconds())) for label, one in told if one.swept_at]
    yield "source_swept_seconds_ago", "When every mailbox of a source had been looked at.", looks
    unreachable = [(label, one.unreachable) for label, one in told]
    yield "source_unreachable", "Mailboxes that did not answer the last time.", unreachable
    stopped = [(label, int(bool(one.stopped))) for label, one in told]
    yield "source_stopped", "Whether a source is left alone because it refuses our logins.", stopped


def _label(text: str) -> str:
    """A value of a label as Prometheus reads it."""
    plain = text.encode("utf-8", "replace").decode()
    return plain.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


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
