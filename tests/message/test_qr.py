"""QR codes in pictures made here, and pictures that are broken, tiny, huge or no pictures."""

from __future__ import annotations

import io
from typing import Any

import pytest
import zxingcpp
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from clawback.message.qr import read_qr, read_qr_pixels

CONTENT = "https://evil.example/qr?u=1"


def picture(content: str = CONTENT, scale: int = 4) -> Image.Image:
    code = zxingcpp.create_barcode(content, zxingcpp.BarcodeFormat.QRCode)
    written: Any = zxingcpp.write_barcode_to_image(code, scale=scale)  # a buffer, which its stub forgets
    height, width = written.shape
    return Image.frombuffer("L", (width, height), bytes(written), "raw", "L", 0, 1)


def encoded(image: Image.Image, kind: str = "PNG") -> bytes:
    out = io.BytesIO()
    image.save(out, kind)
    return out.getvalue()


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "GIF", "BMP", "WEBP"])
def test_every_kind_of_picture_is_read(kind: str) -> None:
    assert read_qr(encoded(picture(), kind)) == ((CONTENT,), ())


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "I;16"])
def test_every_colour_mode_is_read(mode: str) -> None:
    image = picture()
    if mode == "I;16":
        image = image.convert("I").point(lambda level: level * 257)
    assert read_qr(encoded(image.convert(mode)))[0] == (CONTENT,)


def test_dark_modules_on_a_transparent_ground_are_read() -> None:
    grey = picture()
    image = Image.new("RGBA", grey.size, (0, 0, 0, 0))
    image.putalpha(grey.point(lambda level: 255 - level))
    assert read_qr(encoded(image))[0] == (CONTENT,)


def test_inverted_and_turned_codes_are_read() -> None:
    inverted = picture().point(lambda level: 255 - level)
    framed = Image.new("L", (300, 300), 0)
    framed.paste(inverted, (50, 50))
    assert read_qr_pixels(framed) == (CONTENT,)
    assert read_qr_pixels(picture().rotate(90, expand=True)) == (CONTENT,)


def test_a_code_in_a_large_page_is_read_and_several_are_told_apart() -> None:
    page = Image.new("L", (2_400, 3_200), 255)
    page.paste(picture(scale=10), (100, 100))
    page.paste(picture("https://other.example/", scale=10), (1_200, 2_000))
    assert sorted(read_qr_pixels(page)) == [CONTENT, "https://other.example/"]


def test_only_the_first_frame_of_an_animation_is_looked_at() -> None:
    out = io.BytesIO()
    blank = Image.new("L", picture().size, 255)
    blank.save(out, "GIF", save_all=True, append_images=[picture()])
    assert read_qr(out.getvalue()) == ((), ())


def test_tiny_pictures_are_skipped() -> None:
    assert read_qr(encoded(picture(scale=1).crop((0, 0, 39, 39)))) == ((), ())
    assert read_qr_pixels(Image.new("L", (39, 500))) == ()


def test_a_decompression_bomb_is_not_decoded() -> None:
    for side in (6_000, 20_000):
        bomb = encoded(Image.new("1", (side, side)))
        contents, defects = read_qr(bomb)
        assert contents == ()
        assert [defect.code for defect in defects] == ["image_too_large"]


def test_what_is_no_picture_is_no_defect_and_a_broken_one_is() -> None:
    assert read_qr(b"") == ((), ())
    assert read_qr(b"%PDF-1.7") == ((), ())
    whole = encoded(picture())
    contents, defects = read_qr(whole[: len(whole) // 2])
    assert contents == ()
    assert [defect.code for defect in defects] == ["image_unreadable"]


@given(st.sampled_from(["PNG", "JPEG", "GIF", "BMP", "WEBP"]), st.integers(0, 400), st.binary(max_size=12))
def test_damaged_pictures_are_never_an_error(kind: str, at: int, noise: bytes) -> None:
    whole = WHOLE[kind]
    read_qr(whole[:at] + noise + whole[at + len(noise) :])
    read_qr(whole[:at] + noise)


WHOLE = {kind: encoded(picture(), kind) for kind in ("PNG", "JPEG", "GIF", "BMP", "WEBP")}
