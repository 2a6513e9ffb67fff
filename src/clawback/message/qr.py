"""QR codes in pictures."""

from __future__ import annotations

import io
import warnings

import zxingcpp
from PIL import Image

from clawback.message.defect import Defect

MIN_SIDE = 40  # pixels; a QR code of version 1 with its quiet zone has 29 modules
MAX_PIXELS = 40_000_000
MAX_SIDE = 1_600  # larger pictures are scaled down to this
MAX_BYTES = 32 * 1024 * 1024
MAX_CODES = 16
MAX_CONTENT = 8_192  # characters

_FORMATS = (zxingcpp.BarcodeFormat.QRCode, zxingcpp.BarcodeFormat.MicroQRCode)
_CODES = zxingcpp.BarcodeFormats((*_FORMATS, zxingcpp.BarcodeFormat.Aztec, zxingcpp.BarcodeFormat.DataMatrix))
_KINDS = ("PNG", "JPEG", "GIF", "BMP", "WEBP", "TIFF", "ICO")
_SIGNATURES = (b"\x89PNG", b"\xff\xd8", b"GIF8", b"BM", b"RIFF", b"II*\0", b"MM\0*", b"\0\0\1\0")


def read_qr(image: bytes) -> tuple[tuple[str, ...], tuple[Defect, ...]]:
    """The contents of the QR codes (also Aztec and Data Matrix) in a picture, and what was wrong with it.

    PNG, JPEG, GIF, BMP, WebP, TIFF and ICO are read, of an animation the first frame; pictures under 40
    pixels a side are skipped. More than 40 million pixels or 32 MB are not decoded and leave a defect.
    """
    if not image.startswith(_SIGNATURES):
        return (), ()
    if len(image) > MAX_BYTES:
        return (), (Defect("image_too_large", f"{len(image)} bytes"),)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Pillow warns of every oddity in what it reads
        return _read(image)


def read_qr_pixels(image: Image.Image) -> tuple[str, ...]:
    """The same for a picture that is decoded already, such as a rendered page."""
    if min(image.size) < MIN_SIDE:
        return ()
    grey = _grey(image)
    if max(grey.size) > MAX_SIDE:
        grey.thumbnail((MAX_SIDE, MAX_SIDE), Image.Resampling.BOX)
    codes = zxingcpp.read_barcodes(grey, formats=_CODES)
    contents = (code.text.strip()[:MAX_CONTENT] for code in codes[:MAX_CODES] if code.valid)
    return tuple(dict.fromkeys(content for content in contents if content))


def _read(image: bytes) -> tuple[tuple[str, ...], tuple[Defect, ...]]:
    try:
        with Image.open(io.BytesIO(image), formats=_KINDS) as opened:
            width, height = opened.size
            if min(width, height) < MIN_SIDE:
                return (), ()
            if width * height > MAX_PIXELS:
                return (), (Defect("image_too_large", f"{width} x {height} pixels"),)
            if opened.format == "JPEG":
                opened.draft("L", (MAX_SIDE, MAX_SIDE))  # the decoder scales while it decodes
            return read_qr_pixels(opened), ()
    except (OSError, ValueError, SyntaxError, TypeError, IndexError, KeyError, EOFError) as error:
        return (), (Defect("image_unreadable", type(error).__name__),)


def _grey(image: Image.Image) -> Image.Image:
    """Grey levels; what is transparent is seen on white, as mail programs show it."""
    if image.mode in {"RGBA", "LA", "PA"} or "transparency" in image.info:
        image = image.convert("RGBA")
        white = Image.new("RGBA", image.size, "white")
        return Image.alpha_composite(white, image).convert("L")
    return image.convert("L")
