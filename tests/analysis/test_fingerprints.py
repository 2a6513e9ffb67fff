"""Bodies that are alike share a key and have like signatures; others do not."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from itertools import combinations
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.analysis.making import message_of
from tests.analysis.mutations import MUTATIONS, NAMES, fill, templates

from clawback.analysis.features import Features, extract
from clawback.analysis.fingerprints import BANDS, PAIRS, bands_of, pairs_of, words_of
from clawback.analysis.shingles import MIN_WORDS, jaccard, signature_of
from clawback.message.address import Address
from clawback.message.message import Part

BODY = " ".join(f"word{chr(97 + n % 26)}{chr(97 + n // 26)}" for n in range(60))
SENDER = "bob@evil.test"


def _features(text: str, name: str = "Someone Else", **fields: Any) -> Features:
    to = (Address(name, f"{name.split(maxsplit=1)[0].lower()}@org.test"),)
    return extract(message_of(text=text, to=to, **({"sender": SENDER} | fields)))


def _bands(features: Features) -> set[tuple[str, str]]:
    return {(f.kind, f.value) for f in features.fingerprints if f.kind.startswith("band.")}


def _value(features: Features, kind: str) -> str:
    return next((f.value for f in features.fingerprints if f.kind == kind), "")


def _alike(a: Features, b: Features) -> bool:
    return bool(_bands(a) & _bands(b)) and (jaccard(a.signature, b.signature) or 0.0) >= 0.5


def test_copies_of_a_campaign_are_alike_and_campaigns_are_not() -> None:
    random = Random(7)
    copies = [
        (number, mutation, _features(mutate(fill(template, name, random), random), name))
        for number, template in enumerate(templates(25))
        for (mutation, mutate), name in zip(MUTATIONS.items(), NAMES * 2, strict=False)
    ]
    same = [_alike(a, b) for (m, _, a), (n, _, b) in combinations(copies, 2) if m == n]
    other = [_alike(a, b) for (m, _, a), (n, _, b) in combinations(copies, 2) if m != n]
    assert sum(same) / len(same) > 0.97
    assert sum(other) / len(other) < 0.001


@pytest.mark.parametrize("mutation", ["plain", "zero width", "lookalikes", "shouting", "wrapped", "accents"])
def test_disguises_leave_the_exact_body_key_the_same(mutation: str) -> None:
    random = Random(3)
    for template in templates(5):
        first, second = (fill(template, name, random) for name in NAMES[:2])
        one = _features(first, NAMES[0])
        two = _features(MUTATIONS[mutation](second, random), NAMES[1])
        assert _value(one, "body") == _value(two, "body")
        assert one.signature == two.signature


def test_a_signature_is_the_same_on_every_machine() -> None:
    """A new value here means that signatures in every store must be made again, under another mark."""
    signature = _features(BODY).signature
    assert len(signature) == 1 + 4 * 59
    assert (
        hashlib.sha256(signature).hexdigest()
        == "947ccf16bb17cf80e119e204b9e99638e4886bcc06feffb168c73c5a2335badf"
    )
    keys = "".join(f.value for f in bands_of(signature))
    assert (
        hashlib.sha256(keys.encode()).hexdigest()
        == "83c9c7db63637a8d9e838e07e58489e6ba1c5519a506be7420de9ed553e32b8e"
    )


def test_a_signature_is_the_same_in_every_process() -> None:
    code = (
        "from clawback.analysis.shingles import signature_of;"
        f"print(signature_of(tuple({BODY!r}.split())).hex())"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == signature_of(tuple(BODY.split())).hex()


def test_a_short_body_has_a_body_key_but_no_bands() -> None:
    short = _features(" ".join(["see"] * (MIN_WORDS - 1)))
    assert _bands(short) == set()
    assert _value(short, "body")
    long = _features(" ".join(["see"] * MIN_WORDS))
    assert len(_bands(long)) == BANDS


def test_what_is_kept_gives_bands_and_pairs_again() -> None:
    """Neither body nor parts are kept: candidates are looked up by what is."""
    for text in (BODY, "see this", "word"):
        whole = message_of(text=text, sender=SENDER, sending_ip="192.0.2.1")
        features = extract(whole)
        slim = whole.slim()
        assert {(f.kind, f.value) for f in bands_of(features.signature)} == _bands(features)
        again = {f.kind: f.value for f in pairs_of(slim, features.signature, "text/plain")}
        assert again == {kind: _value(features, kind) for kind in PAIRS}


def test_an_empty_body_and_subject_tie_nothing_together() -> None:
    assert _features("", subject="").fingerprints == ()
    assert _features(" 123 \u200b", subject="Re: 4711").fingerprints == ()


def test_the_four_pairs_of_defender() -> None:
    one = _features(BODY, subject="Re: Invoice 17 for Anna", name="Anna B", sending_ip="192.0.2.1")
    two = _features(BODY, subject="FW: invoice #18", sender="al@evil.test", sending_ip="192.0.2.1")
    kinds = {f.kind for f in one.fingerprints}
    assert {kind for kind in kinds if kind.endswith(";ContentType")} == set(PAIRS)
    subject_keys = [_value(two, kind) for kind in PAIRS[:2]]
    assert [_value(one, kind) for kind in PAIRS[2:]] == [_value(two, kind) for kind in PAIRS[2:]]
    assert subject_keys != [_value(one, kind) for kind in PAIRS[:2]]  # "for" is left
    three = _features(BODY, subject="Invoice 19 for", sending_ip="192.0.2.1")
    assert [_value(one, kind) for kind in PAIRS] == [_value(three, kind) for kind in PAIRS]


@pytest.mark.parametrize(
    ("changed", "kept"),
    [
        ({"sender": "bob@other.test"}, [PAIRS[1], PAIRS[3]]),
        ({"sending_ip": "192.0.2.2"}, [PAIRS[0], PAIRS[2]]),
        ({"sending_ip": ""}, [PAIRS[0], PAIRS[2]]),
        ({"subject": "Another matter"}, [PAIRS[2], PAIRS[3]]),
        ({"html": "<p>"}, []),
        ({"parts": (Part("1", "text/enriched", "", "", "", "", 1, 0, 0, 0),)}, []),
    ],
)
def test_a_pair_is_equal_only_in_both_halves_and_type(changed: dict[str, Any], kept: list[str]) -> None:
    base: dict[str, Any] = {"subject": "A matter", "sending_ip": "192.0.2.1"}
    one, two = _features(BODY, **base), _features(BODY, **(base | changed))
    assert [kind for kind in PAIRS if _value(one, kind) == _value(two, kind)] == kept


def test_html_is_read_when_there_is_hardly_a_plain_body() -> None:
    html = (
        "<html><head><title>t</title><style>p{color:red}</style></head><!-- hidden --><body>"
        f"<SCRIPT>var x</SCRIPT><p>{BODY.replace(' ', '&nbsp;<b></b>')}</p></body></html>"
    )
    assert words_of(message_of(html=html)) == tuple(BODY.split())
    assert words_of(message_of(html=html, text="See HTML")) == tuple(BODY.split())
    assert words_of(message_of(html="<p>other</p>", text=BODY)) == tuple(BODY.split())


HOSTILE = {
    "tags": "<" * 500_000,
    "comments": "<!--" * 200_000,
    "styles": "<style>" * 100_000,
    "addresses": "a@" * 50_000,
    "at": "@" * 100_000,
    "schemes": "http://" * 20_000,
    "marks": "a" + "\u0301\u0316" * 200_000,
    "one word": "a" * 1_000_000,
    "replies": "re: " * 10_000,
    "no replies": "re " * 10_000,
    "brackets": "[ext" * 10_000,
    "surrogates": "\ud800" * 10_000,
    "ligatures": "ﷺ" * 100_000,
}


@pytest.mark.parametrize("hostile", HOSTILE.values(), ids=HOSTILE)
def test_hostile_text_is_bounded(hostile: str) -> None:
    made = _features(hostile, subject=hostile, html=hostile)
    assert len(made.fingerprints) <= 1 + BANDS + 4
    _features("", subject=hostile, html=hostile)


@given(st.text(max_size=200), st.text(max_size=50))
def test_any_text_has_features(text: str, subject: str) -> None:
    made = _features(text, subject=subject)
    assert made == _features(text, subject=subject)
    assert len(made.signature) <= 1 + 4 * 256
