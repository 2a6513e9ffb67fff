"""Lists: the text of a feed or of a person's file, read into indicators."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from ipaddress import ip_address

from clawback.analysis.columns import KINDS, Columns, header
from clawback.analysis.domains import canonical_ip
from clawback.analysis.indicators import (
    Indicator,
    IndicatorKind,
    Match,
    Threat,
    VerdictKind,
    guess_kind,
    indicator,
)
from clawback.errors import BadIndicator
from clawback.message.defect import Defect

MAX_LINE = 32_768

_COMMENTS = ("#", ";", "!", "//")
# What every hosts file starts with; nobody means to list these.
_LOCAL = frozenset({"localhost", "localhost.localdomain", "local", "broadcasthost"})
_VERDICTS = {
    "allow": VerdictKind.NO_THREATS_FOUND,
    "block": VerdictKind.MALICIOUS,
    "blockandremediate": VerdictKind.MALICIOUS,
    "warn": VerdictKind.SUSPICIOUS,
    "alert": VerdictKind.SUSPICIOUS,
}


@dataclass(frozen=True, slots=True)
class Terms:
    """What holds for every entry of a list that does not say otherwise itself.

    `kind` None guesses it line by line. `match` counts for URLs only.
    """

    added_at: datetime
    source: str
    kind: IndicatorKind | None = None
    match: Match = Match.EXACT
    verdict: VerdictKind = VerdictKind.MALICIOUS
    threat: Threat | None = None
    confidence: int = 100
    expires_at: datetime | None = None


def read_list(
    text: str,
    *,
    added_at: datetime,
    kind: IndicatorKind | None = None,
    source: str = "list",
    match: Match = Match.EXACT,
    verdict: VerdictKind = VerdictKind.MALICIOUS,
    threat: Threat | None = None,
    confidence: int = 100,
    expires_at: datetime | None = None,
) -> tuple[tuple[Indicator, ...], tuple[Defect, ...]]:
    """Every indicator of a list, each once, and a defect with its line number for every line that is none."""
    terms = Terms(added_at, source, kind, match, verdict, threat, confidence, expires_at)
    found: dict[str, Indicator] = {}
    defects: list[Defect] = []
    for entry in read_lines(io.StringIO(text, newline=None), terms):
        if isinstance(entry, Defect):
            defects.append(entry)
        else:
            found.setdefault(entry.id, entry)
    return tuple(found.values()), tuple(defects)


def read_lines(lines: Iterable[str], terms: Terms) -> Iterator[Indicator | Defect]:
    """The entries of a list as its lines come, one line in memory at a time; repeated ones repeat.

    Read are: one value a line; hosts files (``0.0.0.0 evil.test``, kind host); and CSV with commas,
    semicolons or tabs, whose header names a value column (``value``, ``indicator``, ``ioc``, or a kind
    such as ``url``) and perhaps ``kind``, ``match``, ``verdict``, ``threat``, ``confidence``,
    ``expires_at``, ``note``. The header may stand in a comment. Comments start with ``#``, ``;``, ``!``
    or ``//``, or after a value with a space and ``#``. Values may be defanged. A threat we have no word
    for takes the usual one of the kind; a verdict we have no word for is a defect.
    """
    columns: Columns | None = None
    started = False
    for number, raw in enumerate(lines, 1):
        line = raw.strip().removeprefix("\ufeff").strip()
        if not line:
            continue
        if line.startswith(_COMMENTS):
            columns = columns if started else header(line.lstrip("#;!/ ")) or columns
            continue
        if not started:
            started, announced = True, header(line)
            if announced:
                columns = announced
                continue
        yield from _entries(line, number, columns, terms)


def _entries(line: str, number: int, columns: Columns | None, terms: Terms) -> Iterator[Indicator | Defect]:
    if len(line) > MAX_LINE:
        yield _defect(number, f"The line has {len(line):,} characters; at most {MAX_LINE:,} are read.")
    elif columns:
        yield _or_defect(number, lambda: _row(columns, line, terms))
    else:
        for kind, value in _values(line, terms):
            yield _or_defect(number, partial(_plain, kind, value, terms))


def _or_defect(number: int, make: Callable[[], Indicator]) -> Indicator | Defect:
    try:
        return make()
    except BadIndicator as error:
        return _defect(number, str(error))


def _defect(number: int, sentence: str) -> Defect:
    return Defect("bad_indicator", f"line {number}: {sentence}")


def _values(line: str, terms: Terms) -> Iterator[tuple[IndicatorKind | None, str]]:
    words = line.partition(" #")[0].split()
    if len(words) < 2 or not _is_sink(words[0]):
        yield terms.kind, " ".join(words)
        return
    kind = IndicatorKind.DOMAIN if terms.kind is IndicatorKind.DOMAIN else IndicatorKind.HOST
    for word in words[1:]:
        if word.lower() not in _LOCAL and not word.startswith("ip6-") and not _is_sink(word):
            yield kind, word


def _is_sink(text: str) -> bool:
    """Whether a hosts file means "nowhere" by this address: the unspecified one or this machine."""
    ip = canonical_ip(text)
    return bool(ip) and (ip_address(ip).is_unspecified or ip_address(ip).is_loopback)


def _plain(kind: IndicatorKind | None, value: str, terms: Terms) -> Indicator:
    return _made(value, kind or guess_kind(value), terms)


def _made(value: str, kind: IndicatorKind, terms: Terms) -> Indicator:
    return indicator(
        kind,
        value,
        match=terms.match if kind is IndicatorKind.URL else Match.EXACT,
        verdict=terms.verdict,
        threat=terms.threat,
        source=terms.source,
        confidence=terms.confidence,
        added_at=terms.added_at,
        expires_at=terms.expires_at,
    )


def _row(columns: Columns, line: str, terms: Terms) -> Indicator:
    row = columns.row(line)
    if not row["value"]:
        raise BadIndicator("The row has no value.")
    kind = _kind(row, columns, terms)
    match = _match(row.get("match", ""), terms) if kind is IndicatorKind.URL else Match.EXACT
    return indicator(
        kind,
        row["value"],
        match=match,
        verdict=_verdict(row.get("verdict", ""), terms),
        threat=_threat(row.get("threat", ""), terms),
        source=terms.source,
        confidence=_confidence(row.get("confidence", ""), terms),
        added_at=terms.added_at,
        expires_at=_expires_at(row.get("expires_at", ""), terms),
        note=row.get("note", "")[:1000],
    )


def _kind(row: dict[str, str], columns: Columns, terms: Terms) -> IndicatorKind:
    if word := row.get("kind"):
        kind = KINDS.get(word.lower().replace("-", "_").replace(" ", "_"))
        if kind is None:
            raise BadIndicator(f"{word!r:.80} is no kind of indicator that is read.")
        return kind
    return terms.kind or columns.kind or guess_kind(row["value"])


def _match(word: str, terms: Terms) -> Match:
    if not word:
        return terms.match
    if word.lower() not in list(Match):
        raise BadIndicator(f"{word!r:.80} is no way to match: exact or prefix.")
    return Match(word.lower())


def _verdict(word: str, terms: Terms) -> VerdictKind:
    if not word:
        return terms.verdict
    plain = word.lower().replace(" ", "_")
    if plain in list(VerdictKind):
        return VerdictKind(plain)
    if plain not in _VERDICTS:
        raise BadIndicator(f"{word!r:.80} is no verdict.")
    return _VERDICTS[plain]


def _threat(word: str, terms: Terms) -> Threat | None:
    plain = word.lower().replace(" ", "_")
    return Threat(plain) if plain in list(Threat) else terms.threat


def _confidence(word: str, terms: Terms) -> int:
    if not word:
        return terms.confidence
    if not (word.isascii() and word.isdigit() and len(word) < 4):
        raise BadIndicator(f"The confidence must be a whole number from 0 to 100, not {word!r:.80}.")
    return int(word)


def _expires_at(word: str, terms: Terms) -> datetime | None:
    if not word:
        return terms.expires_at
    try:
        time = datetime.fromisoformat(word)
    except ValueError:
        raise BadIndicator(f"{word!r:.80} is no date like 2026-11-30 or 2026-11-30T12:00:00Z.") from None
    return time if time.tzinfo else time.replace(tzinfo=UTC)
