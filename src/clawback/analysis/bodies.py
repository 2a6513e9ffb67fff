"""Bodies: what a person sees of a message."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html import unescape

from clawback.message.message import Message

MAX_HTML = 1_000_000
ENOUGH = 200
"""Characters of plain text that speak for the message; below it the HTML is read too."""

_UNSEEN = re.compile(r"<(?:(style|script|head|title|textarea)\b|!--)", re.IGNORECASE)
# `<` may not stand inside a tag, so that a flood of them stays linear.
_TAG = re.compile(r"<[^<>]*+>")


def body_text(message: Message) -> str:
    """The visible text: the plain body, or the HTML without its tags when there is hardly a plain one."""
    if not message.html or len(message.text) >= ENOUGH:
        return message.text
    html = message.html[:MAX_HTML]
    visible = unescape(_TAG.sub(" ", "".join(_seen(html, html.lower()))))
    return visible if len(visible) > len(message.text) else message.text


def _seen(html: str, lower: str) -> Iterator[str]:
    """The pieces between styles, scripts and comments; what is never closed hides the rest."""
    start = 0
    while opened := _UNSEEN.search(html, start):
        yield html[start : opened.start()]
        end = f"</{opened[1].lower()}" if opened[1] else "-->"
        closed = lower.find(end, opened.end())
        if closed < 0:
            return
        start = closed + (len(end) if opened[1] is None else 0)
    yield html[start:]
