"""What a command has at hand: the settings it was told to use, the app, the person, the progress bar."""

from __future__ import annotations

import contextlib
import getpass
import os
import sys
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Protocol

from clawback.cli.progress import Bar

if TYPE_CHECKING:
    from clawback.app import App
    from clawback.engine.parts import Progress
    from clawback.settings import Settings


class Serve(Protocol):
    """Serves the portal and the API: the other door, which this one does not know."""

    def __call__(self, settings: Settings, say: Callable[[str], None], *, bound: bool = False) -> None: ...


class Session:
    """One call of a command."""

    def __init__(self, settings: str | None, serve: Serve | None = None) -> None:
        self.settings = settings
        self.serve = serve

    @contextlib.contextmanager
    def app(self, *, progress: Progress | None = None) -> Iterator[App]:
        """The app built from the settings file; without a `progress`, long work has a bar."""
        from clawback import app, settings

        loaded = settings.load(settings.find(self.settings))
        with Bar(sys.stderr) as bar, app.build(loaded, progress=progress or bar) as built:
            yield built

    @property
    def actor(self) -> str:
        """Who gives the order, for the audit log."""
        return os.environ.get("SUDO_USER") or getpass.getuser()


def finish(app: App) -> int:
    """Do all queued work that is due; answers how many pieces were done."""
    from clawback.engine.parts import Parts

    async def drain(parts: Parts) -> int:
        return await app.worker().drain()

    return app.run(drain)
