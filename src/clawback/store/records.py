"""Whole nouns as bytes: JSON that any tool can read, compressed where there are many of them.

A field added to a noun later reads as its default in old records; a field taken away is ignored.
"""

from __future__ import annotations

import json
import threading
from importlib.resources import files
from typing import Generic, TypeVar

import msgspec
import zstandard

from clawback.errors import Corrupt

Noun = TypeVar("Noun")

_ESCAPED = b"!"
_PLAIN_FRAME = b"\x01"

# Frozen for ever: records written with it can only be read with it. A better one gets a new mark.
_DICTIONARY = zstandard.ZstdCompressionDict(
    files("clawback.store").joinpath("messages.v1.dict").read_bytes(),
    dict_type=zstandard.DICT_TYPE_RAWCONTENT,
)


class Codec(Generic[Noun]):
    """Turns one kind of noun into JSON bytes and back, whatever characters its texts hold."""

    def __init__(self, kind: type[Noun]) -> None:
        self._kind = kind
        self._encoder = msgspec.json.Encoder()
        self._decoder = msgspec.json.Decoder(kind)

    def encode(self, value: Noun) -> bytes:
        """JSON; with lone surrogates escaped behind a mark when UTF-8 has no bytes for the text."""
        try:
            return self._encoder.encode(value)
        except UnicodeEncodeError:
            return _ESCAPED + json.dumps(msgspec.to_builtins(value), separators=(",", ":")).encode("ascii")

    def decode(self, data: bytes) -> Noun:
        """The noun; raises Corrupt when the bytes are not one."""
        try:
            if data[:1] == _ESCAPED:
                return msgspec.convert(json.loads(data[1:]), self._kind)
            return self._decoder.decode(data)
        except (msgspec.MsgspecError, ValueError) as error:
            raise Corrupt(f"a stored {self._kind.__name__} cannot be read: {error}") from error


class _Zstd(threading.local):
    """Compressor and decompressor of this thread; neither may be shared between threads."""

    def __init__(self) -> None:
        self.compressor = zstandard.ZstdCompressor(
            level=3, dict_data=_DICTIONARY, write_checksum=False, write_dict_id=False
        )
        self.decompressor = zstandard.ZstdDecompressor(dict_data=_DICTIONARY)


_zstd = _Zstd()


def pack(data: bytes) -> bytes:
    """Compressed with the dictionary for messages."""
    return _PLAIN_FRAME + _zstd.compressor.compress(data)


def unpack(data: bytes) -> bytes:
    """What was packed; raises Corrupt when it cannot be read."""
    if data[:1] != _PLAIN_FRAME:
        raise Corrupt("a stored record was packed in an unknown way")
    try:
        return _zstd.decompressor.decompress(data[1:])
    except zstandard.ZstdError as error:
        raise Corrupt(f"a stored record cannot be unpacked: {error}") from error
