"""The port of those whom we tell."""

from __future__ import annotations

from typing import Protocol

from clawback.response.feedback import Letter


class Postman(Protocol):
    """Who carries letters to people."""

    @property
    def sender(self) -> str:
        """The address that letters come from."""

    async def send(self, letter: Letter) -> str:
        """Hand a letter over: "" once it was taken, or why it is refused for good.

        Raises Unavailable when trying again later may help, LoginFailed, ProtocolViolation, BadSettings.
        """
