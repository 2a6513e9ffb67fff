"""A message carries an indicator, or it does not; and what it carries is found in the index."""

from __future__ import annotations

import pytest
from tests.analysis.making import file_of, link_to, listed, message_of, safe_link

from clawback.analysis.entities import Entity, EntityKind
from clawback.analysis.features import entities_of
from clawback.analysis.indicators import Match
from clawback.analysis.matching import MAX_REASONS, carries, keys_of
from clawback.analysis.places import EMPTY_SHA256
from clawback.message.link import LinkLocation
from clawback.message.message import Message

SHA = "ab" * 32
DEEP = "a.b.c.d.e.f.g.h.evil.test"

MUST = [
    ("url", "https://evil.test/a", message_of("https://EVIL.test/a#top"), "same_url"),
    ("url", "https://evil.test/a", message_of(safe_link("https%3A%2F%2Fevil.test%2Fa")), "same_url"),
    ("url", safe_link("https%3A%2F%2Fevil.test%2Fa"), message_of("https://evil.test/a"), "same_url"),
    ("host", "www.evil.test", message_of("https://www.evil.test:8443/x"), "same_host"),
    ("host", "1.2.3.4", message_of("http://0x01020304/x"), "same_host"),
    ("domain", "evil.test", message_of("https://evil.test/"), "under_domain"),
    ("domain", "evil.test", message_of("https://a.b.evil.test/"), "under_domain"),
    ("domain", "evil.test", message_of(f"https://{DEEP}/"), "under_domain"),
    ("domain", DEEP, message_of(f"https://x.{DEEP}/"), "under_domain"),
    ("domain", "evil.test", message_of(sender="x@mail.Evil.test"), "sender_under_domain"),
    ("domain", "evil.test", message_of(envelope_sender="x@evil.test"), "sender_under_domain"),
    ("sender", "bob@evil.test", message_of(sender="Bob@EVIL.test"), "same_sender"),
    ("sender", "bob@evil.test", message_of(envelope_sender="<bob@evil.test>"), "same_sender"),
    ("sender", "@evil.test", message_of(sender="bob@evil.test"), "same_sender_domain"),
    ("ip", "1.2.3.4", message_of(sending_ip="::ffff:1.2.3.4"), "same_ip"),
    ("ip", "2001:db8::1", message_of(sending_ip="2001:DB8:0::1"), "same_ip"),
    ("ip", "1.2.3.4", message_of("http://1.2.3.4/x"), "link_to_ip"),
    ("ip", "2001:db8::1", message_of("http://[2001:db8::1]/x"), "link_to_ip"),
    ("sha256", SHA, message_of(attachments=(file_of(SHA, "2!/a.zip!/b.exe"),)), "same_file"),
]

MUST_NOT = [
    ("url", "https://evil.test/a", message_of("https://evil.test/ab")),
    ("url", "https://evil.test/a", message_of("http://evil.test/a")),
    ("url", "https://evil.test/a", message_of("https://evil.test/A")),
    ("url", "https://evil.test/a", message_of("https://good.test/?u=https://evil.test/a")),
    ("host", "evil.test", message_of("https://www.evil.test/")),
    ("host", "evil.test", message_of(sender="x@evil.test")),
    ("domain", "evil.test", message_of("https://notevil.test/")),
    ("domain", "evil.test", message_of("https://evil.test.example/")),
    ("domain", "www.evil.test", message_of("https://evil.test/")),
    ("domain", "amazonaws.com", message_of("https://bucket.s3.amazonaws.com/x")),
    ("sender", "bob@evil.test", message_of(sender="notbob@evil.test")),
    ("sender", "@evil.test", message_of(sender="bob@mail.evil.test")),
    ("sender", "@evil.test", message_of("https://evil.test/", sender="bob@evil.test.example")),
    ("ip", "1.2.3.4", message_of("https://good.test/1.2.3.4", sending_ip="1.2.3.40")),
    ("sha256", SHA, message_of(attachments=(file_of("cd" * 32),))),
]


@pytest.mark.parametrize(("kind", "value", "message", "code"), MUST)
def test_a_message_carries(kind: str, value: str, message: Message, code: str) -> None:
    asked = listed(kind, value)
    reasons = carries(message, asked)
    assert code in {reason.code for reason in reasons}
    assert carries(message.slim(), asked) == reasons
    assert {reason.entity for reason in reasons} <= entities_of(message)
    assert all(reason.where and reason.text.endswith(".") for reason in reasons)
    assert entities_of(message) & set(keys_of(asked))


@pytest.mark.parametrize(("kind", "value", "message"), MUST_NOT)
def test_a_message_does_not_carry(kind: str, value: str, message: Message) -> None:
    assert carries(message, listed(kind, value)) == ()


