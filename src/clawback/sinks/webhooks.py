"""Webhooks: each event as one signed HTTP request, bounded in time and size, to where we may reach."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from pathlib import Path

import aiohttp
from yarl import URL

from clawback import __version__
from clawback.errors import BadParameter
from clawback.response.sinks import Notice, Sent, Sink
from clawback.sinks.base import Line
from clawback.sinks.reach import CheckedResolver, LookUp, Reach, Unreachable, look_up
from clawback.sinks.webhooks_signing import body_of, headers_of

SECONDS = 15.0
"""What one try may take, from the lookup of the name to the answer."""
_CONNECT_SECONDS = 5.0
_MOST_ANSWER = 16 << 10
"""Bytes of an answer that are read, so that the connection can be used again; they are never shown."""
_AGAIN = frozenset({408, 409, 425, 429})
"""Refusals that may well pass."""
_HEADERS = {"content-type": "application/json", "user-agent": f"clawback/{__version__}"}


class WebhookTeller:
    """Tells webhooks. `seconds` is what one try may take; `ask` resolves names."""

    def __init__(
        self,
        reach: Reach,
        *,
        ca_file: Path | None = None,
        seconds: float = SECONDS,
        ask: LookUp = look_up,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._reach = reach
        self._ca_file = ca_file
        self._seconds = seconds
        self._ask = ask
        self._now = now

    def checked(self, target: str) -> str:
        """The URL as it is kept; raises BadParameter."""
        return self._reach.checked(target)

    @asynccontextmanager
    async def line(self, sink: Sink, secrets: tuple[str, ...]) -> AsyncIterator[Line]:
        """A line to one webhook, with one connection."""
        connector = aiohttp.TCPConnector(
            resolver=CheckedResolver(self._reach, self._ask), use_dns_cache=False, limit=1
        )
        limits = aiohttp.ClientTimeout(total=self._seconds, connect=_CONNECT_SECONDS)
        async with aiohttp.ClientSession(
            connector=connector,
            timeout=limits,
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=False,  # else a small answer could become a large one
            trust_env=False,
            headers=_HEADERS,
        ) as session:
            yield _WebhookLine(self, session, sink.target, secrets)

    async def post(
        self, session: aiohttp.ClientSession, target: str, notice: Notice, secrets: tuple[str, ...]
    ) -> Sent:
        """One try, over a client that resolves by what we may reach."""
        try:
            url = self._reach.checked(target)  # the settings may allow less than when it was kept
            trust = self._trust() if url.startswith("https:") else False
        except (BadParameter, OSError) as error:
            return Sent(error=f"cannot be called: {error}")
        body = body_of(notice)
        signed = headers_of(notice, body, secrets, self._now())
        try:
            async with session.post(
                URL(url, encoded=True), data=body, headers=signed, allow_redirects=False, ssl=trust
            ) as answer:
                await _drained(answer)
                return _judged(answer.status, answer.headers.get("Retry-After", ""), self._now())
        except (aiohttp.ClientError, OSError, ValueError) as error:
            return Sent(error=_told(error, self._seconds))

    def _trust(self) -> ssl.SSLContext:
        return ssl.create_default_context(cafile=self._ca_file)


class _WebhookLine:
    def __init__(
        self, teller: WebhookTeller, session: aiohttp.ClientSession, target: str, secrets: tuple[str, ...]
    ) -> None:
        self._teller = teller
        self._session = session
        self._target = target
        self._secrets = secrets

    async def send(self, notice: Notice) -> Sent:
        """Try once; what goes wrong is in the answer."""
        return await self._teller.post(self._session, self._target, notice, self._secrets)


async def _drained(answer: aiohttp.ClientResponse) -> None:
    """Read a short answer to its end; the connection of a long one is closed."""
    left = _MOST_ANSWER
    while left > 0:
        chunk = await answer.content.read(left)
        if not chunk:
            return
        left -= len(chunk)
    answer.close()


def _judged(status: int, retry_after: str, now: datetime) -> Sent:
    if 200 <= status < 300:
        return Sent(status)
    if status == HTTPStatus.GONE:
        return Sent(status, "answered 410: it wants nothing any more", gone=True)
    if 300 <= status < 400:
        return Sent(status, f"answered {status}: redirects are not followed", refused=True)
    refused = 400 <= status < 500 and status not in _AGAIN
    return Sent(status, f"answered {status}", refused=refused, after=_seconds_of(retry_after, now))


def _seconds_of(text: str, now: datetime) -> float:
    """What a Retry-After asks for (RFC 9110), 0 for nothing that can be read."""
    if text.isascii() and text.isdigit() and len(text) < 10:
        return float(text)
    try:
        then = parsedate_to_datetime(text)
    except ValueError:
        return 0.0
    return max(0.0, (then.replace(tzinfo=then.tzinfo or UTC) - now).total_seconds())


def _told(error: Exception, seconds: float) -> str:
    """What went wrong, in our words and without addresses: an error is no map of the network."""
    cause = error.os_error if isinstance(error, aiohttp.ClientConnectorError) else error
    if isinstance(error, aiohttp.ClientConnectorCertificateError | aiohttp.ClientConnectorSSLError):
        return "its TLS certificate is not believed, or it speaks no TLS"
    if isinstance(cause, Unreachable):
        return f"cannot be called: {cause}; webhooks.allow in the settings can allow its network"
    if isinstance(error, TimeoutError | asyncio.TimeoutError | aiohttp.ServerTimeoutError):
        return f"did not answer within {seconds:g} s"
    if isinstance(error, aiohttp.ClientConnectorDNSError):
        return "its name cannot be looked up"
    if isinstance(error, aiohttp.ClientConnectorError):
        return "cannot be connected to"
    return "broke the connection off, or does not speak HTTP"
