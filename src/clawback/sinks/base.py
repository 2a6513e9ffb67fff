"""The port of those whom we tell."""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager
from typing import Protocol

from clawback.response.feedback import Letter
from clawback.response.sinks import Notice, Sent, Sink


class Postman(Protocol):
    """Who carries letters to people."""

    @property
    def sender(self) -> str:
        """The address that letters come from."""

    async def send(self, letter: Letter) -> str:
        """Hand a letter over: "" once it was taken, or why it is refused for good.

        Raises Unavailable when trying again later may help, LoginFailed, ProtocolViolation, BadSettings.
        """


class Line(Protocol):
    """An open line to one sink."""

    async def send(self, notice: Notice) -> Sent:
        """Try once to tell of an event, within a bounded time. What goes wrong is in the answer."""


class Teller(Protocol):
    """Who knows how to tell one kind of sink."""

    def checked(self, target: str) -> str:
        """The target as it is kept. Raises BadParameter for one that nobody may be told at."""

    def line(self, sink: Sink, secrets: tuple[str, ...]) -> AbstractAsyncContextManager[Line]:
        """A line to a sink that proves by each of these secrets who speaks. Opening it sends nothing."""
