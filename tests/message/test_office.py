"""Office documents: relationships, fields, text, what is embedded, passwords, and XML made to hurt."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from tests.message.made_files import (
    codes,
    compound_file,
    found_links,
    look_into,
    make_docx,
    make_zip,
    qr_png,
)

from clawback.message.link import LinkLocation

X = "http://x.example/"
KIND = "http://schemas.openxmlformats.org/officeDocument/2006/relationships/"


def relationship(kind: str, target: str, mode: str = "External") -> str:
    return f'<Relationship Id="r1" Type="{KIND}{kind}" Target="{target}" TargetMode="{mode}"/>'


@pytest.mark.parametrize("kind", ["hyperlink", "attachedTemplate", "oleObject", "frame", "image"])
def test_external_relationships_are_links_by_their_kind(kind: str) -> None:
    found = look_into(make_docx(relationships=relationship(kind, "http://x.example/?a&amp;b")), "a.docx")
    assert found_links(found) == [(f"office.{kind}", X + "?a&b")]
    assert found.links[0].location is LinkLocation.ATTACHMENT


def test_inner_relationships_are_none() -> None:
    assert not look_into(make_docx(relationships=relationship("hyperlink", X, "Internal")), "a.docx").links


def test_urls_inside_another_scheme_are_found() -> None:
    target = "mhtml:http://x.example/!x-usc:http://y.example/"
    found = look_into(make_docx(relationships=relationship("oleObject", target)), "a.docx")
    assert [link.host for link in found.links] == ["x.example", "y.example"]


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ('<w:instrText a="b"> HYPERLINK "http://x.</w:instrText><w:instrText>example/" </w:instrText>',
         [("office.field", X)]),
        ('<w:fldSimple w:instr=" HYPERLINK &quot;http://x.example/&quot; "/>', [("office.field", X)]),
        ("<w:p><w:r><w:t>www.x.c</w:t></w:r><w:r><w:t>om/a</w:t></w:r></w:p><w:p><w:t>b</w:t></w:p>",
         [("office.text", "http://www.x.com/a")]),
        ("<w:t>nothing here. Or there</w:t>", []),
    ],
)  # fmt: skip
def test_links_of_a_documents_body(body: str, expected: list[tuple[str, str]]) -> None:
    assert found_links(look_into(make_docx(body), "a.docx")) == expected


def test_formulas_and_strings_of_a_workbook_are_read() -> None:
    book = {
        "[Content_Types].xml": "<Types/>",
        "xl/sharedStrings.xml": "<sst><si><t>http://y.example/</t></si><si><t>b</t></si></sst>",
        "xl/worksheets/sheet1.xml": '<row><c><f>HYPERLINK("http://x.example/","go")</f><v>go</v></c></row>',
    }
    found = look_into(make_zip(book), "a.xlsx")
    assert found.attachment.true_type.endswith("spreadsheetml.sheet")
    assert set(found_links(found)) >= {("office.field", X), ("office.text", "http://y.example/")}


def test_opendocument_links_are_read() -> None:
    odt = {
        "mimetype": "application/vnd.oasis.opendocument.text",
        "content.xml": '<text:p xmlns:x="http://n.example/"><text:a xlink:href="http://x.example/">go</text:a>',
    }
    found = look_into(make_zip(odt), "a.odt")
    assert found.attachment.true_type == "application/vnd.oasis.opendocument.text"
    assert found_links(found) == [("office.href", X)]


def test_a_qr_code_in_a_document_is_read() -> None:
    found = look_into(make_docx(extra={"word/media/image1.png": qr_png("http://x.example/")}), "a.docx")
    assert [(link.location, link.url, link.container) for link in found.links] == [
        (LinkLocation.QR_CODE, X, "a.docx")
    ]
    assert not found.members


def test_what_is_embedded_is_a_member() -> None:
    inner = make_docx(relationships=relationship("hyperlink", X))
    found = look_into(
        make_docx(extra={"word/embeddings/b.docx": inner, "word/vbaProject.bin": b"x"}), "a.docm"
    )
    assert [member.path for member in found.members] == ["2!/b.docx", "2!/vbaProject.bin"]
    assert found_links(found) == [("office.hyperlink", X)]
    assert "macroenabled" in found.attachment.true_type


WIDE = "HYPERLINK http://x.example/".encode("utf-16-le")


@pytest.mark.parametrize(
    ("stream", "kind"),
    [
        ("WordDocument", "application/msword"),
        ("Workbook", "application/vnd.ms-excel"),
        ("PowerPoint Document", "application/vnd.ms-powerpoint"),
        ("Other", "application/x-ole-storage"),
    ],
)
def test_older_documents_are_searched(stream: str, kind: str) -> None:
    found = look_into(compound_file({stream: b"\0\0 http://y.example/ \0" + WIDE}), "a.doc")
    assert found.attachment.true_type == kind
    assert found_links(found) == [("office.text", "http://y.example/"), ("office.text", X)]
    assert not found.attachment.encrypted


@pytest.mark.parametrize(
    "streams",
    [
        {"EncryptedPackage": b"x", "EncryptionInfo": b"x"},
        {"WordDocument": bytes(11) + b"\1"},
        {"Workbook": b"\x09\x08\x04\0\0\0\0\0\x2f\0\2\0\0\0"},
        {"PowerPoint Document": b"x", "Current User": bytes(12) + b"\xdf\xc4\xd1\xf3"},
    ],
)
def test_documents_with_a_password_are_flagged(streams: dict[str, bytes]) -> None:
    assert look_into(compound_file(streams), "a.doc").attachment.encrypted


def test_a_packaged_file_is_a_member() -> None:
    data = b"MZ" + bytes(5_000)
    native = b"\0\0\0\0\2\0run.exe\0C:\\run.exe\0\0\0\3\0" + (4).to_bytes(4, "little") + b"C:\\\0"
    native += len(data).to_bytes(4, "little") + data
    found = look_into(compound_file({"WordDocument": b"x", "\x01Ole10Native": native}), "a.doc")
    assert [(member.name, member.content) for member in found.members] == [("run.exe", data)]


def test_an_outlook_item_gives_its_bodies() -> None:
    item = {
        "__properties_version1.0": b"x",
        "__substg1.0_1000001F": "see http://x.example/ ".encode("utf-16-le"),
        "__substg1.0_10130102": b"<a href='http://y.example/'>go</a>",
    }
    found = look_into(compound_file(item), "a.msg")
    assert found.attachment.true_type == "application/vnd.ms-outlook"
    assert found_links(found) == [("tnef.text", X), ("a.href", "http://y.example/")]


LAUGHS = b"<?xml version='1.0'?><!DOCTYPE l [<!ENTITY a '" + b"ha" * 50 + b"'>" + b"".join(
    b"<!ENTITY %c '%b'>" % (97 + level, b"&%c;" % (96 + level) * 10) for level in range(1, 10)
) + b"]><l>&j;<u>http://x.example/</u></l>"  # fmt: skip


def test_entities_are_not_expanded() -> None:
    found = look_into(LAUGHS, "a.xml")
    assert found_links(found) == [("xml.text", X)]
    inner = make_docx(extra={"word/header1.xml": LAUGHS})
    assert found_links(look_into(inner, "a.docx")) == [("office.text", X)]


@pytest.mark.parametrize(
    "body",
    [" " * 30_000_000, "<" * 3_000_000, "<w:instrText >" * 300_000, ' href="' * 700_000, "<w:t " * 900_000],
)
def test_parts_that_inflate_too_much_are_cut(body: str) -> None:
    assert "archive_too_large" in codes(look_into(make_docx(body), "a.docx"))


def test_broken_compound_files_give_what_is_readable() -> None:
    whole = compound_file({"WordDocument": b"http://x.example/ "})
    assert look_into(whole[:512] + bytes(4_000), "a.doc").defects
    looped = bytearray(whole)
    looped[-1024:-512] = bytes(512)  # every sector follows by the first one
    look_into(bytes(looped), "a.doc")


def test_external_links_and_passwords_agree_with_oletools(shared_data: Path) -> None:
    folder = shared_data / "docs" / "oletools"
    expected = json.loads((folder / "expected_oletools.json").read_text("utf-8"))["files"]
    compared = {"links": 0, "passwords": 0}
    for name, answer in expected.items():
        found = look_into((folder / name).read_bytes(), name)
        wanted = {tuple(pair) for pair in answer.get("external_relationships", [])}
        ours = {(link.source.removeprefix("office."), link.written) for link in found.links}
        assert wanted <= ours, name
        compared["links"] += bool(wanted)
        assert found.attachment.encrypted == answer["encrypted"], name
        compared["passwords"] += answer["encrypted"]
    assert compared["links"] == 13
    assert compared["passwords"] == 21
