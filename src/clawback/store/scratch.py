"""A store that is thrown away: the same as any other, and nothing in it waits for the disk."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from clawback.store.store import Store, Unit


class ScratchStore(Store):
    """A store on SQLite that nobody needs after a crash."""

    @contextmanager
    def write(self, *, durable: bool = False) -> Iterator[Unit]:
        """As of any store; `durable` changes nothing."""
        with super().write() as unit:
            yield unit


def scratch_store(folder: Path) -> Store:
    """An empty store in this folder, with the newest schema."""
    store = ScratchStore.open(f"sqlite:///{folder / 'scratch.db'}", folder / "blobs")
    store.migrate()
    return store
