"""What the forms of pages send."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from litestar.params import QueryParameter

Word = Annotated[str, QueryParameter(max_length=8_000)]
Cursor = Annotated[str, QueryParameter(max_length=4_000)]


@dataclass(frozen=True, slots=True)
class NoteForm:
    """An order with a reason."""

    csrf: str
    note: str = ""
