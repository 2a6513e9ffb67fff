"""Lists as they are declared once: what they are sorted and filtered by, and how they are written as files.

The API, the pages and the files of a list all read its declaration, so that the same words mean the same.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from functools import reduce
from pathlib import Path
from typing import Any, Generic, TypeVar

from litestar import Request, Response, get
from litestar.datastructures import MultiDict
from litestar.params import FromQuery

from clawback.engine.center import Row, csv_into
from clawback.engine.sign_in import Caller
from clawback.errors import BadQuery
from clawback.store import Unit
from clawback.store.conditions import Among, Both, Compare, Compared, Condition, Find, Found
from clawback.store.listings import Listing, Order, each
from clawback.store.text import micros
from clawback.web.answers import Answer, Page, encoded
from clawback.web.files import sent
from clawback.web.given import GivenCaller, GivenParts
from clawback.web.portal.forms import moment_of

T = TypeVar("T")
LONGEST = 1_000
"""Characters of a filter's value."""


class Form(StrEnum):
    """How a list is written as a file."""

    CSV = "csv"
    JSON = "json"


MEDIA_TYPES = {Form.CSV: "text/csv; charset=utf-8", Form.JSON: "application/json"}


@dataclass(frozen=True, slots=True)
class Filter:
    """One filter: its word in the address, its title on pages, the condition that its values make.

    Several values mean any of them. One with neither `choices` nor `date` is a text; `hidden` ones have no
    field on pages.
    """

    name: str
    title: str
    made: Callable[[Sequence[str]], Condition]
    choices: tuple[StrEnum, ...] = ()
    date: bool = False
    hidden: bool = False


def choice(name: str, title: str, known: type[StrEnum], column: str = "") -> Filter:
    """A filter by one or several words of a few."""

    def made(values: Sequence[str]) -> Condition:
        words = [word for value in values for word in value.split(",")]
        if unknown := [word for word in words if word not in list(known)]:
            raise BadQuery(f"{name} is not {unknown[0]!r:.40} but one of: {', '.join(known)}")
        return Among(column or name, frozenset(words))

    return Filter(name, title, made, tuple(known))


def contains(name: str, title: str, column: str = "") -> Filter:
    """A filter by a text that the column has in it, without regard to the case of letters."""
    return Filter(name, title, lambda values: Find(column or name, Found.CONTAINS, _only(name, values)))


def same(name: str, title: str, column: str = "", *, lowered: bool = False, hidden: bool = False) -> Filter:
    """A filter by the whole text of a column; several mean any of them."""

    def made(values: Sequence[str]) -> Condition:
        return Among(column or name, frozenset(v.lower() if lowered else v for v in values))

    return Filter(name, title, made, hidden=hidden)


def since(title: str, column: str) -> Filter:
    """From a moment on, which is in UTC unless it says otherwise."""
    return Filter("since", title, lambda values: _time(column, Compared.GE, "since", values), date=True)


def until(title: str, column: str) -> Filter:
    """Before a moment."""
    return Filter("until", title, lambda values: _time(column, Compared.LT, "until", values), date=True)


def _time(column: str, how: Compared, name: str, values: Sequence[str]) -> Condition:
    moment = moment_of(_only(name, values))
    return Compare(column, how, micros(moment) if moment else 0)


def _only(name: str, values: Sequence[str]) -> str:
    if len(values) > 1:
        raise BadQuery(f"{name} is given twice")
    return values[0]


@dataclass(frozen=True, slots=True)
class Table(Generic[T]):
    """The columns of a list as CSV, and the rows that its entries make."""

    columns: Sequence[str]
    rows: Callable[[Unit, Iterable[T]], Iterator[Row]]


def table(**columns: Callable[[T], object]) -> Table[T]:
    """A table whose columns are read from one entry alone; ``_`` in their names stands for a space."""
    titles = [name.replace("_", " ") for name in columns]

    def rows(_unit: Unit, found: Iterable[T]) -> Iterator[Row]:
        for one in found:
            yield {title: cell(read(one)) for title, read in zip(titles, columns.values(), strict=True)}

    return Table(titles, rows)


def cell(value: object) -> str:
    """A value as it stands in a file: times in UTC (ISO 8601), "" for None."""
    if value is None:
        return ""
    return str(value.isoformat()) if hasattr(value, "isoformat") else str(value)


@dataclass(frozen=True, slots=True)
class Asked:
    """How a list was asked for: values by the name of their filter; `sort` with ``-`` first descends."""

    values: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    sort: str = ""


