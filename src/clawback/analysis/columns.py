"""Columns: the header of a CSV list of indicators, and its rows by the names we know them by."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from dataclasses import dataclass

from clawback.analysis.kinds import IndicatorKind

DELIMITERS = (",", ";", "\t")
MAX_COLUMNS = 200

KINDS: Mapping[str, IndicatorKind] = {
    **dict.fromkeys(("url", "uri", "link"), IndicatorKind.URL),
    **dict.fromkeys(("host", "hostname", "fqdn"), IndicatorKind.HOST),
    **dict.fromkeys(("domain", "domainname", "domain_name"), IndicatorKind.DOMAIN),
    **dict.fromkeys(("sender", "email", "emailaddress", "email_src", "from"), IndicatorKind.SENDER),
    **dict.fromkeys(("ip", "ipaddress", "ip_address", "ipv4", "ipv6", "ip_dst", "ip_src"), IndicatorKind.IP),
    **dict.fromkeys(("sha256", "filesha256", "sha256_hash", "sha_256"), IndicatorKind.SHA256),
}
"""Words for a kind in a kind column, or as the name of the column that holds the value."""

_MEANINGS = {
    **dict.fromkeys(("kind", "type", "indicatortype", "indicator_type", "ioc_type"), "kind"),
    **dict.fromkeys(("value", "indicator", "indicatorvalue", "indicator_value", "ioc", "ioc_value"), "value"),
    **dict.fromkeys(("expires_at", "expires", "expiry", "expirationtime", "valid_until"), "expires_at"),
    **dict.fromkeys(("note", "comment", "description"), "note"),
    **dict.fromkeys(("verdict", "action"), "verdict"),
    **{name: name for name in ("match", "threat", "confidence")},
}


@dataclass(frozen=True, slots=True)
class Columns:
    """How to read the rows below a header: the delimiter, what each column means ("" if nothing to us),
    and the kind that the name of the value's column implies."""

    delimiter: str
    meanings: tuple[str, ...]
    kind: IndicatorKind | None

    def row(self, line: str) -> dict[str, str]:
        """The fields of one line by meaning, empty ones left out; a missing value is ""."""
        fields = zip(self.meanings, split(line, self.delimiter), strict=False)
        return {"value": ""} | {meaning: text for meaning, text in fields if meaning and text}


def split(line: str, delimiter: str) -> list[str]:
    """One line's fields, quotes removed; a quote never reaches into the next line."""
    try:
        rows = list(csv.reader([line], delimiter=delimiter, skipinitialspace=True))
    except csv.Error:
        return []
    return [field.strip() for field in rows[0][:MAX_COLUMNS]] if rows else []


def header(line: str) -> Columns | None:
    """The columns a line announces, None when it is no header.

    A header has two fields or more, one of them a name for values (``value``, ``indicator``, ``ioc``) or
    a kind (``url``, ``sha256``), and nothing in it that looks like a value itself.
    """
    for delimiter in DELIMITERS:
        names = [_plain(name) for name in split(line, delimiter)]
        if len(names) > 1 and (found := _columns(names, delimiter)):
            return found
    return None


def _columns(names: list[str], delimiter: str) -> Columns | None:
    if any("." in name or ":" in name or "/" in name for name in names):
        return None
    meanings = [_MEANINGS.get(name, "") for name in names]
    if "value" in meanings:
        return Columns(delimiter, tuple(meanings), None)
    for number, name in enumerate(names):
        if kind := KINDS.get(name):
            meanings[number] = "value"
            return Columns(delimiter, tuple(meanings), kind)
    return None


def _plain(name: str) -> str:
    return name.strip().strip('"').lower().replace(" ", "_").replace("-", "_")
