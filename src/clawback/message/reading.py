"""Reading the parts that the walk found: bodies, files and attached messages, into one collection."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from hashlib import sha256

from clawback.message.address import read_addresses
from clawback.message.attachment import Attachment
from clawback.message.bodies import Bodies, choose_bodies
from clawback.message.bounds import (
    MAX_DEFECTS,
    MAX_DEFECTS_OF_A_CODE,
    MAX_LINKS,
    MAX_NESTED_DEPTH,
    MAX_NESTED_MESSAGES,
    MAX_SUBJECT,
    MAX_TEXT,
)
from clawback.message.charset import decode_text
from clawback.message.decode import find_uuencoded, undo_encoding
from clawback.message.defect import Defect
from clawback.message.files import Budget, inspect
from clawback.message.headers import Head
from clawback.message.html import read_html
from clawback.message.identity import internet_message_id, message_id
from clawback.message.link import Link, LinkLocation
from clawback.message.message import Part
from clawback.message.mime import MESSAGE_TYPES, Entity, walk
from clawback.message.nested import Nested
from clawback.message.text_links import find_in_text
from clawback.message.url import make_link
from clawback.message.wrappers import wrapper_of_leaf, wrapper_of_multipart, wrapper_of_text

_MAX_UUENCODED = 50
_MESSAGE_START = re.compile(rb"[\r\n]{0,20}(?:>?From |[!-9;-~]{1,76}[ \t]{0,20}:)")
_UNNAMED_MESSAGE = "message.eml"


@dataclass(frozen=True, slots=True)
class Scope:
    """Which message is read: the one at the top (depth 0), or one attached to it.

    `part` is the path of the top message's part in which it stands, `prefix` what comes before the
    paths of its files, `container` its file name.
    """

    depth: int = 0
    part: str = ""
    prefix: str = ""
    container: str = ""

    def path(self, entity: Entity) -> str:
        """The path of a file: ``2`` at the top, ``2!/invoice.pdf`` in an attached message."""
        return self.prefix + (entity.name or entity.path) if self.depth else entity.path


TOP = Scope()


@dataclass(slots=True)
class Reading:
    """What was found so far in one message and in all that is attached to it."""

    budget: Budget = field(default_factory=Budget)
    texts: list[str] = field(default_factory=list)
    htmls: list[str] = field(default_factory=list)
    parts: list[Part] = field(default_factory=list)
    attachments: list[Attachment] = field(default_factory=list)
    nested: list[Nested] = field(default_factory=list)
    links: dict[tuple[str, ...], Link] = field(default_factory=dict)
    wrappers: dict[str, None] = field(default_factory=dict)
    defects: dict[Defect, None] = field(default_factory=dict)
    codes: Counter[str] = field(default_factory=Counter)
    messages: int = 0

    def note(self, defects: Iterable[Defect]) -> None:
        """Keep defects, each once, up to a bound."""
        for defect in defects:
            if len(self.defects) >= MAX_DEFECTS:
                return
            if defect not in self.defects and self.codes[defect.code] < MAX_DEFECTS_OF_A_CODE:
                self.codes[defect.code] += 1
                self.defects[defect] = None

    def add_links(self, links: Iterable[Link | None]) -> None:
        """Keep links, each once in one place, up to a bound."""
        for link in links:
            if link is None:
                continue
            if len(self.links) >= MAX_LINKS:
                self.note([Defect("too_many_links", f"more than {MAX_LINKS} links")])
                return
            key = (link.url, link.location, link.source, link.part, link.container)
            self.links.setdefault(key, link)

    def add_text_links(
        self, text: str, location: LinkLocation, source: str = "text", part: str = "", container: str = ""
    ) -> None:
        """Keep the links written in a text."""
        left = MAX_LINKS - len(self.links) + 1
        self.add_links(
            make_link(written, location=location, source=source, part=part, container=container)
            for written in find_in_text(text, max(left, 1))
        )

    def read(self, data: bytes, root: Entity, scope: Scope = TOP) -> None:
        """Read every part of the message whose tree is `root`."""
        bodies = choose_bodies(root)
        shown = {id(entity) for entity in (*bodies.text, *bodies.html)}
        plain: dict[int, str] = {}
        for entity in root.walk():
            if entity.children:
                self._add_part(entity, 0, scope)
                self._wrap(wrapper_of_multipart(entity))
                continue
            content, code = undo_encoding(data[entity.body_start : entity.body_end], entity.encoding)
            if code:
                self.note([Defect(code, entity.encoding[:60], _offset(entity, scope))])
            self._add_part(entity, len(content), scope)
            if id(entity) in shown and entity.type.startswith("text/"):
                plain[id(entity)] = self._read_body(entity, content, scope)
            else:
                self._read_file(entity, content, scope, id(entity) in shown)
        if scope.depth == 0:
            self._join_texts(bodies, plain)

    def _join_texts(self, bodies: Bodies, plain: dict[int, str]) -> None:
        """The plain text of what is shown; where that is empty, the text that the HTML shows."""
        for chosen in (bodies.text, bodies.html):
            self.texts = [plain[id(entity)] for entity in chosen if plain.get(id(entity), "").strip()]
            if self.texts:
                return

    def _add_part(self, entity: Entity, size: int, scope: Scope) -> None:
        if scope.depth == 0:
            self.parts.append(
                Part(
                    path=entity.path,
                    content_type=entity.content.value[:255],
                    charset=entity.charset,
                    disposition=entity.disposition.value[:60],
                    name=entity.name,
                    encoding=entity.encoding,
                    size=size,
                    header_start=entity.header_start,
                    body_start=entity.body_start,
                    body_end=entity.body_end,
                )
            )

    def _wrap(self, wrapper: str) -> None:
        if wrapper:
            self.wrappers[wrapper] = None

    def _read_body(self, entity: Entity, content: bytes, scope: Scope) -> str:
        """Read a text that is shown; answers it as plain text."""
        if len(content) > MAX_TEXT:
            content = content[:MAX_TEXT]
            self.note([Defect("text_cut", f"longer than {MAX_TEXT} bytes", _offset(entity, scope))])
        markup = entity.type == "text/html"
        if not markup and b"begin " in content:
            content = self._take_uuencoded(entity, content, scope)
        text, code = decode_text(content, entity.charset, markup=markup)
        if code:
            self.note([Defect(code, entity.charset, _offset(entity, scope))])
        text = text.replace("\r\n", "\n").replace("\0", "\ufffd")
        return self._read_markup(entity, text, scope) if markup else self._read_plain(entity, text, scope)

    def _read_plain(self, entity: Entity, text: str, scope: Scope) -> str:
        location = LinkLocation.ATTACHMENT if scope.depth else LinkLocation.BODY
        self._wrap(wrapper_of_text(text))
        self.add_text_links(text, location, part=scope.part or entity.path, container=scope.container)
        return text

    def _read_markup(self, entity: Entity, markup: str, scope: Scope) -> str:
        location = LinkLocation.ATTACHMENT if scope.depth else LinkLocation.BODY
        part = scope.part or entity.path
        reading = read_html(markup, location=location, part=part, container=scope.container)
        self.add_links(reading.links)
        self.note(reading.defects)
        if scope.depth == 0:
            self.htmls.append(markup)
        for number, image in enumerate(reading.images, 1):
            self.add_file(image, "", "", f"{scope.path(entity)}!/data-{number}", scope, inline=True)
        return reading.text

    def _take_uuencoded(self, entity: Entity, content: bytes, scope: Scope) -> bytes:
        """Take the files out of a text that has some uuencoded in it."""
        kept: list[bytes] = []
        position = 0
        for _ in range(_MAX_UUENCODED):
            found = find_uuencoded(content, position)
            if found is None:
                break
            kept.append(content[position : found.start if found.content else found.end])
            position = found.end
            if found.content:
                path = f"{scope.path(entity)}!/{found.name}"
                self.add_file(found.content, found.name, "application/octet-stream", path, scope)
        return b"".join((*kept, content[position:]))

    def _read_file(self, entity: Entity, content: bytes, scope: Scope, shown: bool) -> None:
        self._wrap(wrapper_of_leaf(entity, content))
        if not content and not entity.name:
            return
        inline = shown or entity.disposition.value == "inline"
        self.add_file(content, entity.name, entity.content.value, scope.path(entity), scope, inline=inline)

    def add_file(
        self, content: bytes, name: str, kind: str, path: str, scope: Scope, *, inline: bool = False
    ) -> None:
        """Inspect one file, keep what it holds, and read the messages found in it."""
        if kind in MESSAGE_TYPES and _MESSAGE_START.match(content):
            self.attachments.append(_message_file(content, name, kind, path, inline))
            self._read_message(content, path, name or _UNNAMED_MESSAGE, scope)
            return
        found = inspect(content, name=name, declared_type=kind, path=path, budget=self.budget, inline=inline)
        self.attachments.append(found.attachment)
        self.attachments.extend(found.members)
        self.add_links(found.links)
        self.note(found.defects)
        for wrapper in found.wrappers:
            self._wrap(wrapper)
        for inner_path, raw in found.messages:
            inner_name = inner_path.rpartition("!/")[2] if inner_path != path else name
            self._read_message(raw, inner_path, inner_name or _UNNAMED_MESSAGE, scope)

    def _read_message(self, raw: bytes, path: str, name: str, outer: Scope) -> None:
        self.messages += 1
        if outer.depth >= MAX_NESTED_DEPTH or self.messages > MAX_NESTED_MESSAGES:
            self.note([Defect("too_many_messages", "attached messages beyond the bounds are not read")])
            return
        part = outer.part or path.partition("!/")[0]
        scope = Scope(outer.depth + 1, part, f"{path}!/", name)
        root, defects = walk(raw)
        self.nested.append(_nested(root.head, raw[root.body_start :], path))
        self.note(Defect(defect.code, f"{name}: {defect.detail}".rstrip(": ")) for defect in defects)
        subject = root.head.first("subject")
        if subject:
            text = subject.value[:MAX_SUBJECT]
            self.add_text_links(text, LinkLocation.ATTACHMENT, "subject", part, name)
        self.read(raw, root, scope)


def _nested(head: Head, body: bytes, path: str) -> Nested:
    senders = read_addresses(head.text("from"))
    subject = head.first("subject")
    return Nested(
        id=message_id(head, body),
        internet_message_id=internet_message_id(head),
        sender=next((one.address for one in senders if one.address), ""),
        subject=subject.value[:MAX_SUBJECT] if subject else "",
        path=path,
    )


def _message_file(content: bytes, name: str, kind: str, path: str, inline: bool) -> Attachment:
    digest = sha256(content).hexdigest()
    return Attachment(
        name, path, kind, "message/rfc822", len(content), digest, inline=inline, content=content
    )


def _offset(entity: Entity, scope: Scope) -> int | None:
    return None if scope.depth else entity.body_start
