"""Who asks: found by token or session, and held against the table of who may do what."""

from __future__ import annotations

import asyncio
from typing import Any

from litestar import Request
from litestar.connection import ASGIConnection
from litestar.exceptions import NotAuthorizedException, NotFoundException
from litestar.handlers import BaseRouteHandler
from litestar.middleware import AbstractAuthenticationMiddleware, AuthenticationResult
from litestar.types import ASGIApp

from clawback.engine import passwords
from clawback.engine.parts import Parts
from clawback.engine.sign_in import Caller, Lives, caller_by_session, caller_by_token
from clawback.errors import Forbidden
from clawback.web.access import ROUTES, Open
from clawback.web.border import is_ours

SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
CSRF_HEADER = "X-CSRF-Token"
CSRF_FIELD = "csrf"


def cookie_name(tls: bool) -> str:
    """What the session's cookie is called; with TLS browsers then hold it to this host, path and to TLS."""
    return "__Host-clawback" if tls else "clawback"


class Authentication(AbstractAuthenticationMiddleware):
    """Finds the caller of each request; whether the caller may is the guard's to say."""

    def __init__(self, app: ASGIApp, parts: Parts, lives: Lives, cookie: str) -> None:
        super().__init__(app)
        self._parts = parts
        self._lives = lives
        self._cookie = cookie

    async def authenticate_request(
        self, connection: ASGIConnection[Any, Any, Any, Any]
    ) -> AuthenticationResult:
        """The caller as the request's user, None for nobody. A token that is sent and wrong is refused."""
        sent = connection.headers.get("authorization")
        if sent is not None:
            kind, _, secret = sent.partition(" ")
            known = kind.lower() == "bearer" and len(secret) <= 200
            caller = await asyncio.to_thread(caller_by_token, self._parts, secret.strip()) if known else None
            if caller is None:
                raise NotAuthorizedException("the token is unknown, expired or revoked")
            return AuthenticationResult(caller, "token")
        session = connection.cookies.get(self._cookie, "")
        if not session or len(session) > 200:
            return AuthenticationResult(None, None)
        found = await asyncio.to_thread(caller_by_session, self._parts, session, self._lives)
        return AuthenticationResult(found, "session")

    async def still_in(self, connection: ASGIConnection[Any, Any, Any, Any]) -> bool:
        """Whether who began a long answer may still come in."""
        try:
            found = await self.authenticate_request(connection)
        except NotAuthorizedException:
            return False
        return isinstance(found.user, Caller)


def guard(connection: ASGIConnection[Any, Any, Any, Any], _handler: BaseRouteHandler) -> None:
    """Hold the caller against the route's row in the table; what has no row is refused."""
    method = str(connection.scope.get("method", ""))
    if method == "OPTIONS":
        return
    row = ROUTES.get(f"{method} {connection.scope['path_template']}")
    if row is None:
        raise NotFoundException("there is nothing here")
    caller: Caller | None = connection.user
    by_token = connection.auth == "token"
    if method not in SAFE and not by_token and not is_ours(connection.scope):
        raise Forbidden("the request comes from another site")
    if isinstance(row.needs, Open):
        return
    if caller is None:
        raise NotAuthorizedException("nobody is signed in, and no token was sent")
    if row.needs not in caller.permissions:
        raise Forbidden(f"{caller.name} may not do that: it needs the permission {row.needs.value}")
    if method not in SAFE and not by_token and not row.form:
        check_csrf(caller, connection.headers.get(CSRF_HEADER, ""))


def check_csrf(caller: Caller, sent: str) -> None:
    """Raise Forbidden unless what a page of ours was given is sent back."""
    if not passwords.same(sent, caller.csrf):
        raise Forbidden(f"the request does not carry the session's {CSRF_HEADER}")


def caller_of(request: Request[Any, Any, Any]) -> Caller:
    """The caller, whom the guard has let through."""
    if not isinstance(request.user, Caller):
        raise NotAuthorizedException("nobody is signed in, and no token was sent")
    return request.user
