"""Addresses, dates, charsets and transfer encodings, as mail has them."""

from __future__ import annotations

import base64
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clawback.message.address import read_addresses
from clawback.message.charset import codec_for, decode_text
from clawback.message.dates import read_date
from clawback.message.decode import find_uuencoded, undo_base64, undo_encoding, undo_quoted_printable


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("a@b.example", [("", "a@b.example")]),
        ("A <A@B.Example>", [("A", "A@b.example")]),
        ('"Doe, J." <j@d.example>, x@y.example', [("Doe, J.", "j@d.example"), ("", "x@y.example")]),
        ("Doe, J. <j@d.example>", [("Doe, J.", "j@d.example")]),
        ("=?utf-8?q?Doe=2C_J?= <j@d.example>", [("Doe, J", "j@d.example")]),
        ("j@d.example (J (the) D)", [("J (the) D", "j@d.example")]),
        ("Team: a@b.example, C <c@d.example>;", [("", "a@b.example"), ("C", "c@d.example")]),
        ("undisclosed-recipients:;", []),
        ('"ceo@corp.example" <eve@evil.example>', [("ceo@corp.example", "eve@evil.example")]),
        ("ceo@corp.example <eve@evil.example>", [("ceo@corp.example", "eve@evil.example")]),
        ("A <nonsense> <a@b.example>", [("A <nonsense>", "a@b.example")]),
        ("A <a@b.example", [("A", "a@b.example")]),
        ('"A <a@b.example>', [("A", "a@b.example")]),
        ("<@r.example,@s.example:a@b.example>", [("", "a@b.example")]),
        ("a @ b . example", [("", "a@b.example")]),
        ("a@BÜCHER.example", [("", "a@xn--bcher-kva.example")]),
        ("only a name", [("only a name", "")]),
        ("a@b.example; c@d.example", [("", "a@b.example"), ("", "c@d.example")]),
        ("", []),
        (",,;:<>()", []),
    ],
)
def test_addresses(written: str, read: list[tuple[str, str]]) -> None:
    assert [(one.name, one.address) for one in read_addresses(written)] == read


@given(st.text(max_size=300) | st.text(alphabet='ab@<>,;:()"\\ .=?', max_size=300))
def test_addresses_are_read_whatever_is_written(written: str) -> None:
    assert all(one.name or one.address for one in read_addresses(written))


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("Tue, 1 Jul 2003 10:52:37 +0200", datetime(2003, 7, 1, 8, 52, 37, tzinfo=UTC)),
        ("1 Jul 03 10:52 EDT", datetime(2003, 7, 1, 14, 52, tzinfo=UTC)),
        ("Fri, 21 Nov 97 09(comment (in it)):   55  :  06 -0600", None),
        ("Fri, 21 Nov 1997 (comment (in it)) 09:55:06 -0600", datetime(1997, 11, 21, 15, 55, 6, tzinfo=UTC)),
        ("Mon Mar  2 09:30:00 2026", datetime(2026, 3, 2, 9, 30, tzinfo=UTC)),
        ("2026-03-02T09:30:00Z", datetime(2026, 3, 2, 9, 30, tzinfo=UTC)),
        ("2026-03-02 09:30:00.123 +01:00", datetime(2026, 3, 2, 8, 30, tzinfo=UTC)),
        ("02-Mar-2026 09:30:00 GMT+0100", datetime(2026, 3, 2, 8, 30, tzinfo=UTC)),
        ("Mon, 02 March 2026 9.30.15 PST", datetime(2026, 3, 2, 17, 30, 15, tzinfo=UTC)),
        ("Sat, 31 Dec 2016 23:59:60 +0000", datetime(2016, 12, 31, 23, 59, 59, tzinfo=UTC)),
        ("Mon, 32 Mar 2026 09:30:00 +0100", None),
        ("Mon, 02 Mar 2026 09:30:00 +9999", datetime(2026, 3, 2, 9, 30, tzinfo=UTC)),
        ("1 Jan 0001 00:00 +0100", None),
        ("yesterday", None),
        ("", None),
    ],
)
def test_dates(written: str, read: datetime | None) -> None:
    assert read_date(written) == read


@given(st.text(alphabet="0123456789:+-. ,()JanFebTZGMTé", max_size=60))
def test_dates_are_in_utc_or_none(written: str) -> None:
    read = read_date(written)
    assert read is None or read.tzinfo is UTC


