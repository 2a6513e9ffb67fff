"""The depth of what is handed to the parser stays bounded, whatever the tags."""

from __future__ import annotations

import random

import pytest
from selectolax.lexbor import LexborDocumentOptions, LexborHTMLParser

from clawback.message.html_bounds import bound_markup

NAME_LIST = (
    "div p a b font i span table tr td tbody caption li ul ol dd dl h1 h2 form button object template select "
    "option svg math desc title mi noscript center fieldset x-y style"
)
NAMES = NAME_LIST.split()
DEEPEST = 2_500  # the bound is 512 open elements, and the parser makes up to three for one table


def depth_of(markup: str) -> int:
    root = LexborHTMLParser(markup, options=LexborDocumentOptions.WO_EVENTS).root
    node, depth, deepest = root, 0, 0
    while node is not None:
        deepest = max(deepest, depth)
        if node.first_child is not None:
            node, depth = node.first_child, depth + 1
            continue
        while node is not None and node.next is None:
            node, depth = node.parent, depth - 1
        node = node.next if node is not None else None
    return deepest


def tags_of(chosen: random.Random, count: int) -> str:
    tags = []
    for _ in range(count):
        name = chosen.choice(NAMES)
        tags.append(f"<{name}>" if chosen.random() < 0.6 else f"</{name}>")
        if chosen.random() < 0.1:
            tags.append(chosen.choice(["<!--", "-->", "<!", "x", "<![CDATA[", "]]>", "<br>", "<i a='>'>"]))
    return "".join(tags)


def repeated_tags(seed: int) -> str:
    chosen = random.Random(seed)
    return tags_of(chosen, chosen.randint(0, 3)) + tags_of(chosen, chosen.randint(2, 6)) * 2_600


@pytest.mark.parametrize("seeds", [range(start, start + 100) for start in range(0, 200, 100)])
def test_repeated_tags_never_nest_without_bound(seeds: range) -> None:
    for seed in seeds:
        bounded, _ = bound_markup(repeated_tags(seed))
        assert depth_of(bounded) < DEEPEST, seed


def test_ordinary_markup_is_handed_on_as_it_is() -> None:
    markup = "<table><tr><td><p>a<p>b<ul><li>x<li>y</ul><font size=1>c</font></td></tr></table>" * 500
    assert bound_markup(markup) == (markup, ())
    unclosed = "<p>a<br><td>b<li>c<b>d</b>" * 2_000
    assert bound_markup(unclosed) == (unclosed, ())
