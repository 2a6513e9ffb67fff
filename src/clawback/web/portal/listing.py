"""Lists on pages: their filters, their order, and the way to the next page, all in the address."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar
from urllib.parse import urlencode

from clawback.store import Unit
from clawback.web.access import ROUTES, Open
from clawback.web.listed import Asked, Declared, Filter
from clawback.web.portal.frame import Page
from clawback.web.portal.words import word

T = TypeVar("T")
ROWS = 50
"""Rows on a page."""

Values = Mapping[str, str | Sequence[str]]


@dataclass(frozen=True, slots=True)
class FilterField:
    """A filter as a field of a form. `choices` are words with their titles; without any it is a text."""

    name: str
    title: str
    value: str
    choices: Sequence[tuple[str, str]] = ()
    date: bool = False


@dataclass(frozen=True, slots=True)
class ListPage:
    """One page of a list as it was asked for, and what came.

    `asked` are the filters as they stand in the address, `kept` is what else does; `sort` is a column's
    name, with ``-`` before it when descending; `total` is None where counting would cost too much. `files`
    are its exports with their whole addresses, `formats` those that take the filters alone.
    """

    path: str
    asked: Values
    shown: int
    cursor: str = ""
    after: str = ""
    sort: str = ""
    total: int | None = None
    formats: Sequence[tuple[str, str]] = field(default=())
    kept: Mapping[str, str] = field(default_factory=dict)
    fields: Sequence[FilterField] = ()
    files: Sequence[tuple[str, str]] = ()

    @property
    def told(self) -> str:
        """How much of the list is on the page."""
        if self.total is not None:
            return f"{self.shown:,} of {self.total:,}"
        return f"{self.shown:,}{', and more' if self.after else ''}"

    @property
    def filtered(self) -> bool:
        """Whether a person has narrowed the list."""
        return any(self.asked.values())

    @property
    def cleared(self) -> str:
        """The list in its order, without filters."""
        return self._to(dict(self.hidden))

    @property
    def hidden(self) -> Sequence[tuple[str, str]]:
        """What a form of filters leaves as it is."""
        return [*self.kept.items(), *([("sort", self.sort)] if self.sort else [])]

    @property
    def first(self) -> str:
        """The way back to the first page, "" on it."""
        return self._to(self._all()) if self.cursor else ""

    @property
    def next(self) -> str:
        """The way to the next page, "" on the last."""
        return self._to({**self._all(), "cursor": self.after}) if self.after else ""

    @property
    def exports(self) -> Sequence[tuple[str, str]]:
        """What is shown, all pages of it, as files: their names and addresses."""
        chosen = {name: value for name, value in self.asked.items() if value}
        query = urlencode(chosen, doseq=True)
        plain = [(name, f"{path}{'?' + query if query else ''}") for name, path in self.formats]
        return [*self.files, *plain]

    def order_of(self, column: str) -> str:
        """The ``aria-sort`` of a column, "" when the list is not in its order."""
        if self.sort.removeprefix("-") != column:
            return ""
        return "descending" if self.sort.startswith("-") else "ascending"

    def sorted_by(self, column: str) -> str:
        """The address of the list in a column's order, the other way round when it is in that already."""
        sort = f"-{column}" if self.sort == column else column
        return self._to({**self._all(), "sort": sort})

    def _all(self) -> dict[str, str | Sequence[str]]:
        chosen = {name: value for name, value in self.asked.items() if value}
        return {**self.kept, **chosen, **({"sort": self.sort} if self.sort else {})}

    def _to(self, query: Values) -> str:
        return f"{self.path}?{urlencode(query, doseq=True)}" if query else self.path


@dataclass(frozen=True, slots=True)
class Place:
    """Where a declared list stands: its page, the id it is the list of, and what is given there.

    `fixed` are filters that the place itself sets, `kept` what else stands in the address, `sort` the order
    when none is asked for.
    """

    path: str
    of: str = ""
    fixed: Mapping[str, str] = field(default_factory=dict)
    kept: Mapping[str, str] = field(default_factory=dict)
    sort: str = ""


def list_page(
    declared: Declared[T], page: Page, unit: Unit, place: Place, cursor: str = ""
) -> tuple[tuple[T, ...], ListPage]:
    """The rows of a page of a declared list, and the page. Raises BadQuery, BadParameter."""
    asked = declared.asked(page.request.query_params)
    sort = asked.sort if page.request.query_params.get("sort") else place.sort or asked.sort
    own = {name: values for name, values in asked.values.items() if name not in place.fixed}
    whole = Asked({**own, **{name: (value,) for name, value in place.fixed.items()}}, sort)
    listing = declared.listing(whole, ROWS, cursor)
    rows, after = declared.search(unit, place.of, listing)
    total = declared.count(unit, place.of, listing)
    return rows, ListPage(
        place.path,
        {name: ",".join(values) if len(values) > 1 else values[0] for name, values in own.items()},
        len(rows),
        cursor,
        after,
        sort,
        total,
        kept=place.kept,
        fields=[
            _field(one, own) for one in declared.filters if not one.hidden and one.name not in place.fixed
        ],
        files=_files(declared, page, place, whole),
    )


def _field(one: Filter, own: Mapping[str, Sequence[str]]) -> FilterField:
    value = ",".join(own.get(one.name, ()))
    choices = [(choice.value, word(choice)) for choice in one.choices]
    if "," in value and choices:
        choices.append((value, " or ".join(title for name, title in choices if name in value.split(","))))
    return FilterField(one.name, one.title, value, choices, one.date)


def _files(declared: Declared[Any], page: Page, place: Place, asked: Asked) -> list[tuple[str, str]]:
    """The list as files, for whoever may have them."""
    needs = ROUTES[f"GET {declared.api}/export"].needs
    if isinstance(needs, Open) or not page.may(needs.value):
        return []
    before, brace, rest = declared.api.partition("{")
    path = f"{before}{place.of}{rest.partition('}')[2]}" if brace else before
    query = {**asked.values, **({"sort": asked.sort} if asked.sort else {})}
    forms = ("csv", "json")
    return [(f.upper(), f"{path}/export?{urlencode({'form': f, **query}, doseq=True)}") for f in forms]
