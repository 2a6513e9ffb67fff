"""Bodies are compared by what they really share, and what cannot be told is not guessed."""

from __future__ import annotations

from itertools import pairwise
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clawback.analysis.shingles import MIN_WORDS, MOST, comparable, jaccard, nearest, signature_of

WORDS = tuple(f"word{chr(97 + n % 26)}{chr(97 + n // 26)}" for n in range(60))
words = st.lists(
    st.sampled_from(["alpha", "beta", "gamma", "delta", "epsilon", "zeta"]), min_size=MIN_WORDS, max_size=80
)


def _real(a: tuple[str, ...], b: tuple[str, ...]) -> float:
    first, second = set(pairwise(a)), set(pairwise(b))
    return len(first & second) / len(first | second)


@given(words, words)
def test_of_bodies_up_to_256_shingles_the_value_is_the_real_one(a: list[str], b: list[str]) -> None:
    first, second = tuple(a), tuple(b)
    assert jaccard(signature_of(first), signature_of(second)) == _real(first, second)


@given(words, words)
def test_it_is_the_same_either_way_round(a: list[str], b: list[str]) -> None:
    one, two = signature_of(tuple(a)), signature_of(tuple(b))
    assert jaccard(one, two) == jaccard(two, one)
    assert jaccard(one, one) == 1.0


@pytest.mark.parametrize(("length", "changed"), [(400, 20), (3_000, 300), (3_000, 2_000), (9_000, 100)])
def test_of_longer_bodies_it_is_estimated(length: int, changed: int) -> None:
    random = Random(5)
    body = [f"w{random.randrange(10**9)}" for _ in range(length)]
    other = [*body[:-changed], *(f"v{random.randrange(10**9)}" for _ in range(changed))]
    real = _real(tuple(body), tuple(other))
    assert jaccard(signature_of(tuple(body)), signature_of(tuple(other))) == pytest.approx(real, abs=0.08)


def test_a_long_body_is_compared_with_a_short_one_by_what_both_are_known_by() -> None:
    random = Random(6)
    body = tuple(f"w{random.randrange(10**9)}" for _ in range(1_000))
    part = body[:200]
    found = jaccard(signature_of(body), signature_of(part))
    assert found == pytest.approx(_real(body, part), abs=0.08)
    assert len(signature_of(body)) == 1 + 4 * MOST


@pytest.mark.parametrize(
    "other",
    [
        b"",
        b"x",
        bytes(512),
        b"\x01",
        b"\x02",
        b"\x04" + bytes(64),
        b"\x01" + bytes(63),
        signature_of(WORDS[:11]),
    ],
    ids=[
        "none",
        "rubbish",
        "minhash of before",
        "no hashes",
        "cut without",
        "later mark",
        "torn",
        "too short",
    ],
)
def test_what_cannot_be_told_is_not_guessed(other: bytes) -> None:
    mine = signature_of(WORDS)
    assert not comparable(other)
    assert jaccard(mine, other) is jaccard(other, mine) is jaccard(other, other) is None
    assert nearest(mine, [other]) == (-1, 0.0)


def test_the_nearest_of_several_is_named() -> None:
    near, far = (*WORDS[:50], "another", *WORDS[51:]), (*WORDS[:30], *(f"{word}x" for word in WORDS[30:]))
    signatures = [signature_of(far), b"", signature_of(near)]
    number, value = nearest(signature_of(WORDS), signatures)
    assert (number, value) == (2, _real(WORDS, near))


@given(st.binary(max_size=40), st.binary(max_size=40))
def test_no_bytes_break_it(a: bytes, b: bytes) -> None:
    value = jaccard(a, b)
    assert value is None or 0.0 <= value <= 1.0
