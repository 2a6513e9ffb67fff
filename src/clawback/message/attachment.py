"""A file carried by a message, at any depth: attached, inline, in an archive, in a TNEF wrapper."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Attachment:
    """One file.

    `name` is the declared name ("" if none); `path` the way to it, MIME part path then member names
    joined with ``!/`` (``2!/invoice.zip!/run.exe``); `declared_type` the Content-Type in lower case;
    `true_type` what its bytes say ("" if unknown); `size` in bytes; `sha256` hex of the decoded bytes.
    `encrypted` is set when the contents cannot be read without a password. `inline` is set for parts
    shown inside the body. `content` holds the bytes while a message is being read and is dropped
    (``b""``) in what is stored.
    """

    name: str
    path: str
    declared_type: str
    true_type: str
    size: int
    sha256: str
    encrypted: bool = False
    inline: bool = False
    content: bytes = field(default=b"", repr=False, compare=False)
