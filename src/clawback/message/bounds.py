"""How much of a hostile message is read. Every cut leaves a `Defect`; sizes are in bytes."""

from __future__ import annotations

MAX_MESSAGE = 150 * 1024 * 1024
"""The largest message Exchange Online can be told to take."""

MAX_HEAD = 1024 * 1024
"""One header block; Exim's `header_maxsize`."""

MAX_FIELD = 102_400
"""One header field; Postfix's `header_size_limit`."""

MAX_FIELDS = 2_000
"""Fields of one header block; twice sendmail's `MaxHeaderLines`."""

MAX_VALUE = 16_384
"""Characters of a decoded header value: ARC sets and address lists fit, floods do not."""

MAX_SUBJECT = 998
"""Characters of a subject; the longest line of RFC 5322 section 2.1.1."""

MAX_NAME = 255
"""Characters of a file name; the longest name that file systems take."""

MAX_PARAMETERS = 500
"""Parameters of one header, RFC 2231 continuations counted one by one."""

MAX_ADDRESSES = 1_000
"""Addresses of one header; Exchange Online takes 1,000 recipients a message by default at most."""

MAX_PARTS = 1_000
"""Parts of one message, multiparts counted; real mail has fewer than 200."""

MAX_DEPTH = 100
"""Multiparts inside multiparts; Dovecot's limit of nested parts."""

MAX_NESTED_DEPTH = 10
"""Messages inside messages inside messages."""

MAX_NESTED_MESSAGES = 100
"""Attached messages that are read, over all depths."""

MAX_TEXT = 8 * 1024 * 1024
"""One text or HTML body, before decoding its charset. Gmail shows 102 kB, Outlook some megabytes."""

MAX_LINKS = 5_000
"""Links kept of one message."""

MAX_DEFECTS = 200
"""Defects kept of one message."""

MAX_DEFECTS_OF_A_CODE = 20
"""Defects with one code, so that a flood of one hides no other."""
