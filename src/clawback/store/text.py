"""Text and times in the form the databases keep them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

from clawback.message.delivery import Handle
from clawback.message.trace import Step

_ESCAPE = "\x1a"
_UNSAFE = re.compile("[\x00\x1a\ud800-\udfff]")
_ESCAPED = re.compile("\x1a([0-9a-f]{4})")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


def armour(value: str) -> str:
    """The same text in characters that both databases take; `disarm` gives it back unchanged.

    File names that are not UTF-8 arrive as lone surrogates (PEP 383), hostile headers with NULs.
    """
    if value.isascii() and "\0" not in value and _ESCAPE not in value:
        return value
    return _UNSAFE.sub(lambda match: f"{_ESCAPE}{ord(match[0]):04x}", value)


def disarm(value: str) -> str:
    """The text that was armoured."""
    if _ESCAPE not in value:
        return value
    return _ESCAPED.sub(lambda match: chr(int(match[1], 16)), value)


def folded(value: str) -> str:
    """The text as searches compare it: case folded, unsafe characters as U+FFFD."""
    return _UNSAFE.sub("\ufffd", value).casefold()


def micros(moment: datetime) -> int:
    """Microseconds since 1970; a moment without a zone is taken as UTC."""
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return (moment - _EPOCH) // _MICROSECOND


def moment(value: int) -> datetime:
    """The UTC moment so many microseconds after 1970."""
    return _EPOCH + timedelta(microseconds=value)


def micros_or_none(value: datetime | None) -> int | None:
    """`micros`, of a moment that may not be known."""
    return None if value is None else micros(value)


def moment_or_none(value: int | None) -> datetime | None:
    """`moment`, of a number that may not be there."""
    return None if value is None else moment(value)


def canonical_json(value: Any) -> str:
    """ASCII JSON with sorted keys: the same value always gives the same text."""
    plain = msgspec.to_builtins(value, str_keys=True)
    return json.dumps(plain, sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False)


def words(values: Iterable[str]) -> str:
    """A set of words as sorted JSON, "" for the empty set."""
    ordered = sorted(values)
    return json.dumps(ordered, separators=(",", ":")) if ordered else ""


def words_of(text: str) -> frozenset[str]:
    """The set that `words` wrote."""
    return frozenset(json.loads(text)) if text else frozenset()


def handle_text(handle: Handle | None) -> str | None:
    """A handle as JSON, None for none."""
    if handle is None:
        return None
    parts = [handle.source, handle.mailbox, handle.folder, handle.native_id, handle.version]
    return json.dumps(parts, separators=(",", ":"))


def handle_prefix(source: str, mailbox: str) -> str:
    """How the text of every handle in this mailbox begins."""
    return json.dumps([source, mailbox], separators=(",", ":"))[:-1] + ","


def handle_of(text: str | None) -> Handle | None:
    """The handle that `handle_text` wrote."""
    return None if text is None else Handle(*json.loads(text))


def trace_text(trace: Sequence[Step]) -> str:
    """A trace as JSON, "" for an empty one."""
    if not trace:
        return ""
    return json.dumps([[step.header, step.value] for step in trace], separators=(",", ":"))


def trace_of(text: str) -> tuple[Step, ...]:
    """The trace that `trace_text` wrote."""
    return tuple(Step(*step) for step in json.loads(text)) if text else ()
