"""A mail system in memory: a connector like any other, and what its users and administrators do to it."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from itertools import count
from typing import TypeVar

from clawback.errors import Gone, HandleStale, MailboxError, ReadOnly, Refused
from clawback.mailboxes import folder_names
from clawback.mailboxes.base import Capability, Failure, FolderListing, Move, RawMessage, Wanted
from clawback.mailboxes.folder_names import INBOX
from clawback.message.delivery import DeliveryLocation, Handle, Observed

Item = TypeVar("Item")
Result = TypeVar("Result")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Copy:
    """One copy: an id that it keeps when clawback moves it, its bytes, flags with keywords, and date."""

    id: str
    content: bytes
    flags: frozenset[str]
    date: datetime

    @property
    def version(self) -> str:
        """What must not have changed: its flags."""
        return " ".join(sorted(self.flags))


@dataclass(slots=True)
class Folder:
    """The copies of one folder by id, and the number of its last change."""

    copies: dict[str, Copy] = field(default_factory=dict)
    changed: int = 0


@dataclass(slots=True)
class Mailbox:
    """One user's folders, and what is wrong with the mailbox at the moment."""

    folders: dict[str, Folder] = field(default_factory=lambda: {INBOX: Folder()})
    read_only: bool = False
    failure: MailboxError | None = None


