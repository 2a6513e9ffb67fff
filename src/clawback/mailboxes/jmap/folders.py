"""The folders of one mailbox: their paths, and what kind of place each is, by role and then by name."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from clawback.mailboxes import folder_names
from clawback.mailboxes.folder_names import INBOX
from clawback.mailboxes.jmap.options import Places
from clawback.mailboxes.jmap.shapes import Mailbox
from clawback.message.delivery import DeliveryLocation

DEEPEST = 64
"""Levels of folders; below that, a folder stands at the top."""
REMEMBERED = 20_000
"""Mailboxes of which the folders are kept in mind."""
_ROLES = {
    "junk": DeliveryLocation.JUNK,
    "trash": DeliveryLocation.DELETED_ITEMS,
    "sent": DeliveryLocation.SENT,
}


@dataclass(frozen=True, slots=True)
class Folders:
    """The folders of a mailbox as last seen: id by path, path by id, and the places that roles give.

    In those that are `closed` we may put nothing. In `unshared` folders Cyrus keeps marks of what was read
    for each reader apart.
    """

    ids: Mapping[str, str]
    paths: Mapping[str, str]
    roles: Mapping[str, DeliveryLocation]
    closed: frozenset[str] = frozenset()
    unshared: frozenset[str] = frozenset()

    @classmethod
    def of(cls, mailboxes: Iterable[Mailbox]) -> Folders:
        """From what a server tells. Two folders of one path are told apart by their ids."""
        by_id = {mailbox.id: mailbox for mailbox in mailboxes}
        ids: dict[str, str] = {}
        roles: dict[str, DeliveryLocation] = {}
        for mailbox in sorted(by_id.values(), key=lambda m: (m.role != "inbox", m.id)):
            line = _line(mailbox, by_id)
            path = "/".join(INBOX if m.role == "inbox" else m.name for m in reversed(line))
            path = path if path not in ids else f"{path} ({mailbox.id})"
            ids[path] = mailbox.id
            role = next((_ROLES[m.role] for m in line if m.role in _ROLES), None)
            if role is not None:
                roles[path] = role
        closed = frozenset(path for path, key in ids.items() if not by_id[key].my_rights.may_add_items)
        unshared = frozenset(path for path, key in ids.items() if by_id[key].is_seen_shared is False)
        return cls(ids, {key: path for path, key in ids.items()}, roles, closed, unshared)


def _line(mailbox: Mailbox, by_id: Mapping[str, Mailbox]) -> list[Mailbox]:
    """A folder and those above it, as far as we may see them."""
    line = [mailbox]
    while len(line) < DEEPEST and (above := by_id.get(line[-1].parent_id or "")) is not None:
        line.append(above)
    return line if len(line) < DEEPEST else [mailbox]


class Atlas:
    """What is known of the folders of all mailboxes, and what each place is called."""

    def __init__(self, places: Places) -> None:
        self._places = places
        self._known: OrderedDict[str, Folders] = OrderedDict()

    def known(self, mailbox: str) -> Folders | None:
        """The folders as last seen."""
        return self._known.get(mailbox)

    def learn(self, mailbox: str, seen: Iterable[Mailbox]) -> Folders:
        """Keep in mind what a server told; the mailboxes not heard of for longest are forgotten."""
        folders = self._known[mailbox] = Folders.of(seen)
        self._known.move_to_end(mailbox)
        while len(self._known) > REMEMBERED:
            self._known.popitem(last=False)
        return folders

    def forget(self, mailbox: str) -> None:
        """What was known is wrong."""
        self._known.pop(mailbox, None)

    def hidden(self, folder: str) -> DeliveryLocation | None:
        """The place that only clawback sees of which a folder is part; the deeper one of two."""
        names = {
            self._places.soft_deleted: DeliveryLocation.SOFT_DELETED,
            self._places.quarantine: DeliveryLocation.QUARANTINE,
        }
        over = [name for name in names if folder == name or folder.startswith(f"{name}/")]
        return names[max(over, key=len)] if over else None

    def location_of(self, mailbox: str, folder: str) -> DeliveryLocation:
        """What kind of place a folder is, as far as we have seen."""
        hidden = self.hidden(folder)
        if hidden is not None:
            return hidden
        folders = self._known.get(mailbox)
        role = folders.roles.get(folder) if folders else None
        if role is not None:
            return role
        named = folder_names.location_of(folder)
        return DeliveryLocation.OTHER_FOLDER if named in folder_names.VAULT else named

    def folder_for(self, mailbox: str, place: DeliveryLocation, origin: str) -> str:
        """The folder that is a place: by role, by name, or the one to make. Raises CapabilityMissing."""
        if place is DeliveryLocation.SOFT_DELETED:
            return self._places.soft_deleted
        if place is DeliveryLocation.QUARANTINE:
            return self._places.quarantine
        folders = self._known.get(mailbox)
        if folders is None:
            return folder_names.folder_for(place, origin, ())
        by_role = sorted((p.count("/"), p) for p, found in folders.roles.items() if found is place)
        if by_role:
            return by_role[0][1]
        ours = [path for path in folders.ids if self.hidden(path) is None]
        return folder_names.folder_for(place, origin, ours)

    def beside(self, folder: str, number: int) -> str:
        """Where a second copy of a message goes that is in a hidden folder already: a folder inside it."""
        return f"{folder}/{number}"
