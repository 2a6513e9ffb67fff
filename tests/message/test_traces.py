"""What hosts wrote into one copy, and which messages are attached to one, at whatever depth."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clawback.message.message import Message
from clawback.message.parse import parse
from clawback.message.trace import Step, unusual
from clawback.message.tracing import MAX_STEPS

HEAD = (
    "From: Eve <eve@bad.example>\r\nTo: team@example.org\r\nSubject: hello\r\n"
    "Message-ID: <1@bad.example>\r\nDate: Mon, 23 Nov 2026 09:00:00 +0000\r\n"
)
DATE = "Tue, 24 Nov 2026 09:28:07 +0000"
LETTER = f"{HEAD}\r\nsee https://evil.example/x\r\n"

# As Postfix, Dovecot's LMTP and Pigeonhole write it, newest first.
REDIRECTED = """Return-Path: <eve@bad.example>
Delivered-To: ben@example.org
Received: from mail.example.org ([127.0.0.1])
\tby vm with LMTP
\tid 2JKSL6dYBWsKdgAAg+zDdQ
\t(envelope-from <eve@bad.example>)
\tfor <ben@example.org>; Tue, 24 Nov 2026 09:28:07 +0000
Received: from [127.0.0.1] (unknown [127.0.0.1])
\tby mail.example.org (Postfix) with ESMTP id 4jYctH5LbTzKDMs
\tfor <ben@example.org>; Tue, 24 Nov 2026 09:28:07 +0000 (UTC)
X-Sieve: Pigeonhole Sieve 0.5.19 (4eae2f79)
X-Sieve-Redirected-From: ann@example.org
Received: from mail.example.org ([127.0.0.1])
\tby vm with LMTP
\tid 8PHkKadYBWsKdgAAg+zDdQ
\t(envelope-from <eve@bad.example>); Tue, 24 Nov 2026 09:28:07 +0000
Received: from test.example.net (unknown [127.0.0.1])
\tby mail.example.org (Postfix) with ESMTP id 4jYctH4vKkzKDMr
\tfor <team@example.org>; Tue, 24 Nov 2026 09:28:07 +0000 (UTC)
"""


def read(head: str, letter: str = LETTER) -> Message:
    return parse((head.replace("\n", "\r\n") + letter).encode())


def test_a_copy_redirected_by_a_sieve_script_says_by_whom() -> None:
    message = read(REDIRECTED)
    assert message.trace == (
        Step("delivered-to", "ben@example.org"),
        Step("received", "ben@example.org"),
        Step("x-sieve-redirected-from", "ann@example.org"),
        Step("received", "team@example.org"),
    )
    assert unusual(message.trace, "Ben@example.org") == message.trace[2:]
    assert message.id == read("").id
    assert message.slim().trace == ()


def test_a_copy_for_its_own_mailbox_says_nothing_unusual() -> None:
    head = f"Delivered-To: ann@example.org\nReceived: from a by b for <Ann@example.org>; {DATE}\n"
    assert unusual(read(head).trace, "ann@example.org") == ()


@pytest.mark.parametrize(
    ("head", "step"),
    [
        ("Resent-From: Ann <Ann@Example.org>\n", Step("resent-from", "ann@example.org")),
        ("Resent-To: x@partner.example\n", Step("resent-to", "x@partner.example")),
        ("X-Original-To: <team@example.org>\n", Step("x-original-to", "team@example.org")),
        ("X-Forwarded-For: ann@example.org\n", Step("x-forwarded-for", "ann@example.org")),
        ("List-Id: All of us <All.Example.org>\n", Step("list-id", "all.example.org")),
        ("List-ID: bare.example.org\n", Step("list-id", "bare.example.org")),
    ],
)
def test_each_header_is_known(head: str, step: Step) -> None:
    assert read(head).trace == (step,)


def test_what_names_nobody_is_no_step() -> None:
    head = f"Delivered-To: somebody\nList-Id: <>\nResent-From:\nReceived: from a by b; {DATE}\n"
    assert read(head).trace == ()


@given(st.binary(max_size=600), st.integers(1, 400))
def test_hostile_traces_are_bounded(junk: bytes, times: int) -> None:
    line = b"Delivered-To: " + junk.replace(b"\n", b"").replace(b"\r", b"") + b"@x.example\r\n"
    numbered = b"".join(b"Delivered-To: n%d@x.example\r\n" % n for n in range(times))
    trace = parse(line + numbered + LETTER.encode()).trace
    assert len(trace) <= MAX_STEPS
    assert all(len(step.value) <= 320 for step in trace)


def attached(inner: str, boundary: str) -> str:
    return (
        f"From: Ann <ann@example.org>\r\nTo: ben@example.org\r\nSubject: FW: hello\r\n"
        f"Message-ID: <fw-{boundary}@example.org>\r\n"
        f'Content-Type: multipart/mixed; boundary="{boundary}"\r\n\r\n'
        f"--{boundary}\r\nContent-Type: text/plain\r\n\r\nlook\r\n"
        f"--{boundary}\r\nContent-Type: message/rfc822\r\n\r\n{inner}\r\n--{boundary}--\r\n"
    )


def test_an_attached_message_has_the_id_that_it_has_alone() -> None:
    (nested,) = parse(attached(LETTER, "b1").encode()).nested
    assert nested.id == parse(LETTER.encode()).id
    assert (nested.internet_message_id, nested.sender) == ("<1@bad.example>", "eve@bad.example")
    assert (nested.subject, nested.path) == ("hello", "2")


def test_traces_of_the_attached_copy_do_not_change_its_id() -> None:
    traced = REDIRECTED.replace("\n", "\r\n") + LETTER
    (nested,) = parse(attached(traced, "b1").encode()).nested
    assert nested.id == parse(LETTER.encode()).id


def test_a_forward_of_a_forward_holds_both() -> None:
    message = parse(attached(attached(LETTER, "b1"), "b2").encode())
    assert [n.internet_message_id for n in message.nested] == ["<fw-b1@example.org>", "<1@bad.example>"]
    assert [n.path for n in message.nested] == ["2", "2!/2"]


def test_a_message_without_attached_ones_has_none() -> None:
    assert parse(LETTER.encode()).nested == ()
