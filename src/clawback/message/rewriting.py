"""Protective rewriting and open redirectors undone, as far as that can be done offline."""

from __future__ import annotations

from functools import cache

from clawback.message.rewriters import REWRITERS, Rewriter
from clawback.message.suffixes import registrable_domain
from clawback.message.whatwg import parse_web_url

MAX_DEPTH = 5
MAX_URL = 8_192


def unwrap(url: str) -> tuple[str, str]:
    """The URL inside a canonical rewritten `url`, and who rewrote it; ``(url, "")`` if nobody known did.

    Wrappers in wrappers are undone to a depth of five; their names are joined with ``+``, outermost
    first. The inner URL is as the wrapper holds it and still to be normalised.
    """
    names: list[str] = []
    for _ in range(MAX_DEPTH):
        inner, name = _unwrap_once(url)
        if not name or inner == url:
            break
        names.append(name)
        url = inner
    return url, "+".join(names)


def _unwrap_once(url: str) -> tuple[str, str]:
    parsed = parse_web_url(url)
    if parsed is None:
        return url, ""
    host = parsed.hostname
    for rewriter in _table().get(registrable_domain(host).partition(".")[0], ()):
        path = parsed.pathname
        if _host_matches(rewriter.host, host) and path.lower().startswith(rewriter.path):
            inner = _as_url(rewriter.undo(path, parsed.search[1:] + parsed.hash))
            if inner:
                return inner, rewriter.name
    return url, ""


@cache
def _table() -> dict[str, tuple[Rewriter, ...]]:
    """The rewriters by the first label of their registrable domain, so that most links cost one look-up."""
    table: dict[str, tuple[Rewriter, ...]] = {}
    for rewriter in REWRITERS:
        host = rewriter.host.lstrip(".").replace(".*", ".com")
        label = registrable_domain(host).partition(".")[0]
        table[label] = (*table.get(label, ()), rewriter)
    return table


def _host_matches(pattern: str, host: str) -> bool:
    if pattern.endswith(".*"):
        stem = pattern[:-1]
        return host.startswith(stem) and registrable_domain(host).startswith("google.")
    return host.endswith(pattern) if pattern.startswith(".") else host == pattern


def _as_url(inner: str) -> str:
    """`inner` if it can be a URL with a host, with the scheme a browser would add; else ""."""
    inner = inner.strip()
    if not inner or len(inner) > MAX_URL:
        return ""
    if inner.startswith("//"):
        inner = "https:" + inner
    elif "://" not in inner[:12] and "." in inner.split("/", 1)[0] and ":" not in inner.split("/", 1)[0]:
        inner = "http://" + inner
    return inner if parse_web_url(inner) else ""
