"""Nested messages: mail attached to mail, by which a forward is known again."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Nested:
    """A message attached to another one: `path` says where (``2``, ``2!/original.eml``).

    `id` is the one that the message has by itself, so it equals that of a copy which was delivered, as
    long as nobody wrote its content anew.
    """

    id: str
    internet_message_id: str
    sender: str
    subject: str
    path: str
