"""OData queries as Defender users write them, read into the store's conditions. Bounded, and no SQL here.

Grammar (OData 4.01, the part that a listing needs): comparisons ``eq ne gt ge lt le``, ``in (a, b)``,
``contains startswith endswith``, ``and or not``, parentheses; literals: 'text', numbers, times, null.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum

from clawback.errors import BadQuery
from clawback.store.conditions import Among, Both, Compare, Compared, Condition, Either, Find, Found, Not
from clawback.store.listings import Order

LONGEST = 4_000
MOST_TERMS = 100
DEEPEST = 20

_TOKEN = re.compile(
    r"\s*(?:(?P<text>'(?:[^']|'')*')"
    r"|(?P<time>\d{4}-\d\d-\d\d(?:T\d\d:\d\d(?::\d\d(?:\.\d{1,12})?)?(?:Z|[+-]\d\d:\d\d)?)?)"
    r"|(?P<number>-?\d{1,18}(?![\w.]))"
    r"|(?P<word>[A-Za-z_][A-Za-z0-9_]{0,63})"
    r"|(?P<sign>[(),]))",
    re.ASCII,
)


class Kind(StrEnum):
    """What a field holds."""

    TEXT = "text"
    NUMBER = "number"
    TIME = "time"
    WORD = "word"


@dataclass(frozen=True, slots=True)
class Field:
    """One field: the store's column, what it holds; for a WORD each string people see, by our value."""

    column: str
    kind: Kind
    words: Mapping[str, str] | None = None


Fields = Mapping[str, Field]
_COMPARE: dict[Compared, Callable[[str, str], bool]] = {
    Compared.EQ: operator.eq,
    Compared.NE: operator.ne,
    Compared.GT: operator.gt,
    Compared.GE: operator.ge,
    Compared.LT: operator.lt,
    Compared.LE: operator.le,
}
_FIND: dict[Found, Callable[[str, str], bool]] = {
    Found.CONTAINS: lambda whole, part: part in whole,
    Found.STARTS: str.startswith,
    Found.ENDS: str.endswith,
}


@dataclass(frozen=True, slots=True)
class _Token:
    kind: str
    text: str
    at: int


def filter_of(text: str, fields: Fields) -> Condition:
    """The condition that a ``$filter`` states; BadQuery says what is wrong and where."""
    parser = _Parser(_tokens(text), fields)
    condition = parser.either(0)
    parser.end()
    return condition


def order_of(text: str, fields: Fields) -> tuple[Order, ...]:
    """The columns that an ``$orderby`` names, in its order."""
    orders = []
    for part in text.split(","):
        name, _, way = part.strip().partition(" ")
        way = way.strip().lower()
        if way not in ("", "asc", "desc"):
            raise BadQuery(f"$orderby: {way!r:.40} is neither asc nor desc")
        orders.append(Order(field_of(name, fields).column, way == "desc"))
    return tuple(orders)


def select_of(text: str, names: frozenset[str]) -> frozenset[str]:
    """The properties that a ``$select`` names, as they are written in `names`."""
    known = {name.lower(): name for name in names}
    wanted = [part.strip() for part in text.split(",")]
    if unknown := [name for name in wanted if name.lower() not in known]:
        raise BadQuery(f"$select: there is no property {unknown[0]!r:.80}")
    return frozenset(known[name.lower()] for name in wanted)


def field_of(name: str, fields: Fields) -> Field:
    """The field of that name, in any case; BadQuery tells which there are."""
    found = next((field for known, field in fields.items() if known.lower() == name.lower()), None)
    if found is None:
        raise BadQuery(f"there is no field {name!r:.80} to ask about; there are: {', '.join(fields)}")
    return found


def _tokens(text: str) -> list[_Token]:
    if len(text) > LONGEST:
        raise BadQuery(f"$filter: at most {LONGEST:,} characters are read")
    tokens, at, text = [], 0, text.rstrip()
    while at < len(text):
        found = _TOKEN.match(text, at)
        if found is None or found.lastgroup is None:
            raise BadQuery(f"$filter: {text[at : at + 20]!r} at character {at + 1} cannot be read")
        tokens.append(_Token(found.lastgroup, found[found.lastgroup], found.start(found.lastgroup)))
        at = found.end()
    return tokens


