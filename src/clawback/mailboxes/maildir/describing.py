"""How a tree of Maildirs will be handled, and why: what an administrator wants to know beforehand."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from clawback.mailboxes.maildir import keywords
from clawback.mailboxes.maildir.tree import Tree
from clawback.mailboxes.maildir.watching import Ground

_WATCHES = Path("/proc/sys/fs/inotify/max_user_watches")
_MOUNTS = Path("/proc/self/mountinfo")
_DEAF = ("nfs", "cifs", "smb", "fuse", "9p", "ceph", "gluster", "lustre", "afs")
"""File systems on which the kernel does not tell what another host writes."""


def describe(tree: Tree) -> tuple[str, ...]:
    """Sentences for people. Raises OSError when the tree cannot be looked at."""
    maildirs = [tree.root.joinpath(*parts) for _, parts in tree.layout.discover(tree.root)]
    return (
        f"renames files below {tree.root}; no message is ever rewritten",
        _vault(tree, maildirs),
        _keywords(maildirs),
        _watching(tree),
    )


def _vault(tree: Tree, maildirs: list[Path]) -> str:
    there = next(path for path in (tree.vault, *tree.vault.parents) if path.exists())
    made = "" if there == tree.vault else " (made with the first removal)"
    apart = sum(1 for maildir in maildirs if maildir.stat().st_dev != there.stat().st_dev)
    same = "yes" if not apart else f"no, for {apart} of {len(maildirs)} mailboxes: there a move is a copy"
    return f"what is taken out goes to the vault {tree.vault}{made}; same file system: {same}"


def _keywords(maildirs: list[Path]) -> str:
    named = sum(1 for maildir in maildirs if any(_keyword_files(maildir)))
    if not named:
        return f"no mailbox has a {keywords.FILE} file: keywords keep their letters"
    return f"keywords have names in {named} of {len(maildirs)} mailboxes ({keywords.FILE})"


def _keyword_files(maildir: Path) -> Iterator[bool]:
    yield (maildir / keywords.FILE).is_file()
    with os.scandir(maildir) as entries:
        for entry in entries:
            if entry.name.startswith(".") and entry.is_dir(follow_symlinks=False):
                yield os.path.isfile(os.path.join(entry.path, keywords.FILE))


def _watching(tree: Tree) -> str:
    directories = len(Ground.of(tree).kinds)
    allowed = int(_WATCHES.read_text()) if _WATCHES.exists() else 0
    said = f"the kernel tells of changes in {directories:,} directories (up to {allowed:,} for one user)"
    if directories > allowed:
        said = f"{directories:,} directories are more than the kernel watches for one user ({allowed:,})"
        said += f": raise {_WATCHES.name}, or sweeps alone find new mail"
    kind = file_system_of(tree.root.absolute())
    deaf = (
        f"; {kind} does not tell what other hosts write, sweeps find that" if kind.startswith(_DEAF) else ""
    )
    return said + deaf


def file_system_of(path: Path, mounts: Path = _MOUNTS) -> str:
    """The kind of file system below an absolute path, as the kernel calls it; "" when it does not say."""
    best, kind = "", ""
    lines = mounts.read_text("utf-8", "surrogateescape").splitlines() if mounts.exists() else []
    for line in lines:
        before, _, after = line.partition(" - ")
        mount = before.split(" ")[4]
        if len(mount) >= len(best) and path.is_relative_to(mount):
            best, kind = mount, after.split(" ")[0]
    return kind
