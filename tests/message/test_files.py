"""Files as such: hash, true type, nesting, bounds, and that nothing raises."""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.message.made_files import codes, found_links, look_into, make_docx, make_zip, qr_png

from clawback.message import file_types
from clawback.message.file_types import true_type
from clawback.message.files import Budget, inspect
from clawback.message.link import LinkLocation

X = "http://x.example/"


def test_a_file_is_hashed_measured_and_named() -> None:
    content = b"MZ" + bytes(100)
    found = inspect(
        content, name="a.pdf", declared_type="application/pdf", path="2.1", budget=Budget(), inline=True
    )
    one = found.attachment
    assert (one.name, one.path, one.size, one.inline) == ("a.pdf", "2.1", 102, True)
    assert one.sha256 == sha256(content).hexdigest()
    assert one.declared_type == "application/pdf"
    assert one.true_type == "application/vnd.microsoft.portable-executable"
    assert one.content == content


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"", ""),
        (b"%PDF-1.7\n", "application/pdf"),
        (b"\xef\xbb\xbf junk %PDF-1.7\n", "application/pdf"),
        (b"{\\rtf1 x}", "text/rtf"),
        (b"\x7fELF\2\1\1", "application/x-elf"),
        (b"\xca\xfe\xba\xbe\0\0\0\x34\0\0", "application/java-vm"),
        (b"\xca\xfe\xba\xbe\0\0\0\x02\0\0", "application/x-mach-binary"),
        (b"\xcf\xfa\xed\xfe\7", "application/x-mach-binary"),
        (b"L\0\0\0\1\x14\2\0\0\0\0\0\xc0\0\0\0\0\0\0F...", "application/x-ms-shortcut"),
        (b"7z\xbc\xaf\x27\x1c\0\4", "application/x-7z-compressed"),
        (b"Rar!\x1a\7\1\0", "application/vnd.rar"),
        (b"MSCF\0\0", "application/vnd.ms-cab-compressed"),
        (bytes(0x8001) + b"CD001", "application/x-iso9660-image"),
        (b"x" * 512 + b"conectix" + bytes(504), "application/x-vhd"),
        (b"\x89PNG\r\n\x1a\n", "image/png"),
        (b"RIFF\0\0\0\0WEBPVP8 ", "image/webp"),
        (b"\0\0\0\x20ftypheic", "image/heic"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'><a/></svg>", "image/svg+xml"),
        (b"<?xml version='1.0'?><svg width='1'/>", "image/svg+xml"),
        (b"<?xml version='1.0'?><note/>", "application/xml"),
        (b"<!DOCTYPE html><p>hi", "text/html"),
        (b"  \r\n<HTML><body>", "text/html"),
        ("\ufeff<html>".encode("utf-16-le"), "text/html"),
        (b"BEGIN:VCALENDAR\r\nEND:VCALENDAR", "text/calendar"),
        (b"begin:vcard\r\nend:vcard", "text/vcard"),
        (b"[InternetShortcut]\r\nURL=x", "application/x-mswinurl"),
        (b"From: a@b.example\r\nTo: c@d.example\r\nSubject: hi\r\n\r\nx", "message/rfc822"),
        (b"Received: from a by b\r\n\tfor c; now\r\nFrom: a\r\nSubject: b\r\n\r\n", "message/rfc822"),
        (b"Dear all: we meet at six.\r\n", "text/plain"),
        (b"#!/bin/sh\necho", "application/x-sh"),
        (b"@echo off\r\n", "application/x-bat"),
        (b"<?php echo 1;", "application/x-php"),
        (b"var a = 1;", "text/javascript"),
        (b"On Error Resume Next", "text/vbscript"),
        (b"$a = 'x'; iex($a)", "application/x-powershell"),
        (b"\x78\x9f\x3e\x22\1\0", "application/vnd.ms-tnef"),
        (b"wOFF\0\1", "font/woff"),
        (b"\0asm\1\0\0\0", "application/wasm"),
        (b"\x8a\0\x01\x9c\x00\xff", ""),
    ],
)
def test_the_bytes_tell_the_type(content: bytes, expected: str) -> None:
    assert true_type(content) == expected


