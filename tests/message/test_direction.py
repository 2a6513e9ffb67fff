"""Direction: inbound, outbound or within, and forged senders."""

from __future__ import annotations

import pytest

from clawback.message.address import Address
from clawback.message.direction import direction_of
from clawback.message.message import Direction, Organisation
from clawback.message.received import Hop

OURS = Organisation(frozenset({"ours.example"}), frozenset({"mx.ours.example"}))
FROM_OUTSIDE = Hop("a.example", "93.184.216.34", "mx.ours.example", "ESMTPS")
LOGGED_IN = Hop("laptop", "93.184.216.34", "mx.ours.example", "esmtpsa tls A")
INNER = Hop("pc.ours.example", "10.0.0.5", "mx.ours.example", "ESMTP")
IN, OUT, WITHIN, UNKNOWN = Direction.INBOUND, Direction.OUTBOUND, Direction.INTRA_ORG, Direction.UNKNOWN
A, U, V, SUB = "x@a.example", "u@ours.example", "v@ours.example", "w@sub.ours.example"


@pytest.mark.parametrize(
    ("sender", "envelope", "recipients", "hops", "expected"),
    [
        (A, A, (U,), (FROM_OUTSIDE,), IN),
        (A, "", (), (), IN),
        (U, U, (V,), (INNER,), WITHIN),
        (U, "", (SUB,), (INNER,), WITHIN),
        (U, U, (V,), (LOGGED_IN,), WITHIN),
        (U, U, (A,), (INNER,), OUT),
        (U, U, (A, V), (INNER,), WITHIN),
        (U, "", (), (), OUT),
        (U, U, (), (INNER,), UNKNOWN),
        (U, U, (V,), (INNER, FROM_OUTSIDE), IN),
        (U, A, (V,), (INNER,), IN),
        (A, U, (V,), (INNER,), IN),
        (A, A, ("y@b.example",), (), UNKNOWN),
        (A, A, ("y@b.example",), (FROM_OUTSIDE,), IN),
        ("", "", (U,), (FROM_OUTSIDE,), UNKNOWN),
        ("x@notours.example", "", (U,), (), IN),
    ],
)
def test_directions(
    sender: str, envelope: str, recipients: tuple[str, ...], hops: tuple[Hop, ...], expected: Direction
) -> None:
    assert direction_of(Address("", sender), envelope, recipients, hops, OURS) is expected


def test_without_known_hops_the_domains_tell_own_hosts() -> None:
    known_by_domain = Organisation(frozenset({"ours.example"}))
    assert direction_of(Address("", U), U, (V,), (FROM_OUTSIDE,), known_by_domain) is IN
    assert direction_of(Address("", U), U, (V,), (INNER,), known_by_domain) is WITHIN


def test_nobody_knows_without_own_domains() -> None:
    assert direction_of(Address("", A), A, (U,), (FROM_OUTSIDE,), Organisation()) is UNKNOWN
