"""Clawback's watch, until it is told to stop or killed: ``python -m tests.chaos.worker SETTINGS``."""

from __future__ import annotations

import asyncio
import signal
import sys
from pathlib import Path

from tests.chaos.stage import loaded

from clawback import app
from clawback.engine.parts import Parts


def main() -> None:
    with app.build(loaded(Path(sys.argv[1]))) as built:

        async def watch(parts: Parts) -> None:
            stop = asyncio.Event()
            asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
            await built.watch().run(stop)

        built.run(watch)


if __name__ == "__main__":
    main()
