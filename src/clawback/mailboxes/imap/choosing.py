"""Choosing the hand that moves: the server's own tool where the settings name it, else IMAP."""

from __future__ import annotations

from collections.abc import Sequence

from clawback.errors import CapabilityMissing
from clawback.mailboxes.base import Failure, Move
from clawback.mailboxes.imap.doveadm import DoveadmHand
from clawback.mailboxes.imap.hands import Hand
from clawback.mailboxes.imap.moving import ImapHand
from clawback.mailboxes.imap.system import System
from clawback.message.delivery import Observed


def hand_of(system: System) -> Hand:
    """The hand for these settings."""
    by_imap = ImapHand(system)
    if not system.options.doveadm:
        return by_imap
    by_doveadm = DoveadmHand(
        system.name,
        system.names.user,
        system.names.location_of,
        system.options.doveadm,
        processes=min(PROCESSES, system.options.connections),
        name_of=system.names.raw,
    )
    return BothHands(by_doveadm, by_imap)


PROCESSES = 4
"""More do not make it faster on a machine of two to eight cores: they wait for each other's disk."""


class BothHands:
    """The first hand, and the second for what the first cannot do (copies without a GUID, strange names)."""

    def __init__(self, first: Hand, second: Hand) -> None:
        self._first = first
        self._second = second

    def reason(self) -> str:
        """How the first acts; the other is said to help."""
        return f"{self._first.reason()}; by IMAP what that cannot do"

    async def move(self, moves: Sequence[Move]) -> Sequence[Observed | Failure]:
        """Take each copy to its folder."""
        answers = list(await self._first.move(moves))
        left = [place for place, answer in enumerate(answers) if isinstance(answer, CapabilityMissing)]
        if left:
            again = await self._second.move([moves[place] for place in left])
            for place, answer in zip(left, again, strict=True):
                answers[place] = answer
        return answers
