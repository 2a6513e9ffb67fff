"""A mail system of which some mailboxes refuse what is asked of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from clawback.errors import MailboxError
from clawback.mailboxes.base import Move


class Refusing:
    """A mail system that refuses to move anything of some mailboxes; all else is the real one's."""

    def __init__(self, real: Any, refused: Mapping[str, MailboxError]) -> None:
        self._real, self._refused = real, refused

    def __getattr__(self, name: str) -> Any:
        return getattr(self._real, name)

    async def move(self, moves: Sequence[Move]) -> Sequence[Any]:
        """The answers of the real one, but for the mailboxes that are refused."""
        mine = [move for move in moves if move.handle.mailbox not in self._refused]
        answers = iter(await self._real.move(mine) if mine else ())
        return [self._refused.get(move.handle.mailbox) or next(answers) for move in moves]
