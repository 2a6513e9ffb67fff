"""A survey of one mailbox: what is there now, beside what we knew of the same copies.

Of a large mailbox with little news only the news is listed and only what it touches is recalled.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from clawback.engine.parts import Parts
from clawback.errors import Gone
from clawback.mailboxes.base import Capability, Connector, FolderListing
from clawback.message.delivery import Delivery, DeliveryLocation
from clawback.message.reconcile import Difference, Place, difference

LOOKS = 5
"""Times a mailbox is looked at in which copies are moving."""


@dataclass(frozen=True, slots=True)
class Survey:
    """What one look found. `known` are the deliveries that the listing touches, by (folder, native id).

    `left` are the folders that are no longer there. `first` says that the mailbox was never read to its end
    before, `empty` that nothing is known of it at all.
    """

    listing: tuple[FolderListing, ...]
    known: Mapping[Place, Delivery]
    difference: Difference
    left: frozenset[str]
    first: bool
    empty: bool

    @property
    def cursors(self) -> dict[str, str]:
        """How far each folder is read once all of this is taken in."""
        return {told.folder: told.cursor for told in self.listing}


async def survey(
    parts: Parts, source: str, mailbox: str, cursors: Mapping[str, str], *, full: bool = False
) -> Survey:
    """Look at a mailbox while nothing moves in it: a copy on its way is seen twice, or not at all.

    Looks again, from the same `cursors`, where one look seems to show that; after some looks the last one
    is taken as it is. A mailbox that does not exist is empty. `full` looks into unchanged folders too.
    """
    connector = parts.connector(source)
    cursors = {folder: at for folder, at in cursors.items() if at}
    first = not cursors
    if full:
        cursors = {}
    listing = await _list(connector, mailbox, cursors)
    for _ in range(LOOKS):
        found = _beside(parts, source, mailbox, listing, first)
        if not (found.difference.missing or _stray(connector, found)):
            return found
        again = await _list(connector, mailbox, cursors)
        same = _told(again) == _told(listing)
        listing = again
        if same:
            break
    return _beside(parts, source, mailbox, listing, first)


async def _list(connector: Connector, mailbox: str, cursors: Mapping[str, str]) -> tuple[FolderListing, ...]:
    try:
        return tuple(await connector.list(mailbox, cursors))
    except Gone:
        return ()


def _told(listing: Sequence[FolderListing]) -> list[object]:
    return [(told.folder, told.copies, told.vanished) for told in listing]


def _beside(
    parts: Parts, source: str, mailbox: str, listing: tuple[FolderListing, ...], first: bool
) -> Survey:
    """Recall what the listing touches, and compare."""
    told = {folder.folder: folder for folder in listing}
    with parts.store.read() as unit:
        folders = unit.cursors.get(source, mailbox)
        whole = [folder for folder, listed in told.items() if _is_whole(listed)]
        compared = {*whole, *(folders.keys() - told.keys())} if folders else set()
        known = unit.deliveries.present(source, mailbox, compared) if compared else {}
        ids = _named(listing, known) if folders else set()
        known = unit.deliveries.named(source, mailbox, ids) | known if ids else known
    listed = {folder.folder: folder.copies for folder in listing}
    vanished = {f.folder: f.vanished for f in listing if f.vanished is not None}
    found = difference(known, listed, parts.now(), vanished)
    return Survey(listing, known, found, frozenset(folders.keys() - told.keys()), first, not folders)


def _is_whole(told: FolderListing) -> bool:
    return told.copies is not None and told.vanished is None


def _named(listing: Sequence[FolderListing], known: Mapping[Place, Delivery]) -> set[str]:
    """The native ids that the listing names and that are not known where it names them."""
    named = {id for told in listing for id in told.vanished or ()}
    for told in listing:
        for copy in told.copies or ():
            if (told.folder, copy.handle.native_id) not in known:
                named.add(copy.handle.native_id)
    return named


def _stray(connector: Connector, found: Survey) -> bool:
    """Whether a copy stands in a new place under the name of one that is known elsewhere.

    Says something only of mail systems where clawback's moves keep that name.
    """
    if not found.difference.appeared or Capability.EXACT_UNDO not in connector.capabilities():
        return False
    names = {
        delivery.handle.native_id
        for delivery in found.known.values()
        if delivery.location is not DeliveryLocation.HARD_DELETED
    }
    return any(copy.handle.native_id in names for copy in found.difference.appeared)
