"""Authentication-Results of the trusted hop (RFC 8601), with Defender's words kept at the border."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Authentication:
    """What the organisation's own border said about the sender.

    Each result is the lower-case RFC 8601 word (``pass``, ``fail``, ``softfail`` ...) or "" when the
    trusted hop said nothing. `dkim_domain` and `spf_domain` are the domains that were checked.
    `authserv_id` names who said it; "" means that no trusted hop was found.
    """

    authserv_id: str = ""
    spf: str = ""
    dkim: str = ""
    dmarc: str = ""
    composite: str = ""
    arc: str = ""
    spf_domain: str = ""
    dkim_domain: str = ""
