"""URLs in plain text, found the way mail programs make them clickable, in linear time."""

from __future__ import annotations

import re
from collections.abc import Iterator

from clawback.message.suffixes import has_known_suffix

MAX_URL = 8_192
_SPACES = "\\s\u00ad\u180e\u200b-\u200f\u2028-\u202f\u2060\ufeff"
_ENDS = re.compile(f'[\\x00-\\x20\\x7f{_SPACES}<>"`\\\\^{{}}|“”„«»‹›。，、！？；：（）《》【】「」『』…]')
_HOST_CHARS = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.")
_HOST = re.compile(r"[A-Za-z0-9_\-.]{1,254}+")
_TRAILING = ".,;:!?'*~_"
_PAIRS = {")": "(", "]": "["}
_WRAPPED = re.compile(r"[ \t]*\r?\n[ \t]*")

# Without a path, a bare name is taken for a host only below these: other suffixes are file endings
# (.zip, .md, .py) or words with a missing space ("end.So") too often. Those that are words themselves
# ("sign.in", "Hello.Click") need a third label.
_WELL_KNOWN_SUFFIXES = (
    "com net org edu gov mil info biz io co xyz icu cc tv ru su cn de uk fr nl br jp au ca eu ch pl cz es pt "
    "se fi dk ie kr mx ar za tr ua gr hu ro il ir vn th sg hk tw nz"
)
_WORD_SUFFIXES = (
    "app dev online site top shop club page link click live store tech cloud space website vip at be in id "
    "is it me my no to us"
)
_WELL_KNOWN = frozenset(_WELL_KNOWN_SUFFIXES.split())
_WORDS = frozenset(_WORD_SUFFIXES.split())


def find_in_text(text: str, limit: int) -> Iterator[str]:
    """The URLs in `text` as they are written, in order, at most `limit`.

    ``https://...`` and the like, ``www.example.com/x``, ``example.com/x`` below a known public suffix, and
    ``example.com`` below a common one. Trailing punctuation and unbalanced brackets stay outside; a URL in
    angle brackets that is broken over lines is joined (RFC 3986 appendix C).
    """
    for count, (_, _, url) in enumerate(_find(text, bare="." in text)):
        if count >= limit:
            return
        yield url


def find_absolute(text: str, limit: int) -> Iterator[str]:
    """Only the URLs in `text` that name their scheme: for scripts, where ``a.b`` is no host."""
    for count, (_, _, url) in enumerate(_find(text, bare=False)):
        if count >= limit:
            return
        yield url


def _find(text: str, bare: bool) -> Iterator[tuple[int, int, str]]:
    """(start, end, url), walking from one mark (``://`` or a dot in a word) to the next."""
    position = 0
    mark = text.find("://")
    while mark >= 0:
        start = _scheme_start(text, mark, position)
        found = _absolute_at(text, start) if start >= 0 else None
        if bare:
            yield from _find_bare(text, position, start if found else mark)
        position = found[1] if found else mark + 3
        if found:
            yield found
        mark = text.find("://", position)
    if bare:
        yield from _find_bare(text, position, len(text))


def _scheme_start(text: str, mark: int, floor: int) -> int:
    before = text[max(floor, mark - 5) : mark].lower()
    for scheme in ("https", "http", "ftp"):
        if before.endswith(scheme):
            return mark - len(scheme)
    return -1


def _absolute_at(text: str, start: int) -> tuple[int, int, str] | None:
    if (start and text[start - 1] == "<") or text[max(0, start - 5) : start].upper() == "<URL:":
        wrapped = _wrapped_at(text, start)
        if wrapped:
            return wrapped
    end = _end(text, start, start + MAX_URL)
    if start and text[start - 1] == "'":  # quoted, in prose or in a script
        closing = text.find("'", start, end)
        end = closing if closing >= 0 else end
    end = _trim(text, start, end)
    host_at = text.find("://", start) + 3
    return (start, end, text[start:end]) if end > host_at else None


def _wrapped_at(text: str, start: int) -> tuple[int, int, str] | None:
    """``<http://a/b\\nc>``: the whole of it, if nothing but the URL and line breaks stands inside."""
    end = text.find(">", start, start + MAX_URL)
    if end < 0 or "\n" not in text[start:end]:
        return None
    joined = _WRAPPED.sub("", text[start:end])
    return None if _ENDS.search(joined) else (start, end, joined)


def _end(text: str, start: int, ceiling: int) -> int:
    stop = _ENDS.search(text, start, ceiling)
    return stop.start() if stop else min(len(text), ceiling)


def _trim(text: str, start: int, end: int) -> int:
    """Leave out what belongs to the sentence: punctuation at the end, brackets opened before the URL."""
    surplus: dict[str, int] = {}
    while end > start:
        last = text[end - 1]
        opening = _PAIRS.get(last)
        if opening is None and last not in _TRAILING:
            break
        if opening is not None:
            if last not in surplus:
                surplus[last] = text.count(last, start, end) - text.count(opening, start, end)
            if surplus[last] <= 0:
                break
            surplus[last] -= 1
        end -= 1
    return end


def _find_bare(text: str, start: int, stop: int) -> Iterator[tuple[int, int, str]]:
    dot = text.find(".", start, stop)
    while dot >= 0:
        found, after = _bare_at(text, dot, start, stop)
        if found:
            yield found
        start = after
        dot = text.find(".", start, stop)


def _bare_at(text: str, dot: int, floor: int, stop: int) -> tuple[tuple[int, int, str] | None, int]:
    """The bare URL around `dot`, if there is one, and where to look on."""
    if dot + 1 >= stop or dot == floor or not (text[dot + 1].isalnum() and text[dot - 1].isalnum()):
        return None, dot + 1
    first = dot
    lowest = max(floor, dot - 253)
    while first > lowest and text[first - 1] in _HOST_CHARS:
        first -= 1
    match = _HOST.match(text, first, stop)
    after = match.end() if match else dot + 1
    host = text[first:after].rstrip(".-_")
    if (first and text[first - 1] in "@/=&%") or text[after : after + 1] == "@" or not host:
        return None, after
    return _bare_url(text, first, first + len(host), stop, after)


def _bare_url(
    text: str, first: int, host_end: int, stop: int, after: int
) -> tuple[tuple[int, int, str] | None, int]:
    host = text[first:host_end].lower()
    has_path = host_end == after and text[host_end : host_end + 1] in {"/", "?", ":", "#"}
    end = _trim(text, first, _end(text, host_end, min(stop, first + MAX_URL))) if has_path else host_end
    if "@" in text[host_end:end].split("/", 1)[0] or not _is_host(host, end > host_end + 1):
        return None, after
    return (first, end, text[first:end]), max(end, after)


def _is_host(host: str, with_path: bool) -> bool:
    if host.startswith("www.") and host.count(".") > 1:
        return has_known_suffix(host[4:])
    suffix = host.rpartition(".")[2]
    known = suffix in _WELL_KNOWN or (suffix in _WORDS and host.count(".") > 1)
    return (with_path or known) and not suffix.isdigit() and has_known_suffix(host)
