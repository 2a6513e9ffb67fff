"""PDF files: annotations, actions, text, QR codes, embedded files, and files made to hurt."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.message.made_files import (
    PDF_FONT,
    codes,
    found_links,
    look_into,
    make_pdf,
    make_zip,
    pdf_page,
    pdf_stream,
    qr_picture,
    uri_annotation,
)

from clawback.message.contents import Budget
from clawback.message.files import FileReading, inspect
from clawback.message.link import LinkLocation

X = "http://x.example/"


def links_of(content: bytes) -> list[tuple[str, str]]:
    return found_links(look_into(content, "a.pdf"))


@pytest.mark.parametrize(
    "written",
    [
        b"(http://x.example/)",
        b"(http://x.exam\\\nple/)",
        b"(ht\\164p://x.example/)",
        b"<687474703a2f2f782e6578616d706c652f>",
        b"<68 74 74 70 3a 2f 2f 78 2e 65 78 61 6d 70 6c 65 2f>",
    ],
)
def test_the_uri_of_an_annotation_is_read_however_it_is_written(written: bytes) -> None:
    assert links_of(pdf_page(annotations=uri_annotation(written))) == [("pdf.uri", X)]


def test_parentheses_inside_a_uri_stay() -> None:
    found = links_of(pdf_page(annotations=uri_annotation(b"(http://x.example/a(b)\\(c)")))
    assert ("pdf.uri", "http://x.example/a(b)(c") in found


def test_a_uri_in_a_file_that_no_library_opens_is_found() -> None:
    found = look_into(b"%PDF-1.4\n1 0 obj <</S/URI/URI (http://x.example/)>>", "a.pdf")
    assert found_links(found) == [("pdf.uri", X)]
    assert codes(found) == {"bad_pdf"}


def test_a_uri_in_a_compressed_object_stream_is_found() -> None:
    inner = pdf_stream(b"9 0 <</S/URI/URI(http://x.example/)>>", b"/Type/ObjStm/N 1/First 4")
    assert links_of(pdf_page(more=[inner])) == [("pdf.uri", X)]


def test_actions_and_scripts_are_read() -> None:
    more = [
        b"<</S/SubmitForm/F(http://x.example/)>>",
        b'<</S/JavaScript/JS(app.launchURL\\("http://y.example/"\\);a.b.com)>>',
        b"<</S/Launch/F(cmd.exe)>>",
    ]
    assert links_of(pdf_page(more=more)) == [("pdf.action", X), ("pdf.script", "http://y.example/")]


def test_the_text_of_a_page_is_searched() -> None:
    found = links_of(pdf_page(content=b"BT /F 12 Tf 10 100 Td (please see www.x.com/a now) Tj ET"))
    assert found == [("pdf.text", "http://www.x.com/a")]


def pdf_with_image(text: str) -> bytes:
    picture = qr_picture(text)
    head = (
        b"/Type/XObject/Subtype/Image/ColorSpace/DeviceGray/BitsPerComponent 8/Width %d/Height %d"
        % picture.size
    )
    page = pdf_page(content=b"200 0 0 200 50 50 cm /I Do", more=[pdf_stream(picture.tobytes(), head)])
    return page.replace(b"/Resources<<", b"/Resources<</XObject<</I 7 0 R>>")


def pdf_with_shapes(text: str) -> bytes:
    """The code drawn as small squares, as browsers print an SVG."""
    picture = qr_picture(text, scale=1)
    width, height = picture.size
    squares = [
        b"%d %d 4 4 re" % (40 + 4 * x, 250 - 4 * y)
        for y in range(height)
        for x in range(width)
        if picture.getpixel((x, y)) == 0
    ]
    return pdf_page(content=b"\n".join(squares) + b" f")


@pytest.mark.parametrize("make", [pdf_with_image, pdf_with_shapes])
def test_a_qr_code_on_a_page_is_read(make: object) -> None:
    content = make("http://x.example/") if callable(make) else b""
    (link,) = look_into(content, "a.pdf").links
    assert (link.location, link.source, link.url, link.container) == (LinkLocation.QR_CODE, "qr", X, "a.pdf")


def test_a_page_of_plain_text_is_not_drawn() -> None:
    budget = Budget()
    content = pdf_page(content=b"BT /F 12 Tf 10 100 Td (hello) Tj ET")
    inspect(content, name="a.pdf", declared_type="", path="2", budget=budget)
    assert (budget.rendered, budget.pages) == (Budget().rendered, Budget().pages - 1)


def test_a_file_embedded_in_a_pdf_is_a_member() -> None:
    inner = make_zip({"a.txt": b"http://x.example/"})
    names = b"/Names<</EmbeddedFiles<</Names[(a.zip) 7 0 R]>>>>"
    more = [b"<</Type/Filespec/F(a.zip)/UF(a.zip)/EF<</F 8 0 R>>>>", pdf_stream(inner, b"/Type/EmbeddedFile")]
    content = pdf_page(more=more)
    moved = make_pdf([b"[]", pdf_stream(b""), PDF_FONT, *more]).replace(
        b"<</Type/Catalog/Pages 2 0 R>>", b"<</Type/Catalog/Pages 2 0 R" + names + b">>"
    )
    assert not look_into(content, "a.pdf").members
    found = look_into(moved, "a.pdf")
    assert [member.path for member in found.members] == ["2!/a.zip", "2!/a.zip!/a.txt"]
    assert found_links(found) == [("file.text", X)]


def test_a_pdf_with_a_password_is_flagged() -> None:
    standard = b"/Encrypt<</Filter/Standard/V 1/R 2/O<%b>/U<%b>/P -4>>/ID[<00><00>]" % (
        b"41" * 32,
        b"42" * 32,
    )
    content = make_pdf([b"[]", pdf_stream(b""), PDF_FONT], encrypt=standard)
    assert look_into(content, "a.pdf").attachment.encrypted


def form_bomb(levels: int) -> bytes:
    head = b"/Type/XObject/Subtype/Form/BBox[0 0 300 300]/Resources<</XObject<</X %d 0 R>>>>"
    more = [pdf_stream(b"/X Do " * 10, head % (8 + level)) for level in range(levels)]
    more.append(pdf_stream(b"0 0 m 1 1 l S", b"/Type/XObject/Subtype/Form/BBox[0 0 300 300]"))
    page = pdf_page(content=b"/X Do " * 10, more=more)
    return page.replace(b"/Resources<</Font", b"/Resources<</XObject<</X 7 0 R>>/Font")


HUGE = pdf_stream(b"0 0 m 300 300 l S " * 600_000)
LAYERS = b"0 0 m 300 0 l 300 300 l 0 300 l h 10 10 m 200 10 l 200 200 l h f* "


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (make_pdf([b"[]", HUGE, PDF_FONT]), "pdf_not_opened"),
        (make_pdf([b"[]", HUGE.replace(b"<</F", b"<</Subtype/Image/F"), PDF_FONT]), "pdf_not_opened"),
        (pdf_page(more=[pdf_stream(b"x", b"/DecodeParms 1/F[/FlateDecode/FlateDecode]")]), "pdf_not_opened"),
        (form_bomb(9), "pdf_not_opened"),
        (pdf_page(content=b"BT /F 1 Tf " + b"(a) Tj " * 60_000 + b"ET"), "text_cut"),
        (b"%PDF-1.4\n1 0 obj" + b"[" * 200_000, "bad_pdf"),
        (b"%PDF-1.4\n" + b"/URI (" * 100_000, "bad_pdf"),
        (b"%PDF-1.4\n" + b"/FlateDecode stream\n" * 50_000, "bad_pdf"),
    ],
)
def test_files_made_to_hurt_end_in_a_defect(content: bytes, code: str) -> None:
    assert code in codes(look_into(content, "a.pdf"))


@pytest.mark.parametrize(
    "content",
    [
        pdf_page(content=LAYERS * 3_000),
        make_pdf([b"[]"]).replace(b"/Kids[3 0 R]", b"/Kids[2 0 R]"),
        pdf_page(content=b"q " * 400_000),
        pdf_page(content=b"0 0 m 1 1 l S " * 200).replace(b"0 0 300 300", b"0 0 99999999 9"),
    ],
)
def test_costly_pages_are_not_drawn(content: bytes) -> None:
    budget = Budget()
    found: FileReading = inspect(content, name="a.pdf", declared_type="", path="2", budget=budget)
    assert not found.links
    assert budget.rendered >= Budget().rendered - 1


def test_links_of_the_shared_pdfs(shared_data: Path) -> None:
    folder = shared_data / "docs" / "pdf"
    found = {path.name: links_of(path.read_bytes()) for path in sorted(folder.glob("*.pdf"))}
    assert len(found) == 9
    assert found["starter_pack.pdf"] == [("pdf.uri", "https://www.gubello.me/")]
    assert found["payload3.pdf"] == [("pdf.script", "https://14.rs/")]
