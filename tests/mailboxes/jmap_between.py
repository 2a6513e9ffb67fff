"""A JMAP connector on a real Cyrus, with somebody in between who can make things go wrong."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import AsyncExitStack, contextmanager
from dataclasses import dataclass

from tests.mailboxes.jmap_world import JmapWorld
from tests.servers.http_between import Asked, Between, between

from clawback.mailboxes.jmap import JmapConnector
from clawback.testing.connector_contract import run


@dataclass(frozen=True, slots=True)
class Stage:
    """All that a test of faults needs."""

    world: JmapWorld
    between: Between
    connector: JmapConnector

    def meanwhile(self, method: str, happens: Callable[[], object], times: int = 1) -> None:
        """Let something happen right before a JMAP method reaches the server, the first time or times."""
        left = [times]

        def interfere(asked: Asked) -> None:
            if method in asked.calls and left[0]:
                left[0] -= 1
                happens()

        self.between.interfere = interfere

    def limit(self, **limits: int) -> None:
        """Let the server seem to allow less in one request than it does."""

        def alter(asked: Asked, content: bytes) -> bytes:
            for name, most in limits.items():
                content = re.sub(rf'"{name}": *\d+'.encode(), f'"{name}":{most}'.encode(), content)
            return content

        self.between.alter = alter

    def requests(self, method: str) -> int:
        """How many requests called a method."""
        return sum(1 for asked in self.between.asked if method in asked.calls)


@contextmanager
def stage(world: JmapWorld, **changed: object) -> Iterator[Stage]:
    """A connector whose every request goes through somebody else."""
    stack = AsyncExitStack()
    found = run(stack.enter_async_context(between(world.server.jmap_url)))
    connector = JmapConnector("jmap", world.jmap_options(url=found.url, **changed))
    stack.push_async_callback(connector.close)
    try:
        yield Stage(world, found, connector)
    finally:
        run(stack.aclose())
