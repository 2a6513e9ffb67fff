"""How the answers of doveadm are read. Nothing is run here.

Only JSON tells values apart whatever is in them. `doveadm batch` puts the values of all its commands in
one row after the other, so the keys mean nothing: the first value of each record tells what it is.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from clawback.mailboxes.imap.doveadm.parcels import FolderState, Parcel, Ready, is_folder_guid
from clawback.mailboxes.imap.grammar import flags_of

_STATUS_WIDTH, _COPY_WIDTH = 4, 7
_USERNAME = "username"
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_FIRST, _LAST = -62_135_596_800, 253_402_300_799
_NUMBER = re.compile(r"[0-9]{1,19}")


@dataclass(frozen=True, slots=True)
class Copy:
    """A copy as doveadm tells of it."""

    folder_guid: str
    uid: int
    guid: str
    flags: frozenset[str]
    internal_date: datetime
    size: int


@dataclass(frozen=True, slots=True)
class _Folder:
    name: str
    state: FolderState


@dataclass(slots=True)
class Shown:
    """What an answer shows of one parcel: the goal before, and the new copies."""

    goal: FolderState
    new: list[Copy]

    @property
    def after(self) -> FolderState:
        """The goal afterwards."""
        return replace(self.goal, uid_next=max([self.goal.uid_next, *(copy.uid + 1 for copy in self.new)]))


def read_states(output: bytes, user: str = "") -> Iterator[tuple[str, str, FolderState]]:
    """User, folder and state, from an answer in which nothing else is told."""
    for row in _rows(output) or ():
        told = dict(row)
        values = [str(told.get(key, "")) for key in ("mailbox", "uidnext", "uidvalidity", "guid")]
        if state := _state(values):
            yield str(told.get(_USERNAME, user)), values[0], state


def read_remains(output: bytes) -> set[tuple[str, int, str]] | None:
    """User, UID and GUID of each copy that is at its origin still; None when that is not told."""
    rows = _rows(output)
    if rows is None:
        return None
    told = [{_USERNAME: "", "uid": "", "guid": ""} | dict(row) for row in rows]
    return {(row[_USERNAME], int(row["uid"]), row["guid"]) for row in told if _NUMBER.fullmatch(row["uid"])}


def read_move(output: bytes, parcels: Sequence[Ready]) -> dict[str, Shown]:
    """What the answer to `move` shows of each parcel, by user; nothing of those it did not come to."""
    users = {ready.goal.guid: ready.parcel.user for ready in parcels}
    goal = parcels[0].parcel.goal
    shown: dict[str, Shown] = {}
    told, _ = _told(output, lambda first: first == goal)
    for item in told:
        if isinstance(item, _Folder):
            if user := users.get(item.state.guid):
                shown[user] = Shown(item.state, [])
        elif (user := users.get(item.folder_guid)) and user in shown:
            shown[user].new.append(item)
    return shown


def read_look(output: bytes, parcel: Parcel) -> tuple[dict[str, FolderState], list[Copy], bool]:
    """What the answer to `look` shows: the folders by their names, the copies, and whether that is all."""
    names = {parcel.origin, parcel.goal}
    told, whole = _told(output, lambda first: first in names)
    states = {item.name: item.state for item in told if isinstance(item, _Folder)}
    return states, [item for item in told if isinstance(item, Copy)], whole


def _rows(output: bytes) -> list[list[tuple[str, str]]] | None:
    text = output.decode("utf-8", "replace").strip()
    if not text.endswith(("}]", "[]")):
        # doveadm does not end the last row when a user had fewer copies than another.
        text = text[:-1] + "}]"
    try:
        rows = json.loads(text, object_pairs_hook=list)
        return [[(str(key), str(value)) for key, value in row] for row in rows]
    except (ValueError, TypeError, RecursionError):
        return None


def _told(output: bytes, is_folder: Callable[[str], bool]) -> tuple[list[_Folder | Copy], bool]:
    """What the values tell, and whether all fit; where one does not, the item before may be wrong."""
    rows = _rows(output)
    values = [value for row in rows or () for key, value in row if key != _USERNAME]
    found: list[_Folder | Copy] = []
    at = 0
    while at < len(values):
        width, read = (_STATUS_WIDTH, _folder) if is_folder(values[at]) else (_COPY_WIDTH, _copy)
        item = read(values[at : at + width])
        if item is None:
            return found[:-1], False
        found.append(item)
        at += width
    return found, rows is not None


def _folder(record: Sequence[str]) -> _Folder | None:
    state = _state(record)
    return _Folder(record[0], state) if state else None


def _state(record: Sequence[str]) -> FolderState | None:
    if len(record) != _STATUS_WIDTH:
        return None
    _, uid_next, uid_validity, guid = record
    if not (_NUMBER.fullmatch(uid_next) and _NUMBER.fullmatch(uid_validity) and is_folder_guid(guid)):
        return None
    return FolderState(guid, int(uid_validity), int(uid_next))


def _copy(record: Sequence[str]) -> Copy | None:
    if len(record) != _COPY_WIDTH:
        return None
    folder_guid, uid, guid, flags, received, size, again = record
    numbers = (uid, size, received.removeprefix("-"))
    if uid != again or not all(map(_NUMBER.fullmatch, numbers)):
        return None
    words = flags_of(word.encode(errors="replace") for word in flags.split())
    return Copy(folder_guid, int(uid), guid, words, _date(int(received)), int(size))


def _date(seconds: int) -> datetime:
    """A time since 1970; one that no calendar of ours reaches is cut."""
    return _EPOCH + timedelta(seconds=max(_FIRST, min(_LAST, seconds)))
