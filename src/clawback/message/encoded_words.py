"""Encoded words in headers (RFC 2047), the broken ones of real mail included."""

from __future__ import annotations

import binascii
import re
from collections.abc import Iterator

from clawback.message.charset import codec_for, decode_text

_Word = tuple[str, str, str]
# Well-formed words, blanks inside them forgiven; linear, as no piece can hold the mark that ends it.
_WORD = re.compile(r"=\?([^?\s=]{1,60})\?([bBqQ])\?([^?]*)\?=")
_CHARSET = re.compile(r"[^?\s=]{1,60}")
_BASE64 = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
_NOT_BASE64 = bytes(set(range(256)) - set(_BASE64))


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
    start = 0
    for found in _WORD.finditer(text):
        between = text[start : found.start()]
        if "=?" in between:
            yield from _broken_pieces(between)
        else:
            yield between
        yield found[1], found[2], found[3]
        start = found.end()
    yield from _broken_pieces(text[start:])


def _broken_pieces(text: str) -> Iterator[str | _Word]:
    """What stands between well-formed words, and the broken words in it."""
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
        return (charset[0], encoding, text[body:end].strip()), end
    return (charset[0], encoding, text[body:end]), end + 2


def _octets(written: str, label: str) -> bytes:
    """The word's letters as octets: ASCII as the RFC wants, and what senders leave unencoded."""
    if written.isascii():
        return written.encode("ascii")
    return written.encode(codec_for(_charset(label)) or "utf-8", "replace")


def _read(run: list[_Word]) -> str:
    texts: list[str] = []
    label, chunks, held = "", [], _Held()
    for written_label, encoding, written in run:
        charset = written_label.lower()
        quoted = encoding in "qQ"
        if quoted or charset != label:
            chunks.append(held.release())
        if charset != label:
            texts.append(_text(chunks, label))
            label, chunks = charset, []
        octets = _octets(written, label)
        chunks.append(binascii.a2b_qp(octets, header=True) if quoted else held.take(octets))
    chunks.append(held.release())
    texts.append(_text(chunks, label))
    return "".join(texts)


def _text(chunks: list[bytes], label: str) -> str:
    return decode_text(b"".join(chunks), _charset(label))[0]


def _charset(label: str) -> str:
    """The charset of a word without the language that RFC 2231 section 5 lets it name."""
    return label.partition("*")[0]


class _Held:
    """Base64 words that were cut inside a group of four and wait for the next word."""

    def __init__(self) -> None:
        self.pieces: list[bytes] = []
        self.length = 0

    def take(self, written: bytes) -> bytes:
        """What can be read once this word is there: all that waits, or nothing yet."""
        self.pieces.append(written)
        self.length += len(written)
        return self.release() if self.length % 4 == 0 or written.endswith(b"=") else b""

    def release(self) -> bytes:
        """All that waits."""
        if not self.pieces:
            return b""
        written = b"".join(self.pieces)
        self.pieces, self.length = [], 0
        return _base64(written)


def _base64(written: bytes) -> bytes:
    clean = written.translate(None, _NOT_BASE64)
    if len(clean) % 4 == 1:
        clean = clean[:-1]
    return binascii.a2b_base64(clean + b"==="[: -len(clean) % 4])
