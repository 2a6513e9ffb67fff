"""The JMAP connector: the port's verbs, each for many mailboxes in few requests."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import datetime

from clawback.mailboxes.base import Capability, Failure, FolderListing, Move, RawMessage, Wanted
from clawback.mailboxes.folder_names import VAULT
from clawback.mailboxes.jmap.accounts import Accounts
from clawback.mailboxes.jmap.appending import Appender
from clawback.mailboxes.jmap.changing import Changer
from clawback.mailboxes.jmap.describing import describe
from clawback.mailboxes.jmap.fetching import Fetcher
from clawback.mailboxes.jmap.finding import Finder
from clawback.mailboxes.jmap.folders import Atlas
from clawback.mailboxes.jmap.line import Line
from clawback.mailboxes.jmap.listing import Lister
from clawback.mailboxes.jmap.looking import Looker
from clawback.mailboxes.jmap.making import Maker
from clawback.mailboxes.jmap.options import Options
from clawback.mailboxes.jmap.planning import Change
from clawback.mailboxes.jmap.watching import Watcher
from clawback.message.delivery import DeliveryLocation, Handle, Observed


class JmapConnector:
    """Mailboxes on a server that speaks JMAP for mail (RFC 8620, RFC 8621).

    A message that lies in several folders is one copy in each of them. A handle's native id is that of the
    message and of the folder; its version is the id of the bytes.
    """

    def __init__(self, name: str, options: Options) -> None:
        self._name = name
        self._line = Line(options)
        self._accounts = Accounts(self._line)
        self._atlas = Atlas(options.places)
        self._looker = Looker(name, self._line, self._atlas)
        maker = Maker(self._looker, options.places)
        self._fetcher = Fetcher(self._looker)
        self._finder = Finder(self._looker, self._fetcher)
        self._changer = Changer(self._looker, maker)
        self._appender = Appender(self._looker, maker)
        self._watcher = Watcher(self._line, self._accounts)

    @property
    def name(self) -> str:
        """The configured name."""
        return self._name

    def capabilities(self) -> frozenset[Capability]:
        """Everything: what a server or a mailbox does not allow, it refuses copy by copy."""
        return frozenset(Capability) - {Capability.RULES}

    async def describe(self) -> tuple[str, ...]:
        """Who we are to the server, how much at once, where copies go, how news come."""
        return await describe(self._accounts, self._looker)

    async def mailboxes(self) -> tuple[str, ...]:
        """Every account with mail that our credential reaches, by its owner's address."""
        return await self._accounts.mailboxes()

    async def list(self, mailbox: str, cursors: Mapping[str, str]) -> tuple[FolderListing, ...]:
        """Every folder; since a cursor only what changed, where the server can tell."""
        account = await self._accounts.one(mailbox)
        return await Lister(self._looker).folders(mailbox, account, cursors)

    def watch(self) -> AsyncIterator[frozenset[str]]:
        """The mailboxes that changed: pushed, or asked for once in `poll` seconds; at first all of them."""
        return self._watcher.watch()

    async def fetch(self, handles: Sequence[Handle]) -> Sequence[RawMessage | Failure]:
        """The bytes of each copy; CapabilityMissing for one over the limit."""
        accounts = await self._accounts.find(handle.mailbox for handle in handles)
        return await self._fetcher.fetch(handles, accounts)

    async def find(self, wanted: Sequence[Wanted]) -> Sequence[tuple[Observed, ...] | Failure]:
        """Every place of each wanted copy; () when it is nowhere in the mailbox."""
        accounts = await self._accounts.find(each.handle.mailbox for each in wanted)
        return await self._finder.find(wanted, accounts)

    async def move(self, moves: Sequence[Move]) -> Sequence[Observed | Failure]:
        """Take each copy out of its folder and into the other, in one step of the server.

        In a hidden place that holds the same message already, a copy goes into a folder inside it.
        """
        return await self._change([Change(move.handle, move.folder) for move in moves])

    async def delete(self, handles: Sequence[Handle]) -> Sequence[Observed | Failure]:
        """Remove each copy for good; the message stays in the other folders where it is."""
        return await self._change([Change(handle, None) for handle in handles])

    async def _change(self, changes: Sequence[Change]) -> Sequence[Observed | Failure]:
        accounts = await self._accounts.find(change.handle.mailbox for change in changes)
        return await self._changer.change(changes, accounts)

    async def append(
        self, mailbox: str, folder: str, content: bytes, flags: frozenset[str], internal_date: datetime
    ) -> Observed:
        """Put a copy back from its bytes; where the server keeps equal bytes once, the one that is there."""
        account = await self._accounts.one(mailbox)
        return await self._appender.append(mailbox, account, folder, content, flags, internal_date)

    async def folder_of(self, mailbox: str, place: DeliveryLocation, origin: str) -> str:
        """The folder that is `place`: by role, then by name, else the usual one."""
        if place not in VAULT and self._atlas.known(mailbox) is None:
            account = await self._accounts.one(mailbox)
            await self._looker.learn([account])
        return self._atlas.folder_for(mailbox, place, origin)

    def location_of(self, mailbox: str, folder: str) -> DeliveryLocation:
        """What kind of place a folder is: by our settings, by role, then by name."""
        return self._atlas.location_of(mailbox, folder)

    async def close(self) -> None:
        """End all watches and let go of all connections."""
        await self._watcher.close()
        await self._line.close()