@pytest.mark.parametrize(
    ("prefix", "url", "under"),
    [
        ("https://evil.test", "https://evil.test/", True),
        ("https://evil.test", "https://evil.test/a", True),
        ("https://evil.test", "https://evil.test.good.test/", False),
        ("https://evil.test", "https://evil.test:8443/", False),
        ("https://evil.test", "http://evil.test/", False),
        ("https://evil.test/a", "https://evil.test/a", True),
        ("https://evil.test/a", "https://evil.test/a/b", True),
        ("https://evil.test/a", "https://evil.test/a?x", True),
        ("https://evil.test/a", "https://evil.test/abc", True),
        ("https://evil.test/a/", "https://evil.test/a", False),
        ("https://evil.test/a", "https://evil.test/A", False),
        ("https://evil.test/?id=", "https://evil.test/?id=7", True),
        ("https://evil.test/%41", "https://evil.test/%41b", True),
    ],
)
def test_a_prefix_is_the_plain_beginning_of_the_url(prefix: str, url: str, under: bool) -> None:
    asked = listed("url", prefix, match=Match.PREFIX)
    for message in (message_of(url), message_of("https://good.test/", link_to(url))):
        reasons = carries(message, asked)
        assert [reason.code for reason in reasons] == (["url_prefix"] if under else [])
        assert not under or set(keys_of(asked)) <= entities_of(message)


def test_a_prefix_of_the_rewriter_finds_the_rewritten_form() -> None:
    asked = listed("url", "https://nam02.safelinks.protection.outlook.com/", match=Match.PREFIX)
    message = message_of(safe_link("https%3A%2F%2Fevil.test%2Fa"))
    (reason,) = carries(message, asked)
    assert " as https://nam02.safelinks" in reason.text
    assert set(keys_of(asked)) <= entities_of(message)


def test_a_reason_says_where_and_how() -> None:
    message = message_of(
        link_to(safe_link("https%3A%2F%2Fevil.test%2Fa")),
        link_to("https://evil.test/a", LinkLocation.HEADER, "List-Unsubscribe", part=""),
        link_to("https://evil.test/a", LinkLocation.QR_CODE, "qr", "3", container="bill.pdf"),
    )
    first, second, third = carries(message, listed("url", "https://evil.test/a"))
    assert first.where == "body a.href part 1.2"
    assert first.text == "A link in the body (a.href) leads to https://evil.test/a, rewritten by Safe Links."
    assert second.where == "header List-Unsubscribe"
    assert third.where == "qr code qr part 3 in bill.pdf"
    assert third.text == "A link in a QR code (qr, bill.pdf) leads to https://evil.test/a."


def test_a_file_in_an_archive_is_named_by_its_way() -> None:
    message = message_of(attachments=(file_of(SHA, "2!/invoice.zip!/x.exe", "x.exe"),))
    (reason,) = carries(message, listed("sha256", SHA))
    assert reason.where == "attachment 2!/invoice.zip!/x.exe"
    assert reason.entity == Entity(EntityKind.FILE, SHA)


def test_the_same_place_gives_one_reason_and_a_thousand_places_give_a_hundred() -> None:
    same = message_of(*["https://evil.test/a"] * 50)
    assert len(carries(same, listed("host", "evil.test"))) == 1
    many = message_of(*[f"https://evil.test/{n}" for n in range(1000)])
    assert len(carries(many, listed("host", "evil.test"))) == MAX_REASONS


def test_every_entity_of_a_message() -> None:
    message = message_of(
        safe_link("https%3A%2F%2Fa.evil.co.uk%2Fx"),
        "http://192.0.2.9/",
        sender="Bob@Mail.Sender.test",
        envelope_sender="bounce@esp.test",
        sending_ip="192.0.2.1",
        attachments=(file_of(SHA), file_of(EMPTY_SHA256), file_of("", size=0)),
    )
    wrapper = "nam02.safelinks.protection.outlook.com"
    assert {str(entity) for entity in entities_of(message)} == {
        "url:https://a.evil.co.uk/x",
        f"url:{safe_link('https%3A%2F%2Fa.evil.co.uk%2Fx')}",
        "url:http://192.0.2.9/",
        "host:a.evil.co.uk",
        "host:192.0.2.9",
        f"host:{wrapper}",
        "domain:evil.co.uk",
        "domain:a.evil.co.uk",
        *(f"domain:{wrapper.split('.', n)[n]}" for n in range(4)),
        "domain:sender.test",
        "domain:mail.sender.test",
        "domain:esp.test",
        "sender:bob@mail.sender.test",
        "sender:@mail.sender.test",
        "sender:bounce@esp.test",
        "sender:@esp.test",
        "ip:192.0.2.1",
        "ip:192.0.2.9",
        f"file:{SHA}",
    }


def test_an_empty_message_has_no_entities() -> None:
    assert entities_of(message_of(sender="")) == frozenset()


def test_hostile_senders_and_addresses_do_no_harm() -> None:
    for text in (
        "@",
        "a@",
        "@b",
        "a@b@c",
        "\ud800@x.test",
        "a@\ud800",
        "a" * 5000 + "@x.test",
        "a b@c",
        "<>",
    ):
        for entity in entities_of(message_of(sender=text, envelope_sender=text, sending_ip=text)):
            entity.value.encode("utf-8")
