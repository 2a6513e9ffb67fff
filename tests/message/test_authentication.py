"""Authentication-Results: who is believed, and what his words mean."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clawback.message.authentication import Authentication, read_authentication
from clawback.message.message import Header, Organisation

AR, ARC, SPF = "Authentication-Results", "ARC-Authentication-Results", "Received-SPF"
ANYBODY = Organisation()
OURS = Organisation(trusted_hops=frozenset({"mx.ours.example"}))


def read(*headers: tuple[str, str], organisation: Organisation = ANYBODY) -> Authentication:
    return read_authentication(
        [Header(name, value, 100 * place) for place, (name, value) in enumerate(headers)], organisation
    )


MICROSOFT = (
    "spf=softfail (sender IP is 192.0.2.1) smtp.mailfrom=a.example; dkim=none (message not "
    "signed) header.d=none;"
    "dmarc=fail action=none header.from=b.example;compauth=fail reason=001"
)
GOOGLE = (
    'mx.google.com; dkim=pass header.i=@a.example header.s=s1 header.b="x;y"; spf=pass '
    "(google.com: domain of "
    "x@b.example designates 192.0.2.1 as permitted sender (really)) smtp.mailfrom=x@b.example; "
    "dmarc=pass (p=NONE sp=NONE dis=NONE) header.from=a.example; arc=pass (i=1)"
)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (
            MICROSOFT,
            Authentication("protection.outlook.com", "softfail", "none", "fail", "fail", "", "a.example"),
        ),
        (
            GOOGLE,
            Authentication("mx.google.com", "pass", "pass", "pass", "", "pass", "b.example", "a.example"),
        ),
        ("mx.ours.example 1; none", Authentication("mx.ours.example")),
        (
            "mx.ours.example; spf = Fail smtp.helo=h.example",
            Authentication("mx.ours.example", "fail", spf_domain="h.example"),
        ),
        (
            "mx.ours.example; dkim=fail header.d=x.example; dkim/1=pass header.d=y.example; "
            "dkim=fail header.d=z.example",
            Authentication("mx.ours.example", dkim="pass", dkim_domain="y.example"),
        ),
        (
            "mx.ours.example; spf=pass (never closed; dmarc=fail",
            Authentication("mx.ours.example", "pass", dmarc="fail"),
        ),
        ("mx.ours.example (a;b=c) ; spf=pass", Authentication("mx.ours.example", "pass")),
        (
            "mx.ours.example spf=pass smtp.mailfrom=a.example",
            Authentication("mx.ours.example", "pass", spf_domain="a.example"),
        ),
        (
            'mx.ours.example; reason="dkim=pass; spf=pass"; dmarc=none',
            Authentication("mx.ours.example", dmarc="none"),
        ),
        ("mx.ours.example; x-spf=pass; spf=pass2; =; ;;", Authentication("mx.ours.example")),
    ],
)
def test_the_words_of_one_header(value: str, expected: Authentication) -> None:
    assert read((AR, value)) == expected


def test_without_trusted_hops_the_topmost_is_believed() -> None:
    found = read((AR, "a.example; spf=fail"), ("Received", "x"), (AR, "b.example; spf=pass; dmarc=pass"))
    assert found == Authentication("a.example", "fail")


def test_only_the_trusted_hop_is_believed() -> None:
    headers = [(AR, "else.example; dmarc=pass"), ("Received", "x"), (AR, "mx.ours.example; dmarc=fail")]
    assert read(*headers, organisation=OURS) == Authentication("mx.ours.example", dmarc="fail")
    assert read(headers[0], organisation=OURS) == Authentication()
    assert read((AR, "evil-mx.ours.example; dmarc=pass"), organisation=OURS) == Authentication()


def test_the_headers_of_one_host_are_joined_down_to_its_received() -> None:
    found = read(
        (AR, "mx.ours.example; dmarc=fail"),
        (AR, "mx.ours.example; spf=pass smtp.mailfrom=a.example"),
        ("Received", "from evil by mx.ours.example"),
        (AR, "mx.ours.example; dmarc=pass; dkim=pass"),
    )
    assert found == Authentication("mx.ours.example", "pass", dmarc="fail", spf_domain="a.example")


def test_exchange_online_is_trusted_by_its_name() -> None:
    trusting = Organisation(trusted_hops=frozenset({"outlook.com"}))
    assert read((AR, MICROSOFT), organisation=trusting).dmarc == "fail"
    assert read((AR, MICROSOFT), organisation=OURS) == Authentication()


def test_arc_results_stand_in_where_there_are_no_others() -> None:
    value = "i=2; mx.ours.example; spf=pass smtp.mailfrom=a.example; dmarc=pass"
    expected = Authentication("mx.ours.example", "pass", dmarc="pass", spf_domain="a.example")
    assert read((ARC, value), (ARC, "i=1; other.example; dmarc=fail")) == expected
    assert read((ARC, value), organisation=OURS) == expected
    assert read((AR, "b.example; dmarc=none"), (ARC, value)).dmarc == "none"


@pytest.mark.parametrize(
    ("value", "word", "domain", "host"),
    [
        (
            'Pass (mailfrom) identity=mailfrom; client-ip=192.0.2.1; envelope-from="x@a.example"; '
            "receiver=mx.ours.example",
            "pass",
            "a.example",
            "mx.ours.example",
        ),
        (
            "SoftFail (mx.ours.example: domain of transitioning a.example discourages use of 192.0.2.1)",
            "softfail",
            "a.example",
            "mx.ours.example",
        ),
    ],
)
def test_received_spf_fills_in(value: str, word: str, domain: str, host: str) -> None:
    for organisation in (ANYBODY, OURS):
        assert read((SPF, value), organisation=organisation) == Authentication(host, word, spf_domain=domain)
    assert read((AR, "mx.ours.example; spf=none"), (SPF, value)).spf == "none"
    assert read((AR, "mx.ours.example; dmarc=pass"), (SPF, value)).spf == word


def test_received_spf_of_others_is_not_believed() -> None:
    value = "Pass (else.example: domain of a.example designates 192.0.2.1)"
    assert read((SPF, value), organisation=OURS) == Authentication()


@given(st.text(alphabet='()"\\;=. \tabspfdkim/1', max_size=300))
def test_junk_raises_nothing(value: str) -> None:
    read((AR, value), (ARC, value), (SPF, value))


@pytest.mark.parametrize("piece", ["(", '"', "\\", "a=", ";", "dkim=pass header.d=", "a.b=c ", "( ;"])
def test_floods_end(piece: str) -> None:
    read((AR, "a.example; " + piece * (16_000 // len(piece))))
