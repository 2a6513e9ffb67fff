"""The Received chain in the dialects of mail programs, and the address that handed the message over."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clawback.message.message import Header, Organisation
from clawback.message.received import MAX_HOPS, Hop, read_hops, sending_ip

ANYBODY = Organisation()
DATE = "Tue, 1 Oct 2024 10:00:00 +0200"
AT = datetime(2024, 10, 1, 8, tzinfo=UTC)


def headers(*values: str, name: str = "Received") -> list[Header]:
    return [Header(name, value, 0) for value in values]


@pytest.mark.parametrize(
    ("value", "expected"),
    [  # Postfix, Exim, Exchange, Gmail, sendmail, qmail, fetchmail, in that order
        (
            "from helo.example (real.example [192.0.2.1]) (using TLSv1.3 with cipher A (256/256 "
            "bits)) by mx.b.example "
            "(Postfix) with ESMTPS id 4VkC for <u@b.example>",
            Hop("real.example", "192.0.2.1", "mx.b.example", "ESMTPS", "u@b.example", AT),
        ),
        (
            "from helo.example (unknown [IPv6:2001:DB8::1]) by mx.b.example (Postfix) with ESMTP id 1",
            Hop("helo.example", "2001:db8::1", "mx.b.example", "ESMTP", "", AT),
        ),
        (
            "from [10.0.0.1] (unknown [192.0.2.1]) (Authenticated sender: u@a.example) by "
            "mx.b.example (Postfix) with ESMTPSA",
            Hop("10.0.0.1", "192.0.2.1", "mx.b.example", "ESMTPSA", "", AT),
        ),
        ("by mx.b.example (Postfix, from userid 33) id 1", Hop("", "", "mx.b.example", "", "", AT)),
        (
            "from real.example ([192.0.2.1]:39015 helo=h.example) by mx.b.example with esmtps "
            "(TLSv1.2:A:128) (Exim 4.92) "
            "(envelope-from <x@a.example>) id 1hn for u@b.example",
            Hop("real.example", "192.0.2.1", "mx.b.example", "esmtps", "u@b.example", AT),
        ),
        (
            "from [192.0.2.1] (port=45264 helo=h.example) by mx.b.example with esmtp (Exim 4.92) id 1",
            Hop("h.example", "192.0.2.1", "mx.b.example", "esmtp", "", AT),
        ),
        (
            "from [192.0.2.1] (helo=[203.0.113.9]) by mx.b.example with esmtp (Exim 4.92)",
            Hop("192.0.2.1", "192.0.2.1", "mx.b.example", "esmtp", "", AT),
        ),
        (
            "from a.example (192.0.2.1) by X.mail.protection.outlook.com (10.13.156.235) with "
            "Microsoft SMTP Server "
            "(version=TLS1_2, cipher=A) id 15.20.5612.13 via Frontend Transport",
            Hop("a.example", "192.0.2.1", "x.mail.protection.outlook.com", "Microsoft SMTP Server", "", AT),
        ),
        (
            "from a.example (2001:db8:0::18) by b.example (2001:db8::19) with HTTPS",
            Hop("a.example", "2001:db8::18", "b.example", "HTTPS", "", AT),
        ),
        ("by 2002:a05:7010:1 with SMTP id x", Hop("", "", "2002:a05:7010:1", "SMTP", "", AT)),
        (
            "from real.example (real.example. [192.0.2.1]) by mx.google.com with ESMTPS id 1 for "
            "<u@b.example> (version=TLS1_3)",
            Hop("real.example", "192.0.2.1", "mx.google.com", "ESMTPS", "u@b.example", AT),
        ),
        (
            "from helo.example (root@real.example [192.0.2.1]) by mx.b.example (8.11.6/8.11.6) "
            "with ESMTP id g6 for <u@b.example>",
            Hop("real.example", "192.0.2.1", "mx.b.example", "ESMTP", "u@b.example", AT),
        ),
        (
            "from helo.example (forged.example [192.0.2.1] (may be forged)) by mx.b.example "
            "(8.9.3) with ESMTP",
            Hop("helo.example", "192.0.2.1", "mx.b.example", "ESMTP", "", AT),
        ),
        (
            "from unknown (HELO [203.0.113.9]) ([192.0.2.1]) (envelope-sender <x@a.example>) by "
            "mx.b.example (qmail-ldap-1.03) "
            "with SMTP for <u@b.example>",
            Hop("unknown", "192.0.2.1", "mx.b.example", "SMTP", "u@b.example", AT),
        ),
        (
            "from unknown (HELO h.example) (192.0.2.1) by mx.b.example with SMTP",
            Hop("h.example", "192.0.2.1", "mx.b.example", "SMTP", "", AT),
        ),
        ("(qmail 4458 invoked from network)", Hop(at=AT)),
        (
            "from a.example [192.0.2.1] by localhost with IMAP (fetchmail-5.9.0) for u@localhost "
            "(single-drop)",
            Hop("a.example", "192.0.2.1", "localhost", "IMAP", "u@localhost", AT),
        ),
        (
            "FROM a.example ([::ffff:192.0.2.1]) BY b.example",
            Hop("a.example", "192.0.2.1", "b.example", "", "", AT),
        ),
        ("from a.example ([999.1.1.1]) by b.example", Hop("a.example", "", "b.example", "", "", AT)),
    ],
)
def test_dialects(value: str, expected: Hop) -> None:
    assert read_hops(headers(f"{value}; {DATE}")) == (expected,)


def test_a_hop_without_date_and_one_that_is_empty() -> None:
    assert read_hops(headers("from a.example by b.example", "")) == (
        Hop("a.example", by_host="b.example"),
        Hop(),
    )


def test_hops_are_bounded_and_other_headers_are_none() -> None:
    assert len(read_hops(headers(*["by b.example"] * 300))) == MAX_HOPS
    assert read_hops(headers("by b.example", name="X-Received")) == ()


@given(st.text(alphabet="()[]\\;:.<> 1afromby=", max_size=300))
def test_junk_raises_nothing(value: str) -> None:
    hops = read_hops(headers(value))
    sending_ip(hops, headers(value), ANYBODY)


@pytest.mark.parametrize("piece", ["(", "[", "\\", "from ", "a.", "::", "1.", "[1", "(helo="])
def test_floods_end(piece: str) -> None:
    assert len(read_hops(headers("from " + piece * 5_000 + " by b"))) == 1


PUBLIC, OTHER = "93.184.216.34", "8.8.8.8"
OURS = Organisation(frozenset({"ours.example"}), frozenset({"mx.ours.example", "inner.ours.example"}))


@pytest.mark.parametrize(
    ("hops", "organisation", "expected"),
    [
        ([Hop("a.example", PUBLIC, "b.example"), Hop("c.example", OTHER, "a.example")], ANYBODY, PUBLIC),
        ([Hop("b.example", "10.1.1.1", "c.example"), Hop("a.example", PUBLIC, "b.example")], ANYBODY, PUBLIC),
        ([Hop("x.example", "192.168.0.1", "b.example")], ANYBODY, ""),
        # A copy forwarded by others before it reached us, and one fetched by others afterwards
        ([Hop("a.example", PUBLIC, "mx.ours.example"), Hop("c.example", OTHER, "a.example")], OURS, PUBLIC),
        (
            [Hop("mx.ours.example", OTHER, "other.example"), Hop("a.example", PUBLIC, "mx.ours.example")],
            OURS,
            PUBLIC,
        ),
        # Between own hosts with public addresses
        (
            [
                Hop("mx.ours.example", OTHER, "inner.ours.example"),
                Hop("a.example", PUBLIC, "mx.ours.example"),
            ],
            OURS,
            PUBLIC,
        ),
        # A greeting that claims an own name, without the own host's line
        (
            [Hop("inner.ours.example", PUBLIC, "mx.ours.example"), Hop("a.example", OTHER, "x.example")],
            OURS,
            PUBLIC,
        ),
        # Exchange Online's inner hops
        (
            [
                Hop("a.outlook.com", "2603:10b6:a::1", "b.outlook.com"),
                Hop("a.example", PUBLIC, "b.outlook.com"),
            ],
            ANYBODY,
            PUBLIC,
        ),
    ],
)
def test_the_sending_ip_by_the_hops(hops: list[Hop], organisation: Organisation, expected: str) -> None:
    assert sending_ip(hops, [], organisation) == expected


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("X-Sender-IP", PUBLIC),
        ("X-Originating-IP", f"[{PUBLIC}]"),
        ("X-Forefront-Antispam-Report", f"CIP:{PUBLIC};CTRY:US"),
        ("Authentication-Results", f"spf=none (sender IP is {PUBLIC}) smtp.mailfrom=a.example"),
        ("Authentication-Results", f"mx.b.example; arc=none smtp.remote-ip={PUBLIC}"),
        ("Received-SPF", f"pass (x) client-ip={PUBLIC}; helo=a"),
    ],
)
def test_the_sending_ip_by_other_headers(name: str, value: str) -> None:
    inner = [Hop("x.example", "10.0.0.1", "b.example")]
    assert sending_ip(inner, headers(value, name=name), ANYBODY) == PUBLIC
    assert sending_ip([Hop("a.example", OTHER, "b.example")], headers(value, name=name), ANYBODY) == OTHER


def test_without_any_trace_there_is_no_sending_ip() -> None:
    assert sending_ip([], headers("nonsense", name="X-Sender-IP"), ANYBODY) == ""
