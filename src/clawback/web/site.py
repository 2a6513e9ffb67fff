"""The site: every route with its guard, its parts and its one shape of errors, as one ASGI application."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from litestar import Litestar, Router
from litestar.di import Provide
from litestar.exceptions import HTTPException
from litestar.middleware import DefineMiddleware
from litestar.openapi.config import OpenAPIConfig
from litestar.openapi.plugins import JsonRenderPlugin
from litestar.plugins.jinja import JinjaTemplateEngine
from litestar.template import TemplateConfig
from litestar.types import ASGIApp

from clawback import __version__
from clawback.engine.parts import Parts
from clawback.engine.sign_in import Lives
from clawback.errors import ClawbackError
from clawback.web import (
    actions,
    audit,
    automation,
    backtests,
    clicks,
    clusters,
    events,
    health,
    indicators,
    investigations,
    mailboxes,
    messages,
    oidc,
    overview,
    people,
    problems,
    remediation,
    results,
    retractions,
    session,
    submissions,
    webhooks,
)
from clawback.web.air import air_investigation, air_investigations
from clawback.web.answers import Answer
from clawback.web.border import MOST_BYTES, Border
from clawback.web.callers import Authentication, caller_of, cookie_name, guard
from clawback.web.document import complete
from clawback.web.events import Streams
from clawback.web.oidc_flow import Oidc
from clawback.web.orders import order_of
from clawback.web.portal import routes
from clawback.web.portal.frame import page_of, prepared
from clawback.web.portal.problems import for_people
from clawback.web.session import Door

LOOPBACK = ("127.0.0.1", "localhost", "::1")
TEMPLATES = Path(__file__).parent / "templates"

HANDLERS: tuple[Any, ...] = (
    air_investigations,
    air_investigation,
    *investigations.HANDLERS,
    *clusters.HANDLERS,
    *actions.HANDLERS,
    *results.HANDLERS,
    *messages.HANDLERS,
    *remediation.HANDLERS,
    *indicators.HANDLERS,
    *automation.HANDLERS,
    *backtests.HANDLERS,
    *audit.HANDLERS,
    *mailboxes.HANDLERS,
    *clicks.HANDLERS,
    *submissions.HANDLERS,
    *retractions.HANDLERS,
    *overview.HANDLERS,
    *events.HANDLERS,
    *people.HANDLERS,
    *webhooks.HANDLERS,
    *health.HANDLERS,
    *session.HANDLERS,
    *oidc.HANDLERS,
    *routes.HANDLERS,
)
"""Every handler; `access` has a row for each."""


@dataclass(frozen=True, slots=True)
class Frame:
    """How the site stands in the world: its names, whether people reach it by TLS or through a proxy.

    `oidc` is the way in by OpenID Connect, if there is one.
    """

    names: tuple[str, ...] = ()
    tls: bool = False
    proxied: bool = False
    lives: Lives = Lives()
    oidc: Oidc | None = None


@dataclass(frozen=True, slots=True)
class Site:
    """The ASGI application, what is inside its border, and its open streams, which must end before it can."""

    asgi: ASGIApp
    inner: Litestar
    streams: Streams


def site(parts: Parts, frame: Frame = Frame()) -> Site:
    """Put the site together."""
    streams = Streams()
    inner = _litestar(parts, frame, streams)
    complete(inner.openapi_schema)
    return Site(Border(inner, {*LOOPBACK, *frame.names}, tls=frame.tls), inner, streams)


def _litestar(parts: Parts, frame: Frame, streams: Streams) -> Litestar:
    cookie = cookie_name(frame.tls)
    authentication = Authentication(_nothing, parts, frame.lives, cookie)
    known: dict[str, object] = {
        "parts": parts,
        "streams": streams,
        "authentication": authentication,
        "door": Door(cookie, frame.tls, frame.oidc),
        "trusts_loopback": not frame.proxied,
    }
    dependencies = {name: Provide(_always(value), sync_to_thread=False) for name, value in known.items()}
    dependencies["caller"] = Provide(caller_of, sync_to_thread=False)
    dependencies["order"] = Provide(order_of)
    dependencies["page"] = Provide(page_of, sync_to_thread=False)
    # In one router: handlers of one path that come one by one are put into a thread twice (litestar 2.25).
    return Litestar(
        [Router("/", route_handlers=HANDLERS)],
        guards=[guard],
        middleware=[DefineMiddleware(Authentication, parts=parts, lives=frame.lives, cookie=cookie)],
        dependencies=dependencies,
        exception_handlers={
            ClawbackError: for_people(problems.of_ours),
            HTTPException: for_people(problems.of_http),
            Exception: for_people(problems.of_all),
        },
        response_class=Answer,
        template_config=TemplateConfig(
            directory=TEMPLATES, engine=JinjaTemplateEngine, engine_callback=_prepare
        ),
        openapi_config=_openapi(),
        request_max_body_size=MOST_BYTES,
        logging_config=None,
        lifespan=[_lifespan(parts, streams)],
        signature_types=[Parts],
    )


def _prepare(engine: JinjaTemplateEngine) -> None:
    prepared(engine.engine)


def _openapi() -> OpenAPIConfig:
    return OpenAPIConfig(
        title="clawback",
        version=__version__,
        description="Automated investigation and response for email.",
        path="/api",
        render_plugins=[JsonRenderPlugin(path="/openapi.json")],
        operation_id_creator=_operation_id,
        use_handler_docstrings=True,
    )


def _operation_id(_handler: Any, method: str, path: Sequence[str | Any]) -> str:
    """``get_indicators_indicator_id``: what a client made from the document calls the operation."""
    words = [part if isinstance(part, str) else part.name for part in path]
    return "_".join([method.lower(), *(word for word in words if word != "api")])


def _lifespan(parts: Parts, streams: Streams) -> Any:
    @asynccontextmanager
    async def lifespan(_app: Litestar) -> AsyncIterator[None]:
        try:
            yield
        finally:
            streams.ending.set()
            for connector in parts.connectors.values():
                await connector.close()

    return lifespan


def _always(value: object) -> Any:
    def provide() -> Any:
        return value

    return provide


async def _nothing(*_: Any) -> None:
    """The application behind an authentication that only looks."""


def paths(inner: Litestar) -> Iterable[str]:
    """Every operation of the site, as ``GET /api/health``."""
    for route in inner.routes:
        for method in sorted(getattr(route, "methods", ())):
            if method != "OPTIONS":
                yield f"{method} {getattr(route, 'path_format', route.path)}"
