"""Names of XML vocabularies, which look like links in office files and lead nobody anywhere."""

from __future__ import annotations

_NAMESPACES = (
    "http://schemas.openxmlformats.org/",
    "http://schemas.microsoft.com/",
    "https://schemas.microsoft.com/",
    "http://schemas.xmlsoap.org/",
    "http://purl.oclc.org/ooxml/",
    "http://purl.org/dc/",
    "http://www.w3.org/",
    "https://www.w3.org/",
    "http://ns.adobe.com/",
    "http://ns.useplus.org/",
    "http://iptc.org/std/",
    "http://docs.oasis-open.org/ns/",
    "http://openoffice.org/",
    "http://www.aiim.org/pdfa/ns/",
)


def is_namespace(url: str) -> bool:
    """Whether a URL found in a file is a vocabulary's name and no link."""
    return url.startswith(_NAMESPACES)
