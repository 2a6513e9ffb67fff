"""The border of the door: which host names are ours, how big a request may be, what every answer carries."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from http import HTTPStatus

from litestar.enums import ScopeType
from litestar.types import ASGIApp, Message, Receive, Scope, Send

from clawback.web.patience import measured, too_large
from clawback.web.problems import MEDIA_TYPE

MOST_BYTES = 16 * 1024 * 1024
"""Bytes of a request's body at most: a list of indicators, a reported message."""
MOST_FORM_BYTES = 512 * 1024
"""Bytes of a form: its fields are taken apart while everybody waits, about a second for each megabyte."""
_MOST: Mapping[str, int] = {"/sign-in": 16 * 1024}
"""Bytes of the forms that anybody may send."""

_PAGES = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
)
_DATA = "default-src 'none'; frame-ancestors 'none'; sandbox"
_BODILESS = ("GET", "HEAD")
"""Methods whose body nobody reads; their answers may last, and wait for the client to go."""
_OURS = (b"server", b"cache-control")
_HEADERS = {
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
}


class Border:
    """The outermost ASGI application: refuses strange hosts, big and slow bodies, and adds the headers."""

    def __init__(self, inner: ASGIApp, names: Collection[str], *, tls: bool) -> None:
        self._inner = inner
        self._names = frozenset(name.lower() for name in names)
        self._tls = tls

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or refuse it."""
        if scope["type"] != ScopeType.HTTP:
            await self._inner(scope, receive, send)
            return
        sender = self._headed(scope, send)
        if host_of(scope) not in self._names:
            await _refuse(sender, HTTPStatus.MISDIRECTED_REQUEST, "that host name is not served here")
            return
        length = _header(scope, b"content-length")
        most = most_of(scope["path"])
        if length.isascii() and length.isdigit() and int(length[:20]) > most:
            await _refuse(sender, HTTPStatus.REQUEST_ENTITY_TOO_LARGE, too_large(most))
            return
        await self._inner(scope, receive if scope["method"] in _BODILESS else measured(receive, most), sender)

    def _headed(self, scope: Scope, send: Send) -> Send:
        data = scope["path"].startswith(("/api", "/metrics"))
        headers = _HEADERS | {"content-security-policy": _DATA if data else _PAGES}
        if self._tls:
            headers["strict-transport-security"] = "max-age=31536000"
        if not scope["path"].startswith("/static/"):
            headers["cache-control"] = "no-store"

        async def sender(message: Message) -> None:
            if message["type"] == "http.response.start":
                own = [(n, v) for n, v in message["headers"] if n.lower() not in _OURS]
                added = [(name.encode(), value.encode()) for name, value in headers.items()]
                message["headers"] = [*own, *added]
            await send(message)

        return sender


def most_of(path: str) -> int:
    """How many bytes the body of a request for this path may have."""
    return MOST_BYTES if path.startswith("/api/") else _MOST.get(path, MOST_FORM_BYTES)


def host_of(scope: Scope) -> str:
    """The name in the Host header, without its port, in lower case."""
    host = _header(scope, b"host").lower()
    if host.startswith("["):
        return host.partition("]")[0].removeprefix("[")
    return host.partition(":")[0]


def is_ours(scope: Scope) -> bool:
    """Whether a browser sent the request from a page of ours, as far as its headers tell."""
    site = _header(scope, b"sec-fetch-site")
    if site and site not in ("same-origin", "none"):
        return False
    origin = _header(scope, b"origin")
    return not origin or origin.partition("://")[2].lower() == _header(scope, b"host").lower()


def _header(scope: Scope, name: bytes) -> str:
    return next((value.decode("latin-1") for key, value in scope["headers"] if key.lower() == name), "")


async def _refuse(send: Send, status: HTTPStatus, detail: str) -> None:
    title = status.phrase
    kind = title.lower().replace(" ", "-")
    body = {
        "type": f"urn:clawback:problem:{kind}",
        "title": title,
        "status": status.value,
        "detail": detail,
        "next": "fix the request; nothing was changed",
    }
    headers = [(b"content-type", MEDIA_TYPE.encode())]
    await send({"type": "http.response.start", "status": status.value, "headers": headers})
    await send({"type": "http.response.body", "body": json.dumps(body).encode(), "more_body": False})
