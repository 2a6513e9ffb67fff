"""Seeing mail arrive: the kernel tells which directories change, and a rescan makes up for what it missed.

Only ``new`` and ``cur`` of each folder are watched, and the directories in which folders and mailboxes
appear; not ``tmp``, not the vault, and nothing else that an owner keeps beside the mail.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import time
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from dataclasses import dataclass

from watchfiles import awatch

from clawback.mailboxes.maildir.names import SUBS
from clawback.mailboxes.maildir.tree import Tree

_STEP_MS = 50
_GROUP_MS = 200
_TICK_MS = 250
_SLACK_NS = 2 * 10**9
_FIRST_PAUSE = 0.2


class Watcher:
    """Tells which mailboxes were touched, and all of them every `rescan` seconds."""

    def __init__(self, tree: Tree, rescan: float) -> None:
        self._tree = tree
        self._rescan = rescan
        self._stops: set[asyncio.Event] = set()

    async def watch(self) -> AsyncIterator[frozenset[str]]:
        """Endless, until `close` or until whoever listens is cancelled. Raises Unavailable without a root."""
        stop = asyncio.Event()
        self._stops.add(stop)
        try:
            async with aclosing(self._endless(stop)) as answers:
                async for touched in answers:
                    yield touched
        finally:
            self._stops.discard(stop)

    async def close(self) -> None:
        """End every watch."""
        for stop in self._stops:
            stop.set()

    async def _endless(self, stop: asyncio.Event) -> AsyncGenerator[frozenset[str], None]:
        alive = time.time_ns()
        pause = _FIRST_PAUSE
        while not stop.is_set():
            ground = await asyncio.to_thread(Ground.of, self._tree)
            rescan_at, rescan = time.monotonic() + self._rescan, False
            try:
                async with aclosing(_changes(ground, stop)) as batches:
                    async for first, paths in batches:
                        touched = ground.mailboxes(paths)
                        if first:
                            touched |= await asyncio.to_thread(ground.touched_since, alive - _SLACK_NS)
                        alive, pause = time.time_ns(), _FIRST_PAUSE
                        if touched:
                            yield touched
                        rescan = time.monotonic() > rescan_at
                        if rescan or ground.grown(paths):
                            break
            except (OSError, RuntimeError):
                # watchfiles' own errors: no watches left, or a directory gone between looking and watching.
                rescan = True
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(stop.wait(), pause)
                pause = min(2 * pause, self._rescan)
            if rescan and not stop.is_set():
                yield frozenset(await asyncio.to_thread(self._tree.mailboxes))


async def _changes(ground: Ground, stop: asyncio.Event) -> AsyncGenerator[tuple[bool, frozenset[str]], None]:
    """Paths as they change; an empty answer at least every tick, which also bounds how long a stop takes."""
    changes = awatch(
        *ground.kinds,
        watch_filter=lambda _, path: ground.matters(path),
        debounce=_GROUP_MS,
        step=_STEP_MS,
        stop_event=stop,
        rust_timeout=_TICK_MS,
        yield_on_timeout=True,
        recursive=False,
        ignore_permission_denied=True,
    )
    first = True
    async with aclosing(changes) as batches:
        async for batch in batches:
            yield first, frozenset(path for _, path in batch)
            first = False


@dataclass(frozen=True, slots=True)
class Kind:
    """What a watched directory is: `level` below the root, whose mailbox (""), whether messages lie in it."""

    level: int
    mailbox: str
    messages: bool = False


class Ground:
    """The directories that are worth watching, as they were when it was looked at."""

    def __init__(self, tree: Tree, kinds: dict[str, Kind]) -> None:
        self._layout = tree.layout
        self.kinds = kinds

    @classmethod
    def of(cls, tree: Tree) -> Ground:
        """Look at the whole tree."""
        root = tree.root.absolute()
        tree.mailboxes()
        kinds: dict[str, Kind] = {}
        for mailbox, parts in tree.layout.levels(root):
            path = os.path.join(root, *parts)
            kinds[path] = Kind(len(parts), mailbox)
            if mailbox:
                for folder in ("", *_below(path)):
                    _add_folder(kinds, os.path.join(path, folder) if folder else path, len(parts), mailbox)
        return cls(tree, kinds)

    def matters(self, path: str) -> bool:
        """Whether a change says anything about messages, folders or mailboxes."""
        above, name = os.path.split(path)
        kind = self.kinds.get(above)
        if kind is None or path in self.kinds:
            return path in self.kinds
        if kind.messages:
            return not name.startswith(".")
        if kind.mailbox:
            return name in SUBS or name.startswith(".")
        return self._layout.fits(kind.level, name)

    def mailboxes(self, paths: frozenset[str]) -> frozenset[str]:
        """Whose directories these changes are in."""
        kinds = (self.kinds.get(path) or self.kinds.get(os.path.dirname(path)) for path in paths)
        return frozenset(kind.mailbox for kind in kinds if kind and kind.mailbox)

    def grown(self, paths: frozenset[str]) -> bool:
        """Whether there is a new directory among these changes."""
        return any(
            path not in self.kinds
            and not self.kinds[os.path.dirname(path)].messages
            and os.path.isdir(path)
            and not os.path.islink(path)
            for path in paths
        )

    def touched_since(self, when: int) -> frozenset[str]:
        """The mailboxes with a directory of messages that was changed after a time (ns)."""
        return frozenset(
            kind.mailbox for path, kind in self.kinds.items() if kind.messages and _changed(path) >= when
        )


def _below(path: str) -> list[str]:
    try:
        with os.scandir(path) as entries:
            return [e.name for e in entries if e.name[0] == "." and e.is_dir(follow_symlinks=False)]
    except OSError:
        return []


def _add_folder(kinds: dict[str, Kind], path: str, level: int, mailbox: str) -> None:
    kinds[path] = Kind(level, mailbox)
    for sub in SUBS:
        below = os.path.join(path, sub)
        if os.path.isdir(below) and not os.path.islink(below):
            kinds[below] = Kind(level, mailbox, messages=True)


def _changed(path: str) -> int:
    try:
        return os.stat(path).st_mtime_ns
    except OSError:
        return 0
