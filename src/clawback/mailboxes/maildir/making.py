"""Making folders, so that a mail server finds in them what it expects."""

from __future__ import annotations

import os

from clawback.mailboxes.maildir.directories import Directories, give
from clawback.mailboxes.maildir.folders import Spot

_MARK = "maildirfolder"


def make_folder(directories: Directories, spot: Spot) -> None:
    """Make a folder's directories where there are none; in a Maildir++ it carries an empty mark.

    In the vault, where no server looks, each sub-directory can wait until there is something to put in.
    """
    try:
        directories.at(spot)
        return
    except FileNotFoundError:
        here = directories.at(spot, make=True)
    if spot.vault:
        return
    for sub in ("tmp", "new", "cur"):
        directories.at(spot, sub, make=True)
    mark = os.open(_MARK, os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600, dir_fd=here)
    os.close(mark)
    give(here, _MARK, os.fstat(here))
