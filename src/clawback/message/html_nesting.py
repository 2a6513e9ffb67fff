"""An upper bound of the depth of the tree that the HTML standard builds of a run of tags.

It follows section 13.2.6 where that is cheap, and where it is not it lets an end tag count for nothing.
"""

from __future__ import annotations

MAX_DEPTH = 512  # where browsers stop, too
MAX_FORMATTING = 256
MAX_REOPENED = 200_000
_MAX_WALK = 64

_VOID_NAMES = (
    "area base basefont bgsound br col embed frame hr img image input keygen link meta param source track "
    "wbr html head body"
)
_VOID = frozenset(_VOID_NAMES.split())
_TABLE_PARTS = frozenset({"table", "caption", "tbody", "thead", "tfoot", "tr", "td", "th"})
_MARKERS = frozenset({"td", "th", "caption", "object", "applet", "marquee", "template"})
_SCOPES = _MARKERS | {"table", "svg", "math", "button", "select", "foreignobject", "desc", "title"}
_SCOPES |= {"mi", "mo", "mn", "ms", "mtext", "annotation-xml"}
_FORMATTING_NAMES = "a b big code em font i nobr s small strike strong tt u"
_FORMATTING = frozenset(_FORMATTING_NAMES.split())
_SPECIAL_NAMES = (
    "address article aside blockquote center colgroup dd details dialog dir div dl dt fieldset figcaption "
    "figure footer form frameset h1 h2 h3 h4 h5 h6 header hgroup li listing main menu nav noembed noframes "
    "noscript ol p plaintext pre script search section select style summary textarea title ul xmp"
)
_SPECIAL = frozenset(_SPECIAL_NAMES.split()) | _TABLE_PARTS | _SCOPES
_BLOCK_END_NAMES = (  # the end tags that close whatever stands above their element
    "address article aside blockquote button center details dialog dir div dl fieldset figcaption figure "
    "footer header hgroup listing main menu nav ol pre search section summary ul p li dd dt h1 "
    "object applet marquee template"
)
_BLOCK_ENDS = frozenset(_BLOCK_END_NAMES.split()) | _TABLE_PARTS | _FORMATTING | {"form"}
_HEADINGS = frozenset({"h2", "h3", "h4", "h5", "h6"})  # any heading's end tag closes any heading
_TABLE_SCOPE = frozenset({"table", "template"})
_LIST_SCOPE = _SCOPES | {"ol", "ul"}
_IN_CELL = frozenset({"p", "li", "dd", "dt", "td", "th"})
_IMPLIED_ENDS = {
    "p": frozenset({"p"}),
    "li": frozenset({"p", "li"}),
    "dd": frozenset({"p", "dd", "dt"}),
    "dt": frozenset({"p", "dd", "dt"}),
    "option": frozenset({"option"}),
    "td": _IN_CELL,
    "th": _IN_CELL,
    "tr": _IN_CELL | {"tr"},
    "tbody": _IN_CELL | {"tr", "tbody", "thead", "tfoot"},
    "thead": _IN_CELL | {"tr", "tbody", "thead", "tfoot"},
    "tfoot": _IN_CELL | {"tr", "tbody", "thead", "tfoot"},
}
_OPTIONS = frozenset({"option", "optgroup"})
_NONE: frozenset[str] = frozenset()


class Nesting:
    """The open elements, as far as they are known, while tags are handed in one after another."""

    __slots__ = ("_active", "_open", "_reopened", "_tables", "floor", "foreign")

    def __init__(self, foreign: bool) -> None:
        self.foreign = foreign
        self.floor = 0
        self._open: list[str] = []
        self._active: list[tuple[str, str]] = []
        self._reopened = 0
        self._tables = 0

    @property
    def too_deep(self) -> bool:
        """Whether the tree may be deeper, or reopened formatting may make it larger, than is safe."""
        return (
            len(self._open) + self.floor > MAX_DEPTH
            or len(self._active) > MAX_FORMATTING
            or self._reopened > MAX_REOPENED
        )

    def open(self, name: str, attributes: str) -> None:
        """Take a start tag."""
        self._reopened += len(self._active)
        if name in _VOID:
            return
        if not self.foreign:  # in SVG and MathML every start tag opens an element and closes none
            if name in _TABLE_PARTS and name != "table" and not self._tables:
                return
            self._close_implied(name)
        self._tables += name == "table"
        self._open.append("h1" if name in _HEADINGS else name)
        if name in _FORMATTING:
            key = (name, attributes)
            if self._active.count(key) < 3:  # the "Noah's Ark clause"
                self._active.append(key)

    def _close_implied(self, name: str) -> None:
        if name in {"a", "nobr"}:
            self.close(name)
        implied = _IMPLIED_ENDS.get(name, _NONE)
        while self._open and self._open[-1] in implied:
            self._pop_to(len(self._open) - 1)

    def close(self, name: str) -> None:
        """Take an end tag."""
        name = "h1" if name in _HEADINGS else name
        at = self._find(name)
        if name in _FORMATTING:
            self._deactivate(name)
        if at < 0:
            return
        if name in _FORMATTING or name == "form":
            del self._open[at]
        else:
            self._pop_to(at)

    def _find(self, name: str) -> int:
        """Where the element stands that this end tag closes, -1 if it may close none."""
        bounds = _TABLE_SCOPE if name in _TABLE_PARTS else _LIST_SCOPE if name == "li" else _SCOPES
        ordinary = name not in _BLOCK_ENDS
        opened = self._open
        if self.foreign:  # which end tags count there depends on more than is known here
            return len(opened) - 1 if opened and opened[-1] == name else -1
        for at in range(len(opened) - 1, max(-1, len(opened) - 1 - _MAX_WALK), -1):
            candidate = opened[at]
            if candidate == name:
                return at
            if candidate in bounds or (ordinary and candidate in _SPECIAL):
                return -1
            if name == "select" and candidate not in _OPTIONS:
                return -1
        return -1

    def _pop_to(self, at: int) -> None:
        """Close what stands from `at` on. Formatting that was not closed itself is opened again by whatever
        follows, and so stays, unless the end of a marker such as a cell forgets it."""
        closed = self._open[at:]
        del self._open[at:]
        if len(closed) == 1:
            self._tables -= closed[0] == "table"
            return
        self._tables -= closed.count("table")
        marker = next((i for i, name in enumerate(closed) if name in _MARKERS), len(closed))
        self._open += [name for name in closed[:marker] if name in _FORMATTING]
        for name in closed[marker:]:
            if name in _FORMATTING:
                self._deactivate(name)

    def _deactivate(self, name: str) -> None:
        for at in range(len(self._active) - 1, -1, -1):
            if self._active[at][0] == name:
                del self._active[at]
                return
