"""A link found in a message: where it stood, what it is, and what it was before rewriting."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class LinkLocation(StrEnum):
    """Where a link stood; the values of Defender's UrlLocation are made of these at the border."""

    BODY = "body"
    HEADER = "header"
    SUBJECT = "subject"
    ATTACHMENT = "attachment"
    QR_CODE = "qr_code"


@dataclass(frozen=True, slots=True)
class Link:
    """One link.

    `url` is the canonical form (WHATWG URL standard) of where the link really leads, protective
    rewriting undone. `written` is the text as it stood in the message (cut to 2,048 characters).
    `wrapped` is the canonical form of the rewritten link when `rewritten_by` names a rewriter, else "".
    `host` is lower-case punycode; `domain` the registrable domain (public suffix list), "" for an IP.
    `location` and `part` (MIME path such as ``1.2``, "" for the top header) say where; `source` says
    how: ``text``, ``a.href``, ``form.action``, ``css.url``, ``meta.refresh``, ``qr``, ``pdf.uri`` ...
    `text` is the anchor text a person sees (cut to 200 characters).
    `container` is the name of the attachment it stood in, "" for none.
    """

    url: str
    written: str
    location: LinkLocation
    source: str
    host: str
    domain: str
    part: str = ""
    text: str = ""
    wrapped: str = ""
    rewritten_by: str = ""
    container: str = ""
