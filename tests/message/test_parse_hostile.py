"""Whatever the bytes: no exception, no blow-up of time or memory, every cut noted."""

from __future__ import annotations

import base64
import tracemalloc
from collections.abc import Iterator
from contextlib import contextmanager
from time import process_time

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.message.golden import SAMPLES

from clawback.message.bounds import MAX_LINKS, MAX_SUBJECT
from clawback.message.message import Message
from clawback.message.parse import parse

RAW_SAMPLES = [path.read_bytes() for path in sorted(SAMPLES.glob("*.eml"))]
SECONDS = 20.0  # a guard against hanging, far above what any of these takes
HEAD = b"From: a@b.example\r\nSubject: x\r\nMIME-Version: 1.0\r\n"
MIXED = HEAD + b"Content-Type: multipart/mixed; boundary=b\r\n\r\n"
PIECES = st.sampled_from(
    [
        b"--b\r\n",
        b"--b--\r\n",
        b"--c\n",
        b"\r\n",
        b"\n",
        b"\r",
        b"Content-Type: multipart/mixed; boundary=b\n",
        b'Content-Type: multipart/alternative; boundary="c"\r\n',
        b"Content-Type: message/rfc822\n",
        b"Content-Type: text/html; charset=utf-7\n",
        b"Content-Transfer-Encoding: base64\n",
        b"Content-Transfer-Encoding: quoted-printable\n",
        b"Content-Disposition: attachment; filename*0*=utf-8''a%\n",
        b"Subject: =?utf-8?q?=C3?= =?utf-8?b?qQ=\n",
        b'From: "a <b@c, (d\n',
        b"From x\n",
        b"begin 644 x\n",
        b" folded\n",
        b"YWJj=\n",
        b"<a href=http://x.example/>\n",
        b"=E9\x80\xff\0",
    ]
)


def _check(raw: bytes) -> Message:
    message = parse(raw)
    assert message.size == len(raw)
    for part in message.parts:
        assert 0 <= part.header_start <= part.body_start <= part.body_end <= len(raw)
    for text in (message.subject, message.text, message.html, *(header.value for header in message.headers)):
        text.encode("utf-8")
        assert "\0" not in text
    return message


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=600))
def test_random_bytes_are_a_message(raw: bytes) -> None:
    _check(raw)


@settings(max_examples=400, deadline=None)
@given(st.lists(PIECES, max_size=30))
def test_pieces_of_mail_in_any_order_are_a_message(pieces: list[bytes]) -> None:
    _check(b"".join(pieces))


@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.data())
def test_mutated_samples_are_messages(data: st.DataObject) -> None:
    raw = bytearray(data.draw(st.sampled_from(RAW_SAMPLES)))
    for _ in range(data.draw(st.integers(1, 8))):
        start = data.draw(st.integers(0, len(raw)))
        length = data.draw(st.integers(0, 40))
        raw[start : start + length] = data.draw(st.binary(max_size=8) | PIECES)
    _check(bytes(raw))


@contextmanager
def _guarded() -> Iterator[None]:
    started = process_time()
    yield
    assert process_time() - started < SECONDS


def _nested(levels: int) -> bytes:
    raw = HEAD + b"\r\nhttp://deep.example/"
    for _ in range(levels):
        raw = HEAD + b"Content-Type: message/rfc822\r\n\r\n" + raw
    return raw


def _encoded(levels: int) -> bytes:
    raw = HEAD + b"\r\nhttp://deep.example/"
    for _ in range(levels):
        head = b"Content-Type: message/rfc822\r\nContent-Transfer-Encoding: base64\r\n\r\n"
        raw = HEAD + head + base64.encodebytes(raw)
    return raw


_PART = b"--b\r\nContent-Type: multipart/mixed; boundary=absent\r\n\r\n"
BOMBS = {
    "encoded words": (b"Subject: " + b"=?utf-8?q?a?= " * 400_000 + b"\r\n\r\nx", {"header_cut"}),
    "folded encoded words": (b"Subject:" + b"\r\n =?utf-8?q?a?=" * 400_000 + b"\r\n\r\nx", {"header_cut"}),
    "words that never end": (b"Subject: " + b"=?utf-8?q?a" * 300_000 + b"\r\n\r\nx", {"header_cut"}),
    "header fields": (b"".join(b"X-%d: y\r\n" % n for n in range(200_000)) + b"\r\nx", {"too_many_headers"}),
    "one long line": (b"a" * 20_000_000, {"header_cut"}),
    "carriage returns": (b"A: b\n" + b"\r" * 5_000_000 + b"x\n\nfoo", {"header_cut"}),
    "escaped quotes": (b"From: " + b'"\\"' * 30_000 + b"\r\n\r\nx", set()),
    "commas": (b"To: " + b"a, " * 30_000 + b"\r\n\r\nx", set()),
    "brackets": (b"From: " + b"<(" * 50_000 + b"\r\n\r\nx", set()),
    "equals signs": (b"Content-Type: text/plain; " + b"=" * 100_000 + b"\r\n\r\nx", set()),
    "open parameters": (b"Content-Type: text/plain; " + b'a="' * 30_000 + b"\r\n\r\nx", set()),
    "parts": (MIXED + b"--b\r\n\r\nx\r\n" * 500_000, {"too_many_parts"}),
    "multiparts": (b"Content-Type: multipart/mixed; boundary=b\n\n--b\n" * 100_000, {"too_deep"}),
    "absent boundaries": (MIXED + _PART * 2_000 + b"x" * 5_000_000, {"no_boundary", "too_many_parts"}),
    "no delimiter of ours": (MIXED + b"--c\r\n" * 1_000_000, {"no_boundary"}),
    "no blank lines": (MIXED + b"--b\r\nContent-Type: text/html\r\n" * 900, {"missing_blank_line"}),
    "messages in messages": (_nested(60), {"too_many_messages"}),
    "encoded messages": (_encoded(22), {"too_many_messages"}),
    "base64 paddings": (
        HEAD + b"Content-Transfer-Encoding: base64\r\n\r\n" + b"YQ==\r\n" * 400_000,
        {"bad_base64"},
    ),
    "soft breaks": (
        HEAD + b"Content-Transfer-Encoding: quoted-printable\r\n\r\n" + b"=   " * 1_000_000,
        {"bad_quoted_printable"},
    ),
    "uuencode": (HEAD + b"\r\n" + b"begin 644 x\r\nM" * 200_000, set()),
    "much text": (HEAD + b"\r\n" + b"foo bar baz\r\n" * 1_000_000, {"text_cut"}),
    "links": (
        HEAD + b"\r\n" + b"".join(b"http://h%d.example/ " % n for n in range(9_000)),
        {"too_many_links"},
    ),
}


@pytest.mark.parametrize(("raw", "codes"), BOMBS.values(), ids=BOMBS.keys())
def test_bombs_are_cut_and_noted(raw: bytes, codes: set[str]) -> None:
    with _guarded():
        message = _check(raw)
    assert codes <= {defect.code for defect in message.defects}
    assert len(message.subject) <= MAX_SUBJECT
    assert len(message.links) <= MAX_LINKS


def test_memory_stays_near_the_size_of_the_message() -> None:
    raw = (
        HEAD
        + b"Content-Type: application/x-thing\r\nContent-Transfer-Encoding: base64\r\n\r\n"
        + b"YWJj" * 2_000_000
    )
    tracemalloc.start()
    try:
        parse(raw)
        assert tracemalloc.get_traced_memory()[1] < 6 * len(raw)
    finally:
        tracemalloc.stop()
