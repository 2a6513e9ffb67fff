"""A mail system in memory: a connector like any other, and what its users and administrators do to it."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from itertools import count, takewhile
from typing import TypeVar

from clawback.errors import Gone, HandleStale, MailboxError, ReadOnly, Refused, Unavailable
from clawback.mailboxes import folder_names
from clawback.mailboxes.base import Capability, Failure, FolderListing, Move, RawMessage, Wanted
from clawback.mailboxes.folder_names import INBOX
from clawback.message.delivery import DeliveryLocation, Handle, Observed
from clawback.message.mail_rules import MailRule

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
    """The copies of one folder by id, and the numbers of changes: when it was made, and the last.

    `changes` has the last change of each copy in it, `left` that of each id that left it; in order.
    """

    made: int = 0
    changed: int = 0
    copies: dict[str, Copy] = field(default_factory=dict)
    changes: dict[str, int] = field(default_factory=dict)
    left: dict[str, int] = field(default_factory=dict)

    def put(self, copy: Copy, change: int) -> None:
        """A copy comes, or is changed."""
        self.left.pop(copy.id, None)
        self.changes.pop(copy.id, None)
        self.copies[copy.id], self.changes[copy.id], self.changed = copy, change, change

    def take(self, copy_id: str, change: int) -> None:
        """A copy leaves."""
        del self.copies[copy_id], self.changes[copy_id]
        self.left[copy_id], self.changed = change, change


def _since(changes: dict[str, int], cursor: int) -> list[str]:
    """The ids that changed after the cursor; only these are looked at."""
    return [id for id, _ in takewhile(lambda item: item[1] > cursor, reversed(changes.items()))][::-1]


@dataclass(slots=True)
class Mailbox:
    """One user's folders, and what is wrong with the mailbox at the moment."""

    folders: dict[str, Folder] = field(default_factory=lambda: {INBOX: Folder()})
    read_only: bool = False
    failure: MailboxError | None = None


class MemoryConnector:
    """Mailboxes that live as long as this object.

    Like a Maildir server it gives a copy a new id when its user moves it between folders, and keeps the
    id when clawback does; without `keeps_ids` it gives a new one then too, as an IMAP server does. With
    `partial`, a listing with a cursor tells only what changed since.
    """

    def __init__(
        self, name: str, mailboxes: Iterable[str] = (), *, keeps_ids: bool = True, partial: bool = False
    ) -> None:
        self._name = name
        self._mailboxes = {mailbox: Mailbox() for mailbox in mailboxes}
        self._ids = count(1)
        self._changes = count(1)
        self._failure: MailboxError | None = None
        self._listeners: set[asyncio.Queue[str | None]] = set()
        self._keeps_ids = keeps_ids
        self._partial = partial
        self.mail_rules: dict[str, tuple[MailRule, ...]] = {}
        self.half_done = 0
        """So many of the next moves are cut in half: the copy is left in both folders, no answer comes."""
        self.can = frozenset(Capability) - (frozenset() if keeps_ids else {Capability.EXACT_UNDO})

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
        folders = self._open(mailbox).folders
        return tuple(self._listed(mailbox, name, f, cursors.get(name, "")) for name, f in folders.items())

    def _listed(self, mailbox: str, name: str, folder: Folder, cursor: str) -> FolderListing:
        since = int(cursor) if cursor.isdecimal() else -1
        if since == folder.changed:
            return FolderListing(name, cursor, None)
        if not self._partial or not folder.made <= since < folder.changed:
            copies = tuple(self._observed(mailbox, name, copy) for copy in folder.copies.values())
            return FolderListing(name, str(folder.changed), copies)
        changed = (folder.copies[id] for id in _since(folder.changes, since))
        copies = tuple(self._observed(mailbox, name, copy) for copy in changed)
        return FolderListing(name, str(folder.changed), copies, frozenset(_since(folder.left, since)))

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
        if handle.native_id in folder.copies and not wanted.halfway:
            return (self._observed(handle.mailbox, handle.folder, folder.copies[handle.native_id]),)
        same = [
            (name, copy)
            for name, found in mailbox.folders.items()
            for copy in found.copies.values()
            if len(copy.content) == wanted.size
            and hashlib.sha256(copy.content).hexdigest() == wanted.raw_sha256
        ]
        if not wanted.halfway:
            same = [place for place in same if place[1].id == handle.native_id] or same
        return tuple(self._observed(handle.mailbox, name, copy) for name, copy in same)

    async def move(self, moves: Sequence[Move]) -> Sequence[Observed | Failure]:
        """Take each copy to its folder; it keeps its id, unless no move keeps it here."""
        return self._bulk(moves, self._move)

    def _move(self, move: Move) -> Observed:
        handle = move.handle
        if self.half_done:
            self.half_done -= 1
            self.leave_half_done(move)
            raise Unavailable("the server died in the middle of a move")
        if handle.folder == move.folder:
            self._writable(handle.mailbox)
            return self._observed(handle.mailbox, handle.folder, self._at(handle))
        return self._put(handle.mailbox, move.folder, self._renamed(self._take(handle)))

    def leave_half_done(self, move: Move) -> Observed:
        """A move that its server did not live to finish: the copy is in both folders now."""
        self._writable(move.handle.mailbox)
        return self._put(move.handle.mailbox, move.folder, self._renamed(self._at(move.handle)))

    def _renamed(self, copy: Copy) -> Copy:
        return copy if self._keeps_ids else replace(copy, id=self._id())

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

    async def rules(self, mailbox: str) -> Sequence[MailRule]:
        """The rules that its owner has set in `mail_rules`."""
        self._answering()
        self._open(mailbox)
        return self.mail_rules.get(mailbox, ())

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
        if mailbox not in self._mailboxes:
            change = next(self._changes)
            self._mailboxes[mailbox] = Mailbox({INBOX: Folder(made=change, changed=change)})
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
        mailbox.folders[handle.folder].take(copy.id, next(self._changes))
        self._tell(handle.mailbox)
        return copy

    def _put(self, mailbox: str, name: str, copy: Copy) -> Observed:
        folders = self._mailboxes[mailbox].folders
        change = next(self._changes)
        folders.setdefault(name, Folder(made=change - 1)).put(copy, change)
        self._tell(mailbox)
        return self._observed(mailbox, name, copy)

    def _observed(self, mailbox: str, folder: str, copy: Copy) -> Observed:
        handle = Handle(self._name, mailbox, folder, copy.id, copy.version)
        location = folder_names.location_of(folder)
        return Observed(handle, location, len(copy.content), copy.flags, copy.date)

    def _tell(self, mailbox: str) -> None:
        for queue in self._listeners:
            queue.put_nowait(mailbox)
