"""A thin client of the API, for whoever speaks to a clawback on another machine: our nouns in and out."""

from __future__ import annotations

import json
import ssl
import urllib.error
import urllib.request
import uuid
from collections.abc import Mapping
from http import HTTPStatus
from pathlib import Path
from typing import Any, Generic, TypeVar
from urllib.parse import urlencode, urlsplit

import msgspec

from clawback.errors import (
    BadParameter,
    BadSettings,
    ChangedMeanwhile,
    ClawbackError,
    Corrupt,
    Forbidden,
    GivenTwice,
    NotFound,
    PlanStale,
    TriedTooOften,
    Unavailable,
)
from clawback.loopback import is_loopback

T = TypeVar("T")
SECONDS = 60.0
"""How long one answer may take."""
MOST_BYTES = 256 * 1024 * 1024

_BY_STATUS: dict[int, type[ClawbackError]] = {
    HTTPStatus.BAD_REQUEST: BadParameter,
    HTTPStatus.UNAUTHORIZED: Forbidden,
    HTTPStatus.FORBIDDEN: Forbidden,
    HTTPStatus.NOT_FOUND: NotFound,
    HTTPStatus.CONFLICT: PlanStale,
    HTTPStatus.PRECONDITION_FAILED: ChangedMeanwhile,
    HTTPStatus.UNPROCESSABLE_ENTITY: GivenTwice,
    HTTPStatus.INTERNAL_SERVER_ERROR: Corrupt,
    HTTPStatus.MISDIRECTED_REQUEST: BadSettings,
}


class Listed(msgspec.Struct, Generic[T], frozen=True):
    """A page of a listing; `next` is the cursor of the one behind it, "" at the end."""

    items: tuple[T, ...]
    next: str = ""


class _Nowhere(urllib.request.HTTPRedirectHandler):
    """Follows no redirect: it would carry the token to somebody else."""

    def redirect_request(self, *_: Any, **__: Any) -> None:
        """Refuse."""


class Client:
    """Speaks to one server with one token. Every error is one of ours, mapped by the status of the answer."""

    def __init__(self, server: str, token: str) -> None:
        self._server = _checked(server)
        self._token = token
        secure = urllib.request.HTTPSHandler(context=ssl.create_default_context())
        self._opener = urllib.request.build_opener(_Nowhere(), secure)

    def get(self, path: str, kind: type[T], asked: Mapping[str, object] | None = None) -> T:
        """What stands at a path."""
        query = urlencode({k: v for k, v in (asked or {}).items() if v not in (None, "")}, doseq=True)
        return self._ask(self._request(path + (f"?{query}" if query else "")), kind)

    def post(self, path: str, kind: type[T], body: Mapping[str, object]) -> T:
        """Give an order, once: it has a key of its own."""
        headers = {"Content-Type": "application/json", "Idempotency-Key": str(uuid.uuid4())}
        data = msgspec.json.encode(dict(body))
        return self._ask(self._request(path, data, headers), kind)

    def _request(
        self, path: str, data: bytes | None = None, headers: Mapping[str, str] | None = None
    ) -> urllib.request.Request:
        return urllib.request.Request(self._server + path, data, dict(headers or {}))  # noqa: S310 - checked

    def _ask(self, request: urllib.request.Request, kind: type[T]) -> T:
        request.add_unredirected_header("Authorization", f"Bearer {self._token}")
        request.add_header("Accept", "application/json")
        try:
            with self._opener.open(request, timeout=SECONDS) as answer:
                return msgspec.json.decode(answer.read(MOST_BYTES), type=kind)
        except urllib.error.HTTPError as error:
            with error:
                raise _ours(error) from None
        except (urllib.error.URLError, TimeoutError, OSError) as error:
            raise Unavailable(f"{self._server} does not answer: {error}") from None
        except msgspec.MsgspecError as error:
            raise BadSettings(f"{self._server} does not answer as this clawback would: {error}") from None


def token_in(path: Path) -> str:
    """The token in a file; BadSettings when it cannot be read or is none."""
    try:
        token = path.read_text("ascii").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise BadSettings(f"the token in {path} cannot be read: {error}") from None
    if not token.isprintable() or not token or " " in token:
        raise BadSettings(f"{path} does not hold one token and nothing else")
    return token


def _checked(server: str) -> str:
    """The address without a slash at its end; without TLS only this machine is spoken to."""
    parts = urlsplit(server)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment:
        raise BadParameter(f"{server!r:.200} is no address such as https://clawback.example.org")
    if parts.scheme == "http" and not is_loopback(parts.hostname):
        raise BadParameter(f"{server!r:.200} has no TLS: whoever listens would have the token; use https")
    return server.rstrip("/")


def _ours(error: urllib.error.HTTPError) -> ClawbackError:
    detail = _detail(error.read(100_000)) or f"the server answered {error.code}"
    if error.code == HTTPStatus.TOO_MANY_REQUESTS:
        after = error.headers.get("Retry-After", "")
        return TriedTooOften(detail, float(after) if after.isascii() and after.isdigit() else 60.0)
    return _BY_STATUS.get(error.code, Unavailable)(detail)


def _detail(body: bytes) -> str:
    try:
        problem = json.loads(body)
    except ValueError:
        return ""
    return str(problem.get("detail", "")) if isinstance(problem, dict) else ""
