"""TNEF: the files in a winmail.dat with their exact bytes, the links of its bodies, and garbage."""

from __future__ import annotations

import struct
from hashlib import sha256

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.message.made_files import (
    codes,
    found_links,
    look_into,
    make_tnef,
    make_zip,
    mapi_list,
    tnef_attribute,
)

from clawback.message.compressed_rtf import decompress_rtf

X = "http://x.example/"
STARTS = tnef_attribute(2, 0x69002, bytes(14))
CODEPAGE = tnef_attribute(1, 0x69007, (1252).to_bytes(4, "little") + bytes(4))


def titled(name: bytes) -> bytes:
    return tnef_attribute(2, 0x18010, name + b"\0")


def data(content: bytes) -> bytes:
    return tnef_attribute(2, 0x6800F, content)


def properties(level: int, *listed: tuple[int, int, bytes]) -> bytes:
    return tnef_attribute(level, 0x69003 if level == 1 else 0x69005, mapi_list(*listed))


def lzfu(text: bytes) -> bytes:
    """Compressed RTF of literals only."""
    packed = b"".join(b"\0" + text[at : at + 8] for at in range(0, len(text), 8))
    return struct.pack("<4I", len(packed) + 12, len(text), 0x75465A4C, 0) + packed


def test_the_files_keep_every_byte() -> None:
    content = b"MZ\1\2\0\0\0"
    found = look_into(make_tnef(CODEPAGE, STARTS, titled(b"r\xe9sum\xe9.exe"), data(content)), "winmail.dat")
    assert found.attachment.true_type == "application/vnd.ms-tnef"
    assert found.wrappers == ("tnef",)
    assert not found.defects
    (member,) = found.members
    assert (member.name, member.path, member.size) == ("résumé.exe", "2!/résumé.exe", 7)
    assert member.sha256 == sha256(content).hexdigest()


def test_the_long_name_and_the_type_come_from_mapi() -> None:
    listed = [
        (0x3, 0x0E20, bytes(4)),
        (0x1F, 0x3707, "long name.txt\0".encode("utf-16-le")),
        (0x1E, 0x370E, b"text/plain\0"),
        (0x102, 0x3701, b"http://x.example/"),
    ]
    found = look_into(make_tnef(STARTS, titled(b"LONGNA~1.TXT"), properties(2, *listed)), "winmail.dat")
    (member,) = found.members
    assert (member.name, member.declared_type) == ("long name.txt", "text/plain")
    assert found_links(found) == [("file.text", X)]


def test_named_and_many_valued_properties_are_skipped() -> None:
    guid = bytes(16)
    named = struct.pack("<2H", 0x1F, 0x8001) + guid + struct.pack("<2L", 1, 6) + b"a\0b\0\0\0\0\0"
    named += struct.pack("<2L", 1, 4) + b"x\0\0\0"
    numbered = struct.pack("<2H", 0x3, 0x8002) + guid + struct.pack("<3L", 0, 7, 42)
    many = struct.pack("<2HL", 0x1002, 0x0001, 3) + bytes(8)
    strings = (
        struct.pack("<2HL", 0x101E, 0x0002, 2)
        + struct.pack("<L", 2)
        + b"a\0\0\0"
        + struct.pack("<L", 2)
        + b"b\0\0\0"
    )
    body = struct.pack("<2H2L", 0x1E, 0x1000, 1, 20) + b"go http://x.example/"
    block = struct.pack("<L", 5) + named + numbered + many + strings + body
    assert found_links(look_into(make_tnef(tnef_attribute(1, 0x69003, block)), "w.dat")) == [("tnef.text", X)]


@pytest.mark.parametrize(
    ("attribute", "expected"),
    [
        (tnef_attribute(1, 0x2800C, b"go http://x.example/ \0"), [("tnef.text", X)]),
        (properties(1, (0x1E, 0x1000, b"go http://x.example/ \0")), [("tnef.text", X)]),
        (properties(1, (0x1F, 0x1000, "go http://x.example/ ".encode("utf-16-le"))), [("tnef.text", X)]),
        (properties(1, (0x102, 0x1013, b"<a href=http://x.example/>go</a>")), [("a.href", X)]),
        (properties(1, (0x102, 0x1009, lzfu(b"{\\rtf1 go http://x.example/ now}"))), [("rtf.text", X)]),
    ],
)
def test_links_of_the_bodies(attribute: bytes, expected: list[tuple[str, str]]) -> None:
    assert found_links(look_into(make_tnef(attribute), "winmail.dat")) == expected


def test_an_archive_and_an_item_inside_are_opened() -> None:
    item = bytes.fromhex("0703020000000000c000000000000046") + make_tnef(
        tnef_attribute(1, 0x2800C, X.encode())
    )
    found = look_into(
        make_tnef(
            STARTS,
            titled(b"a.zip"),
            data(make_zip({"a.txt": "http://y.example/"})),
            STARTS,
            titled(b"item"),
            properties(2, (0x0D, 0x3701, item)),
        ),
        "winmail.dat",
    )
    assert [member.path for member in found.members] == ["2!/a.zip", "2!/a.zip!/a.txt", "2!/item"]
    assert found_links(found) == [("file.text", "http://y.example/"), ("tnef.text", X)]


def test_references_of_compressed_rtf_are_followed() -> None:
    # The example of [MS-OXRTFCP] section 3.1.1: literals and references into the initial dictionary.
    packed = bytes.fromhex(
        "2d0000002b0000004c5a4675f1c5c7a703000a007263706731323542320af32068656c090020627705b06c647d0a800fa0"
    )
    assert decompress_rtf(packed, 1_000) == b"{\\rtf1\\ansi\\ansicpg1252\\pard hello world}\r\n"
    assert decompress_rtf(packed, 10) == b"{\\rtf1\\ans"
    # Section 3.1.2: a reference that overlaps what it makes.
    overlap = bytes.fromhex("1a0000001c0000004c5a4675e2d44b51410004205758595a0d6e7d010eb0")
    assert decompress_rtf(overlap, 1_000) == b"{\\rtf1 WXYZWXYZWXYZWXYZWXYZ}"
    assert decompress_rtf(struct.pack("<4I", 15, 3, 0x414C454D, 0) + b"abc", 99) == b"abc"
    assert decompress_rtf(b"short", 99) == b""


@pytest.mark.parametrize(
    "content",
    [
        make_tnef() + b"\1" * 200_000,
        make_tnef(*[tnef_attribute(1, 0x8004, b"")] * 20_000),
        make_tnef(tnef_attribute(1, 0x69003, b"\xff" * 100_000)),
        make_tnef(*[tnef_attribute(2, 0x69002, b"")] * 20_000),
        make_tnef() + b"\3garbage beyond",
    ],
)
def test_garbage_ends_in_a_defect(content: bytes) -> None:
    assert codes(look_into(content, "winmail.dat")) == {"bad_tnef"}


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=300), st.sampled_from([0x69003, 0x69005, 0x6800F, 0x2800C, 0x69007]))
def test_random_attributes_raise_nothing(content: bytes, name: int) -> None:
    look_into(make_tnef(STARTS, tnef_attribute(1, name, content), content), "winmail.dat")
