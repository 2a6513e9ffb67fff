"""Parcels: copies that go the same way, and how the parcels of many users are put into one call."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import zip_longest

from clawback.message.delivery import Handle

LEAST, MOST = 8, 100
"""Users of one call, where there are so many; to start doveadm costs as much as to serve six of them."""
_LONGEST = 255
_GUID = re.compile(r"[0-9a-f]{32}")
_UNFIT = re.compile(r"[\x00-\x1f\x7f\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class FolderState:
    """A folder of one user: its GUID, its UIDVALIDITY, and the UID that the next copy will get."""

    guid: str
    uid_validity: int
    uid_next: int


@dataclass(frozen=True, slots=True)
class Asked:
    """One copy to be moved; `place` is its place in the request."""

    place: int
    handle: Handle
    folder: str
    uid_validity: int
    uid: int

    @property
    def guid(self) -> str:
        """What a move keeps."""
        return self.handle.version


@dataclass(frozen=True, slots=True)
class Parcel:
    """Copies of one user that go from one folder to one other, both by the server's names."""

    user: str
    origin: str
    goal: str
    copies: tuple[Asked, ...]

    @property
    def names(self) -> set[tuple[int, str]]:
        """UID and GUID of each copy."""
        return {(copy.uid, copy.guid) for copy in self.copies}

    @property
    def has_twins(self) -> bool:
        """Whether a GUID stands for several copies, as it does when somebody copied one."""
        names = self.names
        return len({guid for _, guid in names}) < len(names)


@dataclass(frozen=True, slots=True)
class Ready:
    """A parcel whose two folders are known, so that it can share a question with other users."""

    parcel: Parcel
    origin: FolderState
    goal: FolderState


def is_fit_user(user: str) -> bool:
    """Whether a user's name means one user to doveadm, and cannot be an option or a second line."""
    return 0 < len(user) <= _LONGEST and not re.search(r"^-|[*?]", user) and not _UNFIT.search(user)


def is_fit_folder(name: str) -> bool:
    """Whether a name means one folder to doveadm: no wildcard, no path, nothing that reads as a GUID."""
    if not 0 < len(name) <= _LONGEST or _UNFIT.search(name):
        return False
    return not (set("*%") & set(name) or name.startswith(("/", "~")) or _GUID.fullmatch(name))


def is_fit_guid(guid: str) -> bool:
    """Whether a copy's GUID is there, and can be asked for."""
    return 0 < len(guid) <= _LONGEST and not _UNFIT.search(guid)


def is_folder_guid(guid: str) -> bool:
    """Whether it is a folder's GUID as Dovecot writes it; a folder without one has zeros."""
    return _GUID.fullmatch(guid) is not None and guid.strip("0") != ""


def weight(parcel: Parcel) -> int:
    """About how many bytes a parcel adds to the command that moves it."""
    return 160 + sum(map(_weight, parcel.copies))


def _weight(copy: Asked) -> int:
    return 2 * (len(copy.guid.encode()) + 64)


def split(parcel: Parcel, budget: int) -> Iterator[Parcel]:
    """A parcel in parts that each are light enough for one call."""
    part: list[Asked] = []
    carried = 0
    for copy in parcel.copies:
        if part and carried + _weight(copy) > budget:
            yield replace(parcel, copies=tuple(part))
            part, carried = [], 0
        part.append(copy)
        carried += _weight(copy)
    yield replace(parcel, copies=tuple(part))


def turns(parcels: Sequence[Parcel]) -> Iterator[list[Parcel]]:
    """One parcel of each user, then the second of each, and so on."""
    of_user: dict[str, list[Parcel]] = {}
    for parcel in parcels:
        of_user.setdefault(parcel.user, []).append(parcel)
    for turn in zip_longest(*of_user.values()):
        yield [parcel for parcel in turn if parcel]


def chunks(
    parcels: Sequence[Parcel], processes: int, budget: int, alone: Collection[str]
) -> Iterator[list[Parcel]]:
    """Parcels of different users that go the same way, for one call; users in `alone` share no call."""
    ways: dict[tuple[str, str], list[Parcel]] = {}
    for parcel in parcels:
        if parcel.user in alone:
            yield [parcel]
        else:
            ways.setdefault((parcel.origin, parcel.goal), []).append(parcel)
    for way in ways.values():
        most = min(MOST, max(LEAST, -(-len(way) // processes)))
        chunk: list[Parcel] = []
        carried = 0
        for parcel in way:
            if chunk and (len(chunk) == most or carried + weight(parcel) > budget):
                yield chunk
                chunk, carried = [], 0
            chunk.append(parcel)
            carried += weight(parcel)
        yield chunk


def told_apart(parcels: Sequence[Ready]) -> Iterator[list[Ready]]:
    """Parts in which no two folders have the same GUID, as mailboxes copied from one pattern have."""
    part: list[Ready] = []
    taken: set[str] = set()
    for ready in parcels:
        guids = {ready.origin.guid, ready.goal.guid}
        if taken & guids:
            yield part
            part, taken = [], set()
        part.append(ready)
        taken |= guids
    if part:
        yield part
