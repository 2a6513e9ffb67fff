"""The IMAP connector: the port's verbs over a whole organisation's mailboxes."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import datetime

from clawback.mailboxes.base import Capability, Failure, FolderListing, Move, RawMessage, Wanted
from clawback.mailboxes.imap import changing, describing, finding, listing, managesieve, reading
from clawback.mailboxes.imap.bulk import Answers, in_bulk
from clawback.mailboxes.imap.choosing import hand_of
from clawback.mailboxes.imap.folders import look
from clawback.mailboxes.imap.hands import Hand
from clawback.mailboxes.imap.options import Options
from clawback.mailboxes.imap.system import System
from clawback.mailboxes.imap.watching import Watcher
from clawback.message.delivery import DeliveryLocation, Handle, Observed
from clawback.message.mail_rules import MailRule


class ImapConnector:
    """Mailboxes of one IMAP server.

    A copy's native id is ``UIDVALIDITY.UID`` and its version the server's GUID (Dovecot's X-GUID,
    EMAILID of RFC 8474), which a move keeps; the UID changes with every move, so an undo restores all
    but the UID. Quarantined copies stay in their mailbox, in folders that the server hides from the owner.
    """

    def __init__(self, name: str, options: Options) -> None:
        self._system = System(name, options)
        self._hand: Hand = hand_of(self._system)
        self._watcher = Watcher(self._system)

    @property
    def name(self) -> str:
        """The configured name."""
        return self._system.name

    def capabilities(self) -> frozenset[Capability]:
        """All but an exact undo; before a first look, what every server of today can."""
        can = {Capability.WATCH, Capability.KEYWORDS, Capability.APPEND}
        seen = self._system.capabilities
        if not seen or "MOVE" in seen or "UIDPLUS" in seen:
            can.add(Capability.MOVE)
        if not seen or "UIDPLUS" in seen:
            can.add(Capability.DELETE)
        if self._system.options.sieve_port:
            can.add(Capability.RULES)
        return frozenset(can)

    async def describe(self) -> tuple[str, ...]:
        """Where it connects and as whom, how it moves, reads and watches, and why."""
        return await describing.describe(self._system, self._hand)

    async def mailboxes(self) -> tuple[str, ...]:
        """Every mailbox."""
        return await self._system.mailboxes()

    async def list(self, mailbox: str, cursors: Mapping[str, str]) -> tuple[FolderListing, ...]:
        """Every folder; with QRESYNC (RFC 7162) only what changed since its cursor."""
        return await listing.list_mailbox(self._system, mailbox, cursors)

    def watch(self) -> AsyncIterator[frozenset[str]]:
        """The mailboxes touched since the last answer."""
        return self._watcher.follow()

    async def fetch(self, handles: Sequence[Handle]) -> Sequence[RawMessage | Failure]:
        """The bytes of each copy, unread ones stay unread; CapabilityMissing for one over the limit."""

        async def work(mailbox: str, mine: Sequence[tuple[int, Handle]]) -> Answers[RawMessage]:
            return await reading.fetch(self._system, mailbox, mine)

        return await in_bulk(handles, lambda handle: handle.mailbox, work)

    async def find(self, wanted: Sequence[Wanted]) -> Sequence[tuple[Observed, ...] | Failure]:
        """Every place of each wanted copy: by UID, by GUID in all folders, by size and SHA-256."""

        async def work(mailbox: str, mine: Sequence[tuple[int, Wanted]]) -> Answers[tuple[Observed, ...]]:
            return await finding.find(self._system, mailbox, mine)

        return await in_bulk(wanted, lambda w: w.handle.mailbox, work)

    async def move(self, moves: Sequence[Move]) -> Sequence[Observed | Failure]:
        """Take each copy to its folder; COPYUID is compared with what was asked for."""
        return await self._hand.move(moves)

    async def delete(self, handles: Sequence[Handle]) -> Sequence[Observed | Failure]:
        """Expunge each copy for good (needs UIDPLUS)."""

        async def work(mailbox: str, mine: Sequence[tuple[int, Handle]]) -> Answers[Observed]:
            return await changing.delete(self._system, mailbox, mine)

        return await in_bulk(handles, lambda handle: handle.mailbox, work)

    async def append(
        self, mailbox: str, folder: str, content: bytes, flags: frozenset[str], internal_date: datetime
    ) -> Observed:
        """Put a copy back from its bytes, with a new UID and GUID."""
        return await changing.append(self._system, mailbox, folder, content, flags, internal_date)

    async def folder_of(self, mailbox: str, place: DeliveryLocation, origin: str) -> str:
        """The folder that is a place, by special use, else by name in any language."""
        if not self._system.names.is_fixed(place):
            async with self._system.session(mailbox) as session:
                await look(session, self._system.names, mailbox)
        return self._system.names.folder_of(mailbox, place, origin)

    def location_of(self, mailbox: str, folder: str) -> DeliveryLocation:
        """The kind of place a folder is."""
        return self._system.names.location_of(mailbox, folder)

    async def rules(self, mailbox: str) -> tuple[MailRule, ...]:
        """What the active Sieve script of a mailbox's owner does, read by ManageSieve."""
        return await managesieve.rules_of(self._system.options, mailbox, self._system.names.user(mailbox))

    async def close(self) -> None:
        """End the watch and say goodbye on all sessions."""
        await self._watcher.close()
        await self._system.pool.close()