class MemoryConnector:
    """Mailboxes that live as long as this object.

    Like a Maildir server it gives a copy a new id when its user moves it between folders, and keeps the
    id when clawback does.
    """

    def __init__(self, name: str, mailboxes: Iterable[str] = ()) -> None:
        self._name = name
        self._mailboxes = {mailbox: Mailbox() for mailbox in mailboxes}
        self._ids = count(1)
        self._changes = count(1)
        self._failure: MailboxError | None = None
        self._listeners: set[asyncio.Queue[str | None]] = set()
        self.can = frozenset(Capability)

    @property
    def name(self) -> str:
        """The configured name."""
        return self._name

    def capabilities(self) -> frozenset[Capability]:
        """Everything, unless `can` says less."""
        return self.can

    async def describe(self) -> tuple[str, ...]:
        """That nothing of it lasts."""
        self._answering()
        return ("keeps mailboxes in memory until the process ends",)

    async def mailboxes(self) -> tuple[str, ...]:
        """Every mailbox."""
        self._answering()
        return tuple(sorted(self._mailboxes))

    async def list(self, mailbox: str, cursors: Mapping[str, str]) -> tuple[FolderListing, ...]:
        """Every folder with its copies, or None for one unchanged since its cursor."""
        self._answering()
        return tuple(
            FolderListing(
                name,
                str(folder.changed),
                None
                if cursors.get(name) == str(folder.changed)
                else tuple(self._observed(mailbox, name, copy) for copy in folder.copies.values()),
            )
            for name, folder in self._open(mailbox).folders.items()
        )

    def watch(self) -> AsyncIterator[frozenset[str]]:
        """The mailboxes touched since the last answer."""
        queue: asyncio.Queue[str | None] = asyncio.Queue()
        self._listeners.add(queue)
        return self._listen(queue)

    async def _listen(self, queue: asyncio.Queue[str | None]) -> AsyncIterator[frozenset[str]]:
        try:
            while (first := await queue.get()) is not None:
                touched = {first}
                while not queue.empty() and (more := queue.get_nowait()) is not None:
                    touched.add(more)
                yield frozenset(touched)
        finally:
            self._listeners.discard(queue)

    async def fetch(self, handles: Sequence[Handle]) -> Sequence[RawMessage | Failure]:
        """The bytes of each copy."""
        return self._bulk(handles, self._fetch)

    def _fetch(self, handle: Handle) -> RawMessage:
        copy = self._at(handle)
        return RawMessage(self._observed(handle.mailbox, handle.folder, copy), copy.content)

    async def find(self, wanted: Sequence[Wanted]) -> Sequence[tuple[Observed, ...] | Failure]:
        """Every place of each wanted copy."""
        return self._bulk(wanted, self._find)

    def _find(self, wanted: Wanted) -> tuple[Observed, ...]:
        handle = wanted.handle
        mailbox = self._open(handle.mailbox)
        folder = mailbox.folders.get(handle.folder, Folder())
        if handle.native_id in folder.copies:
            return (self._observed(handle.mailbox, handle.folder, folder.copies[handle.native_id]),)
        same = [
            (name, copy)
            for name, found in mailbox.folders.items()
            for copy in found.copies.values()
            if len(copy.content) == wanted.size
            and hashlib.sha256(copy.content).hexdigest() == wanted.raw_sha256
        ]
        same = [place for place in same if place[1].id == handle.native_id] or same
        return tuple(self._observed(handle.mailbox, name, copy) for name, copy in same)

    async def move(self, moves: Sequence[Move]) -> Sequence[Observed | Failure]:
        """Take each copy to its folder; it keeps its id."""
        return self._bulk(moves, self._move)

    def _move(self, move: Move) -> Observed:
        handle = move.handle
        copy = self._take(handle)
        return self._put(handle.mailbox, move.folder, copy)

    async def delete(self, handles: Sequence[Handle]) -> Sequence[Observed | Failure]:
        """Remove each copy for good."""
        return self._bulk(handles, self._delete)

    def _delete(self, handle: Handle) -> Observed:
        return self._observed(handle.mailbox, handle.folder, self._take(handle))

    async def append(
        self, mailbox: str, folder: str, content: bytes, flags: frozenset[str], internal_date: datetime
    ) -> Observed:
        """Put a copy back from its bytes, under a new id."""
        self._answering()
        self._writable(mailbox)
        return self._put(mailbox, folder, Copy(self._id(), content, flags, internal_date))

    async def folder_of(self, mailbox: str, place: DeliveryLocation, origin: str) -> str:
        """The folder that is `place`, by its name."""
        existing = self._mailboxes[mailbox].folders if mailbox in self._mailboxes else ()
        return folder_names.folder_for(place, origin, existing)

    def location_of(self, mailbox: str, folder: str) -> DeliveryLocation:
        """What kind of place a folder is, by its name."""
        return folder_names.location_of(folder)

    async def close(self) -> None:
        """End all watches."""
        for queue in self._listeners:
            queue.put_nowait(None)

    # What users and administrators do.

    def deliver(
        self,
        mailbox: str,
        content: bytes,
        *,
        folder: str = INBOX,
        flags: Iterable[str] = (),
        date: datetime = _EPOCH,
    ) -> Observed:
        """Mail arrives; the mailbox and the folder are made where missing."""
        self._mailboxes.setdefault(mailbox, Mailbox())
        return self._put(mailbox, folder, Copy(self._id(), content, frozenset(flags), date))

    def user_moves(self, handle: Handle, folder: str) -> Observed:
        """The owner moves a copy; it gets a new id."""
        return self._put(handle.mailbox, folder, replace(self._take(handle, owner=True), id=self._id()))

    def user_flags(self, handle: Handle, flags: Iterable[str]) -> Observed:
        """The owner changes a copy's flags and keywords."""
        copy = replace(self._at(handle), flags=frozenset(flags))
        return self._put(handle.mailbox, handle.folder, copy)

    def user_deletes(self, handle: Handle) -> None:
        """The owner expunges a copy."""
        self._take(handle, owner=True)

    def remove_mailbox(self, mailbox: str) -> None:
        """The administrator removes a mailbox with all that is in it."""
        del self._mailboxes[mailbox]
        self._tell(mailbox)

    def make_read_only(self, mailbox: str, read_only: bool = True) -> None:
        """The administrator lets nothing be changed in a mailbox, or lets it again."""
        self._mailboxes[mailbox].read_only = read_only

    def fail(self, failure: MailboxError | None, mailbox: str | None = None) -> None:
        """One mailbox, or the whole system, answers with this failure (Unavailable, Throttled) until None."""
        if mailbox is None:
            self._failure = failure
        else:
            self._mailboxes[mailbox].failure = failure

    def _id(self) -> str:
        return f"c{next(self._ids)}"

    def _answering(self) -> None:
        if self._failure:
            raise self._failure

    def _bulk(self, items: Sequence[Item], work: Callable[[Item], Result]) -> Sequence[Result | Failure]:
        self._answering()
        answers: dict[int, Result | Failure] = {}
        for index, item in enumerate(items):
            try:
                answers[index] = work(item)
            except (MailboxError, Refused) as error:
                answers[index] = error
        return tuple(answers.values())

    def _open(self, mailbox: str) -> Mailbox:
        found = self._mailboxes.get(mailbox)
        if found is None:
            raise Gone(f"the mailbox {mailbox} does not exist")
        if found.failure:
            raise found.failure
        return found

    def _writable(self, mailbox: str) -> Mailbox:
        found = self._open(mailbox)
        if found.read_only:
            raise ReadOnly(f"the mailbox {mailbox} is read-only")
        return found

    def _at(self, handle: Handle) -> Copy:
        folder = self._open(handle.mailbox).folders.get(handle.folder, Folder())
        if handle.native_id not in folder.copies:
            raise HandleStale(f"the copy is no longer in {handle.folder} of {handle.mailbox}")
        return folder.copies[handle.native_id]

    def _take(self, handle: Handle, *, owner: bool = False) -> Copy:
        mailbox = self._mailboxes[handle.mailbox] if owner else self._writable(handle.mailbox)
        copy = self._at(handle)
        folder = mailbox.folders[handle.folder]
        del folder.copies[copy.id]
        folder.changed = next(self._changes)
        self._tell(handle.mailbox)
        return copy

    def _put(self, mailbox: str, name: str, copy: Copy) -> Observed:
        folder = self._mailboxes[mailbox].folders.setdefault(name, Folder())
        folder.copies[copy.id] = copy
        folder.changed = next(self._changes)
        self._tell(mailbox)
        return self._observed(mailbox, name, copy)

    def _observed(self, mailbox: str, folder: str, copy: Copy) -> Observed:
        handle = Handle(self._name, mailbox, folder, copy.id, copy.version)
        location = folder_names.location_of(folder)
        return Observed(handle, location, len(copy.content), copy.flags, copy.date)

    def _tell(self, mailbox: str) -> None:
        for queue in self._listeners:
            queue.put_nowait(mailbox)
