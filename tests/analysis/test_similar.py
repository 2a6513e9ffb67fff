"""What is similar is in a cluster with the reason why; what only looks a little alike is below its line."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from tests.analysis.making import NOW, link_to, listed, message_of

from clawback.analysis import similar
from clawback.analysis.clusters import Cluster, ClusterKind
from clawback.analysis.entities import Entity, EntityKind
from clawback.analysis.features import extract
from clawback.analysis.fingerprints import BODY_DOMAIN, BODY_IP, SUBJECT_DOMAIN, SUBJECT_IP, Fingerprint
from clawback.analysis.indicators import VerdictKind
from clawback.analysis.similar import Campaign, Original
from clawback.message.message import Direction, Message

WORDS = [f"word{chr(97 + n % 26)}{chr(97 + n // 26)}" for n in range(60)]
BODY = " ".join(WORDS)
SUBJECT = "Your parcel could not be delivered"


def _message(number: int, text: str = BODY, **fields: Any) -> Message:
    base: dict[str, Any] = {"subject": SUBJECT, "sender": "bad@evil.test", "sending_ip": "192.0.2.7"}
    urls = fields.pop("urls", ())
    return message_of(*urls, id=f"msg-{number}", text=text, **(base | fields))


def _original(message: Message) -> Original:
    return Original(message.slim(), extract(message).signature, NOW)


def _scores(cluster: Cluster | None) -> dict[str, float]:
    assert cluster is not None
    return {m.message_id: m.score for m in (*cluster.members, *cluster.candidates)}


def _changed(count: int) -> str:
    return " ".join([*WORDS[:-count], *(f"{word}x" for word in WORDS[-count:])])


def test_bodies_are_members_by_their_real_value() -> None:
    original = _message(1)
    texts = {1: BODY, 2: _changed(3), 3: _changed(10), 4: _changed(40), 5: "too short"}
    candidates = [(f"msg-{n}", extract(_message(n, text)).signature) for n, text in texts.items()]
    candidates.append(("msg-6", bytes(512)))
    cut = similar.near_duplicates("inv-1", [_original(original)], candidates, 0.8, NOW)
    assert _scores(cut) == {"msg-1": 1.0, "msg-2": round(56 / 62, 4), "msg-3": round(49 / 69, 4)}
    assert cut is not None
    assert [m.message_id for m in cut.members] == ["msg-1", "msg-2"]
    assert [m.message_id for m in cut.candidates] == ["msg-3"]
    assert cut.members[1].reasons[0].text == "The body is 0.90 alike with msg-1."
    assert cut.members[1].reasons[0].code == "similar_body"
    assert (cut.kind, cut.key.kind, cut.line) == (ClusterKind.NEAR_DUPLICATE, EntityKind.FINGERPRINT, 0.8)
    assert cut.verdict is VerdictKind.NO_THREATS_FOUND
    assert cut.query.startswith("EmailEvents | where body_likeness(")
    again = similar.near_duplicates("inv-1", [_original(original)], reversed(candidates), 0.8, NOW)
    assert again == cut


def test_without_a_body_to_compare_there_is_no_cluster() -> None:
    short = _original(_message(1, "see attached"))
    assert similar.near_duplicates("inv-1", [short], [("msg-2", short.signature)], 0.8, NOW) is None


def test_the_nearest_of_several_originals_is_named() -> None:
    other = " ".join(f"{word}y" for word in WORDS)
    originals = [_original(_message(1)), _original(_message(2, other))]
    candidates = [("msg-9", extract(_message(9, other + " more")).signature)]
    cut = similar.near_duplicates("inv-1", originals, candidates, 0.8, NOW)
    assert cut is not None
    assert "with msg-2" in cut.members[0].reasons[0].text


def test_originals_are_few_different_and_not_our_own_peoples() -> None:
    same = [_original(_message(n, BODY if n % 2 else _changed(1))) for n in range(4)]
    assert similar.originals_among(same) == (same[0],)
    others = [_original(_message(n, " ".join(f"{w}{chr(97 + n)}" for w in WORDS))) for n in range(10)]
    assert similar.originals_among(others) == tuple(others[: similar.ORIGINALS])
    ours = _original(_message(20, direction=Direction.INTRA_ORG))
    out = _original(_message(21, direction=Direction.OUTBOUND))
    assert similar.originals_among([ours, out]) == ()
    assert similar.originals_among([*others, ours], frozenset({"msg-20"}))[0] == ours


def _pairs(original: Original) -> dict[str, Fingerprint]:
    (one, keys), *rest = similar.pairs_around([original])
    assert one is original
    assert rest == []
    return {f.kind: f for f in keys if f in extract(_whole(original)).fingerprints}


def _whole(original: Original) -> Message:
    return replace(original.message, text=BODY)


def test_the_pairs_of_a_kept_message_are_found_again() -> None:
    original = _original(_message(1))
    assert set(_pairs(original)) == {SUBJECT_DOMAIN, SUBJECT_IP, BODY_DOMAIN, BODY_IP}


@pytest.mark.parametrize(
    ("kind", "sender", "content", "query"),
    [
        (SUBJECT_DOMAIN, "evil.test", "subject", 'SenderFromDomain =~ "evil.test"'),
        (SUBJECT_IP, "192.0.2.7", "subject", 'SenderIPv4 =~ "192.0.2.7"'),
        (BODY_DOMAIN, "evil.test", "kind of body", "BodyFingerprintBin1 == "),
        (BODY_IP, "192.0.2.7", "kind of body", 'SenderIPv4 =~ "192.0.2.7"'),
    ],
)
def test_a_pair_is_a_cluster_with_its_reason(kind: str, sender: str, content: str, query: str) -> None:
    original = _original(_message(1))
    pair = similar.pair_of(original, _pairs(original)[kind])
    assert pair is not None
    assert pair.sender == sender
    cut = similar.same_pair("inv-1", pair, ["msg-3", "msg-2"], NOW)
    assert [m.message_id for m in cut.members] == ["msg-2", "msg-3"]
    assert cut.members[0].reasons[0].text == f"It has the same {content} as msg-1 and came from {sender} too."
    assert cut.members[0].reasons[0].code == "same_pair"
    assert cut.kind is ClusterKind.SIMILAR_ATTRIBUTES
    assert cut.key == Entity(EntityKind.FINGERPRINT, f"{kind}={pair.fingerprint.value}")
    assert query in cut.query


@pytest.mark.parametrize(
    ("fields", "left"),
    [
        ({}, {SUBJECT_DOMAIN, SUBJECT_IP, BODY_DOMAIN, BODY_IP}),
        ({"subject": "Your invoice"}, {BODY_DOMAIN, BODY_IP}),
        ({"subject": "RE: 4711"}, {BODY_DOMAIN, BODY_IP}),
        ({"text": "See attached."}, {SUBJECT_DOMAIN, SUBJECT_IP}),
        (
            {"text": "We could not find you, so call back."},
            {SUBJECT_DOMAIN, SUBJECT_IP, BODY_DOMAIN, BODY_IP},
        ),
        ({"sending_ip": ""}, {SUBJECT_DOMAIN, BODY_DOMAIN}),
        ({"sender": ""}, {SUBJECT_IP, BODY_IP}),
    ],
)
def test_what_says_too_little_ties_nothing_together(fields: dict[str, Any], left: set[str]) -> None:
    original = _original(_message(1, **({"text": BODY} | fields)))
    keys = next(iter(similar.pairs_around([original])))[1]
    assert {key.kind for key in keys if similar.pair_of(original, key)} == left


def test_at_a_free_mail_domain_the_whole_address_counts() -> None:
    original = _original(_message(1, sender="Some.Body@gmail.com"))
    keys = next(iter(similar.pairs_around([original])))[1]
    pairs = {p.fingerprint.kind: p.sender for key in keys if (p := similar.pair_of(original, key))}
    assert pairs[SUBJECT_DOMAIN] == pairs[BODY_DOMAIN] == "some.body@gmail.com"
    assert pairs[SUBJECT_IP] == "192.0.2.7"


def _campaign(*messages: Message, bad: str = "") -> Campaign:
    indicators = [listed("url", bad)] if bad else []
    (campaign,) = similar.campaigns([_original(m) for m in messages], indicators)
    return campaign


SHAPED = ("https://evil.test/claim/8f3a9b2c1d/now",)
CASES: dict[str, tuple[dict[str, Any], float]] = {
    "same address and subject": ({}, 1.0),
    "same address and shape": (
        {"subject": "Other", "urls": ("https://evil.test/claim/77aa88bb99/now",)},
        1.0,
    ),
    "same address alone": ({"subject": "Minutes of our meeting"}, 0.6),
    "same domain and subject": ({"sender": "other@evil.test"}, 0.8),
    "same domain and shape": (
        {"sender": "other@evil.test", "subject": "x", "urls": ("https://evil.test/claim/1/now",)},
        0.8,
    ),
    "same domain alone": ({"sender": "other@evil.test", "subject": "Minutes"}, 0.0),
    "a host below": ({"sender": "bad@mail.evil.test"}, 0.0),
    "another sender": ({"sender": "bad@other.test"}, 0.0),
}


@pytest.mark.parametrize("case", CASES)
def test_a_senders_messages_are_scored_by_what_they_share(case: str) -> None:
    fields, score = CASES[case]
    campaign = _campaign(_message(1, urls=SHAPED), bad=SHAPED[0])
    cut = similar.sender_campaign("inv-1", campaign, [_message(2, **fields).slim()], NOW)
    assert _scores(cut) == ({"msg-2": score} if score else {})
    assert len(cut.members) == (score >= similar.CAMPAIGN_LINE)
    assert cut.key == Entity(EntityKind.SENDER, "@evil.test")


def test_a_free_mail_sender_is_an_address_only() -> None:
    campaign = _campaign(_message(1, sender="one@gmail.com"))
    assert campaign.sender == "one@gmail.com"
    cut = similar.sender_campaign("inv-1", campaign, [_message(2, sender="two@gmail.com").slim()], NOW)
    assert _scores(cut) == {}


def test_the_window_lies_around_the_originals() -> None:
    first, second = _original(_message(1)), replace(_original(_message(2)), arrived=NOW + timedelta(days=2))
    (campaign,) = similar.campaigns([first, second])
    assert campaign.since == NOW - similar.WINDOW
    assert campaign.until == NOW + timedelta(days=2) + similar.WINDOW
    cut = similar.sender_campaign("inv-1", campaign, [_message(3).slim()], NOW)
    assert "between (datetime(2026-11-21" in cut.query
    assert cut.members[0].reasons[0].text == (
        "bad@evil.test is the same sender, within 3 days of the originals, and the subject is the same."
    )


def test_without_a_listed_url_the_originals_links_tell_and_with_one_only_that() -> None:
    home = "https://www.evil.test/about-us"
    original = _message(1, subject="x", urls=(home, *SHAPED))
    sent = [_message(2, subject="y", urls=(home,)).slim()]
    assert _scores(similar.sender_campaign("inv-1", _campaign(original), sent, NOW)) == {"msg-2": 1.0}
    bad = _campaign(original, bad=SHAPED[0])
    assert _scores(similar.sender_campaign("inv-1", bad, sent, NOW)) == {"msg-2": 0.6}


def test_links_of_the_same_shape_are_below_the_line_of_a_url() -> None:
    bad = listed("url", SHAPED[0])
    near = _message(2, urls=(link_to("https://evil.test/claim/aa11bb22cc/now?x=1"),))
    far = _message(3, urls=("https://evil.test/help/contact", "https://other.test/claim/aa11bb22cc/now"))
    (member,) = similar.same_shape(bad, [near, far])
    assert (member.message_id, member.score) == ("msg-2", similar.SHAPED)
    assert member.reasons[0].code == "same_path_shape"
    assert member.reasons[0].text.endswith("same host and shape of path (evil.test/claim/*/now).")
    assert similar.host_of_shape(bad) == Entity(EntityKind.HOST, "evil.test")


@pytest.mark.parametrize(
    ("kind", "value"),
    [("host", "evil.test"), ("domain", "evil.test"), ("sha256", "1" * 64), ("url", "https://evil.test/")],
)
def test_what_has_no_shape_has_nothing_below_its_line(kind: str, value: str) -> None:
    assert similar.host_of_shape(listed(kind, value)) is None
    assert similar.host_of_shape(None) is None
    assert (
        similar.same_shape(listed("url", "https://evil.test/"), [_message(2, urls=("https://evil.test/",))])
        == ()
    )
