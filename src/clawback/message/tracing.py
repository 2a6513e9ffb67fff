"""Reading the trace of one copy from its header."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import islice

from clawback.message.address import read_addresses
from clawback.message.headers import Field, Head
from clawback.message.received import Hop
from clawback.message.trace import DELIVERED, SENT_ON, Step

MAX_STEPS = 20
_LONGEST = 320
_LIST = "list-id"
_IN_BRACKETS = re.compile(r"<([^<>]{1,320})>")


def read_trace(head: Head, hops: Sequence[Hop]) -> tuple[Step, ...]:
    """The steps of a copy, newest first, each once, at most 20. `hops` are those of the same head."""
    return tuple(islice(dict.fromkeys(_steps(head, iter(hops))), MAX_STEPS))


def _steps(head: Head, hops: Iterator[Hop]) -> Iterator[Step]:
    for field in head.fields:
        if field.key == "received":
            recipient = next(hops, Hop()).recipient.lower()
            if "@" in recipient:
                yield Step(field.key, recipient[:_LONGEST])
        elif field.key in DELIVERED or field.key in SENT_ON:
            addresses = (one.address.lower() for one in read_addresses(field.text))
            yield from (Step(field.key, a[:_LONGEST]) for a in islice(addresses, MAX_STEPS) if "@" in a)
        elif field.key == _LIST and (written := _list_id(field)):
            yield Step(field.key, written)


def _list_id(field: Field) -> str:
    """The identifier of RFC 2919: what stands in the last brackets, else the whole value."""
    found = _IN_BRACKETS.findall(field.text[: 10 * _LONGEST])
    return (found[-1] if found else field.text).strip("<> \t").lower()[:_LONGEST]
