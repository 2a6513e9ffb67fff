"""The warning lists that are shipped in the package, made by `benchmarks/make_warninglists.py`.

One file: zstandard-compressed JSON, some hundred kilobytes unpacked into sets on first use. Each list has a
title, a version, a licence, and the fact that it gives.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from importlib.resources import files

import msgspec
import zstandard

from clawback.analysis.facts import Fact
from clawback.analysis.free_mail import is_free_mail
from clawback.response.popularity import FREE_MAIL, HARMLESS_FILE, HOSTING, OWN

_FILE = "warninglists.json.zst"
_SOURCE = "warning lists"
_FOREVER = timedelta(days=365)


class WarningList(msgspec.Struct, frozen=True):
    """One list: `entries` are hosts (and whatever stands below them), or SHA-256 of files."""

    title: str
    version: str
    licence: str
    fact: str
    entries: tuple[str, ...]


class Shipped(msgspec.Struct, frozen=True):
    """The whole file: when it was made (a date), and its lists."""

    made: str
    lists: tuple[WarningList, ...]


@cache
def shipped() -> Shipped:
    """The lists in the package."""
    packed = files("clawback.intel").joinpath("data", _FILE).read_bytes()
    return msgspec.json.decode(zstandard.ZstdDecompressor().decompress(packed), type=Shipped)


@cache
def _by_fact() -> Mapping[str, Mapping[str, str]]:
    """For each fact the entries, each with the title of the first list that has it."""
    found: dict[str, dict[str, str]] = {}
    for one in shipped().lists:
        mine = found.setdefault(one.fact, {})
        for entry in one.entries:
            mine.setdefault(entry, f"{one.title} ({one.version})")
    return found


@dataclass(frozen=True, slots=True)
class ShippedWarnings:
    """The shipped lists, and the organisation's own domains (in lower case)."""

    own: frozenset[str] = frozenset()

    def of_host(self, host: str, at: datetime) -> tuple[Fact, ...]:
        """What is said of the host, or of a domain that it stands below.

        What somebody has below a hosting domain is no part of it: then only lists that name it count.
        """
        return tuple(self._said(host.removeprefix("www."), at))

    def describe(self) -> str:
        """How many lists and entries, and when they were put together."""
        entries = sum(len(one.entries) for one in shipped().lists)
        titles = ", ".join(f"{one.title} {one.version}" for one in shipped().lists)
        return (
            f"{entries:,} entries of {len(shipped().lists)} lists, put together on {shipped().made}: {titles}"
        )

    def _said(self, host: str, at: datetime) -> Iterator[Fact]:
        above = tuple(_above(host))
        for name, value in ((OWN, next((d for d in above if d in self.own), "")), *_listed(above)):
            if value:
                yield Fact(name, value, _SOURCE, at, _FOREVER)

    def of_file(self, sha256: str, at: datetime) -> tuple[Fact, ...]:
        """What is said of the file."""
        title = _by_fact().get(HARMLESS_FILE, {}).get(sha256)
        return (Fact(HARMLESS_FILE, title, _SOURCE, at, _FOREVER),) if title else ()

    def shared(self, domains: Iterable[str]) -> frozenset[str]:
        """Free mail, hosting, and our own domains, where each of us is a sender."""
        hosting = _by_fact().get(HOSTING, {})
        return frozenset(
            domain
            for domain in domains
            if is_free_mail(domain) or any(d in hosting or d in self.own for d in _above(domain))
        )


def _listed(above: tuple[str, ...]) -> Iterator[tuple[str, str]]:
    hosting = _by_fact().get(HOSTING, {})
    tenant = next((depth for depth, domain in enumerate(above) if domain in hosting), 0)
    mine = above[:tenant] or above
    for name, entries in _by_fact().items():
        if name != HARMLESS_FILE:
            yield name, next((entries[domain] for domain in mine if domain in entries), "")
    if above and is_free_mail(above[0]):
        yield FREE_MAIL, "free mail providers"


def _above(host: str) -> Iterator[str]:
    """The host and every name above it, but for the top level alone."""
    while "." in host:
        yield host
        host = host.partition(".")[2]