@pytest.mark.parametrize(
    ("name", "content", "expected"),
    [
        ("a.html", b"<html><a href=http://x.example/>go</a>", [("html:a.href", X)]),
        ("a.txt", b"see http://x.example/ now", [("file.text", X)]),
        ("a.shtml", b"go <a href=http://x.example/>", [("html:a.href", X)]),
        ("a.js", b"var u = 'http://x.example/'; a.push(b.com)", [("script.text", X)]),
        ("a.svg", b"<svg xmlns:xlink='http://www.w3.org/1999/xlink'><a xlink:href='http://x.example/'/></svg>",
         [("html:a.xlink:href", X)]),
        ("a.xml", b"<?xml version='1.0'?><n xmlns='http://n.example/'><u>http://x.example/</u></n>",
         [("xml.text", X)]),
        ("a.webloc", b"<?xml version='1.0'?><!DOCTYPE plist PUBLIC '-//A' 'http://www.apple.com/DTDs/P.dtd'>"
         b"<plist><dict><key>URL</key><string>http://x.example/</string></dict></plist>", [("xml.text", X)]),
        ("a.url", b"[InternetShortcut]\r\nURL=http://x.example/\r\nIconIndex=0", [("shortcut.url", X)]),
        ("a.lnk", b"L\0\0\0\1\x14\2\0\0\0\0\0\xc0\0\0\0\0\0\0F" + "iwr http://x.example/".encode("utf-16-le"),
         [("file.strings", X)]),
        ("a.rtf", b"{\\rtf1{\\field{\\*\\fldinst{HYPERLINK \"http://x.example/\"}}{\\fldrslt go}}}",
         [("rtf.text", X)]),
        ("a.rtf", b"{\\rtf1 {\\object\\objdata " + X.encode("utf-16-le").hex().encode() + b"}}",
         [("rtf.object", X)]),
        ("a.rtf", b"{\\rtf1 http://x.\\'65xam\r\nple/\\par b}", [("rtf.text", X)]),
    ],
)  # fmt: skip
def test_links_of_text_files(name: str, content: bytes, expected: list[tuple[str, str]]) -> None:
    found = look_into(content, name)
    assert found_links(found) == expected
    assert {link.location for link in found.links} == {LinkLocation.ATTACHMENT}
    assert {(link.part, link.container) for link in found.links} == {("2", name)}


def test_a_name_decides_only_where_the_bytes_leave_it_open() -> None:
    assert look_into(b"%PDF-1.4\n", "a.html").attachment.true_type == "application/pdf"
    html = look_into(b"text, then <a href=http://x.example/>", "x", "text/html")
    assert found_links(html) == [("html:a.href", X)]


def test_a_qr_code_in_an_image_is_a_link() -> None:
    picture = qr_png("go to http://x.example/ now")
    (link,) = look_into(picture, "a.png").links
    assert (link.location, link.source, link.url, link.container) == (LinkLocation.QR_CODE, "qr", X, "a.png")


def test_a_known_image_costs_nothing() -> None:
    budget = Budget(images=1)
    pictures = [qr_png(f"http://x{number}.example/") for number in (1, 2)]
    first, again, other = (
        inspect(picture, name="a.png", declared_type="image/png", path="2", budget=budget)
        for picture in (pictures[0], pictures[0], pictures[1])
    )
    assert first.links == again.links != ()
    assert codes(other) == {"too_many_images"}


def test_onenote_gives_its_files_and_links() -> None:
    section = bytes.fromhex("e4525c7b8cd8a74daeb15378d02996d3") + "http://x.example/".encode("utf-16-le")
    section += bytes.fromhex("e716e3bd65261145a4c48d4d0b7a9eac") + (9).to_bytes(8, "little") + bytes(12)
    found = look_into(section + b"@echo off" + b"tail", "a.one")
    assert found_links(found) == [("onenote.text", X)]
    assert [member.content for member in found.members] == [b"@echo off"]


def test_a_mail_in_an_archive_is_handed_back_with_its_path() -> None:
    mail = b"From: a@b.example\r\nTo: c@d.example\r\nSubject: hi\r\n\r\nx"
    found = look_into(make_zip({"in/m.eml": mail}), "a.zip")
    assert found.messages == (("2!/in/m.eml", mail),)
    assert look_into(mail, "m.eml").messages == (("2", mail),)


def test_one_budget_serves_a_whole_message() -> None:
    budget = Budget(members=3)
    files = make_zip({f"{number}.txt": "x" for number in range(3)})
    first = inspect(files, name="a.zip", declared_type="", path="2", budget=budget)
    second = inspect(files, name="b.zip", declared_type="", path="3", budget=budget)
    assert len(first.members) == 3
    assert not first.defects
    assert not second.members
    assert codes(second) == {"too_many_members"}


def test_too_many_links_are_cut() -> None:
    found = look_into(b"".join(b"http://x%d.example/\n" % number for number in range(6_000)), "a.txt")
    assert len(found.links) == 5_000


MAGIC = [magic for magic, _ in file_types._MAGIC]


@settings(max_examples=300, deadline=None)
@given(
    st.sampled_from([*MAGIC, b"MZ", b"RIFF", b"From: a\nTo: b\nDate: c\n\n", b"<html>"]),
    st.binary(max_size=600),
)
def test_random_bytes_behind_any_magic_raise_nothing(magic: bytes, rest: bytes) -> None:
    found = look_into(magic + rest, "x")
    assert found.attachment.size == len(magic) + len(rest)


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_damaged_files_raise_nothing(data: st.DataObject) -> None:
    base = bytearray(make_docx("<w:t>http://x.example/</w:t>", extra={"word/embeddings/a.bin": b"MZ" * 50}))
    for _ in range(data.draw(st.integers(1, 6))):
        base[data.draw(st.integers(0, len(base) - 1))] = data.draw(st.integers(0, 255))
    look_into(bytes(base[: data.draw(st.integers(0, len(base)))]), "a.docx")


@pytest.mark.parametrize("folder", ["docs", "mime"])
def test_every_file_of_the_shared_data_is_read(shared_data: Path, folder: str) -> None:
    paths = [path for path in (shared_data / folder).rglob("*") if path.is_file()]
    assert len(paths) > 100
    for path in paths:
        content = path.read_bytes()
        assert look_into(content, path.name).attachment.size == len(content)
