"""Archives opened within bounds: ZIP, TAR, gzip, bzip2, xz; the others are noted as not opened."""

from __future__ import annotations

import re

from clawback.message import file_types as types
from clawback.message.contents import Budget, Contents, Member, Place
from clawback.message.defect import Defect
from clawback.message.office import read_office
from clawback.message.package_types import package_type
from clawback.message.streams import unpack
from clawback.message.tar_entries import tar_files
from clawback.message.zip_entries import Entry, inflate, list_entries

_STREAM_ENDINGS = re.compile(r"(?i)\.(?:t?gz|tgz|bz2?|tbz2?|xz|txz|lzma|z)$")
_TAPE = re.compile(r"(?i)\.(?:tgz|tbz2?|txz)$")
_KINDS = {types.GZIP: "gzip", types.BZIP2: "bzip2"}


def read_zip(content: bytes, place: Place, budget: Budget) -> Contents:
    """A ZIP file: an office document by its parts, any other by its members."""
    entries = list_entries(content)
    if not entries:
        return Contents(defects=(Defect("bad_archive", f"{place.container}: no entry found"),))
    kind = package_type(content, entries)
    if kind.is_document:
        return read_office(content, entries, kind, place, budget)
    members, codes = _zip_members(content, entries, budget)
    closed = [member for member in members if member.encrypted]
    return Contents(
        members=members,
        defects=tuple(Defect(code, f"{place.container}: {about}") for code, about in codes),
        encrypted=bool(closed) and len(closed) == len(members),
        true_type=kind.name,
    )


def _zip_members(
    content: bytes, entries: tuple[Entry, ...], budget: Budget
) -> tuple[tuple[Member, ...], list[tuple[str, str]]]:
    members: list[Member] = []
    codes: list[tuple[str, str]] = []
    for entry in entries:
        if entry.is_folder:
            continue
        if len(members) >= budget.members:
            codes.append(("too_many_members", f"{len(entries)} entries"))
            break
        if entry.encrypted:
            members.append(Member(entry.name, size=entry.size, closed=True, encrypted=True))
            continue
        data, code = open_entry(content, entry, budget)
        if code:
            codes.append((code, entry.name))
        members.append(Member(entry.name, data, size=entry.size, closed=bool(code) and not data))
    return tuple(members), codes


def open_entry(content: bytes, entry: Entry, budget: Budget) -> tuple[bytes, str]:
    """One entry's bytes at the budget's cost, and the code of what was wrong or ""."""
    compressed = min(entry.compressed, len(content))
    if compressed > budget.scanned:
        return b"", "archive_too_large"
    limit = budget.inflatable(compressed)
    data, code = inflate(content, entry, limit)
    budget.inflated -= len(data)
    budget.scanned -= compressed
    return data, code


def read_tar(content: bytes, place: Place, budget: Budget) -> Contents:
    """A TAR file by its regular members."""
    members: list[Member] = []
    defects: tuple[Defect, ...] = ()
    for name, data in tar_files(content):
        if len(members) >= budget.members:
            defects = (Defect("too_many_members", f"{place.container}: a TAR file"),)
            break
        members.append(Member(name, data, size=len(data)))
    return Contents(members=tuple(members), defects=defects)


def read_compressed(content: bytes, place: Place, budget: Budget) -> Contents:
    """A gzip, bzip2, xz or lzma file: the one file in it, named without the ending."""
    kind = _KINDS.get(types.true_type(content), "xz")
    if len(content) > budget.scanned:
        return Contents(defects=(Defect("archive_too_large", place.container),))
    data, code = unpack(content, kind, budget.inflatable(len(content)))
    budget.inflated -= len(data)
    budget.scanned -= len(content)
    name = _STREAM_ENDINGS.sub("", place.name) + (".tar" if _TAPE.search(place.name) else "")
    return Contents(
        members=(Member(name, data, size=len(data)),) if data else (),
        defects=(Defect(code, place.container),) if code else (),
    )


def read_unopened(content: bytes, place: Place, budget: Budget) -> Contents:
    """An archive that clawback cannot open; whether it has a password is told where its head says so."""
    return Contents(
        defects=(Defect("archive_not_opened", place.container),), encrypted=_asks_password(content)
    )


_RAR4, _RAR5 = b"Rar!\x1a\x07\x00", b"Rar!\x1a\x07\x01\x00"
_AES_OF_7Z = b"\x06\xf1\x07\x01"


def _asks_password(content: bytes) -> bool:
    if content.startswith(_RAR5):
        return _rar5_is_encrypted(content)
    if content.startswith(_RAR4):
        # The archive header's flags, then those of the first file header behind its 13 bytes.
        return bool(content[10:11] and content[10] & 0x80) or bool(content[23:24] and content[23] & 0x04)
    return content.startswith(b"7z\xbc\xaf") and _AES_OF_7Z in content[-4_096:]


def _rar5_is_encrypted(content: bytes) -> bool:
    """Whether the first header encrypts the others, or the first file carries an encryption record."""
    position = len(_RAR5) + 4
    if content[position + 1 : position + 2] == b"\x04":
        return True
    size = content[position] if len(content) > position else 0
    following = position + 1 + size + 4
    header = content[following : following + 400]
    return (
        len(header) > 2
        and header[1 + (header[0] > 0x7F)] == 2
        and bool(header[2] & 1)
        and _has_record(header)
    )


def _has_record(header: bytes) -> bool:
    """Whether the extra area, which stands at the end of a RAR5 header, begins with record 1 (encryption)."""
    size = header[0] & 0x7F | (header[1] << 7 if header[0] > 0x7F else 0)
    end = 1 + (header[0] > 0x7F) + size
    extra = header[3 + (header[0] > 0x7F)]
    record = header[max(0, end - extra) : end]
    return len(record) > 1 and extra < 0x80 and record[1] == 1
