"""Names of mailboxes and folders: as people know them, and as the server does."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field

from clawback.errors import CapabilityMissing
from clawback.mailboxes import folder_names
from clawback.mailboxes.folder_names import INBOX
from clawback.mailboxes.imap.grammar import Listed
from clawback.mailboxes.imap.options import Access, Login, Naming
from clawback.mailboxes.imap.spelling import quoted, quoted_raw
from clawback.message.delivery import DeliveryLocation

_SPECIAL = {
    "\\junk": DeliveryLocation.JUNK,
    "\\trash": DeliveryLocation.DELETED_ITEMS,
    "\\sent": DeliveryLocation.SENT,
    "\\drafts": DeliveryLocation.OTHER_FOLDER,
    "\\archive": DeliveryLocation.OTHER_FOLDER,
}
_LOOKED_FOR = frozenset({DeliveryLocation.JUNK, DeliveryLocation.DELETED_ITEMS, DeliveryLocation.SENT})
_NAMED = frozenset(_SPECIAL)
_NOT_FOLDERS = frozenset({"\\noselect", "\\nonexistent", "\\all", "\\flagged", "\\important"})
"""What cannot be opened, and views of mail that lies elsewhere (RFC 6154)."""


@dataclass(frozen=True, slots=True)
class Space:
    """The server's namespaces (RFC 2342): the prefix and delimiter of one's own folders, others' prefixes."""

    prefix: str = ""
    delimiter: str = "/"
    foreign: tuple[str, ...] = ()


@dataclass(slots=True)
class Seen:
    """The folders of one mailbox as last listed: by our name, as the server told of it and the kind of place.

    `special` are the folders that the server names for a place.
    """

    names: dict[str, Listed] = field(default_factory=dict)
    places: dict[str, DeliveryLocation] = field(default_factory=dict)
    special: dict[DeliveryLocation, str] = field(default_factory=dict)


