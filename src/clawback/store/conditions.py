"""Conditions on the columns of a listing, as a tree, and the one SQL expression each becomes."""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from sqlalchemy import ColumnElement, and_, false, func, not_, or_, true

from clawback.errors import BadQuery
from clawback.store.text import armour


class Compared(StrEnum):
    """How a column is compared with a value."""

    EQ = "eq"
    NE = "ne"
    GT = "gt"
    GE = "ge"
    LT = "lt"
    LE = "le"


class Found(StrEnum):
    """Where in a column a text is looked for, without regard to the case of letters."""

    CONTAINS = "contains"
    STARTS = "startswith"
    ENDS = "endswith"


@dataclass(frozen=True, slots=True)
class Compare:
    """A column beside a value; None is compared by EQ and NE alone."""

    column: str
    how: Compared
    value: str | int | None


@dataclass(frozen=True, slots=True)
class Among:
    """A column whose value is one of these."""

    column: str
    values: frozenset[str]


@dataclass(frozen=True, slots=True)
class Find:
    """A text in a column."""

    column: str
    how: Found
    text: str


@dataclass(frozen=True, slots=True)
class Both:
    """Two conditions that must hold."""

    left: Condition
    right: Condition


@dataclass(frozen=True, slots=True)
class Either:
    """Two conditions of which one must hold."""

    left: Condition
    right: Condition


@dataclass(frozen=True, slots=True)
class Not:
    """A condition that must not hold."""

    inner: Condition


Condition = Compare | Among | Find | Both | Either | Not
Columns = Mapping[str, ColumnElement[Any]]

OPERATORS: dict[Compared, Callable[[Any, Any], Any]] = {
    Compared.EQ: operator.eq,
    Compared.NE: operator.ne,
    Compared.GT: operator.gt,
    Compared.GE: operator.ge,
    Compared.LT: operator.lt,
    Compared.LE: operator.le,
}
"""How two values are compared, in Python and in SQL alike."""


def expression(condition: Condition, columns: Columns) -> ColumnElement[bool]:
    """The SQL of a condition, never NULL; raises BadQuery for a column that is not among these."""
    match condition:
        case Both(left, right):
            return and_(expression(left, columns), expression(right, columns))
        case Either(left, right):
            return or_(expression(left, columns), expression(right, columns))
        case Not(inner):
            return not_(expression(inner, columns))
        case Compare():
            return _compared(condition, column_of(condition.column, columns))
        case Among():
            column = column_of(condition.column, columns)
            return column.in_(sorted(condition.values)) if condition.values else false()
        case Find():
            return _found(condition, column_of(condition.column, columns))


def column_of(name: str, columns: Columns) -> ColumnElement[Any]:
    """The column of that name (BadQuery when the listing has none)."""
    try:
        return columns[name]
    except KeyError:
        raise BadQuery(f"the listing cannot be asked about {name}") from None


def _compared(condition: Compare, column: ColumnElement[Any]) -> ColumnElement[bool]:
    equal = condition.how is Compared.EQ
    if condition.value is None:
        if condition.how not in (Compared.EQ, Compared.NE):
            raise BadQuery("null can be compared by eq and ne only")
        return column.is_(None) if equal else column.is_not(None)
    value = armour(condition.value) if isinstance(condition.value, str) else condition.value
    held: ColumnElement[bool] = OPERATORS[condition.how](column, value)
    absent = true() if condition.how is Compared.NE else false()
    return func.coalesce(held, absent) if getattr(column, "nullable", False) else held


def _found(condition: Find, column: ColumnElement[Any]) -> ColumnElement[bool]:
    lowered, text = func.lower(column), armour(condition.text.lower())
    if condition.how is Found.CONTAINS:
        return lowered.contains(text, autoescape=True)
    if condition.how is Found.STARTS:
        return lowered.startswith(text, autoescape=True)
    return lowered.endswith(text, autoescape=True)