@pytest.mark.parametrize(
    ("data", "label", "text", "defect"),
    [
        (b"caf\xe9", "", "café", ""),
        (b"caf\xc3\xa9", "us-ascii", "café", ""),
        (b"caf\xe9 \x80\x81", "iso-8859-1", "café €\x81", "bad_charset"),
        (b"caf\xe9", "utf-8", "caf\ufffd", "bad_charset"),
        (b"\xef\xbb\xbfcaf\xc3\xa9", "iso-8859-1", "café", ""),
        (b"\xff\xfea\0", "", "a", ""),
        (b"+AOk-", "utf-7", "é", ""),
        (b"+2AA-", "utf-7", "\ufffd", ""),
        (b"\xc4\xe3", "gb2312", "你", ""),
        (b"x", "zlib", "x", "unknown_charset"),
        (b"x", "unicode_escape", "x", "unknown_charset"),
        (b"x", "nul\0label", "x", "unknown_charset"),
        (b"x", '"UTF-8"', "x", ""),
    ],
)
def test_charsets(data: bytes, label: str, text: str, defect: str) -> None:
    assert decode_text(data, label) == (text, defect)


def test_markup_tells_its_charset_where_the_header_does_not() -> None:
    data = "<meta charset=windows-1251>Привет".encode("cp1251")
    assert decode_text(data, "", markup=True)[0].endswith("Привет")
    assert not decode_text(data, "")[0].endswith("Привет")


@settings(max_examples=300)
@given(
    st.binary(max_size=80),
    st.sampled_from(["utf-7", "utf-16", "hz", "iso-2022-kr", "cp932", "gb18030", "johab"]),
)
def test_no_charset_yields_lone_surrogates(data: bytes, label: str) -> None:
    text, _ = decode_text(data, label)
    text.encode("utf-8")


@given(st.text(max_size=40))
def test_any_label_is_a_known_codec_or_none(label: str) -> None:
    codec = codec_for(label)
    assert not codec or b"a".decode(codec, "replace") is not None


@pytest.mark.parametrize(
    ("data", "content", "defect"),
    [
        (b"aGVsbG8=", b"hello", ""),
        (b"aGVs\r\nbG8=\r\n", b"hello", ""),
        (b"aGVsbG8", b"hello", ""),
        (b"aGVs*bG8=", b"hello", "bad_base64"),
        (b"aGVsbG8=YWJj", b"helloabc", "bad_base64"),
        (b"aGVsbG8=\n-- \nlist footer", b"hello", "bad_base64"),
        (b"aGVsb", b"hel", "bad_base64"),
        (b"", b"", ""),
        (b"====", b"", ""),
        (b"???", b"", "bad_base64"),
    ],
)
def test_base64(data: bytes, content: bytes, defect: str) -> None:
    assert undo_base64(data) == (content, defect)


@given(st.binary(max_size=200), st.integers(0, 300))
def test_base64_with_a_strange_byte_in_it_is_read_whole(content: bytes, position: int) -> None:
    encoded = base64.b64encode(content).rstrip(b"=")
    assert undo_base64(encoded[:position] + b"!" + encoded[position:])[0] == content


@pytest.mark.parametrize(
    ("data", "content", "defect"),
    [
        (b"a=3Db=\r\nc=\nd", b"a=bcd", ""),
        (b"a=  \r\nb", b"ab", ""),
        (b"a=\rb\nc", b"ab\nc", ""),
        (b"a=ZZb", b"a=ZZb", "bad_quoted_printable"),
        (b"a=3", b"a=3", "bad_quoted_printable"),
    ],
)
def test_quoted_printable(data: bytes, content: bytes, defect: str) -> None:
    assert undo_quoted_printable(data) == (content, defect)


def test_uuencoded_files_are_found_in_text() -> None:
    found = find_uuencoded(b"text\nbegin 644 a b.txt\n%:&5L;&\\`\n`\nend\nafter")
    assert found is not None
    assert (found.name, found.content, found.start, found.end) == ("a b.txt", b"hello", 5, 39)
    assert find_uuencoded(b"we begin 644 things") is None


@given(
    st.binary(max_size=300), st.sampled_from(["base64", "quoted-printable", "x-uuencode", "8bit", "x-odd"])
)
def test_every_encoding_takes_any_bytes(data: bytes, encoding: str) -> None:
    content, _ = undo_encoding(b"begin 644 x\n" + data if encoding == "x-uuencode" else data, encoding)
    lines = (
        data.count(b"\n") + data.count(b"\r") + 2
    )  # a line of uuencode may say that it holds up to 63 bytes
    assert len(content) <= len(data) + 12 + 63 * lines
