"""Which parts are the text a person reads, and which are attachments (RFC 8621 section 4.1.4)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from clawback.message.mime import Entity


@dataclass(slots=True)
class Bodies:
    """The leaves chosen to be shown as plain text, as HTML, and those offered as attachments.

    As JMAP has it, `text` holds the HTML parts where there is no plain text, and the other way round.
    """

    text: list[Entity] = field(default_factory=list)
    html: list[Entity] = field(default_factory=list)
    attachments: list[Entity] = field(default_factory=list)


def choose_bodies(root: Entity) -> Bodies:
    """Sort the leaves below `root` the way a mail program shows them."""
    chosen = Bodies()
    _choose([root], "mixed", chosen, text=True, html=True, in_alternative=False)
    return chosen


def _is_media(kind: str) -> bool:
    return kind.startswith(("image/", "audio/", "video/"))


def _is_inline(part: Entity, index: int, multipart: str) -> bool:
    media = _is_media(part.type)
    if part.disposition.value == "attachment" or not (media or part.type in {"text/plain", "text/html"}):
        return False
    return index == 0 or (multipart != "related" and (media or not part.name))


def _choose(
    parts: Sequence[Entity], multipart: str, chosen: Bodies, *, text: bool, html: bool, in_alternative: bool
) -> None:
    """The RFC's parseStructure; `text` and `html` say which of the two lists still take parts."""
    texts, htmls = len(chosen.text), len(chosen.html)
    for index, part in enumerate(parts):
        if part.children:
            inner = part.type.partition("/")[2]
            alternative = in_alternative or inner == "alternative"
            _choose(part.children, inner, chosen, text=text, html=html, in_alternative=alternative)
        elif not _is_inline(part, index, multipart):
            chosen.attachments.append(part)
        elif multipart == "alternative":
            kinds = {"text/plain": chosen.text, "text/html": chosen.html}
            kinds.get(part.type, chosen.attachments).append(part)
        else:
            if in_alternative and part.type == "text/plain":
                html = False
            if in_alternative and part.type == "text/html":
                text = False
            _show(part, chosen, text=text, html=html)
    if multipart == "alternative" and text and html:
        _fill(chosen, texts, htmls)


def _show(part: Entity, chosen: Bodies, *, text: bool, html: bool) -> None:
    if text:
        chosen.text.append(part)
    if html:
        chosen.html.append(part)
    if not (text and html) and _is_media(part.type):
        chosen.attachments.append(part)


def _fill(chosen: Bodies, texts: int, htmls: int) -> None:
    """An alternative with one kind of text only is shown by that kind in both lists."""
    found_text, found_html = chosen.text[texts:], chosen.html[htmls:]
    if found_html and not found_text:
        chosen.text.extend(found_html)
    elif found_text and not found_html:
        chosen.html.extend(found_text)
