"""The line to a server: HTTP requests with a credential, bounded in size and time, over TLS unless told."""

from __future__ import annotations

import asyncio
import base64
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime

import aiohttp
from yarl import URL

from clawback.errors import BadSettings, LoginFailed, ProtocolViolation
from clawback.loopback import is_loopback
from clawback.mailboxes.jmap.border import answering, failure_of_status
from clawback.mailboxes.jmap.options import Login, Options

LARGEST_JSON = 64 << 20
"""Bytes of one answer in JSON."""
_LARGEST_REFUSAL = 64 << 10
_REDIRECTS = 5
_CHUNK = 64 << 10
_READY = 30.0


class Credential:
    """A login, and its secret as long as the server takes it."""

    def __init__(self, login: Login) -> None:
        self._login = login
        self._header: str | None = None

    @property
    def user(self) -> str:
        """The user name, for people; empty for a bearer of a token."""
        return self._login.user

    async def header(self) -> str:
        """The value of Authorization. Reading the secret may take time, so a thread does it."""
        if self._header is None:
            secret = await asyncio.to_thread(self._login.secret)
            both = f"{self._login.user}:{secret}".encode()
            self._header = (
                f"Basic {base64.b64encode(both).decode()}" if self._login.user else f"Bearer {secret}"
            )
            if not (self._header.isascii() and self._header.isprintable()):
                self._header = None
                raise BadSettings("a token must be of printable ASCII characters")
        return self._header

    def forget(self, header: str) -> bool:
        """Read the secret anew next time; False when that has been done already since `header` was read."""
        if self._header != header:
            return self._header is None
        self._header = None
        return True


class Line:
    """Connections to the servers of one configuration, kept open between requests."""

    def __init__(self, options: Options) -> None:
        self._options = options
        self._client: aiohttp.ClientSession | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._turns = asyncio.Semaphore(options.requests)

    @property
    def options(self) -> Options:
        """What we were told."""
        return self._options

    def checked(self, url: URL) -> URL:
        """A URL that may be asked with our credentials. Raises BadSettings for one that all could read."""
        if url.scheme == "https" and url.host:
            return url
        if url.scheme == "http" and url.host and (self._options.insecure or is_loopback(url.host)):
            return url
        where = f"{url.scheme or 'something'}://{url.host or ''}"
        raise BadSettings(f"{where} is not https, and only 'insecure' allows plain http elsewhere than here")

    async def discover(self, url: URL, credential: Credential) -> tuple[URL, bytes]:
        """The session, and where it is after all redirections, none of which leaves the host."""
        for _ in range(_REDIRECTS):
            async with self._send("GET", url, credential) as answer:
                if answer.status not in {301, 302, 303, 307, 308}:
                    return url, await _body(answer, LARGEST_JSON)
                target = url.join(URL(answer.headers.get("Location", "")))
            if target.host != url.host:
                raise LoginFailed(
                    f"{url.host} sends us to {target.host}: name that host in 'url' if it may see the secret"
                )
            url = self.checked(target)
        raise ProtocolViolation(f"{url.host} sends us in circles")

    async def get(self, url: URL, credential: Credential, largest: int) -> bytes:
        """What is there. Raises ProtocolViolation when it is more than `largest` bytes."""
        async with self._send("GET", url, credential) as answer:
            return await _body(answer, largest)

    async def post(self, url: URL, credential: Credential, content: bytes, kind: str) -> bytes:
        """The answer in JSON to some content of a media type."""
        async with self._send("POST", url, credential, content, kind) as answer:
            return await _body(answer, LARGEST_JSON)

    @asynccontextmanager
    async def events(self, url: URL, credential: Credential) -> AsyncIterator[aiohttp.StreamReader | None]:
        """An endless answer; None when the server has none for us. It waits for no turn and gives none up."""
        async with self._once("GET", url, credential, None, "", endless=True) as answer:
            is_stream = answer.status == 200 and answer.content_type == "text/event-stream"
            yield answer.content if is_stream else None

    async def close(self) -> None:
        """Let go of all connections."""
        client, self._client = self._client, None
        if client is not None:
            await client.close()

    @asynccontextmanager
    async def _send(
        self, method: str, url: URL, credential: Credential, content: bytes | None = None, kind: str = ""
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        """An answer that is none of refusal; with a secret read anew when the one we have is refused."""
        self._here()
        async with self._turns:
            header = await credential.header()
            async with self._once(method, url, credential, content, kind) as answer:
                if answer.status != 401 or not credential.forget(header):
                    await _accept(answer)
                    yield answer
                    return
            if await credential.header() == header:
                raise LoginFailed(f"{url.host} does not take our credentials")
            async with self._once(method, url, credential, content, kind) as answer:
                await _accept(answer)
                yield answer

    @asynccontextmanager
    async def _once(
        self,
        method: str,
        url: URL,
        credential: Credential,
        content: bytes | None,
        kind: str,
        endless: bool = False,
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        headers = {"Authorization": await credential.header()}
        headers |= {"Content-Type": kind} if kind else {}
        headers |= {"Accept": "text/event-stream"} if endless else {}
        seconds = self._options.timeout
        limits = aiohttp.ClientTimeout(total=None if endless else seconds, sock_connect=min(seconds, _READY))
        with answering(str(url.origin())):
            client = self._ready()
            async with client.request(
                method, url, headers=headers, data=content, timeout=limits, allow_redirects=False
            ) as answer:
                yield answer

    def _here(self) -> None:
        """Begin anew in another event loop than before: what belongs to the old one is of no use here."""
        loop = asyncio.get_running_loop()
        if self._loop is not loop:
            self._loop, self._client = loop, None
            self._turns = asyncio.Semaphore(self._options.requests)

    def _ready(self) -> aiohttp.ClientSession:
        self._here()
        if self._client is None:
            self._client = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(ssl=self._trust(), limit=0, limit_per_host=0),
                cookie_jar=aiohttp.DummyCookieJar(),
            )
        return self._client

    def _trust(self) -> ssl.SSLContext:
        """Those whose certificates we believe: the system's authorities, or the one we were given alone."""
        try:
            return ssl.create_default_context(cafile=self._options.ca_file)
        except (OSError, ssl.SSLError) as error:
            raise BadSettings(f"option 'ca_file': {self._options.ca_file}: {error.strerror}") from error


async def _accept(answer: aiohttp.ClientResponse) -> None:
    if 300 <= answer.status < 400:
        return
    body = b"" if answer.ok else await _some(answer)
    where = str(answer.url.origin())
    failure = failure_of_status(answer.status, answer.headers, body, where, datetime.now(UTC))
    if failure is not None:
        raise failure


async def _some(answer: aiohttp.ClientResponse) -> bytes:
    """The beginning of an answer of which only the kind matters."""
    return await answer.content.read(_LARGEST_REFUSAL)


async def _body(answer: aiohttp.ClientResponse, largest: int) -> bytes:
    if answer.status >= 300:
        raise ProtocolViolation(f"{answer.url.host} sends a request elsewhere")
    content = bytearray()
    async for chunk in answer.content.iter_chunked(_CHUNK):
        content += chunk
        if len(content) > largest:
            raise ProtocolViolation(f"{answer.url.host} answers with more than {largest:,} bytes")
    return bytes(content)
