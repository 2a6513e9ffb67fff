"""The walk over a message's bytes (RFC 2045, 2046): which parts there are, and where.

One pass over the lines that could be delimiters, whatever the nesting; no part is copied.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from clawback.message import encoded_words
from clawback.message.bounds import MAX_DEPTH, MAX_HEAD, MAX_NAME, MAX_PARTS
from clawback.message.defect import Defect
from clawback.message.headers import Head, find_head, read_head
from clawback.message.parameters import Parametric, read_parameters

_LONGEST_DELIMITER = 1_000
_MAX_SEARCHES = 20
_MAX_LOOKS = 20
MESSAGE_TYPES = frozenset({"message/rfc822", "message/global", "message/news"})


@dataclass(slots=True, eq=False)
class Entity:
    """A part while the walk goes on: its head, its place in the bytes, its children.

    `path` is the part's number as IMAP counts ("" for a multipart at the top); `body_end` is -1 while
    its end is not known.
    """

    path: str
    head: Head
    content: Parametric
    disposition: Parametric
    header_start: int
    body_start: int
    body_end: int = -1
    depth: int = 0
    boundary: bytes = b""
    closed: bool = False
    children: list[Entity] = field(default_factory=list)

    @property
    def type(self) -> str:
        """The content type in lower case; text/plain for a multipart in which no part was found."""
        if not self.children and self.content.value.startswith("multipart/"):
            return "text/plain"
        return self.content.value

    @property
    def charset(self) -> str:
        """The declared charset, in lower case."""
        return self.content.parameters.get("charset", "")[:60].lower()

    @property
    def encoding(self) -> str:
        """The Content-Transfer-Encoding, in lower case."""
        words = self.head.text("content-transfer-encoding").lower().partition(";")[0].split()
        return words[0].strip("\"'")[:60] if words else ""

    @property
    def name(self) -> str:
        """The declared file name, "" if there is none."""
        written = self.disposition.parameters.get("filename") or self.content.parameters.get("name") or ""
        return " ".join(written.replace("\0", "").split())[:MAX_NAME]

    def leaves(self) -> Iterator[Entity]:
        """The parts without parts, in the order of the bytes."""
        return (entity for entity in self.walk() if not entity.children)

    def walk(self) -> Iterator[Entity]:
        """This part and all below it, in the order of the bytes."""
        waiting = [self]
        while waiting:
            entity = waiting.pop()
            yield entity
            waiting.extend(reversed(entity.children))


def walk(data: bytes) -> tuple[Entity, list[Defect]]:
    """The tree of parts of a message, and what was wrong with it."""
    walker = _Walk(data)
    start, defects = find_head(data)
    walker.defects.extend(defects)
    root = walker.read(start, None)
    walker.run(root)
    if not root.children:
        root.path = "1"
    for entity in root.walk():
        if entity.boundary and not entity.children:
            walker.defects.append(Defect("no_boundary", "a multipart without parts", entity.header_start))
    return root, walker.defects


def _first(head: Head, key: str) -> Parametric:
    text = head.text(key)
    return read_parameters(text) if text else Parametric()


def _content_type(head: Head, parent: Entity | None) -> Parametric:
    """RFC 2045 section 5.2: what cannot be read is text/plain; in a digest a message (RFC 2046 5.1.5)."""
    read = _first(head, "content-type")
    main, slash, sub = read.value.partition("/")
    if main and slash and sub:
        return read
    if main in {"text", "multipart"}:
        return Parametric("text/plain" if main == "text" else "multipart/mixed", read.parameters)
    digest = parent is not None and parent.content.value == "multipart/digest" and not read.value
    return Parametric("message/rfc822" if digest else "text/plain", read.parameters)


class _Walk:
    """The multiparts that are open, innermost last, and the delimiters that lead to them."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.defects: list[Defect] = []
        self.open: list[Entity] = []
        self.owners: dict[bytes, list[Entity]] = {}
        self.count = 0
        self.searches = _MAX_SEARCHES

    def read(self, start: int, parent: Entity | None) -> Entity:
        """Read the header block at `start` and open the part below `parent`."""
        self.count += 1
        head = read_head(self.data, start, len(self.data))
        self.defects.extend(head.defects)
        content = _content_type(head, parent)
        if parent and len([field for field in head.fields if field.key == "content-type"]) > 1:
            self.defects.append(Defect("repeated_header", "Content-Type", start))
        entity = Entity("", head, content, _first(head, "content-disposition"), start, head.body_start)
        if parent:
            parent.children.append(entity)
            entity.depth = parent.depth + 1
            entity.path = f"{parent.path}.{len(parent.children)}".lstrip(".")
        if content.value.startswith("multipart/"):
            self._open_multipart(entity)
        return entity

    def _open_multipart(self, entity: Entity) -> None:
        boundary = encoded_words.decode(entity.content.parameters.get("boundary", ""))
        token = boundary.encode("utf-8", "replace").rstrip()[:_LONGEST_DELIMITER]
        if entity.depth >= MAX_DEPTH:
            self.defects.append(
                Defect("too_deep", f"multiparts nested over {MAX_DEPTH}", entity.header_start)
            )
            return
        if not token or not self._stands(token, entity.body_start):
            token = self._guessed(entity, token)
        if not token:
            self.defects.append(Defect("no_boundary", "a multipart without parts", entity.header_start))
            return
        entity.boundary = token
        self.open.append(entity)
        self.owners.setdefault(token, []).append(entity)

    def _stands(self, token: bytes, start: int) -> bool:
        """Whether a delimiter of exactly that boundary follows soon; believed after many vain searches."""
        position, stop = start, start + MAX_HEAD
        for _ in range(_MAX_LOOKS if self.searches else 0):
            found = self.data.find(b"--" + token, position, stop)
            if found < 0:
                break
            position = found + len(token) + 2
            rest = self.data[position : position + 40].lstrip(b" \t")
            if not rest or rest.startswith((b"\r", b"\n", b"--")):
                return True
        if self.searches == 0:
            return True
        self.searches -= 1
        return stop < len(self.data)

    def _guessed(self, entity: Entity, declared: bytes) -> bytes:
        """The first line of the body that looks like a delimiter, where the declared one is nowhere.

        RFC 2046 section 5.1.2 lets a line that only begins with the boundary count as one.
        """
        position = entity.body_start
        while (line := self._next_candidate(position)) is not None:
            token, at, position = line
            begun = bool(declared) and token.startswith(declared)
            likely = begun or (len(token) > 2 and b" " not in token)
            if likely and token.strip(b"-") and token not in self.owners:
                self.defects.append(Defect("boundary_guessed", "", at))
                return token
            if self._owner(token)[0] or position - entity.body_start > 10_000:
                break
        return b""

    def _next_candidate(self, position: int) -> tuple[bytes, int, int] | None:
        """(what follows the two dashes, where the line starts, where the next line starts)."""
        data = self.data
        at = position
        if not data.startswith(b"--", position) or (position and data[position - 1] != 10):
            at = data.find(b"\n--", position) + 1
            if not at:
                return None
        end = data.find(b"\n", at, at + _LONGEST_DELIMITER + 100)
        if end < 0:
            end = min(len(data), at + _LONGEST_DELIMITER + 100)
        return data[at + 2 : end].rstrip(), at, min(end + 1, len(data))

    def _owner(self, token: bytes) -> tuple[Entity | None, bool]:
        """The open multipart whose delimiter that is, and whether it is its last one."""
        if token in self.owners:
            return self.owners[token][-1], False
        if token.endswith(b"--") and token[:-2].rstrip() in self.owners:
            return self.owners[token[:-2].rstrip()][-1], True
        return None, False

    def run(self, root: Entity) -> None:
        """Go from delimiter to delimiter until the bytes or the parts end."""
        current: Entity | None = root
        position = root.body_start
        while self.open and (line := self._next_candidate(position)) is not None:
            token, at, position = line
            owner, last = self._owner(token)
            if owner is None:
                continue
            if self.count >= MAX_PARTS:
                self.defects.append(Defect("too_many_parts", f"more than {MAX_PARTS} parts", at))
                break
            self._end(current, owner, at)
            if last:
                owner.closed, current = True, None
                self._close(owner)
                continue
            if position >= len(self.data):
                current = None
                break
            if owner.closed:
                self.defects.append(Defect("part_after_end", "", at))
            current = self.read(position, owner)
            position = current.body_start
        self._end(current, None, len(self.data))
        for entity in self.open:
            entity.body_end = len(self.data)
            if not entity.closed:
                self.defects.append(Defect("no_final_boundary", entity.path, entity.header_start))

    def _close(self, owner: Entity) -> None:
        """A closed multipart stays open for delimiters behind its end, unless an outer one shares them."""
        owners = self.owners[owner.boundary]
        if len(owners) > 1:
            owners.pop()
            self.open.remove(owner)
            owner.body_end = owner.children[-1].body_end if owner.children else owner.body_start

    def _end(self, current: Entity | None, owner: Entity | None, at: int) -> None:
        """End the part that was read and every multipart opened inside `owner`, before the line at `at`."""
        end = at
        if owner is not None and at and self.data[at - 1] == 10:
            end = at - 2 if at > 1 and self.data[at - 2] == 13 else at - 1
        if current is not None and not current.boundary:
            current.body_end = max(end, current.body_start)
        while owner is not None and self.open and self.open[-1] is not owner:
            inner = self.open.pop()
            self._forget(inner)
            inner.body_end = max(end, inner.body_start)
            if not inner.closed:
                self.defects.append(Defect("no_final_boundary", inner.path, inner.header_start))

    def _forget(self, entity: Entity) -> None:
        owners = self.owners[entity.boundary]
        owners.remove(entity)
        if not owners:
            del self.owners[entity.boundary]
