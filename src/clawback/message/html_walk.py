"""One walk over a parsed HTML document: the visible text, and where links are written."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import NamedTuple

from selectolax.lexbor import LexborHTMLParser, LexborNode

from clawback.message.css_links import find_in_css
from clawback.message.html_attributes import (
    NESTED_ATTRIBUTES,
    SET_ATTRIBUTES,
    URL_ATTRIBUTES,
    read_data_url,
    read_refresh,
    read_srcset,
    source_of,
)
from clawback.message.text_links import find_absolute

MAX_FOUND = 20_000
MAX_TEXT = 1024 * 1024  # characters
MAX_IMAGES = 32
MAX_DOCUMENTS = 16
_MAX_DATA = 8 * 1024 * 1024  # characters of data: URLs read in all
_MAX_ANCHOR_NODES = 64
_MAX_ANCHOR_TEXT = 200
_MAX_COMMENTS = 1024 * 1024  # characters

_INLINE_NAMES = (
    "a abbr acronym b bdi bdo big cite code del dfn em font i ins kbd label mark nobr q s samp small span "
    "strike strong sub sup tt u var wbr img input"
)
_INLINE = frozenset(_INLINE_NAMES.split())
_CODE = frozenset({"script", "style"})
_UNSEEN = frozenset({"title", "noembed", "noframes", "iframe"})


class Found(NamedTuple):
    """A link as it is written: the text, where it stood (``a.href``), the anchor text."""

    written: str
    source: str
    text: str = ""


@dataclass(slots=True)
class Walk:
    """What was seen on the way. `documents` holds markup that is still to be read, with whether a person
    sees it, and so does `comments`, which nobody sees."""

    text: list[str] = field(default_factory=list)
    found: list[Found] = field(default_factory=list)
    images: list[bytes] = field(default_factory=list)
    documents: list[tuple[str, bool]] = field(default_factory=list)
    comments: list[str] = field(default_factory=list)
    base: str = ""
    text_cut: bool = False
    text_size: int = 0
    data_size: int = 0
    comment_size: int = 0


def walk(document: LexborHTMLParser, seen: Walk) -> None:
    """Put into `seen` what `document` shows and where it leads."""
    root = document.root
    if root is None:
        return
    _walk_nodes(root.parent or root, seen)
    shown = len(seen.text)
    for fragment in document.template_fragments():
        _walk_nodes(fragment, seen)
    del seen.text[shown:]


def _walk_nodes(top: LexborNode, seen: Walk) -> None:
    code = ""
    for node in top.traverse(include_text=True):
        tag = node.tag or ""
        if tag == "-text":
            _take_text(node, code, seen)
            code = ""
        elif tag == "-comment":
            _take_comment(node, seen)
        elif tag[0:1] != "-":
            code = tag if tag in _CODE or tag in _UNSEEN else ""
            if tag not in _INLINE:
                seen.text.append("\n")
            attributes = node.attributes
            if attributes and len(seen.found) < MAX_FOUND:
                _take_attributes(node, tag, attributes, seen)


def _take_text(node: LexborNode, code: str, seen: Walk) -> None:
    text = node.text_content or ""
    if code:
        _take_code(code, text, seen)
        return
    before = node.prev
    if before is not None and before.is_element_node and before.tag not in _INLINE:
        seen.text.append("\n")
    if seen.text_size > MAX_TEXT:
        seen.text_cut = True
        return
    seen.text_size += len(text)
    seen.text.append(text.replace("\n", " "))


def _take_code(code: str, text: str, seen: Walk) -> None:
    room = MAX_FOUND - len(seen.found)
    if (code == "style" and "(" in text) or "@" in text:
        seen.found += [Found(url, "css.url") for url in find_in_css(text)][:room]
    elif code == "script" and ":" in text:
        seen.found += [Found(url, "script") for url in find_absolute(text.replace("\\/", "/"), room)]


def _take_comment(node: LexborNode, seen: Walk) -> None:
    content = node.text_content if node.comment_content is None else node.comment_content
    if not content or "<" not in content or seen.comment_size > _MAX_COMMENTS:
        return
    seen.comment_size += len(content)
    start = content.find("]>") if content.startswith("[") else -2
    seen.comments.append(content[start + 2 :] if start != -1 else content)


def _take_attributes(node: LexborNode, tag: str, attributes: dict[str, str | None], seen: Walk) -> None:
    for name, value in attributes.items():
        if not value:
            continue
        if name in URL_ATTRIBUTES or (name == "data" and tag == "object"):
            _take_url(node, tag, name, value, seen)
        elif name == "style":
            if "(" in value:
                seen.found += [Found(url, "css.url") for url in find_in_css(value)]
        elif reader := _READERS.get(name):
            reader(tag, name, value, attributes, seen)
        elif name.startswith("on") and "://" in value:
            seen.found += [Found(url, source_of(tag, name)) for url in find_absolute(value, 64)]


def _take_url(node: LexborNode, tag: str, name: str, value: str, seen: Walk) -> None:
    if value[:5].lower() == "data:":
        _take_data(value, seen)
        return
    if tag == "base" and not seen.base:
        seen.base = value
    text = _anchor_text(node) if tag == "a" else ""
    seen.found.append(Found(value, source_of(tag, name), text))


def _anchor_text(node: LexborNode) -> str:
    """The text of an anchor; of a picture its alternative text. A bounded look, as anchors may nest."""
    pieces: list[str] = []
    size = 0
    for count, inner in enumerate(node.traverse(include_text=True)):
        if count > _MAX_ANCHOR_NODES or size > _MAX_ANCHOR_TEXT:
            break
        if inner.is_text_node:
            piece = inner.text_content or ""
        elif inner.tag == "img":
            piece = inner.attributes.get("alt") or ""
        else:
            piece = "" if inner.tag in _INLINE else " "
        pieces.append(piece)
        size += len(piece.strip())
    return " ".join("".join(pieces).split())[:_MAX_ANCHOR_TEXT]


def _take_data(value: str, seen: Walk) -> None:
    kind, content = read_data_url(value, _MAX_DATA - seen.data_size)
    seen.data_size += len(value)
    if kind.startswith("image/") and kind != "image/svg+xml" and len(seen.images) < MAX_IMAGES:
        seen.images.append(content)
    elif kind in {"text/html", "image/svg+xml", "application/xhtml+xml"}:
        _take_document(content.decode("utf-8", "replace"), seen, shown=False)


def _take_document(markup: str, seen: Walk, shown: bool) -> None:
    if len(seen.documents) < MAX_DOCUMENTS:
        seen.documents.append((markup, shown))


Attributes = dict[str, str | None]


def _take_set(tag: str, name: str, value: str, attributes: Attributes, seen: Walk) -> None:
    seen.found += [Found(url, source_of(tag, name)) for url in read_srcset(value)]


def _take_nested(tag: str, name: str, value: str, attributes: Attributes, seen: Walk) -> None:
    _take_document(value, seen, shown=True)


def _take_content(tag: str, name: str, value: str, attributes: Attributes, seen: Walk) -> None:
    if tag == "meta" and (attributes.get("http-equiv") or "").strip().lower() == "refresh":
        url = read_refresh(value)
        if url[:5].lower() == "data:":
            _take_data(url, seen)
        elif url:
            seen.found.append(Found(url, "meta.refresh"))


_READERS: dict[str, Callable[[str, str, str, Attributes, Walk], None]] = {
    **dict.fromkeys(SET_ATTRIBUTES, _take_set),
    **dict.fromkeys(NESTED_ATTRIBUTES, _take_nested),
    "content": _take_content,
}
