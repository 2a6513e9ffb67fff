"""The tree of all mailboxes: where each lies, which folders it has, and what may be written."""

from __future__ import annotations

import os
from pathlib import Path

from clawback.errors import Gone, Unavailable
from clawback.mailboxes import folder_names
from clawback.mailboxes.folder_names import INBOX, VAULT
from clawback.mailboxes.maildir import folders
from clawback.mailboxes.maildir.border import failure_of
from clawback.mailboxes.maildir.directories import Directories
from clawback.mailboxes.maildir.folders import Spot
from clawback.mailboxes.maildir.layout import Layout


class Tree:
    """Maildirs below `root` by `layout`, and the vault that no owner sees."""

    def __init__(self, root: Path, layout: Layout, vault: Path) -> None:
        self.root = root
        self.layout = layout
        self.vault = vault
        self._known: dict[str, tuple[int, tuple[str, ...]]] = {}

    def mailboxes(self) -> list[str]:
        """Every mailbox, sorted. Raises Unavailable when the root cannot be looked into."""
        try:
            with os.scandir(self.root):
                return sorted(mailbox for mailbox, _ in self.layout.discover(self.root))
        except OSError as error:
            raise self._unreachable(error) from error

    def spot(self, mailbox: str, folder: str) -> Spot:
        """Where a folder lies, whether it exists or not."""
        return folders.spot_of(self.root, self.vault, mailbox, self.layout.parts_of(mailbox), folder)

    def check(self, directories: Directories, mailbox: str) -> Spot:
        """The mailbox's own directory. Raises Gone when it does not exist, Unavailable when the root is."""
        spot = self.spot(mailbox, INBOX)
        try:
            directories.at(Spot(self.root, (), spot.given))
        except OSError as error:
            raise self._unreachable(error) from error
        try:
            directories.at(spot)
        except FileNotFoundError as error:
            raise Gone(f"the mailbox {mailbox} does not exist") from error
        except OSError as error:
            raise failure_of(error, f"opening the mailbox {mailbox}", reading=True) from error
        return spot

    def folders(self, directories: Directories, mailbox: str) -> dict[str, Spot]:
        """Every folder of a mailbox with its place, the vault's folders included."""
        here = self.check(directories, mailbox)
        found = {INBOX: here}
        for directory in _directories_in(directories.at(here)):
            if directory.startswith("."):
                folder = folders.name_of(directory)
                found[folder] = Spot(here.base, (*here.parts, directory), here.given)
        for place in VAULT:
            above = (place.value, mailbox)
            for directory in self._in_vault(directories, Spot(self.vault, above, 0)):
                origin = folders.origin_of(directory)
                if origin is not None:
                    folder = folder_names.vault_folder(place, origin)
                    found[folder] = Spot(self.vault, (*above, directory), 0)
        return found

    def _in_vault(self, directories: Directories, above: Spot) -> list[str]:
        try:
            return _directories_in(directories.at(above))
        except FileNotFoundError:
            return []

    def known_folders(self, mailbox: str) -> tuple[str, ...]:
        """The owner's folders, remembered until the mailbox's directory changes; () when it is gone."""
        path = os.path.join(self.root, *self.layout.parts_of(mailbox))
        try:
            changed = os.stat(path).st_mtime_ns
            if self._known.get(mailbox, (-1, ()))[0] != changed:
                names = [folders.name_of(d) for d in os.listdir(path) if d.startswith(".") and len(d) > 1]
                self._known[mailbox] = changed, tuple(names)
        except FileNotFoundError:
            return ()
        except OSError as error:
            raise failure_of(error, f"looking into the mailbox {mailbox}", reading=True) from error
        return self._known[mailbox][1]

    def writable(self) -> bool:
        """Whether mailboxes can be changed by us, judged by the first one, else by the root."""
        for _, parts in self.layout.discover(self.root):
            return _may_write(self.root.joinpath(*parts, "cur"))
        return _may_write(self.root)

    def vault_writable(self) -> bool:
        """Whether the vault takes copies, or can be made."""
        for path in (self.vault, *self.vault.parents):
            if path.exists():
                return _may_write(path)
        return False

    def _unreachable(self, error: OSError) -> Unavailable:
        return Unavailable(f"the root {self.root} cannot be looked into: {error.strerror}")


def _directories_in(directory: int) -> list[str]:
    with os.scandir(directory) as entries:
        return sorted(e.name for e in entries if e.is_dir(follow_symlinks=False))


def _may_write(path: Path) -> bool:
    return os.access(path, os.W_OK | os.X_OK)
