"""A real HTTP server between a client and another server: it counts, waits, refuses and lies when told."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import aiohttp
import msgspec
from aiohttp import web
from tests.servers.processes import HOST
from yarl import URL

_LARGEST = 256 << 20
_KEPT = {"Authorization", "Content-Type", "Accept"}


@dataclass(frozen=True, slots=True)
class Asked:
    """One request as it came."""

    method: str
    path: str
    content: bytes
    authorization: str

    @property
    def calls(self) -> list[str]:
        """The methods that a JMAP request calls; none for any other request."""
        if self.method != "POST" or not self.content.startswith(b'{"using"'):
            return []
        return [call[0] for call in msgspec.json.decode(self.content)["methodCalls"]]


Interfere = Callable[[Asked], web.StreamResponse | bytes | None]
"""May answer in the other server's place; bytes are sent as JSON; None lets the request through."""
Alter = Callable[[Asked, bytes], bytes]
"""May change what the other server answered."""


@dataclass(slots=True)
class Between:
    """Forwards every request to `beyond`, unless told otherwise, and remembers all."""

    beyond: URL
    port: int = 0
    asked: list[Asked] = field(default_factory=list)
    interfere: Interfere = lambda asked: None
    alter: Alter = lambda asked, content: content
    pushes: asyncio.Queue[bytes] | None = None
    """Pieces of an endless answer to whoever asks for events; an empty one ends it."""

    @property
    def url(self) -> str:
        """Where a client finds it."""
        return str(self.beyond.with_host(HOST).with_port(self.port))

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        authorization = request.headers.get("Authorization", "")
        asked = Asked(request.method, request.path_qs, await request.read(), authorization)
        self.asked.append(asked)
        answer = self.interfere(asked)
        if self.pushes is not None and "/eventsource/" in asked.path:
            return await self._push(request, self.pushes)
        if isinstance(answer, bytes):
            return web.Response(body=answer, content_type="application/json")
        return answer or await self._forward(request, asked)

    async def _push(self, request: web.Request, pushes: asyncio.Queue[bytes]) -> web.StreamResponse:
        stream = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await stream.prepare(request)
        while piece := await pushes.get():
            await stream.write(piece)
        return stream

    async def _forward(self, request: web.Request, asked: Asked) -> web.StreamResponse:
        headers = {
            k: v for k, v in request.headers.items() if k in {"Authorization", "Content-Type", "Accept"}
        }
        async with (
            aiohttp.ClientSession() as client,
            client.request(
                asked.method,
                self.beyond.join(URL(asked.path, encoded=True)),
                headers=headers,
                data=asked.content or None,
                allow_redirects=False,
            ) as answer,
        ):
            kept = {k: v for k, v in answer.headers.items() if k in {"Content-Type", "WWW-Authenticate"}}
            if "Location" in answer.headers:
                kept["Location"] = str(URL(answer.headers["Location"]).relative())
            body = self.alter(asked, await answer.read())
            return web.Response(body=body, status=answer.status, headers=kept)


@asynccontextmanager
async def between(beyond: str) -> AsyncIterator[Between]:
    """Listen on a free port of the loopback; in the loop of those who ask, so between their requests."""
    made = Between(URL(beyond))
    application = web.Application(client_max_size=_LARGEST)
    application.router.add_route("*", "/{path:.*}", made._answer)
    runner = web.AppRunner(application, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, HOST, 0)
    await site.start()
    made.port = runner.addresses[0][1]
    try:
        yield made
    finally:
        await asyncio.shield(runner.cleanup())
