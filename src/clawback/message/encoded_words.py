"""Encoded words in headers (RFC 2047), the broken ones of real mail included."""

from __future__ import annotations

import binascii
import re
from collections.abc import Iterator

from clawback.message.charset import codec_for, decode_text

_Word = tuple[str, str, bytes]
_CHARSET = re.compile(r"[^?\s=]{1,60}")
_NOT_BASE64 = bytes(
    set(range(256)) - set(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/")
)


def decode(text: str) -> str:
    """The text with its encoded words read; what is no encoded word stays as written.

    Words side by side in one charset are joined as bytes first, because senders split characters.
    """
    if "=?" not in text:
        return text
    pieces: list[str] = []
    run: list[_Word] = []
    for piece in _pieces(text):
        if isinstance(piece, tuple):
            run.append(piece)
        elif run and not piece.strip():
            continue
        else:
            pieces.extend((_read(run), piece))
            run = []
    pieces.append(_read(run))
    return "".join(pieces)


def _pieces(text: str) -> Iterator[str | _Word]:
    start = position = 0
    last = text.rfind("?=")
    while (opening := text.find("=?", position)) >= 0:
        word, end = _word_at(text, opening, last)
        if word is None:
            position = end
            continue
        yield text[start:opening]
        yield word
        start = position = end
    yield text[start:]


def _word_at(text: str, opening: int, last: int) -> tuple[_Word | None, int]:
    """The encoded word at `opening` and where it ends, or None and where to look on.

    `last` is where the last end of a word stands: nothing is sought behind it, or the cost of many
    words that never end would be quadratic.
    """
    charset = _CHARSET.match(text, opening + 2)
    if charset is None or text[charset.end() : charset.end() + 1] != "?":
        return None, opening + 2
    body = charset.end() + 3
    encoding = text[charset.end() + 1 : charset.end() + 2].lower()
    if encoding not in {"b", "q"} or text[body - 1 : body] != "?":
        return None, opening + 2
    end = text.find("?=", body) if body <= last else -1
    following = text.find("=?", body)
    if end < 0 or 0 <= following < end - 1:
        end = following if following >= 0 else len(text)
        return (charset[0], encoding, _octets(text[body:end].strip(), charset[0])), end
    return (charset[0], encoding, _octets(text[body:end], charset[0])), end + 2


def _octets(written: str, label: str) -> bytes:
    """The word's letters as octets: ASCII as the RFC wants, and what senders leave unencoded."""
    if written.isascii():
        return written.encode("ascii")
    return written.encode(codec_for(label.partition("*")[0]) or "utf-8", "replace")


def _read(run: list[_Word]) -> str:
    texts: list[str] = []
    label, data = "", b""
    for charset, encoding, written in _rejoined(run):
        if charset != label:
            texts.append(decode_text(data, label)[0])
            label, data = charset, b""
        data += _base64(written) if encoding == "b" else _quoted(written)
    texts.append(decode_text(data, label)[0])
    return "".join(texts)


def _rejoined(run: list[_Word]) -> Iterator[_Word]:
    """Base64 words cut inside a group of four are put together again."""
    waiting: tuple[str, list[bytes]] | None = None
    for charset, encoding, written in run:
        name = charset.partition("*")[0].lower()
        if waiting and (encoding != "b" or waiting[0] != name or not _open_group(waiting[1][-1])):
            yield waiting[0], "b", b"".join(waiting[1])
            waiting = None
        if encoding != "b":
            yield name, encoding, written
        elif waiting:
            waiting[1].append(written)
        else:
            waiting = name, [written]
    if waiting:
        yield waiting[0], "b", b"".join(waiting[1])


def _open_group(written: bytes) -> bool:
    return len(written) % 4 != 0 and not written.endswith(b"=")


def _base64(written: bytes) -> bytes:
    clean = written.translate(None, _NOT_BASE64)
    if len(clean) % 4 == 1:
        clean = clean[:-1]
    return binascii.a2b_base64(clean + b"==="[: -len(clean) % 4])


def _quoted(written: bytes) -> bytes:
    return binascii.a2b_qp(written, header=True)
