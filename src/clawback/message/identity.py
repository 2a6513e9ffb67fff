"""What makes two copies the same message: the content, without the traces of their ways."""

from __future__ import annotations

import re

from clawback import ids
from clawback.message.bounds import MAX_SUBJECT
from clawback.message.headers import Head, unfold

MESSAGE_ID = re.compile(r"<[^<>\s]{1,998}>")
"""A message id with its brackets, wherever it stands in a header."""

# Everything else differs between recipients' copies (Received, Delivered-To, DKIM, ARC, X-...) or
# may be written by hosts on the way.
_CONTENT = (
    "from",
    "to",
    "cc",
    "subject",
    "date",
    "message-id",
    "content-type",
    "content-transfer-encoding",
    "content-disposition",
)


def message_id(head: Head, body: bytes) -> str:
    """The id (``msg-...``) of a message; line ends, folds and empty lines at the end do not count."""
    fields: dict[str, list[bytes]] = {}
    for field in head.fields:
        fields.setdefault(field.key, []).append(field.raw)
    lines = [
        key.encode() + b":" + b" ".join(unfold(raw).split())
        for key in _CONTENT
        for raw in fields.get(key, ())
    ]
    return ids.make("msg", b"\n".join(lines), _normalised(body))


def internet_message_id(head: Head) -> str:
    """The Message-ID with its angle brackets; what stands there instead if it has none."""
    written = head.text("message-id")
    found = MESSAGE_ID.search(written)
    return found[0] if found else written[:MAX_SUBJECT]


def _normalised(body: bytes) -> bytes:
    if b"\r" in body:
        body = body.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    return body.rstrip(b"\n")