class _Parser:
    """Recursive descent; `depth` counts what is open, `terms` what was read."""

    def __init__(self, tokens: list[_Token], fields: Fields) -> None:
        self._tokens = tokens
        self._fields = fields
        self._at = 0
        self._terms = 0

    def either(self, depth: int) -> Condition:
        """``a or b``."""
        left = self._both(depth)
        while self._took("word", "or"):
            left = Either(left, self._both(depth))
        return left

    def end(self) -> None:
        """Raise BadQuery when anything is left."""
        if self._at < len(self._tokens):
            raise self._wrong("the end")

    def _both(self, depth: int) -> Condition:
        left = self._one(depth)
        while self._took("word", "and"):
            left = Both(left, self._one(depth))
        return left

    def _one(self, depth: int) -> Condition:
        if depth > DEEPEST:
            raise BadQuery(f"$filter: more than {DEEPEST} levels are not read")
        if self._took("word", "not"):
            return Not(self._one(depth + 1))
        if self._took("sign", "("):
            inner = self.either(depth + 1)
            self._must("sign", ")")
            return inner
        return self._term()

    def _term(self) -> Condition:
        self._terms += 1
        if self._terms > MOST_TERMS:
            raise BadQuery(f"$filter: more than {MOST_TERMS} terms are not read")
        name = self._must("word").text
        if name.lower() in set(Found) and self._took("sign", "("):
            field = field_of(self._must("word").text, self._fields)
            self._must("sign", ",")
            text = _unquoted(self._must("text").text)
            self._must("sign", ")")
            return _find(field, Found(name.lower()), text)
        field = field_of(name, self._fields)
        if self._took("word", "in"):
            return self._among(field)
        how = self._must("word")
        if how.text.lower() not in set(Compared):
            raise BadQuery(f"$filter: {how.text!r} at character {how.at + 1} is no comparison")
        return _compare(field, Compared(how.text.lower()), self._literal())

    def _among(self, field: Field) -> Condition:
        self._must("sign", "(")
        condition = _compare(field, Compared.EQ, self._literal())
        while self._took("sign", ","):
            self._terms += 1
            if self._terms > MOST_TERMS:
                raise BadQuery(f"$filter: more than {MOST_TERMS} terms are not read")
            condition = Either(condition, _compare(field, Compared.EQ, self._literal()))
        self._must("sign", ")")
        return condition

    def _literal(self) -> _Token:
        token = self._next("a value")
        if token.kind == "sign" or (token.kind == "word" and token.text.lower() != "null"):
            self._at -= 1
            raise self._wrong("a value: 'text' in quotes, a number, a time or null")
        return token

    def _next(self, wanted: str) -> _Token:
        if self._at >= len(self._tokens):
            raise BadQuery(f"$filter: it ends where {wanted} should come")
        self._at += 1
        return self._tokens[self._at - 1]

    def _took(self, kind: str, text: str) -> bool:
        here = self._tokens[self._at] if self._at < len(self._tokens) else None
        if here is None or here.kind != kind or here.text.lower() != text:
            return False
        self._at += 1
        return True

    def _must(self, kind: str, text: str = "") -> _Token:
        wanted = repr(text) if text else {"word": "a name", "text": "a 'text' in quotes"}[kind]
        token = self._next(wanted)
        if token.kind != kind or (text and token.text.lower() != text):
            self._at -= 1
            raise self._wrong(wanted)
        return token

    def _wrong(self, wanted: str) -> BadQuery:
        token = self._tokens[self._at]
        return BadQuery(f"$filter: {token.text!r:.60} at character {token.at + 1} should be {wanted}")


def _unquoted(text: str) -> str:
    return text[1:-1].replace("''", "'")


def _compare(field: Field, how: Compared, literal: _Token) -> Condition:
    if literal.kind == "word":
        return Compare(field.column, how, None)
    if field.words is not None:
        text = _text(literal).lower()
        matching = (ours for ours, shown in field.words.items() if _COMPARE[how](shown.lower(), text))
        return Among(field.column, frozenset(matching))
    if field.kind is Kind.NUMBER:
        return Compare(field.column, how, _number(literal))
    if field.kind is Kind.TIME:
        return Compare(field.column, how, _micros(literal))
    return Compare(field.column, how, _text(literal))


def _find(field: Field, how: Found, text: str) -> Condition:
    if field.words is not None:
        matching = (ours for ours, shown in field.words.items() if _FIND[how](shown.lower(), text.lower()))
        return Among(field.column, frozenset(matching))
    if field.kind is not Kind.TEXT:
        raise BadQuery(f"$filter: {how.value} works on texts only")
    return Find(field.column, how, text)


def _text(literal: _Token) -> str:
    if literal.kind != "text":
        raise BadQuery(
            f"$filter: {literal.text!r:.60} at character {literal.at + 1} should be 'text' in quotes"
        )
    return _unquoted(literal.text)


def _number(literal: _Token) -> int:
    if literal.kind != "number":
        raise BadQuery(f"$filter: {literal.text!r:.60} at character {literal.at + 1} should be a number")
    return int(literal.text)


def _micros(literal: _Token) -> int:
    text = _unquoted(literal.text) if literal.kind == "text" else literal.text
    try:
        found = datetime.fromisoformat(text)
        at = found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)
    except (ValueError, OverflowError):
        raise BadQuery(
            f"$filter: {literal.text!r:.60} at character {literal.at + 1} should be a time such as "
            "2026-11-24T09:30:00Z"
        ) from None
    return (at - datetime(1970, 1, 1, tzinfo=UTC)) // _MICROSECOND


_MICROSECOND = datetime(1970, 1, 1, 0, 0, 0, 1, tzinfo=UTC) - datetime(1970, 1, 1, tzinfo=UTC)