class Names:
    """Turns addresses into users and folders into the server's names, and back.

    Our name of a folder has ``/`` between its levels, and neither the namespace's prefix nor the
    mailbox's name before it.
    """

    def __init__(self, login: Login, naming: Naming) -> None:
        self._admin = login.access is Access.ADMIN
        self._naming = naming
        self._seen: dict[str, Seen] = {}
        self.space = Space()

    def user(self, mailbox: str) -> str:
        """Whose mailbox it is, for logging in."""
        return _filled(self._naming.user, mailbox)

    def opened_as(self, mailbox: str) -> str:
        """What stands for a mailbox on the server: who logs in, or an administrator's name of its INBOX."""
        return self._inbox(mailbox) if self._admin else self.user(mailbox)

    def address(self, user: str) -> str:
        """The mailbox of a user; a name that is an address already stays."""
        return user if "@" in user else self._naming.address.replace("{user}", user)

    def patterns(self, mailbox: str) -> tuple[bytes, ...]:
        """The LIST patterns that cover a mailbox."""
        if not self._admin:
            return (quoted("*"),)
        return (quoted(self._inbox(mailbox)), quoted(self._below(mailbox, "*")))

    def every_inbox(self) -> bytes:
        """The LIST pattern of every mailbox, for an administrator."""
        return quoted(re.sub(r"\{\w+\}", "%", self._naming.inbox))

    def owner(self, inbox: str) -> str | None:
        """The user whose INBOX an administrator sees under this name."""
        pattern = re.escape(self._naming.inbox).replace(r"\{user\}", "(?P<user>.+)")
        pattern = pattern.replace(r"\{domain\}", "(?P<domain>.+)").replace(r"\{mailbox\}", "(?P<mailbox>.+)")
        found = re.fullmatch(pattern, inbox)
        if not found:
            return None
        parts = found.groupdict()
        return parts.get("mailbox") or "@".join(p for p in (parts.get("user"), parts.get("domain")) if p)

    def learn(self, mailbox: str, listed: Iterable[Listed]) -> dict[str, Listed]:
        """Remember the folders of a listing; answers those that hold mail, by our name.

        Where two folders would have one name, the second is called by what stands on the wire too.
        """
        seen = Seen()
        for folder in sorted(listed, key=lambda folder: folder.raw):
            name = self._ours(mailbox, folder)
            if name is None or folder.attributes & _NOT_FOLDERS:
                continue
            if name in seen.names and seen.names[name].raw != folder.raw:
                name = f"{name} [{folder.raw.decode('ascii', 'backslashreplace')}]"
            seen.names[name] = folder
            seen.places[name] = place = self._place(name, folder.attributes)
            if folder.attributes & _NAMED and place in _LOOKED_FOR:
                seen.special.setdefault(place, name)
        self._seen[mailbox] = seen
        return seen.names

    def forget(self, mailbox: str) -> None:
        """Ask again next time."""
        self._seen.pop(mailbox, None)

    def knows(self, mailbox: str) -> bool:
        """Whether the mailbox was listed."""
        return mailbox in self._seen

    def known(self, mailbox: str) -> frozenset[str]:
        """The folders of a mailbox as last listed."""
        return frozenset(self._seen.get(mailbox, Seen()).names)

    def wire(self, mailbox: str, folder: str) -> bytes:
        """A folder's name as the server wants it. Raises HandleStale for one that no folder can have."""
        seen = self._seen.get(mailbox)
        if seen and folder in seen.names:
            return quoted_raw(seen.names[folder].raw)
        return quoted(self.raw(mailbox, folder))

    def raw(self, mailbox: str, folder: str) -> str:
        """As `wire`, decoded."""
        seen = self._seen.get(mailbox)
        if seen and folder in seen.names:
            return seen.names[folder].name
        name = folder.replace("/", self.space.delimiter or "/")
        if self._admin:
            return self._inbox(mailbox) if folder == INBOX else self._below(mailbox, name)
        return INBOX if folder == INBOX else self.space.prefix + name

    def location_of(self, mailbox: str, folder: str) -> DeliveryLocation:
        """The kind of place, by special use (RFC 6154) where the mailbox was seen, else by name."""
        seen = self._seen.get(mailbox)
        if seen and folder in seen.places:
            return seen.places[folder]
        return self._place(folder, frozenset())

    def folder_of(self, mailbox: str, place: DeliveryLocation, origin: str) -> str:
        """The folder that is a place; special use goes before names. Raises CapabilityMissing for none."""
        if fixed := self._fixed().get(place):
            return fixed
        if place is DeliveryLocation.INBOX:
            return INBOX
        seen = self._seen.get(mailbox, Seen())
        if place in seen.special:
            return seen.special[place]
        return folder_names.folder_for(place, origin, seen.names)

    def is_fixed(self, place: DeliveryLocation) -> bool:
        """Whether no listing is needed to tell where a place is."""
        return place not in _LOOKED_FOR

    def _fixed(self) -> dict[DeliveryLocation, str]:
        return {
            DeliveryLocation.SOFT_DELETED: self._naming.soft_deleted,
            DeliveryLocation.QUARANTINE: self._naming.quarantine,
        }

    def _place(self, folder: str, attributes: frozenset[str]) -> DeliveryLocation:
        for place, name in self._fixed().items():
            if folder == name:
                return place
        special = next((_SPECIAL[a] for a in sorted(attributes) if a in _SPECIAL), None)
        if folder == INBOX:
            return DeliveryLocation.INBOX
        return special or folder_names.location_of(folder)

    def _ours(self, mailbox: str, folder: Listed) -> str | None:
        name = folder.name
        if self._admin:
            if name == self._inbox(mailbox):
                return INBOX
            before, _, after = self._below(mailbox, "{folder}").partition("{folder}")
            if not (name.startswith(before) and name.endswith(after)):
                return None
            name = name[len(before) : len(name) - len(after)]
        elif name.upper() == INBOX:
            return INBOX
        elif any(name.startswith(prefix) for prefix in self.space.foreign):
            return None
        else:
            name = name.removeprefix(self.space.prefix)
        delimiter = folder.delimiter
        return (name.replace(delimiter, "/") if delimiter and delimiter != "/" else name) or None

    def _inbox(self, mailbox: str) -> str:
        return _filled(self._naming.inbox, mailbox)

    def _below(self, mailbox: str, folder: str) -> str:
        return _filled(self._naming.folder, mailbox).replace("{folder}", folder)


def _filled(template: str, mailbox: str) -> str:
    user, _, domain = mailbox.rpartition("@") if "@" in mailbox else (mailbox, "", "")
    if any(c in mailbox for c in "\r\n\0") or not user:
        raise CapabilityMissing(f"{mailbox!r} cannot be the name of a mailbox here")
    return template.replace("{user}", user).replace("{domain}", domain).replace("{mailbox}", mailbox)
