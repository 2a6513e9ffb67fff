"""Folders: their names for people, their directories in a Maildir++ or in the vault.

A canonical name has its levels parted by ``/`` and no coding: ``Archive/2024`` is ``.Archive.2024``. A
directory whose name cannot be read that way keeps its own name, which begins with a dot as no
canonical name does. In the vault a folder is one directory too, without the leading dot.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from clawback.errors import CapabilityMissing
from clawback.mailboxes.folder_names import INBOX, split_vault
from clawback.mailboxes.maildir import utf7


@dataclass(frozen=True, slots=True)
class Spot:
    """The directory of a folder: `base` is opened as it is, the `parts` below it never through links.

    The first `given` parts are the owner's mailbox, which is never made; in the vault there are none.
    """

    base: Path
    parts: tuple[str, ...]
    given: int

    @property
    def vault(self) -> bool:
        """Whether it is a place that no owner sees."""
        return self.given == 0


def name_of(directory: str) -> str:
    """The folder that a Maildir++ directory (with its leading dot) is."""
    levels = [_level(part) for part in directory[1:].split(".")]
    name = "/".join(level or "" for level in levels)
    plain = all(levels) and name.casefold() != INBOX.casefold() and not split_vault(name)
    return name if plain else directory


def _level(part: str) -> str | None:
    text = utf7.decode(part)
    return None if text is None or set(text) & set("/.\0") else text


def directory_of(folder: str) -> str:
    """The Maildir++ directory of a folder, "" for the INBOX. Raises CapabilityMissing where none can be."""
    if folder == INBOX:
        return ""
    directory = (
        folder if folder.startswith(".") else "." + ".".join(utf7.encode(x) for x in folder.split("/"))
    )
    if "/" in directory or "\0" in directory or directory in (".", "..") or name_of(directory) != folder:
        raise CapabilityMissing(f"a Maildir can have no folder called {folder!r}")
    return directory


def spot_of(root: Path, vault: Path, mailbox: str, parts: tuple[str, ...], folder: str) -> Spot:
    """Where a folder of a mailbox lies, which is at `parts` below the root."""
    inside = split_vault(folder)
    if inside:
        return Spot(vault, (inside[0].value, mailbox, vault_directory(inside[1])), 0)
    directory = directory_of(folder)
    return Spot(root, (*parts, directory) if directory else parts, len(parts))


def vault_directory(origin: str) -> str:
    """The vault's directory for copies that come from a folder."""
    directory = directory_of(origin)
    if not directory:
        return INBOX
    return directory if origin.startswith(".") else directory[1:]


def origin_of(directory: str) -> str | None:
    """The folder whose copies lie in a directory of the vault; None when it is none of ours."""
    if directory == INBOX:
        return INBOX
    origin = directory if directory.startswith(".") else name_of("." + directory)
    try:
        return origin if vault_directory(origin) == directory else None
    except CapabilityMissing:
        return None
