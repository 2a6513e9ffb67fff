"""What is wrong with a mail, as data: a broken message is never an exception."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Defect:
    """One thing that is not as the RFCs say, or that a bound cut short.

    `code` is a stable word such as ``bad_base64`` or ``too_many_parts``; `detail` is for people;
    `offset` is the byte in the raw message where it was seen, if known.
    """

    code: str
    detail: str = ""
    offset: int | None = None