@dataclass(frozen=True, slots=True)
class Declared(Generic[T]):
    """One list. `api` is its path in the document; `search` and `count` are told what it is the list of.

    That is the id in the path, or "". `records` makes of the entries what the API answers.
    """

    name: str
    api: str
    sorts: Mapping[str, str]
    filters: Sequence[Filter]
    search: Callable[[Unit, str, Listing], tuple[tuple[T, ...], str]]
    count: Callable[[Unit, str, Listing], int]
    table: Callable[[Asked], Table[T]]
    default: str = ""
    records: Callable[[Unit, Sequence[T]], Sequence[object]] = lambda _unit, found: found

    def asked(self, params: MultiDict[Any], others: frozenset[str] | None = None) -> Asked:
        """What a query asks for. Words that are none of the list's and none of `others` are refused.

        With None for `others` they are passed over. Raises BadQuery.
        """
        known, values = {one.name for one in self.filters}, dict[str, tuple[str, ...]]()
        for name, value in params.multi_items():
            if name in known and value:
                if len(str(value)) > LONGEST:
                    raise BadQuery(f"{name} has more than {LONGEST:,} characters")
                values[name] = (*values.get(name, ()), str(value))
            elif name not in known and others is not None and name not in others | {"sort"}:
                names = ", ".join(sorted(known | others | {"sort"}))
                raise BadQuery(f"the list knows no {name!r:.40}; it knows: {names}")
        sort = str(params.get("sort", "") or self.default)
        if sort and sort.removeprefix("-") not in self.sorts:
            raise BadQuery(f"the list is not sorted by {sort!r:.40} but by: {', '.join(self.sorts)}")
        return Asked(values, sort)

    def listing(self, asked: Asked, limit: int, cursor: str = "") -> Listing:
        """What the store is asked. Raises BadQuery, BadParameter."""
        conditions = [one.made(asked.values[one.name]) for one in self.filters if one.name in asked.values]
        order: tuple[Order, ...] = ()
        if asked.sort:
            order = (Order(self.sorts[asked.sort.removeprefix("-")], asked.sort.startswith("-")),)
        where = reduce(Both, conditions) if conditions else None
        return Listing(where, order, limit=limit, cursor=cursor)


PAGED = frozenset({"limit", "cursor"})


def page_of(
    declared: Declared[Any],
    request: Request[Any, Any, Any],
    parts: Any,
    limit: int,
    cursor: str,
    of: str = "",
) -> Answer[Page[Any]]:
    """One page of a list as the API answers it. Raises BadQuery, BadParameter, and NotFound by `of`."""
    listing = declared.listing(declared.asked(request.query_params, PAGED), limit, cursor)
    with parts.store.read() as unit:
        found, after = declared.search(unit, of, listing)
        return Answer(Page(tuple(declared.records(unit, found)), after))


def exported(
    declared: Declared[Any], of: Callable[[Request[Any, Any, Any], Caller], str] = lambda *_: ""
) -> Any:
    """The route of a list as a file: all of its pages, as they are filtered and sorted."""
    path = f"{declared.api}/export".replace("}", ":str}")
    name = declared.api.removeprefix("/api/").replace("/", "_").replace("{", "").replace("}", "")

    @get(path, sync_to_thread=True, summary="Export the list", name=f"export_{name}")
    def export(
        request: Request[Any, Any, Any],
        parts: GivenParts,
        caller: GivenCaller,
        form: FromQuery[Form] = Form.CSV,
    ) -> Response[Any]:
        """All pages of the list with the same words for its order and filters, as CSV or JSON."""
        asked = declared.asked(request.query_params, frozenset({"form"}))
        listing, whose = declared.listing(asked, 1), of(request, caller)

        def write(path: Path) -> None:
            with parts.store.read() as unit:
                declared.count(unit, whose, Listing(limit=1))  # whether there is what it is the list of
                found = each(lambda listing: declared.search(unit, whose, listing), listing)
                if form is Form.CSV:
                    made = declared.table(asked)
                    csv_into(path, made.columns, made.rows(unit, found))
                else:
                    _json_into(path, (record for one in found for record in declared.records(unit, [one])))

        return sent(write, f"{declared.name}.{form.value}", MEDIA_TYPES[form])

    return export


def in_path(name: str) -> Callable[[Request[Any, Any, Any], Caller], str]:
    """That a list is of what stands in its path."""
    return lambda request, _caller: str(request.path_params[name])


def _json_into(path: Path, records: Iterable[object]) -> None:
    """An array with a record on each line."""
    with path.open("wb") as out:
        joint = b"[\n"
        for record in records:
            out.write(joint + encoded(record))
            joint = b",\n"
        out.write(b"\n]\n" if joint == b",\n" else b"[]\n")
