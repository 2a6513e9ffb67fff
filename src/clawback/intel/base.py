"""The port to what the world knows about hosts and files: lists that are read once and looked up often."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Protocol

from clawback.analysis.facts import Fact


class Warnings(Protocol):
    """Lists of what is in indicators by mistake: popular sites, hosting where anybody may put something.

    The names of facts are in `response.popularity`.
    """

    def of_host(self, host: str, at: datetime) -> tuple[Fact, ...]:
        """What the lists say of a host or domain, with the title of the list; () for nothing."""

    def of_file(self, sha256: str, at: datetime) -> tuple[Fact, ...]:
        """What the lists say of a file; () for nothing."""

    def shared(self, domains: Iterable[str]) -> frozenset[str]:
        """Those of these domains of senders that many own together: free mail, hosting."""

    def describe(self) -> str:
        """Which lists there are, in one sentence without a full stop."""


class NoWarnings:
    """The lists of whoever has none."""

    def of_host(self, host: str, at: datetime) -> tuple[Fact, ...]:
        """Nothing."""
        return ()

    def of_file(self, sha256: str, at: datetime) -> tuple[Fact, ...]:
        """Nothing."""
        return ()

    def shared(self, domains: Iterable[str]) -> frozenset[str]:
        """None."""
        return frozenset()

    def describe(self) -> str:
        """That there are none."""
        return "none"
