"""Every error as one shape (RFC 9457), sorted by what to do next."""

from __future__ import annotations

import logging
from http import HTTPStatus
from typing import Any

import msgspec
from litestar import Request, Response
from litestar.exceptions import HTTPException, NotAuthorizedException

from clawback.errors import (
    ChangedMeanwhile,
    ClawbackError,
    Corrupt,
    Forbidden,
    GivenTwice,
    MailboxError,
    NotFound,
    Refused,
    StoreUnavailable,
    Throttled,
    TriedTooOften,
    Unavailable,
    UserError,
)

MEDIA_TYPE = "application/problem+json"
RETRY_SECONDS = 5

_log = logging.getLogger(__name__)


class Problem(msgspec.Struct, frozen=True):
    """An error. `type` tells the kinds apart, `detail` what is wrong here, `next` what to do about it."""

    type: str
    title: str
    status: int
    detail: str
    next: str


_KINDS: tuple[tuple[type[ClawbackError], HTTPStatus, str], ...] = (
    (NotFound, HTTPStatus.NOT_FOUND, "look the id up again"),
    (Forbidden, HTTPStatus.FORBIDDEN, "ask somebody who may, or an administrator"),
    (UserError, HTTPStatus.BAD_REQUEST, "fix the request; nothing was changed"),
    (TriedTooOften, HTTPStatus.TOO_MANY_REQUESTS, "wait as long as Retry-After says"),
    (ChangedMeanwhile, HTTPStatus.PRECONDITION_FAILED, "get it again, and change what is there now"),
    (GivenTwice, HTTPStatus.UNPROCESSABLE_ENTITY, "look what became of the first order; use a new key"),
    (Refused, HTTPStatus.CONFLICT, "a guard said no and nothing was done: look again, then decide anew"),
    (Throttled, HTTPStatus.SERVICE_UNAVAILABLE, "wait as long as Retry-After says"),
    (Unavailable, HTTPStatus.SERVICE_UNAVAILABLE, "try again later"),
    (MailboxError, HTTPStatus.BAD_GATEWAY, "a mail system did not answer as hoped; try again"),
    (StoreUnavailable, HTTPStatus.SERVICE_UNAVAILABLE, "try again later"),
    (Corrupt, HTTPStatus.INTERNAL_SERVER_ERROR, "the store is wrong: tell an administrator"),
)
_NEXT = {
    HTTPStatus.UNAUTHORIZED: "sign in, or send a valid token",
    HTTPStatus.PRECONDITION_REQUIRED: "get it first, and send its ETag as If-Match",
}


def of_ours(request: Request[Any, Any, Any], error: ClawbackError) -> Response[Problem]:
    """The answer to one of our own errors."""
    _, status, do_next = next(kind for kind in _KINDS if isinstance(error, kind[0]))
    headers = {}
    if isinstance(error, TriedTooOften | Throttled):
        headers["Retry-After"] = str(max(1, round(error.after)))
    elif status is HTTPStatus.SERVICE_UNAVAILABLE:
        headers["Retry-After"] = str(RETRY_SECONDS)
    detail = str(error)
    if isinstance(error, Corrupt):
        _log.error("the store: %s", error)
        detail = "the store is wrong, or does not answer"
    return problem(status, detail, do_next, kind=_dashed(type(error).__name__), headers=headers)


def of_http(request: Request[Any, Any, Any], error: HTTPException) -> Response[Problem]:
    """The answer to what the framework refuses: a body that cannot be read, a method that is not there."""
    status = HTTPStatus(error.status_code)
    if status is HTTPStatus.INTERNAL_SERVER_ERROR:
        return of_all(request, error)
    detail = error.detail
    if isinstance(error.extra, list):
        entries = [entry for entry in error.extra if isinstance(entry, dict)]
        detail = "; ".join(f"{e.get('key', 'the body')}: {e.get('message', '')}" for e in entries) or detail
    headers = {k: v for k, v in (error.headers or {}).items() if k.lower() in ("allow", "retry-after")}
    if isinstance(error, NotAuthorizedException):
        headers["WWW-Authenticate"] = "Bearer"
    return problem(status, detail, _NEXT.get(status, "fix the request; nothing was changed"), headers=headers)


def of_all(request: Request[Any, Any, Any], error: Exception) -> Response[Problem]:
    """The answer to a mistake in our own code: it says nothing, the log has it."""
    if isinstance(error, RecursionError) and request.method != "GET":
        detail = "the body is nested too deep"  # nothing else here goes deeper than what was sent
        return problem(HTTPStatus.BAD_REQUEST, detail, "fix the request; nothing was changed")
    _log.error("%s %r failed", request.method, request.url.path, exc_info=error)
    detail = "something went wrong here; the log has it"
    return problem(HTTPStatus.INTERNAL_SERVER_ERROR, detail, "tell an administrator")


def problem(
    status: HTTPStatus,
    detail: str,
    do_next: str,
    *,
    kind: str = "",
    headers: dict[str, str] | None = None,
) -> Response[Problem]:
    """One problem as an answer."""
    name = kind or _dashed(status.phrase.replace(" ", ""))
    content = Problem(f"urn:clawback:problem:{name}", status.phrase, status.value, detail, do_next)
    return Response(content, status_code=status.value, media_type=MEDIA_TYPE, headers=headers)


def _dashed(name: str) -> str:
    """``NotFound`` as ``not-found``."""
    return "".join(f"-{c.lower()}" if c.isupper() and at else c.lower() for at, c in enumerate(name))
