"""Message.id: the same for copies of one message, another for another message."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from clawback.message.parse import parse

CONTENT = (
    b"From: Ann <ann@sender.example>\r\nTo: bob@corp.example\r\nSubject: a rather long subject\r\n"
    b"Date: Mon, 02 Mar 2026 09:30:00 +0100\r\nMessage-ID: <1@sender.example>\r\n\r\nHello\r\nBob\r\n"
)

SAME = {
    "trace headers": b"Return-Path: <b@x.example>\r\nDelivered-To: carl@corp.example\r\n"
    b"X-Original-To: carl@corp.example\r\nReceived: from x by y; Mon, 2 Mar 2026 09:30:05 +0100\r\n"
    b"Authentication-Results: mx.corp.example; spf=pass\r\nX-Spam: no\r\nDKIM-Signature: v=1\r\n"
    b"ARC-Seal: i=1\r\n" + CONTENT,
    "line ends": CONTENT.replace(b"\r\n", b"\n"),
    "folds": CONTENT.replace(b"rather long", b"rather\r\n\tlong"),
    "empty lines at the end": CONTENT + b"\r\n\r\n",
    "header names": CONTENT.replace(b"Message-ID", b"Message-Id"),
    "mbox": b"From ann@sender.example Mon Mar  2 09:30:00 2026\n" + CONTENT,
}
OTHER = {
    "from": CONTENT.replace(b"From: Ann", b"From: Eve"),
    "to": CONTENT.replace(b"To: bob", b"To: carl"),
    "cc": b"Cc: eve@corp.example\r\n" + CONTENT,
    "subject": CONTENT.replace(b"a rather", b"another"),
    "date": CONTENT.replace(b"02 Mar", b"03 Mar"),
    "message id": CONTENT.replace(b"<1@", b"<2@"),
    "body": CONTENT.replace(b"Hello", b"Hullo"),
    "type": b"Content-Type: text/html\r\n" + CONTENT,
    "moved text": CONTENT.replace(b"Subject: a ", b"Subject: a\r\nSubject: "),
}


@pytest.mark.parametrize("raw", SAME.values(), ids=SAME.keys())
def test_copies_of_one_message_share_its_id(raw: bytes) -> None:
    message, copy = parse(CONTENT), parse(raw)
    assert copy.id == message.id
    assert copy.raw_sha256 != message.raw_sha256


@pytest.mark.parametrize("raw", OTHER.values(), ids=OTHER.keys())
def test_another_content_has_another_id(raw: bytes) -> None:
    assert parse(raw).id != parse(CONTENT).id


def test_ids_are_stable_over_releases() -> None:
    """Stored messages are found by this id: a change of it orphans every message in every store."""
    assert parse(CONTENT).id == "msg-6eb55bc6e817762d41a4"


def test_what_the_top_headers_say() -> None:
    message = parse(b"Return-Path: <>\r\n" + SAME["trace headers"])
    assert message.size == len(SAME["trace headers"]) + len(b"Return-Path: <>\r\n")
    assert message.internet_message_id == "<1@sender.example>"
    assert message.envelope_sender == ""
    assert message.recipients == ("carl@corp.example",)
    assert message.date == datetime(2026, 3, 2, 8, 30, tzinfo=UTC)
    assert message.text.splitlines() == ["Hello", "Bob"]


def test_a_bounded_subject_and_the_first_of_repeated_headers() -> None:
    message = parse(
        b"Subject: " + b"x" * 5000 + b"\nSubject: second\nFrom: a@b.example\nFrom: c@d.example\n\n"
    )
    assert len(message.subject) == 998
    assert message.sender.address == "a@b.example"
    assert [defect.code for defect in message.defects] == ["repeated_header", "repeated_header"]


def test_slim_keeps_the_id() -> None:
    message = parse(CONTENT)
    assert replace(message.slim(), headers=message.headers, parts=message.parts, text=message.text) == message
