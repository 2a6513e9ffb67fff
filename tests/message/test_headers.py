"""Header blocks, encoded words and parameters."""

from __future__ import annotations

import pytest

from clawback.message import encoded_words
from clawback.message.bounds import MAX_FIELD, MAX_FIELDS, MAX_HEAD, MAX_VALUE
from clawback.message.headers import find_head, read_head
from clawback.message.parameters import read_parameters


def _fields(block: bytes) -> list[tuple[str, str, int]]:
    return [(field.name, field.value, field.offset) for field in read_head(block, 0, len(block)).fields]


def test_fields_keep_their_name_value_and_offset() -> None:
    block = b"Subject: one\r\nX-Two  :  folded\r\n\tvalue \r\n\r\nbody: no field\r\n"
    assert _fields(block) == [("Subject", "one", 0), ("X-Two", "folded value", 14)]
    assert block[read_head(block, 0, len(block)).body_start :] == b"body: no field\r\n"


@pytest.mark.parametrize("blank", [b"\n\n", b"\r\n\r\n", b"\r\r\n\r\r\n", b"\n\r\n", b"\r\n\n"])
def test_a_blank_line_ends_the_block_however_its_lines_end(blank: bytes) -> None:
    block = b"A: b" + blank + b"body"
    head = read_head(block, 0, len(block))
    assert [(field.key, field.value) for field in head.fields] == [("a", "b")]
    assert block[head.body_start :] == b"body"


def test_lines_that_are_no_fields_are_skipped_and_noted() -> None:
    block = b"From: a\nno field here\nTo: b\nB\xe9: c\n\nbody"
    head = read_head(block, 0, len(block))
    assert [field.key for field in head.fields] == ["from", "to"]
    assert [defect.code for defect in head.defects] == ["bad_header"]


def test_without_any_field_the_text_is_body() -> None:
    head = read_head(b"hello\nworld\n\nagain", 0, 18)
    assert (head.fields, head.body_start) == ((), 0)


def test_without_blank_line_the_first_strange_line_starts_the_body() -> None:
    block = b"From: a\nhello there\nNote: this\n"
    head = read_head(block, 0, len(block))
    assert [field.key for field in head.fields] == ["from"]
    assert block[head.body_start :].startswith(b"hello there")


def test_blocks_fields_and_counts_are_bounded() -> None:
    long = b"X: " + b"a" * (MAX_FIELD + 10) + b"\n\n"
    assert len(read_head(long, 0, len(long)).fields[0].raw) == MAX_FIELD
    assert len(_fields(long)[0][1]) == MAX_VALUE
    many = b"X: y\n" * (MAX_FIELDS + 10) + b"\nbody"
    head = read_head(many, 0, len(many))
    assert (len(head.fields), head.defects[0].code) == (MAX_FIELDS, "too_many_headers")
    assert many[head.body_start :] == b"body"
    huge = b"A: b\n" + b" fold\n" * MAX_HEAD
    assert read_head(huge, 0, len(huge)).body_start == MAX_HEAD


@pytest.mark.parametrize(
    ("before", "defects"),
    [(b"", []), (b"\xef\xbb\xbf", []), (b"From a@b Mon\n", []), (b"\r\n\n", ["leading_blank_line"])],
)
def test_the_block_may_begin_behind_something(before: bytes, defects: list[str]) -> None:
    start, found = find_head(before + b"Subject: x\n\n")
    assert (start, [defect.code for defect in found]) == (len(before), defects)


def test_a_from_field_with_a_space_is_no_mbox_line() -> None:
    assert find_head(b"From : a@b.example\nTo: x\n\n") == (0, ())


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("=?utf-8?q?a_b=2Ec?=", "a b.c"),
        ("=?UTF-8?B?w6k?=", "é"),
        ("a =?utf-8?q?b?= c", "a b c"),
        ("=?utf-8?q?a?= =?utf-8?q?b?=", "ab"),
        ("=?utf-8?q?=C3?= =?utf-8?q?=A9?=", "é"),
        ("=?utf-8?b?w6?= =?utf-8?b?k=?=", "é"),
        ("=?iso-8859-1?q?=E9?= =?utf-8?q?=C3=A9?=", "éé"),
        ("=?utf-8?q??=", ""),
        ("=?utf-8?q?unended", "unended"),
        ("=?utf-8?q?one =?utf-8?q?two?=", "onetwo"),
        ("=?utf-8*en?q?x?=", "x"),
        ("=?utf-8?q?what?_now?=", "what? now"),
        ("=?no-such?q?=E9?=", "é"),
        ("=?idna?q?xn--mnchen-3ya?=", "xn--mnchen-3ya"),
        ("=?utf-8?x?a?=", "=?utf-8?x?a?="),
        ("=??q?a?= =?", "=??q?a?= =?"),
        ("=?utf-8?b?!!!?=", ""),
        ("=?gb2312?b?xOO6ww==?=", "你好"),
        ("=?iso-2022-jp?b?GyRCRnxLXBsoQg==?=", "日本"),
        ("=?iso-8859-1?q?für?=", "für"),
    ],
)
def test_encoded_words(written: str, read: str) -> None:
    assert encoded_words.decode(written) == read


@pytest.mark.parametrize(
    ("written", "value", "parameters"),
    [
        ("text/plain; charset=utf-8", "text/plain", {"charset": "utf-8"}),
        ('text/plain; charset = "utf-8" (no)', "text/plain", {"charset": "utf-8"}),
        ("text/plain charset=utf-8 format=flowed", "text/plain", {"charset": "utf-8", "format": "flowed"}),
        (r'a/b; name="q\"uo\\te; x=y"; z=1', "a/b", {"name": 'q"uo\\te; x=y', "z": "1"}),
        ('a/b; name="never closed; x=y', "a/b", {"name": "never closed", "x": "y"}),
        ("a/b; name=two words.pdf; x=y", "a/b", {"name": "two words.pdf", "x": "y"}),
        ("attachment; filename*=utf-8''%e2%82%ac.txt", "attachment", {"filename": "€.txt"}),
        ("a/b; n*1=b; n*0=a; n*2*=%63", "a/b", {"n": "abc"}),
        ("a/b; n*0*=iso-8859-1'de'%fc; n*1=%fc", "a/b", {"n": "ü%fc"}),
        ("a/b; n=plain; n*=utf-8''better", "a/b", {"n": "better"}),
        ("a/b; x=first; x=second", "a/b", {"x": "first"}),
        ("a/b; name==?utf-8?q?=C3=A9?=.gif", "a/b", {"name": "é.gif"}),
        (";;=;", "", {}),
        ("", "", {}),
    ],
)
def test_parameters(written: str, value: str, parameters: dict[str, str]) -> None:
    read = read_parameters(written)
    assert (read.value, read.parameters) == (value, parameters)
