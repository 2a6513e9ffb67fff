"""Finding: every place in its mailbox where a copy is, by UID, by GUID, by its bytes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from hashlib import sha256

from clawback.errors import HandleStale, ReadOnly, Unavailable
from clawback.mailboxes.base import Wanted
from clawback.mailboxes.imap.border import failure_of
from clawback.mailboxes.imap.bulk import Answers
from clawback.mailboxes.imap.folders import Standing, opened, standing
from clawback.mailboxes.imap.grammar import Row, searched
from clawback.mailboxes.imap.reading import bodies, chunks, copy_at, described, is_here, valid
from clawback.mailboxes.imap.session import Session
from clawback.mailboxes.imap.system import System
from clawback.mailboxes.imap.wire import Command
from clawback.message.delivery import Observed

TOGETHER = 20
"""Search keys in one command."""
COMPARED = 1 << 30
"""Bytes that one search reads to compare copies, at most."""
ROUNDS = 5
"""Looks at folders that change while we look."""

Asked = Sequence[tuple[int, Wanted]]
Places = dict[int, list[Observed]]


async def find(system: System, mailbox: str, asked: Asked) -> Answers[tuple[Observed, ...]]:
    """Every place of each wanted copy of a mailbox; () when it is nowhere."""
    settled = True
    async with system.session(mailbox) as session:
        search = _Search(system, session, mailbox)
        found = await search.where_they_were(asked)
        if missing := [(place, w) for place, w in asked if w.halfway or not found.get(place)]:
            settled = await _everywhere(search, missing, found)
    moving = Unavailable(f"copies of {mailbox} move from folder to folder while they are looked for")
    return {
        place: tuple(found[place]) if found.get(place) else () if settled else moving for place, _ in asked
    }


async def _everywhere(search: _Search, missing: Asked, found: Places) -> bool:
    """Look in all folders, and again in those that took copies meanwhile: one may go where we have been.

    False when there is no end of it.
    """
    seen: set[tuple[bytes, int, int]] = set()
    for _ in range(ROUNDS):
        now = {(f.raw, f.status.uid_validity, f.status.uid_next): f for f in await search.standing()}
        changed = [folder.folder for state, folder in now.items() if state not in seen]
        if not changed:
            return True
        await search.by_guid([(p, w) for p, w in missing if w.handle.version], changed, found)
        by_bytes = [(p, w) for p, w in missing if not found.get(p) or search.is_cut_in_copies(w)]
        await search.by_bytes(by_bytes, changed, found)
        if all(found.get(place) for place, _ in missing):
            return True
        seen = set(now)
    return False


class _Search:
    def __init__(self, system: System, session: Session, mailbox: str) -> None:
        self._system = system
        self._session = session
        self._mailbox = mailbox
        self._compared = 0

    async def where_they_were(self, asked: Asked) -> Places:
        folders: dict[str, list[tuple[int, Wanted]]] = {}
        for place, wanted in asked:
            folders.setdefault(wanted.handle.folder, []).append((place, wanted))
        found: Places = {}
        for folder, mine in folders.items():
            try:
                status = await opened(self._session, self._system.names, self._mailbox, folder)
            except (HandleStale, ReadOnly):
                continue
            validity = status.uid_validity
            uids = valid(w.handle for _, w in mine if is_here(w.handle, validity))
            there = await described(self._system, self._session, uids)
            for place, wanted in mine:
                if row := copy_at(wanted.handle, validity, there):
                    found.setdefault(place, []).append(self._observed(folder, validity, row))
        return found

    async def standing(self) -> list[Standing]:
        """The folders that hold copies."""
        told = await standing(self._session, self._system.names, self._mailbox)
        return [folder for folder in told if folder.status.messages]

    def is_cut_in_copies(self, wanted: Wanted) -> bool:
        """Whether a move that was cut short may have left a copy that the GUID does not lead to."""
        return wanted.halfway and not (self._system.guid and "MOVE" in self._session.capabilities)

    async def by_guid(self, asked: Asked, folders: Sequence[str], found: Places) -> None:
        if not (asked and self._system.guid):
            return
        by_guid: dict[str, list[int]] = {}
        for place, wanted in asked:
            by_guid.setdefault(wanted.handle.version, []).append(place)
        for folder in folders:
            for validity, row in await self._searched(folder, _guid_keys(self._system.guid, by_guid)):
                for place in by_guid.get(row.guid, ()):
                    _add(found, place, self._observed(folder, validity, row))

    async def by_bytes(self, asked: Asked, folders: Sequence[str], found: Places) -> None:
        if not asked:
            return
        by_size: dict[int, list[tuple[int, Wanted]]] = {}
        for place, wanted in asked:
            by_size.setdefault(wanted.size, []).append((place, wanted))
        keys = [_size_key(size) for size in by_size if size >= 0]
        for folder in folders:
            near = [(v, row) for v, row in await self._searched(folder, keys) if row.size in by_size]
            for chunk in chunks(row for _, row in near):
                self._compared += sum(row.size for row in chunk)
                if self._compared > COMPARED:
                    raise Unavailable(f"{self._mailbox} holds too much of one size to compare it all")
                contents = await bodies(self._session, chunk)
                hashes = {uid: sha256(content).hexdigest() for uid, content in contents.items()}
                for row in chunk:
                    for place, wanted in by_size[row.size]:
                        if hashes.get(row.uid) == wanted.raw_sha256:
                            _add(found, place, self._observed(folder, near[0][0], row))

    async def _searched(self, folder: str, keys: Sequence[str]) -> list[tuple[int, Row]]:
        """The copies of a folder that fit one of the keys, each with its UIDVALIDITY; it stays open."""
        try:
            status = await opened(self._session, self._system.names, self._mailbox, folder)
        except (HandleStale, ReadOnly):
            return []
        uids: list[int] = []
        for i in range(0, len(keys), TOGETHER):
            (reply,) = await self._session.run(Command.of(f"UID SEARCH {either(keys[i : i + TOGETHER])}"))
            if not reply.ok:
                raise failure_of(reply, f"searching {folder} of {self._mailbox}")
            uids += searched(reply)
        there = await described(self._system, self._session, uids)
        return [(status.uid_validity, row) for row in there.values()]

    def _observed(self, folder: str, validity: int, row: Row) -> Observed:
        return self._system.observed(self._mailbox, folder, validity, row)


def either(keys: Sequence[str]) -> str:
    """Search keys joined by OR, as a balanced tree, so that many do not nest deep."""
    if len(keys) == 1:
        return f"({keys[0]})"
    middle = len(keys) // 2
    return f"OR {either(keys[:middle])} {either(keys[middle:])}"


def guid_key(word: str, guid: str) -> str:
    """The search key of a GUID; what is no plain atom goes in quotes."""
    plain = guid.isascii() and guid.isprintable() and '"' not in guid and "\\" not in guid
    return f'{word} "{guid}"' if plain else "NOT ALL"


def _size_key(size: int) -> str:
    return f"LARGER {size - 1} SMALLER {size + 1}" if size else "SMALLER 1"


def _guid_keys(word: str, guids: Mapping[str, object]) -> list[str]:
    return [guid_key(word, guid) for guid in guids]


def _add(found: Places, place: int, copy: Observed) -> None:
    if all(copy.handle != other.handle for other in found.get(place, ())):
        found.setdefault(place, []).append(copy)
