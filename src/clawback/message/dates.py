"""Dates of mail (RFC 5322 section 3.3 and 4.3), and the other ways in which mail writes them."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone

_LONGEST = 200
_MONTHS = {
    "jan": 1,
    "feb": 2,
    "mar": 3,
    "apr": 4,
    "may": 5,
    "jun": 6,
    "jul": 7,
    "aug": 8,
    "sep": 9,
    "oct": 10,
    "nov": 11,
    "dec": 12,
}
# RFC 5322 section 4.3; other letters mean nothing certain and count as UTC.
_ZONES = {"est": -5, "edt": -4, "cst": -6, "cdt": -5, "mst": -7, "mdt": -6, "pst": -8, "pdt": -7}
_CLOCK = re.compile(r"(\d{1,2})[:.](\d{1,2})(?:[:.](\d{1,2}))?(?:[.,]\d{1,9})?")
_OFFSET = re.compile(r"(?:GMT|UTC|UT)?([+-])(\d{1,2}):?(\d{2})")
_ISO = re.compile(
    r"(\d{4})-(\d{1,2})-(\d{1,2})[T ]\s?(\d{1,2}:\d{2}(?::\d{2})?)(?:\.\d{1,9})?\s?(Z|[+-]\d{2}:?\d{2})?"
)
_DASHED = re.compile(r"(\d)-([A-Za-z]{3,9})-(\d)")
_COMMENT = re.compile(r"\([^()]{0,100}\)")
_WORD = re.compile(r"[^\s,]{1,60}")


def read_date(text: str) -> datetime | None:
    """The moment in UTC, or None if nobody can tell. A missing zone counts as UTC."""
    cut = text[:_LONGEST]
    while (without := _COMMENT.sub(" ", cut)) != cut:
        cut = without
    try:
        if found := _ISO.match(cut.strip()):
            year, month, day = int(found[1]), int(found[2]), int(found[3])
            return _moment(year, month, day, found[4], found[5] or "")
        return _from_words(_WORD.findall(_DASHED.sub(r"\1 \2 \3", cut)))
    except (ValueError, OverflowError):
        return None


def _from_words(words: list[str]) -> datetime | None:
    day = month = year = 0
    clock = zone = ""
    for word in words:
        start = word[:3].lower()
        if not clock and _CLOCK.fullmatch(word):
            clock = word
        elif not month and start in _MONTHS and word.rstrip(".").isalpha():
            month = _MONTHS[start]
        elif word.isascii() and word.isdecimal() and len(word) <= 4:
            if not day and len(word) <= 2:
                day = int(word)
            elif not year:
                year = _full_year(word)
        elif clock and not zone and (start in _ZONES or _OFFSET.fullmatch(word.upper())):
            zone = word
    return _moment(year, month, day, clock, zone) if day and month and year and clock else None


def _full_year(written: str) -> int:
    """RFC 5322 section 4.3: two digits below 50 are of this century, three count from 1900."""
    year = int(written)
    if len(written) == 2 and year < 50:
        return 2000 + year
    return 1900 + year if len(written) <= 3 else year


def _moment(year: int, month: int, day: int, clock: str, zone: str) -> datetime | None:
    found = _CLOCK.fullmatch(clock)
    if found is None:
        return None
    # A leap second is the last one that Python's clock knows.
    second = min(int(found[3] or 0), 59)
    local = datetime(year, month, day, int(found[1]), int(found[2]), second, tzinfo=_zone(zone))
    return local.astimezone(UTC)


def _zone(written: str) -> timezone:
    if found := _OFFSET.fullmatch(written.upper()):
        minutes = int(found[2]) * 60 + int(found[3])
        if minutes >= 24 * 60:
            return UTC
        return timezone(timedelta(minutes=-minutes if found[1] == "-" else minutes))
    return timezone(timedelta(hours=_ZONES.get(written[:3].lower(), 0)))
