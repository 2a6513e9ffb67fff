"""Answers: JSON of our nouns whatever characters their texts hold, pages, and tags of versions."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Annotated, Any, Generic, Literal, TypeVar

import msgspec
from litestar import Response
from litestar.enums import MediaType
from litestar.params import QueryParameter

from clawback.errors import ChangedMeanwhile
from clawback.ids import digest

T = TypeVar("T")
MOST = 1_000
"""Entries on a page at most."""

Limit = Annotated[int, QueryParameter(ge=1, le=MOST, description="Entries on the page.")]
Cursor = Annotated[
    str, QueryParameter(max_length=4_000, description="Where the page before ended: its `next`.")
]


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """One page of a listing; `next` is the cursor of the one behind it, "" at the end."""

    items: tuple[T, ...]
    next: str


def encoded(value: object) -> bytes:
    """JSON; sets are sorted. A lone surrogate, which a hostile name may hold, reads as a question mark."""
    order: Literal["deterministic"] | None = None if isinstance(value, dict) else "deterministic"
    try:
        return msgspec.json.encode(value, order=order)
    except UnicodeEncodeError:
        text = json.dumps(msgspec.to_builtins(value), ensure_ascii=False)
        return text.encode("utf-8", "replace")


class Answer(Response[T]):
    """The answer of every handler."""

    def render(self, content: Any, media_type: str, enc_hook: Any = None) -> bytes:
        """The bytes of the answer."""
        if isinstance(content, str | bytes) or "json" not in media_type:
            return super().render(content, media_type, enc_hook)
        return encoded(content)


def as_json(content: bytes, status: int, headers: dict[str, str] | None = None) -> Answer[Any]:
    """An answer that is JSON already."""
    return Answer(content, status_code=status, media_type=MediaType.JSON, headers=headers)


def tag_of(value: object) -> str:
    """The ETag of a value: another one as soon as anything in it is different."""
    plain = msgspec.to_builtins(value, order="deterministic")
    return f'"{digest(json.dumps(plain, sort_keys=True))[:32]}"'


def check_tag(if_match: str, value: object) -> None:
    """Raise ChangedMeanwhile unless the tag that was sent is the value's."""
    sent = {tag.strip().removeprefix("W/") for tag in if_match.split(",")}
    if "*" not in sent and tag_of(value) not in sent:
        raise ChangedMeanwhile("somebody else changed it since you looked at it")
