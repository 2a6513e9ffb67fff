"""How long a client may take, and how much it may send: nobody holds a place here by being slow."""

from __future__ import annotations

import asyncio
from http import HTTPStatus

from litestar.exceptions import HTTPException
from litestar.types import HTTPReceiveMessage, Receive
from uvicorn.protocols.http.h11_impl import H11Protocol

HEAD_SECONDS = 15.0
"""How long the head of a request may take, from the connection or from the answer before it."""
PAUSE_SECONDS = 20.0
"""How long a body may pause."""
BODY_SECONDS = 120.0
"""How long a whole body may take."""


def measured(receive: Receive, most: int) -> Receive:
    """`receive`, until the body is there, within bounds of size and time.

    It raises HTTPException (400, 408, 413) beyond them, and the framework makes an answer of it.
    """
    read, done, started = 0, False, asyncio.get_running_loop().time()

    async def bounded() -> HTTPReceiveMessage:
        nonlocal read, done
        if done:
            return await receive()  # type: ignore[return-value]
        left = started + BODY_SECONDS - asyncio.get_running_loop().time()
        try:
            message = await asyncio.wait_for(receive(), max(0.0, min(PAUSE_SECONDS, left)))
        except TimeoutError:
            raise HTTPException("the body came too slowly", status_code=HTTPStatus.REQUEST_TIMEOUT) from None
        if message["type"] != "http.request":  # it has gone, which is no mistake of ours for the log
            raise HTTPException("the body did not come whole", status_code=HTTPStatus.BAD_REQUEST)
        read, done = read + len(message["body"]), not message["more_body"]
        if read > most:
            raise HTTPException(too_large(most), status_code=HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
        return message

    return bounded


def too_large(most: int) -> str:
    """What is said about a body that is too large."""
    return f"a body has at most {most} bytes here"


class Patient(H11Protocol):
    """A connection that is let go of when the head of its next request does not come."""

    _late: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin to wait."""
        super().connection_made(transport)
        self._wait()

    def connection_lost(self, exc: Exception | None) -> None:
        """Wait no more."""
        self._stop()
        super().connection_lost(exc)

    def handle_events(self) -> None:
        """Take what came apart; with a whole head the waiting is over."""
        before = self.cycle
        super().handle_events()
        if self.cycle is not before:
            self._stop()

    def on_response_complete(self) -> None:
        """Wait for the next request, unless it is there already."""
        super().on_response_complete()
        if self.cycle.response_complete and not self.transport.is_closing():
            self._wait()

    def _wait(self) -> None:
        self._stop()
        self._late = self.loop.call_later(HEAD_SECONDS, self.transport.abort)

    def _stop(self) -> None:
        if self._late is not None:
            self._late.cancel()
            self._late = None
