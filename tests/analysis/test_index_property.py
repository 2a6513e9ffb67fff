"""Whatever carries an indicator is found under its keys: the index loses nothing."""

from __future__ import annotations

from hypothesis import example, given
from hypothesis import strategies as st
from tests.analysis.making import file_of, listed, message_of, safe_link

from clawback.analysis.features import entities_of
from clawback.analysis.indicators import Indicator, Match
from clawback.analysis.matching import carries, keys_of
from clawback.errors import BadIndicator
from clawback.message.message import Message
from clawback.message.url import normalise

LABELS = st.sampled_from(["a", "www", "evil", "co", "s3", "bücher", "x-y", "compute", "eu-west-1"])
SUFFIXES = st.sampled_from(
    ["test", "com", "co.uk", "github.io", "amazonaws.com", "s3.amazonaws.com", "compute.amazonaws.com", "ck"]
)
HOSTS = st.one_of(
    st.builds(lambda labels, suffix: ".".join([*labels, suffix]), st.lists(LABELS, max_size=10), SUFFIXES),
    st.sampled_from(
        ["1.2.3.4", "0x7f.1", "[::1]", "[::ffff:1.2.3.4]", "localhost", "EVIL.test.", "evil.test"]
    ),
)
PATHS = st.sampled_from(["", "/", "/a", "/a/b", "/ab?x=1", "/%41", "/a;b#/route", "?q", "/ü"])
SCHEMES = st.sampled_from(["http", "https", "HTTPS"])
USERS = st.sampled_from(["", "", "user@", "good.test:pw@"])
PORTS = st.sampled_from(["", "", ":443", ":8080"])
PLAIN = st.builds(lambda s, u, h, p, path: f"{s}://{u}{h}{p}{path}", SCHEMES, USERS, HOSTS, PORTS, PATHS)
URLS = st.one_of(PLAIN, PLAIN.map(lambda url: safe_link(url.replace(":", "%3A").replace("/", "%2F"))))
ADDRESSES = st.one_of(st.just(""), st.builds(lambda h: f"Bob@{h}", HOSTS))
IPS = st.sampled_from(["", "1.2.3.4", "::1", "::ffff:1.2.3.4", "junk"])
FILES = st.sampled_from(["ab" * 32, "cd" * 32, ""])


@st.composite
def messages(draw: st.DrawFn) -> Message:
    urls = [url for url in draw(st.lists(URLS, max_size=4)) if normalise(url)]
    return message_of(
        *urls,
        sender=draw(ADDRESSES),
        envelope_sender=draw(ADDRESSES),
        sending_ip=draw(IPS),
        attachments=tuple(file_of(sha) for sha in draw(st.lists(FILES, max_size=2))),
    )


@st.composite
def indicators_near(draw: st.DrawFn, message: Message) -> Indicator | None:
    """An indicator made of something the message has, or of a part of it."""
    entity = draw(st.sampled_from(sorted(entities_of(message))))
    kind = {"file": "sha256"}.get(entity.kind.value, entity.kind.value)
    value, match = entity.value, Match.EXACT
    if kind == "url" and draw(st.booleans()):
        value, match = value[: draw(st.integers(0, len(value)))], Match.PREFIX
    if kind in ("host", "domain"):
        kind = draw(st.sampled_from(["host", "domain"]))
        value = value.split(".", draw(st.integers(0, value.count("."))))[-1]
    try:
        return listed(kind, value, match=match)
    except BadIndicator:
        return None


@given(st.data())
def test_what_is_carried_is_indexed(data: st.DataObject) -> None:
    message = data.draw(messages())
    entities = entities_of(message)
    if not entities:
        return
    asked = data.draw(indicators_near(message))
    if asked is None:
        return
    reasons = carries(message, asked)
    assert carries(message.slim(), asked) == reasons
    if reasons:
        assert entities & set(keys_of(asked))
        assert {reason.entity for reason in reasons} <= entities


@given(messages())
@example(message_of("https://user@evil.test:8080/a"))
def test_every_entity_made_an_indicator_is_carried(message: Message) -> None:
    for entity in entities_of(message):
        kind = {"file": "sha256"}.get(entity.kind.value, entity.kind.value)
        try:
            asked = listed(kind, entity.value)
        except BadIndicator:
            continue
        # A rewritten form becomes the link inside, which the message carries as well.
        assert carries(message, asked), entity
