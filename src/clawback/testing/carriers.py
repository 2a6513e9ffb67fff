"""A second opinion on which messages carry a URL: the standard library and string search, nothing of ours."""

from __future__ import annotations

import html
import io
import re
import zipfile
import zlib
from collections.abc import Iterator
from email import message_from_bytes, policy
from email.header import decode_header, make_header
from email.message import Message
from pathlib import Path
from urllib.parse import unquote, urlsplit

import zxingcpp
from PIL import Image

from clawback.testing.checksums import VAULT

_LARGEST_MEMBER = 1 << 22
_MOST_MEMBERS = 200
_DEPTH = 4
_PARAMETER = re.compile(r"[?&](?:amp;)?(?:url|u|a|q|o)=([^&\s\"'<>]+)", re.IGNORECASE)
_STREAM = re.compile(rb"stream\r?\n(.*?)endstream", re.DOTALL)
# What may follow a URL that has ended: a fragment that is no route, a delimiter, the end of a sentence.
_END = r"(?=#(?![/!])|[\s\"'<>)\]}\\|*`]|[.,;:!?]+(?:[\s\"'<>)]|$)|$)"


def carriers(root: Path, needle: str, *, prefix: bool = False) -> set[Path]:
    """The message files below `root` (the vault apart) that carry the URL `needle`, or begin with it.

    The host is compared without regard to case, a fragment does not count.
    """
    pattern = needle_pattern(needle, prefix=prefix)
    return {path for path in message_files(root) if carries(path.read_bytes(), pattern)}


def message_files(root: Path) -> Iterator[Path]:
    """Every file in a ``cur`` or ``new`` below `root`, the vault apart."""
    for path in sorted(root.rglob("*")):
        if (
            path.parent.name in {"cur", "new"}
            and VAULT not in path.relative_to(root).parts
            and path.is_file()
        ):
            yield path


def needle_pattern(needle: str, *, prefix: bool = False) -> re.Pattern[str]:
    """What to look for in decoded text."""
    site = "{0.scheme}://{0.netloc}".format(urlsplit(needle))
    path = needle[len(site) :].partition("#")[0]
    rest = "/?" if path in {"", "/"} and not prefix else re.escape(path)
    return re.compile(f"(?i:{re.escape(site)}){rest}{'' if prefix else _END}")


def carries(raw: bytes, pattern: re.Pattern[str]) -> bool:
    """Whether one raw message carries it anywhere a person or a program could follow it."""
    return any(
        _matches(text, pattern) for text in _message_texts(message_from_bytes(raw, policy=policy.compat32))
    )


def _matches(text: str, pattern: re.Pattern[str]) -> bool:
    for form in {text, html.unescape(text)}:
        if pattern.search(form):
            return True
        for value in _PARAMETER.findall(form):
            proofpoint = unquote(value.replace("-", "%").replace("_", "/"))
            if any(pattern.search(inner) for inner in (unquote(value), unquote(unquote(value)), proofpoint)):
                return True
    return False


def _message_texts(message: Message, depth: int = 0) -> Iterator[str]:
    for part in message.walk():
        for name, value in part.items():
            yield _header(name, str(value))
        if not part.is_multipart():
            content = part.get_payload(decode=True)
            if isinstance(content, bytes):
                yield from _file_texts(content, part.get_content_charset() or "utf-8", depth)


def _header(name: str, value: str) -> str:
    try:
        return f"{name}: {make_header(decode_header(value))}"
    except (LookupError, ValueError):
        return value


def _file_texts(content: bytes, charset: str, depth: int) -> Iterator[str]:
    """Every reading of a file: as text, and as what its first bytes say that it is."""
    yield _decoded(content, charset)
    if content.startswith((b"\x89PNG", b"\xff\xd8", b"GIF8", b"BM")):
        yield from _codes(content)
    elif b"%PDF-" in content[:1024]:
        yield from _pdf_texts(content)
    elif depth < _DEPTH and content.startswith(b"PK\x03\x04"):
        yield from _archive_texts(content, depth)
    elif depth < _DEPTH and re.match(rb"(?:[A-Za-z][A-Za-z0-9-]*:[^\n]*\n(?:[ \t][^\n]*\n)*){2}", content):
        yield from _message_texts(message_from_bytes(content, policy=policy.compat32), depth + 1)


def _decoded(content: bytes, charset: str) -> str:
    try:
        return content.decode(charset, "replace")
    except (LookupError, ValueError):
        return content.decode("latin-1")


def _codes(content: bytes) -> Iterator[str]:
    try:
        image = Image.open(io.BytesIO(content)).convert("L")
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError, Image.DecompressionBombWarning):
        return
    for code in zxingcpp.read_barcodes(image):
        yield code.text


def _pdf_texts(content: bytes) -> Iterator[str]:
    for stream in _STREAM.findall(content):
        try:
            yield zlib.decompressobj().decompress(stream, _LARGEST_MEMBER).decode("latin-1")
        except zlib.error:
            continue


def _archive_texts(content: bytes, depth: int) -> Iterator[str]:
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            for member in archive.infolist()[:_MOST_MEMBERS]:
                if member.file_size <= _LARGEST_MEMBER and not member.flag_bits & 1:
                    yield from _file_texts(archive.read(member), "utf-8", depth + 1)
    except (zipfile.BadZipFile, zlib.error, NotImplementedError, EOFError, OSError, ValueError):
        return
