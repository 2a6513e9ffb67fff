"""The Maildir connector: the port's verbs, each bulk in one thread beside the event loop."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from datetime import datetime
from pathlib import Path

from clawback.mailboxes import folder_names
from clawback.mailboxes.base import Capability, Failure, FolderListing, Move, RawMessage, Wanted
from clawback.mailboxes.maildir import filters, writing
from clawback.mailboxes.maildir.border import failure_of
from clawback.mailboxes.maildir.bulk import in_bulk
from clawback.mailboxes.maildir.contents import Home
from clawback.mailboxes.maildir.describing import describe
from clawback.mailboxes.maildir.directories import Directories
from clawback.mailboxes.maildir.finding import Finder
from clawback.mailboxes.maildir.layout import Layout
from clawback.mailboxes.maildir.listing import list_folder
from clawback.mailboxes.maildir.moving import Mover, Rename
from clawback.mailboxes.maildir.reading import Reader
from clawback.mailboxes.maildir.renaming import rename
from clawback.mailboxes.maildir.tree import Tree
from clawback.mailboxes.maildir.watching import Watcher
from clawback.message.delivery import DeliveryLocation, Handle, Observed
from clawback.message.mail_rules import MailRule


class MaildirConnector:
    """Maildir++ mailboxes below `root`, one per user.

    `layout` says where a Maildir lies below the root, `address` whose it is; both know ``{user}`` and
    ``{domain}``. `vault` is where soft deleted and quarantined copies go, by default ``.clawback`` in the
    root; put it on the same file system, or moves become copies. Messages over `largest` bytes are not
    read. `sieve` and `forward` say where an owner's filter script and forward file lie (see `filters`). With
    `sync`, a move is on the disk before it is answered. Symbolic links are never followed.
    """

    def __init__(
        self,
        name: str,
        root: Path,
        layout: str = "{user}/Maildir",
        address: str = "{user}@example.org",
        vault: Path | None = None,
        *,
        sieve: str = "",
        forward: str = "",
        largest: int = 64 << 20,
        sync: bool = True,
        rescan_seconds: float = 60.0,
        rename: Rename = rename,
    ) -> None:
        self._name = name
        self._tree = Tree(Path(root), Layout(layout, address), Path(vault or Path(root, ".clawback")))
        self._filters = filters.places(self._tree.layout, sieve, forward)
        self._largest = largest
        self._sync = sync
        self._rename = rename
        self._watcher = Watcher(self._tree, rescan_seconds)

    @property
    def name(self) -> str:
        """The configured name."""
        return self._name

    def capabilities(self) -> frozenset[Capability]:
        """Watching always; changing only where this process may write."""
        can = {Capability.WATCH, Capability.KEYWORDS}
        if self._filters:
            can.add(Capability.RULES)
        if self._tree.writable():
            can |= {Capability.DELETE, Capability.APPEND}
            if self._tree.vault_writable():
                can |= {Capability.MOVE, Capability.EXACT_UNDO}
        return frozenset(can)

    async def describe(self) -> tuple[str, ...]:
        """What it renames and where to, what has keywords, how it sees mail arrive."""
        try:
            return await asyncio.to_thread(describe, self._tree)
        except OSError as error:
            raise failure_of(error, "looking over the mailboxes", reading=True) from error

    async def mailboxes(self) -> tuple[str, ...]:
        """Every mailbox that the layout finds."""
        return tuple(await asyncio.to_thread(self._tree.mailboxes))

    async def list(self, mailbox: str, cursors: Mapping[str, str]) -> tuple[FolderListing, ...]:
        """Every folder, those of the vault included. Raises Gone, or Unavailable if any cannot be read."""
        return await asyncio.to_thread(self._list, mailbox, cursors)

    def _list(self, mailbox: str, cursors: Mapping[str, str]) -> tuple[FolderListing, ...]:
        found: tuple[FolderListing, ...] = ()
        try:
            with Directories(sync=False) as directories:
                for folder, spot in self._tree.folders(directories, mailbox).items():
                    cursor = cursors.get(folder, "")
                    listing = list_folder(directories, spot, self._name, mailbox, folder, cursor)
                    found += (listing,) if listing else ()
                    directories.relieve()
        except OSError as error:
            raise failure_of(error, f"listing the mailbox {mailbox}", reading=True) from error
        return found

    def watch(self) -> AsyncIterator[frozenset[str]]:
        """The mailboxes touched since the last answer, within about 0.2 s; all of them now and then."""
        return self._watcher.watch()

    async def fetch(self, handles: Sequence[Handle]) -> Sequence[RawMessage | Failure]:
        """The bytes of each copy; CapabilityMissing for one over the limit."""
        return await asyncio.to_thread(self._fetch, handles)

    def _fetch(self, handles: Sequence[Handle]) -> Sequence[RawMessage | Failure]:
        def reader(directories: Directories, group: tuple[str, str]) -> Callable[[Handle], RawMessage]:
            self._tree.check(directories, group[0])
            return Reader(directories, self._tree.spot(*group), self._home(*group), self._largest).read

        return in_bulk(handles, _by_folder, reader, "reading", reading=True)

    async def find(self, wanted: Sequence[Wanted]) -> Sequence[tuple[Observed, ...] | Failure]:
        """Every place of each wanted copy; () when it is nowhere in the mailbox or the vault."""
        return await asyncio.to_thread(self._find, wanted)

    def _find(self, wanted: Sequence[Wanted]) -> Sequence[tuple[Observed, ...] | Failure]:
        def finder(
            directories: Directories, group: tuple[str, str]
        ) -> Callable[[Wanted], tuple[Observed, ...]]:
            mailbox = group[0]
            self._tree.check(directories, mailbox)
            return Finder(
                directories,
                self._name,
                mailbox,
                lambda folder: self._tree.spot(mailbox, folder),
                lambda: self._tree.folders(directories, mailbox),
            ).find

        return in_bulk(wanted, lambda w: (w.handle.mailbox, ""), finder, "looking", reading=True)

    async def move(self, moves: Sequence[Move]) -> Sequence[Observed | Failure]:
        """Rename each copy into its folder; sub-directory, name, flags, time and owner stay."""
        return await asyncio.to_thread(self._move, moves)

    def _move(self, moves: Sequence[Move]) -> Sequence[Observed | Failure]:
        def mover(directories: Directories, group: tuple[str, str, str]) -> Callable[[Move], Observed]:
            mailbox, origin, folder = group
            self._tree.check(directories, mailbox)
            source, target = self._tree.spot(mailbox, origin), self._tree.spot(mailbox, folder)
            moving = Mover(directories, source, target, self._home(mailbox, folder), self._rename)
            return lambda move: moving.move(move.handle)

        def between(move: Move) -> tuple[str, str, str]:
            return move.handle.mailbox, move.handle.folder, move.folder

        return in_bulk(moves, between, mover, "moving", sync=self._sync)

    async def delete(self, handles: Sequence[Handle]) -> Sequence[Observed | Failure]:
        """Remove each copy for good."""
        return await asyncio.to_thread(self._delete, handles)

    def _delete(self, handles: Sequence[Handle]) -> Sequence[Observed | Failure]:
        def deleter(directories: Directories, group: tuple[str, str]) -> Callable[[Handle], Observed]:
            self._tree.check(directories, group[0])
            return writing.Deleter(directories, self._tree.spot(*group), self._home(*group)).delete

        return in_bulk(handles, _by_folder, deleter, "deleting", sync=self._sync)

    async def append(
        self, mailbox: str, folder: str, content: bytes, flags: frozenset[str], internal_date: datetime
    ) -> Observed:
        """Put a copy into the folder's ``cur``, under a new name."""
        return await asyncio.to_thread(self._append, mailbox, folder, content, flags, internal_date)

    def _append(
        self, mailbox: str, folder: str, content: bytes, flags: frozenset[str], internal_date: datetime
    ) -> Observed:
        try:
            with Directories(sync=self._sync) as directories:
                self._tree.check(directories, mailbox)
                spot, home = self._tree.spot(mailbox, folder), self._home(mailbox, folder)
                return writing.append(directories, spot, home, content, flags, internal_date)
        except OSError as error:
            raise failure_of(error, f"appending to {folder} of {mailbox}") from error

    async def folder_of(self, mailbox: str, place: DeliveryLocation, origin: str) -> str:
        """The folder that is `place`; an existing one where names tell, else the usual one."""
        return folder_names.folder_for(place, origin, self._tree.known_folders(mailbox))

    def location_of(self, mailbox: str, folder: str) -> DeliveryLocation:
        """What kind of place a folder is, by its name."""
        return folder_names.location_of(folder)

    async def rules(self, mailbox: str) -> tuple[MailRule, ...]:
        """What the owner's filter script and forward file do; never run."""
        tree = self._tree
        return await asyncio.to_thread(filters.rules_of, tree.root, tree.layout, mailbox, self._filters)

    async def close(self) -> None:
        """End all watches."""
        await self._watcher.close()

    def _home(self, mailbox: str, folder: str) -> Home:
        return Home(self._name, mailbox, folder, folder_names.location_of(folder))


def _by_folder(handle: Handle) -> tuple[str, str]:
    return handle.mailbox, handle.folder
