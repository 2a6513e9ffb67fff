"""Finding the parts: delimiters in every shape that mail has, and the bounds."""

from __future__ import annotations

import pytest

from clawback.message.bounds import MAX_DEPTH, MAX_PARTS
from clawback.message.mime import Entity, walk


def _leaves(raw: bytes) -> list[tuple[str, str, bytes]]:
    root, _ = walk(raw)
    return [(leaf.path, leaf.type, raw[leaf.body_start : leaf.body_end]) for leaf in root.leaves()]


def _codes(raw: bytes) -> set[str]:
    return {defect.code for defect in walk(raw)[1]}


def test_a_message_without_parts_is_part_one() -> None:
    assert _leaves(b"Subject: x\n\nbody\n") == [("1", "text/plain", b"body\n")]


def test_the_line_end_before_a_delimiter_belongs_to_the_delimiter() -> None:
    head = b"Content-Type: multipart/mixed; boundary=b\r\n\r\n"
    raw = head + b"pre\r\n--b\r\n\r\none\r\n\r\n--b  \r\n\r\ntwo\r\n--b--\r\nend"
    assert [body for _, _, body in _leaves(raw)] == [b"one\r\n", b"two"]
    assert _codes(raw) == set()


def test_paths_count_as_imap_does() -> None:
    raw = (
        b"Content-Type: multipart/mixed; boundary=a\n\n--a\n\none\n--a\n"
        b"Content-Type: multipart/alternative; boundary=b\n\n--b\n\ntwo\n--b\n\nthree\n--b--\n"
        b"--a\n\nfour\n--a--\n"
    )
    assert [(path, body) for path, _, body in _leaves(raw)] == [
        ("1", b"one"),
        ("2.1", b"two"),
        ("2.2", b"three"),
        ("3", b"four"),
    ]


@pytest.mark.parametrize(
    "line", [b"--boundary", b"-- b", b"--", b"----", b" --b", b"x--b", b"--B", b"--b-", b"--bb--"]
)
def test_lines_that_are_nearly_delimiters_are_text(line: bytes) -> None:
    raw = b"Content-Type: multipart/mixed; boundary=b\n\n--b\n\none\n" + line + b"\nmore\n--b--\n"
    assert [body for _, _, body in _leaves(raw)] == [b"one\n" + line + b"\nmore"]


def test_an_outer_delimiter_ends_everything_inside_it() -> None:
    raw = (
        b"Content-Type: multipart/mixed; boundary=o\n\n--o\nContent-Type: multipart/mixed; boundary=i\n\n"
        b"--i\n\none\n--o\n\ntwo\n--i\n\nnot a part\n--o--\n"
    )
    assert [(path, body) for path, _, body in _leaves(raw)] == [
        ("1.1", b"one"),
        ("2", b"two\n--i\n\nnot a part"),
    ]
    assert _codes(raw) == {"no_final_boundary"}


def test_a_boundary_used_again_inside_belongs_to_the_inner_part() -> None:
    inner = b"Content-Type: multipart/mixed; boundary=b\n\n--b\n\n"
    raw = b"Content-Type: multipart/mixed; boundary=b\n\n--b\n" + inner + b"one\n--b--\n--b\n\ntwo\n--b--\n"
    assert [(path, body) for path, _, body in _leaves(raw)] == [("1.1", b"one"), ("2", b"two")]


def test_a_boundary_of_which_only_the_beginning_stands_is_found() -> None:
    raw = b'Content-Type: multipart/mixed; boundary="b"\n\n--b123\n\none\n--b123--\n'
    assert [body for _, _, body in _leaves(raw)] == [b"one"]
    assert _codes(raw) == {"boundary_guessed"}


def test_a_boundary_with_a_space_that_nobody_quoted_is_found() -> None:
    head = b"Content-Type: multipart/mixed; boundary=simple boundary\n\n"
    raw = head + b"--simple boundary\n\none\n--simple boundary--\n"
    assert [body for _, _, body in _leaves(raw)] == [b"one"]


def test_a_delimiter_that_is_the_last_line_opens_no_part() -> None:
    raw = b"Content-Type: multipart/mixed; boundary=b\n\n--b\n\none\n--b\n"
    assert [body for _, _, body in _leaves(raw)] == [b"one"]


def test_a_part_may_lack_its_blank_line() -> None:
    head = b"Content-Type: multipart/mixed; boundary=b\n\n"
    raw = head + b"--b\nHello there\nsecond\n\nthird\n--b\nContent-Type: text/html\n--b--\n"
    assert _leaves(raw) == [
        ("1", "text/plain", b"Hello there\nsecond\n\nthird"),
        ("2", "text/html", b""),
    ]
    assert _codes(raw) == {"missing_blank_line"}


@pytest.mark.parametrize(
    ("written", "read"),
    [
        (b"", "text/plain"),
        (b"Content-Type: text", "text/plain"),
        (b"Content-Type: /plain", "text/plain"),
        (b"Content-Type: TEXT/Html; charset", "text/html"),
        (b"Content-Type: text / html", "text/html"),
        (b"Content-Type: (a) text (b) / (c) html", "text/html"),
        (b"Content-Type: image/png name=x.png", "image/png"),
        (b"Content-Type: ;", "text/plain"),
    ],
)
def test_the_type_is_read_leniently(written: bytes, read: str) -> None:
    root, _ = walk(b"Subject: x\n" + written + (b"\n\nx" if written else b"\nx"))
    assert root.type == read


def test_nesting_is_bounded() -> None:
    raw = b"".join(
        b"Content-Type: multipart/mixed; boundary=%d.\n\n--%d.\n" % (number, number) for number in range(3000)
    )
    root, defects = walk(raw)
    assert max(entity.depth for entity in root.walk()) == MAX_DEPTH
    assert "too_deep" in {defect.code for defect in defects}


def test_parts_are_bounded_and_the_rest_is_the_last_part() -> None:
    raw = b"Content-Type: multipart/mixed; boundary=b\n\n" + b"--b\n\nx\n" * 5000
    root, defects = walk(raw)
    entities: list[Entity] = list(root.walk())
    assert len(entities) == MAX_PARTS
    assert entities[-1].body_end == len(raw)
    assert "too_many_parts" in {defect.code for defect in defects}


def test_every_byte_of_an_unclosed_message_is_in_a_part() -> None:
    raw = b"Content-Type: multipart/mixed; boundary=b\n\n--b\n\none\n--b\n\ntwo"
    assert [body for _, _, body in _leaves(raw)] == [b"one", b"two"]
