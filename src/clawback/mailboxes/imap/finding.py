"""Finding: every place in its mailbox where a copy is, by UID, by GUID, by its bytes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from hashlib import sha256

from clawback.errors import HandleStale, ReadOnly
from clawback.mailboxes.base import Wanted
from clawback.mailboxes.imap.border import failure_of
from clawback.mailboxes.imap.bulk import Answers
from clawback.mailboxes.imap.folders import opened, standing
from clawback.mailboxes.imap.grammar import Row, searched
from clawback.mailboxes.imap.reading import bodies, chunks, copy_at, described, is_here, valid
from clawback.mailboxes.imap.session import Session
from clawback.mailboxes.imap.system import System
from clawback.mailboxes.imap.wire import Command
from clawback.message.delivery import Observed

TOGETHER = 20
"""Search keys in one command."""
SAME_SIZE = 200
"""Copies of one folder that have the size of a wanted one and are read to compare them, at most."""

Asked = Sequence[tuple[int, Wanted]]
Places = dict[int, list[Observed]]


async def find(system: System, mailbox: str, asked: Asked) -> Answers[tuple[Observed, ...]]:
    """Every place of each wanted copy of a mailbox; () when it is nowhere."""
    async with system.session(mailbox) as session:
        search = _Search(system, session, mailbox)
        found = await search.where_they_were(asked)
        missing = [(place, w) for place, w in asked if w.halfway or not found.get(place)]
        if missing:
            folders = [f.folder for f in await standing(session, system.names, mailbox) if f.status.messages]
            await search.by_guid([(p, w) for p, w in missing if w.handle.version], folders, found)
            await search.by_bytes([(p, w) for p, w in missing if not found.get(p)], folders, found)
    return {place: tuple(found.get(place, ())) for place, _ in asked}


class _Search:
    def __init__(self, system: System, session: Session, mailbox: str) -> None:
        self._system = system
        self._session = session
        self._mailbox = mailbox

    async def where_they_were(self, asked: Asked) -> Places:
        folders: dict[str, list[tuple[int, Wanted]]] = {}
        for place, wanted in asked:
            folders.setdefault(wanted.handle.folder, []).append((place, wanted))
        found: Places = {}
        for folder, mine in folders.items():
            try:
                status = await opened(self._session, self._system.names, self._mailbox, folder)
            except HandleStale:
                continue
            validity = status.uid_validity
            uids = valid(w.handle for _, w in mine if is_here(w.handle, validity))
            there = await described(self._system, self._session, uids)
            for place, wanted in mine:
                if row := copy_at(wanted.handle, validity, there):
                    found.setdefault(place, []).append(self._observed(folder, validity, row))
        return found

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
        keys = [f"LARGER {size - 1} SMALLER {size + 1}" for size in by_size if size > 0]
        for folder in folders:
            near = [(v, row) for v, row in await self._searched(folder, keys) if row.size in by_size]
            for chunk in chunks([row for _, row in near[:SAME_SIZE]]):
                contents = await bodies(self._session, [row.uid for row in chunk])
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
    return f'{word} "{guid}"' if guid.isascii() and '"' not in guid and "\\" not in guid else "NOT ALL"


def _guid_keys(word: str, guids: Mapping[str, object]) -> list[str]:
    return [guid_key(word, guid) for guid in guids]


def _add(found: Places, place: int, copy: Observed) -> None:
    if all(copy.handle != other.handle for other in found.get(place, ())):
        found.setdefault(place, []).append(copy)
