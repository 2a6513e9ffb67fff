"""QR codes in pictures."""

from __future__ import annotations

import io
import struct
import warnings
import zlib
from functools import lru_cache

import zxingcpp
from PIL import Image

from clawback.message.defect import Defect

MIN_SIDE = 40  # pixels; a QR code of version 1 with its quiet zone has 29 modules
MAX_PIXELS = 25_000_000
MAX_SIDE = 1_600  # larger pictures are scaled down to this
MAX_BYTES = 32 * 1024 * 1024
MAX_CODES = 16
MAX_CONTENT = 8_192  # characters
_CACHED_BYTES = 65_536  # keeps the cache under 8 MB: signatures carry the same logos again and again

_CODES = zxingcpp.BarcodeFormats(
    (
        zxingcpp.BarcodeFormat.QRCode,
        zxingcpp.BarcodeFormat.MicroQRCode,
        zxingcpp.BarcodeFormat.Aztec,
        zxingcpp.BarcodeFormat.DataMatrix,
    )
)
_KINDS = ("PNG", "JPEG", "GIF", "BMP", "WEBP")
_SIGNATURES = (b"\x89PNG", b"\xff\xd8", b"GIF8", b"BM", b"RIFF")
_UNREADABLE = (
    *(OSError, ValueError, TypeError, SyntaxError, LookupError, EOFError, ArithmeticError, AttributeError),
    *(RuntimeError, MemoryError, struct.error, zlib.error),
)

Reading = tuple[tuple[str, ...], tuple[Defect, ...]]


def read_qr(image: bytes) -> Reading:
    """The contents of the QR codes (also Aztec and Data Matrix) in a picture, and what was wrong with it.

    PNG, JPEG, GIF, BMP and WebP are read, of an animation the first frame; pictures under 40 pixels a
    side are skipped. More than 25 million pixels or 32 MB are not decoded and leave a defect.
    """
    if not image.startswith(_SIGNATURES):
        return (), ()
    if len(image) > MAX_BYTES:
        return (), (Defect("image_too_large", f"{len(image)} bytes"),)
    return _read_cached(image) if len(image) <= _CACHED_BYTES else _read(image)


def read_qr_pixels(image: Image.Image) -> tuple[str, ...]:
    """The same for a picture that is decoded already, such as a rendered page."""
    if min(image.size) < MIN_SIDE:
        return ()
    codes = zxingcpp.read_barcodes(_grey(image), formats=_CODES)
    contents = (code.text.strip()[:MAX_CONTENT] for code in codes[:MAX_CODES] if code.valid)
    return tuple(dict.fromkeys(content for content in contents if content))


def _read(image: bytes) -> Reading:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Pillow warns of every oddity in what it reads
            return _decode(image)
    except Image.DecompressionBombError:
        return (), (Defect("image_too_large", "a decompression bomb"),)
    except _UNREADABLE as error:
        return (), (Defect("image_unreadable", type(error).__name__),)


_read_cached = lru_cache(maxsize=128)(_read)


def _decode(image: bytes) -> Reading:
    with Image.open(io.BytesIO(image), formats=_KINDS) as opened:
        width, height = opened.size
        if min(width, height) < MIN_SIDE:
            return (), ()
        if width * height > MAX_PIXELS:
            return (), (Defect("image_too_large", f"{width} x {height} pixels"),)
        if opened.format == "JPEG":
            opened.draft("L", (MAX_SIDE, MAX_SIDE))  # the decoder scales while it decodes
        return read_qr_pixels(opened), ()


def _grey(image: Image.Image) -> Image.Image:
    """Grey levels, scaled down; what is transparent is seen on white, as mail programs show it."""
    if image.mode.startswith("I"):  # 16 bits a pixel
        image = image.convert("I").point(lambda level: level * (1 / 256)).convert("L")
    elif image.mode in {"LA", "PA"} or "transparency" in image.info:
        image = image.convert("RGBA")
    elif image.mode not in {"L", "RGB", "RGBA"}:
        image = image.convert("L")
    factor = -(-max(image.size) // MAX_SIDE)
    if factor > 1:
        image = image.reduce(factor)
    if image.mode == "RGBA":
        image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)
    return image.convert("L")
