"""Bodies: what a person sees of a message."""

from __future__ import annotations

import re

from clawback.message.message import Message

MAX_HTML = 1_000_000
_ENOUGH = 200
_BLOCKS = ("script", "style", "head", "title")
# `<` may not stand inside a tag: so a flood of them stays linear.
_TAG = re.compile(r"<[^<>]*+>")


def body_text(message: Message) -> str:
    """The visible text: the plain body, or the HTML without its tags when there is (almost) no plain one."""
    if not message.html or len(message.text) >= _ENOUGH:
        return message.text
    return _strip(message.html[:MAX_HTML])


def _strip(html: str) -> str:
    from html import unescape

    return unescape(_TAG.sub(" ", html))
