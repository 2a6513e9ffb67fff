"""HTML bodies: the text a person sees and every link, in one walk over the tree."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from selectolax.lexbor import LexborDocumentOptions, LexborHTMLParser, SelectolaxError

from clawback.message.defect import Defect
from clawback.message.html_bounds import bound_markup
from clawback.message.html_walk import Found, Walk, walk
from clawback.message.link import Link, LinkLocation
from clawback.message.text_links import find_in_text
from clawback.message.url import make_link, normalise

MAX_MARKUP = 4 * 1024 * 1024  # characters
MAX_LINKS = 5_000
_MAX_DEPTH = 2  # of documents inside documents: srcdoc, data:text/html, comments


@dataclass(frozen=True, slots=True)
class HtmlReading:
    """What an HTML document says: `text` as seen, one line a block; `links` in order of appearance, each
    once; `images` the bytes of the pictures it carries in ``data:`` URLs; `defects` what was cut."""

    text: str
    links: tuple[Link, ...] = ()
    images: tuple[bytes, ...] = ()
    defects: tuple[Defect, ...] = ()


def read_html(markup: str, *, location: LinkLocation, part: str, container: str = "") -> HtmlReading:
    """Read the links and the visible text of `markup`; of more than 4 M characters, only the first.

    Links come from attributes, style sheets, scripts, meta refresh, the visible text, and from markup in
    comments, where Outlook looks (source ``comment``). Relative ones are resolved by ``<base>`` or dropped.
    """
    defects: list[Defect] = []
    if len(markup) > MAX_MARKUP:
        defects.append(Defect("html_cut", f"{len(markup)} characters"))
        markup = markup[:MAX_MARKUP]
    seen = _read(markup, defects, 0)
    text = _tidy(seen.text)
    links = _Links(location, part, container, _base(seen.base))
    links.add(seen.found)
    links.add_text(text, seen.found)
    if links.cut:
        defects.append(Defect("too_many_links", f"more than {MAX_LINKS}"))
    return HtmlReading(text, tuple(links.made), tuple(seen.images), tuple(dict.fromkeys(defects)))


def _read(markup: str, defects: list[Defect], depth: int) -> Walk:
    """Parse and walk one document and, to a small depth, those inside it."""
    bounded, bound_defects = bound_markup(markup)
    defects += bound_defects
    seen = Walk()
    try:
        document = LexborHTMLParser(_clean(bounded), options=LexborDocumentOptions.WO_EVENTS)
    except SelectolaxError:
        defects.append(Defect("html_unreadable"))
        return seen
    walk(document, seen)
    if seen.text_cut:
        defects.append(Defect("html_text_cut"))
    if depth < _MAX_DEPTH:
        for inner, shown in seen.documents:
            _merge(seen, _read(inner, defects, depth + 1), shown)
        if seen.comments:
            hidden = _read("\n".join(seen.comments), defects, _MAX_DEPTH)
            seen.found += [found._replace(source="comment") for found in hidden.found]
    return seen


def _clean(markup: str) -> str:
    if markup.isascii():
        return markup
    return markup.encode("utf-8", "replace").decode()  # the parser raises on lone surrogates


def _merge(outer: Walk, inner: Walk, shown: bool) -> None:
    if shown:
        outer.text += ("\n", *inner.text)
    outer.found += inner.found
    outer.images += inner.images


def _tidy(pieces: Iterable[str]) -> str:
    lines = (" ".join(line.split()) for line in "".join(pieces).split("\n"))
    return "\n".join(line for line in lines if line)


def _base(written: str) -> str:
    base = normalise(written) if written else None
    return base.url if base else ""


class _Links:
    """Links being made: each (URL, source, anchor text) once, at most `MAX_LINKS`."""

    def __init__(self, location: LinkLocation, part: str, container: str, base: str) -> None:
        self.made: list[Link] = []
        self.cut = False
        self._keys: set[tuple[str, str, str]] = set()
        self._options = (location, part, container)
        self._base = base

    def add(self, found: Iterable[Found]) -> None:
        """Add links written in markup."""
        for one in dict.fromkeys(found):
            self._add(one, self._base)

    def add_text(self, text: str, found: Iterable[Found]) -> None:
        """Add the URLs of the visible text, but not those that only name the anchor they stand in."""
        shown = "\n".join({one.text for one in found if one.text})
        known = {link.url for link in self.made}
        for written in _once(find_in_text(text, MAX_LINKS)):
            if written not in shown:
                self._add(Found(written, "text"), "", known)

    def _add(self, one: Found, base: str, known: frozenset[str] | set[str] = frozenset()) -> None:
        if len(self.made) >= MAX_LINKS:
            self.cut = True
            return
        location, part, container = self._options
        link = make_link(
            one.written, location=location, source=one.source, part=part, text=one.text,
            container=container, base=base,
        )  # fmt: skip
        if link is None or link.url in known:
            return
        key = (link.url, link.source, link.text)
        if key not in self._keys:
            self._keys.add(key)
            self.made.append(link)


def _once(items: Iterator[str]) -> Iterable[str]:
    return dict.fromkeys(items)
