"""What the forms of pages send."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated, TypeVar

from litestar.params import QueryParameter

from clawback.errors import BadParameter

Word = Annotated[str, QueryParameter(max_length=8_000)]
Cursor = Annotated[str, QueryParameter(max_length=4_000)]


@dataclass(frozen=True, slots=True)
class NoteForm:
    """An order with a reason."""

    csrf: str
    note: str = ""


Choice = TypeVar("Choice", bound=StrEnum)


def moment_of(text: str) -> datetime | None:
    """The date or time in a form's field, in UTC unless it says otherwise; None for an empty one."""
    if not text:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise BadParameter(f"{text!r:.40} is no date such as 2026-11-24") from None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def one_of(known: type[Choice], text: str) -> Choice | None:
    """What was chosen of a list, None for nothing. Raises BadParameter for what is not on it."""
    if not text:
        return None
    try:
        return known(text)
    except ValueError:
        raise BadParameter(f"{text!r:.40} is not among the choices") from None
