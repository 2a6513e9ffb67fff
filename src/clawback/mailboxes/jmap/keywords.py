"""Flags and keywords: JMAP has one kind, written small (RFC 8621, section 4.1.1)."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping

_SYSTEM = {"$seen": "\\Seen", "$flagged": "\\Flagged", "$answered": "\\Answered", "$draft": "\\Draft"}
# As IANA registers them: other connectors and people know them so.
_REGISTERED = {
    name.lower(): name
    for name in ("$Forwarded", "$MDNSent", "$Junk", "$NotJunk", "$Phishing", "$SubmitPending", "$Submitted")
}
_FLAGS = _SYSTEM | _REGISTERED
_KEYWORDS = {flag.lower(): keyword for keyword, flag in _SYSTEM.items()}
_KEYWORD = re.compile(r"[!#-$&-'+-\[^-z|}~]{1,255}")


def flags_of(keywords: Mapping[str, bool]) -> frozenset[str]:
    """The flags, as IMAP writes them, of a message's keywords."""
    return frozenset(_FLAGS.get(word.lower(), word) for word, there in keywords.items() if there)


def keywords_of(flags: Collection[str]) -> dict[str, bool]:
    """The keywords for flags; what JMAP cannot express (``\\Recent``, ``\\Deleted``) is left out."""
    words = (_KEYWORDS.get(flag.lower(), flag.lower()) for flag in flags)
    return {word: True for word in words if _KEYWORD.fullmatch(word)}
