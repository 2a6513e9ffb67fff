"""Markup made safe for a parser that is quadratic in nesting and in attributes per tag.

A look over the markup, linear in its length, follows the tokenizer of the HTML standard (section 13.2.5)
and holds an upper bound of how deep the tree can be. Markup that goes too deep is flattened: every tag
becomes a void one with the same attributes, so that its links stay readable.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from clawback.message.defect import Defect
from clawback.message.html_nesting import Nesting

MAX_ATTRIBUTES = 256
MAX_ROOT_ATTRIBUTES = 4_096  # characters; every <body> and <html> adds to the attributes of the one element
MAX_NAMES = 4_096  # the parser's table of names has chains
_SMALL = 8_192  # characters; the worst markup of this size costs the parser milliseconds
_LARGE = 65_536  # characters; smaller markup cannot hold enough names to matter

_W = r" \t\n\r\f"
_VALUE = rf"\"[^\"]*+(?:\"|\Z)|'[^']*+(?:'|\Z)|[^{_W}>\"'][^{_W}>]*+|(?=>)"
_ATTRIBUTE = rf"[^{_W}/>][^{_W}/>=]*+(?:[{_W}]*+=[{_W}]*+(?:{_VALUE}))?+"
_TAG = re.compile(
    rf"<(?:(!--)|(/?+)([a-zA-Z][^{_W}/>]*+)((?:[{_W}/]++|{_ATTRIBUTE})*+)(?:>|\Z)|[!?/][^>]*+(?:>|\Z))"
)
_ATTRIBUTE_NAME = re.compile(rf"([^{_W}/>][^{_W}/>=]*+)(?:[{_W}]*+=[{_W}]*+(?:{_VALUE}))?+")
_ONE_ATTRIBUTE = re.compile(_ATTRIBUTE)
_COMMENT_END = re.compile(r"--!?>")
_LINK_ATTRIBUTE = re.compile(
    r"(?:xlink:|o:)?(?:href|src|srcset|srcdoc|action|formaction|background|data|style|content|http-equiv)[\s=]",
    re.IGNORECASE,
)

_RAW = ("script", "style", "xmp", "iframe", "noembed", "noframes", "textarea", "title")
_END_OF_RAW = {name: re.compile(rf"</{name}[{_W}/>]", re.IGNORECASE) for name in _RAW}
_START_TAG = re.compile(r"<[a-zA-Z]")
_ROOTS = frozenset({"body", "html"})
_KEPT_WHEN_FLAT = frozenset({"a", "meta", "base", "link", "img", "area", "input", "br", *_RAW})

Tag = tuple[int, int, bool, str, str]  # start, end, whether an end tag, name in lower case, attributes


def bound_markup(markup: str) -> tuple[str, tuple[Defect, ...]]:
    """`markup` itself if it may be parsed, else a tamer form with the same links, and what was wrong."""
    if len(markup) <= _SMALL:
        return markup, ()
    nesting = Nesting(foreign=_has_foreign(markup))
    long_tags: list[tuple[int, int, str]] = []
    names: set[str] = set()
    roots = 0
    for start, end, closing, name, attributes in _tags(markup, nesting):
        if closing:
            nesting.close(name)
            continue
        nesting.open(name, attributes)
        roots += len(attributes) if name in _ROOTS else 0
        if len(markup) > _LARGE:
            names.add(name)
            names.update(_ATTRIBUTE_NAME.findall(attributes))
        if nesting.too_deep or roots > MAX_ROOT_ATTRIBUTES or len(names) > MAX_NAMES:
            break
        if len(attributes) > 2 * MAX_ATTRIBUTES and (fewer := _fewer(attributes)) is not attributes:
            long_tags.append((start, end, f"<{name}{fewer}>"))
    if nesting.too_deep or roots > MAX_ROOT_ATTRIBUTES or len(names) > MAX_NAMES:
        return _flatten(markup, raw=not nesting.foreign), (Defect("html_too_deep", "tags flattened"),)
    if not long_tags:
        return markup, ()
    return _replaced(markup, long_tags), (Defect("html_too_many_attributes", f"{len(long_tags)} tags"),)


def _has_foreign(markup: str) -> bool:
    lowered = markup.lower()
    return "<svg" in lowered or "<math" in lowered


def _tags(markup: str, nesting: Nesting | None = None, raw: bool = True) -> Iterator[Tag]:
    """The tags that a browser would see, comments and (if `raw`) raw text left out."""
    position = 0
    search = _TAG.search
    while match := search(markup, position):
        comment, slash, name, attributes = match.groups()
        position = match.end()
        if comment:
            found = _COMMENT_END.search(markup, match.start() + 2)
            position = found.end() if found else len(markup)
        elif name:
            name = name.lower() if name.isascii() else name
            yield match.start(), position, bool(slash), name, attributes
            if raw and not slash and name in _END_OF_RAW:
                content = position
                found = _END_OF_RAW[name].search(markup, content)
                position = found.start() if found else len(markup)
                if nesting is not None and nesting.foreign:
                    # In SVG these are ordinary elements: count whatever may open inside them.
                    nesting.floor += len(_START_TAG.findall(markup, content, position))


def _fewer(attributes: str) -> str:
    """The first 256 attributes and those further ones that may carry a link; the same object if few."""
    every = _ONE_ATTRIBUTE.findall(attributes)
    if len(every) <= MAX_ATTRIBUTES:
        return attributes
    links = [one for one in every[MAX_ATTRIBUTES:] if _LINK_ATTRIBUTE.match(one)]
    return " " + " ".join(every[:MAX_ATTRIBUTES] + links[:MAX_ATTRIBUTES])


def _replaced(markup: str, replacements: Iterable[tuple[int, int, str]]) -> str:
    pieces: list[str] = []
    position = 0
    for start, end, new in replacements:
        pieces += (markup[position:start], new)
        position = end
    return "".join((*pieces, markup[position:]))


def _flatten(markup: str, raw: bool) -> str:
    """Void tags only, and anchors; without `raw` what is raw text in HTML is taken for markup, as in SVG."""
    kept = _KEPT_WHEN_FLAT if raw else _KEPT_WHEN_FLAT - _END_OF_RAW.keys()
    return _replaced(markup, ((tag[0], tag[1], _flat(tag, kept)) for tag in _tags(markup, raw=raw)))


def _flat(tag: Tag, kept: frozenset[str]) -> str:
    _, _, closing, name, attributes = tag
    if closing:
        return f"</{name}>" if name in kept else "\n"
    links = [one for one in _ONE_ATTRIBUTE.findall(attributes) if _LINK_ATTRIBUTE.match(one)]
    return f"<{name if name in kept else 'embed'} {' '.join(links[:MAX_ATTRIBUTES])}>"
