"""Lists on pages: their filters, their order, and the way to the next page, all in the address."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from urllib.parse import urlencode

ROWS = 50
"""Rows on a page."""


@dataclass(frozen=True, slots=True)
class ListPage:
    """One page of a list as it was asked for, and what came.

    `asked` are the filters as they stand in the address; `sort` is a column's name, with ``-`` before it
    when descending; `total` is None where counting would cost too much.
    """

    path: str
    asked: Mapping[str, str]
    shown: int
    cursor: str = ""
    after: str = ""
    sort: str = ""
    total: int | None = None
    formats: Sequence[tuple[str, str]] = field(default=())

    @property
    def told(self) -> str:
        """How much of the list is on the page."""
        if self.total is not None:
            return f"{self.shown:,} of {self.total:,}"
        return f"{self.shown:,}{', and more' if self.after else ''}"

    @property
    def first(self) -> str:
        """The way back to the first page, "" on it."""
        return self._to(self._kept()) if self.cursor else ""

    @property
    def next(self) -> str:
        """The way to the next page, "" on the last."""
        return self._to({**self._kept(), "cursor": self.after}) if self.after else ""

    @property
    def exports(self) -> Sequence[tuple[str, str]]:
        """What is shown, as files: their names and addresses."""
        chosen = {name: value for name, value in self.asked.items() if value}
        return [(name, f"{path}{'?' + urlencode(chosen) if chosen else ''}") for name, path in self.formats]

    def order_of(self, column: str) -> str:
        """The ``aria-sort`` of a column, "" when the list is not in its order."""
        if self.sort.removeprefix("-") != column:
            return ""
        return "descending" if self.sort.startswith("-") else "ascending"

    def sorted_by(self, column: str) -> str:
        """The address of the list in a column's order, the other way round when it is in that already."""
        sort = f"-{column}" if self.sort == column else column
        return self._to({**self._kept(), "sort": sort})

    def _kept(self) -> dict[str, str]:
        kept = {name: value for name, value in self.asked.items() if value}
        return kept | ({"sort": self.sort} if self.sort else {})

    def _to(self, query: Mapping[str, str]) -> str:
        return f"{self.path}?{urlencode(query)}" if query else self.path
