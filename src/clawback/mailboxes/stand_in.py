"""A stand-in for a mail system: it answers from what is remembered of its copies, and changes nothing.

For going through the past again. What it is told to move is where it was told to; what nobody moved is
where whoever remembers says. It has no bytes to give.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from clawback.errors import CapabilityMissing, Gone
from clawback.mailboxes import folder_names
from clawback.mailboxes.base import Capability, Failure, FolderListing, Move, RawMessage, Wanted
from clawback.message.delivery import DeliveryLocation, Handle, Observed

Remember = Callable[[Sequence[Handle]], Sequence[Observed | None]]
"""Says of each copy, by its handle, how it is remembered to be; None for one that is nowhere there."""


class StandIn:
    """Mailboxes as they are remembered."""

    def __init__(self, name: str, remember: Remember) -> None:
        self._name = name
        self._remember = remember
        self._folders: dict[str, dict[str, DeliveryLocation]] = {}

    def has(self, mailbox: str, folder: str, location: DeliveryLocation) -> None:
        """Be told that a mailbox has a folder, and what kind of place it is."""
        self._folders.setdefault(mailbox, {})[folder] = location

    @property
    def name(self) -> str:
        """The name of the mail system that it stands for."""
        return self._name

    def capabilities(self) -> frozenset[Capability]:
        """Everything but to append and to watch."""
        return frozenset(Capability) - {Capability.APPEND, Capability.WATCH}

    async def describe(self) -> tuple[str, ...]:
        """That it is none."""
        return ("stands for a mail system while the past is gone through again",)

    async def mailboxes(self) -> tuple[str, ...]:
        """The mailboxes that anything is remembered of."""
        return tuple(sorted(self._folders))

    async def list(self, mailbox: str, cursors: Mapping[str, str]) -> tuple[FolderListing, ...]:
        """Every folder, as unchanged: nobody but whoever remembers changes anything."""
        known = {*cursors, *self._folders.get(mailbox, {})}
        return tuple(FolderListing(folder, cursors.get(folder, "0"), None) for folder in sorted(known))

    async def watch(self) -> AsyncIterator[frozenset[str]]:
        """Nothing ever happens."""
        return
        yield frozenset()

    async def fetch(self, handles: Sequence[Handle]) -> Sequence[RawMessage | Failure]:
        """No bytes of any copy."""
        return tuple(Gone("a stand-in has no bytes") for _ in handles)

    async def find(self, wanted: Sequence[Wanted]) -> Sequence[tuple[Observed, ...] | Failure]:
        """Each copy where it is remembered to be."""
        places = self._remember([one.handle for one in wanted])
        return tuple((place,) if place else () for place in places)

    async def move(self, moves: Sequence[Move]) -> Sequence[Observed | Failure]:
        """Each copy in its new folder, under the name that it has."""
        places = self._remember([move.handle for move in moves])
        return tuple(
            self._moved(place, move.folder) if place else Gone("nothing is remembered of this copy")
            for move, place in zip(moves, places, strict=True)
        )

    def _moved(self, place: Observed, folder: str) -> Observed:
        handle = replace(place.handle, folder=folder)
        location = self.location_of(handle.mailbox, folder)
        self.has(handle.mailbox, folder, location)
        return replace(place, handle=handle, location=location)

    async def delete(self, handles: Sequence[Handle]) -> Sequence[Observed | Failure]:
        """Each copy as it is remembered."""
        places = self._remember(handles)
        return tuple(place or Gone("nothing is remembered of this copy") for place in places)

    async def append(
        self, mailbox: str, folder: str, content: bytes, flags: frozenset[str], internal_date: datetime
    ) -> Observed:
        """Refuse: CapabilityMissing."""
        raise CapabilityMissing("a stand-in takes nothing in")

    async def folder_of(self, mailbox: str, place: DeliveryLocation, origin: str) -> str:
        """The folder that is `place`: one that is remembered, else as mailboxes in memory name it."""
        kinds = self._folders.get(mailbox, {})
        existing = [] if place in folder_names.VAULT else [f for f, kind in kinds.items() if kind is place]
        return min(existing) if existing else folder_names.folder_for(place, origin, ())

    def location_of(self, mailbox: str, folder: str) -> DeliveryLocation:
        """What kind of place a folder is remembered to be, else what its name says."""
        return self._folders.get(mailbox, {}).get(folder) or folder_names.location_of(folder)

    async def close(self) -> None:
        """Nothing to let go of."""
