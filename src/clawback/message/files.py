"""Files carried by a message: hashed, typed by their bytes, opened within bounds, their links read."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from hashlib import sha256

from clawback.message import file_types as types
from clawback.message.archives import read_compressed, read_tar, read_unopened, read_zip
from clawback.message.attachment import Attachment
from clawback.message.calendars import read_calendar
from clawback.message.contents import MAX_DEPTH, Budget, Contents, Member, Place
from clawback.message.defect import Defect
from clawback.message.images import read_image
from clawback.message.link import Link
from clawback.message.ole2 import read_ole2
from clawback.message.onenote import read_onenote
from clawback.message.pdf import read_pdf
from clawback.message.text_files import (
    read_binary,
    read_html_file,
    read_rtf,
    read_script,
    read_shortcut,
    read_text_file,
    read_xml_file,
)
from clawback.message.tnef import read_tnef

__all__ = ["Budget", "FileReading", "inspect"]

MAX_NAME = 255


@dataclass(frozen=True, slots=True)
class FileReading:
    """One file and all that was found in it, at any depth.

    `members` are the files inside it; `messages` are (path, raw message) of mail found in it, for the
    caller to parse; `wrappers` are words as in `Message.wrappers`.
    """

    attachment: Attachment
    members: tuple[Attachment, ...] = ()
    links: tuple[Link, ...] = ()
    messages: tuple[tuple[str, bytes], ...] = ()
    wrappers: tuple[str, ...] = ()
    defects: tuple[Defect, ...] = ()


@dataclass(slots=True)
class _Gathered:
    """What is found while a file and those inside it are walked through, each before its members."""

    files: list[Attachment] = field(default_factory=list)
    links: list[Link] = field(default_factory=list)
    messages: list[tuple[str, bytes]] = field(default_factory=list)
    wrappers: list[str] = field(default_factory=list)
    defects: list[Defect] = field(default_factory=list)


Reader = Callable[[bytes, Place, Budget], Contents]

_READERS: dict[str, Reader] = {
    types.PDF: read_pdf,
    types.ZIP: read_zip,
    types.OLE2: read_ole2,
    types.RTF: read_rtf,
    types.TNEF: read_tnef,
    types.CALENDAR: read_calendar,
    types.VCARD: read_calendar,
    types.HTML: read_html_file,
    types.SVG: read_html_file,
    types.XML: read_xml_file,
    types.TEXT: read_text_file,
    types.SHORTCUT: read_shortcut,
    types.LNK: read_binary,
    types.PLIST: read_binary,
    types.ONENOTE: read_onenote,
    types.GZIP: read_compressed,
    types.BZIP2: read_compressed,
    types.XZ: read_compressed,
    types.LZMA: read_compressed,
    types.TAR: read_tar,
    **dict.fromkeys(types.UNOPENED, read_unopened),
    **dict.fromkeys(types.IMAGES, read_image),
    **dict.fromkeys(types.SCRIPTS, read_script),
}
# What a mail program would do with a text, whatever it begins with: by its name, else by its header.
_TEXTUAL = frozenset({"", types.TEXT, types.XML, types.HTML, types.MESSAGE, *types.SCRIPTS})
_BY_ENDING: dict[str, str] = {
    **dict.fromkeys(("html", "htm", "shtml", "xhtml", "xht", "hta", "mht", "mhtml"), types.HTML),
    "svg": types.SVG,
    "ics": types.CALENDAR,
    "vcf": types.VCARD,
    "url": types.SHORTCUT,
    "eml": types.MESSAGE,
}


def inspect(
    content: bytes, *, name: str, declared_type: str, path: str, budget: Budget, inline: bool = False
) -> FileReading:
    """Read one file of a message: `path` is its MIME part path, `budget` the one of its message.

    Nothing raises; what a bound cut or could not be read is a `Defect` naming the file.
    """
    name = name[:MAX_NAME]
    gathered = _Gathered()
    place = Place(name, path.partition("!/")[0], name or declared_type)
    _walk(content, place, path, declared_type, budget, gathered, inline)
    return FileReading(
        gathered.files[0],
        members=tuple(gathered.files[1:]),
        links=tuple(gathered.links),
        messages=tuple(gathered.messages),
        wrappers=tuple(dict.fromkeys(gathered.wrappers)),
        defects=tuple(gathered.defects),
    )


def _walk(
    content: bytes,
    place: Place,
    path: str,
    declared_type: str,
    budget: Budget,
    gathered: _Gathered,
    inline: bool = False,
) -> None:
    """Read one file into `gathered`, then the files inside it."""
    kind = types.true_type(content)
    treated_as = _treated_as(kind, place.name, declared_type)
    found = Contents()
    if treated_as == types.MESSAGE:
        found = Contents(messages=((path, content),))
    elif reader := _READERS.get(treated_as):
        found = reader(content, place, budget)
    _keep(found, path, place, budget, gathered)
    gathered.files.append(
        Attachment(
            name=place.name,
            path=path,
            declared_type=declared_type,
            true_type=found.true_type or kind,
            size=len(content),
            sha256=sha256(content).hexdigest(),
            encrypted=found.encrypted,
            inline=inline,
            content=content,
        )
    )
    if found.members:
        _descend(found.members, place, path, budget, gathered)


def _treated_as(kind: str, name: str, declared_type: str) -> str:
    """The type whose reader is asked: what the bytes say, the name where a text could be many things."""
    if kind not in _TEXTUAL:
        return kind
    by_name = _BY_ENDING.get(name.rpartition(".")[2].lower(), "")
    if by_name:
        return by_name if by_name != types.HTML or kind != types.MESSAGE else types.MESSAGE
    if declared_type in (types.HTML, types.SVG, types.CALENDAR):
        return declared_type
    return kind


def _keep(found: Contents, path: str, place: Place, budget: Budget, gathered: _Gathered) -> None:
    gathered.links += found.links[: budget.links]
    budget.links -= len(found.links[: budget.links])
    gathered.wrappers += found.wrappers
    gathered.defects += found.defects
    for message in found.messages:
        if budget.messages <= 0:
            gathered.defects.append(Defect("too_many_messages", place.container))
            break
        budget.messages -= 1
        gathered.messages.append(message)
    for image in found.images:
        inner = read_image(image, place, budget)
        gathered.links += inner.links
        gathered.defects += inner.defects


def _descend(members: Iterable[Member], place: Place, path: str, budget: Budget, gathered: _Gathered) -> None:
    if budget.depth >= MAX_DEPTH:
        gathered.defects.append(Defect("too_deep", f"{place.container}: archives inside archives"))
        return
    budget.depth += 1
    for member in members:
        if budget.members <= 0:
            gathered.defects.append(Defect("too_many_members", place.container))
            break
        budget.members -= 1
        name = member.name[-MAX_NAME:]
        inner_path = f"{path}!/{name}"
        if member.closed:
            gathered.files.append(_closed(member, name, inner_path))
            continue
        inner = Place(name, place.part, f"{place.container}!/{name}")
        _walk(member.content, inner, inner_path, member.declared_type, budget, gathered)
    budget.depth -= 1


def _closed(member: Member, name: str, path: str) -> Attachment:
    """A file whose bytes nobody has: it has no hash."""
    return Attachment(name, path, member.declared_type, "", member.size, "", encrypted=member.encrypted)
