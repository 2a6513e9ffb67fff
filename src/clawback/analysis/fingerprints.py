"""Fingerprints: equality keys by which messages may be alike, and how alike two bodies are."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from operator import eq
from struct import Struct

from rensa import RMinHash

from clawback import ids
from clawback.analysis.bodies import body_text
from clawback.analysis.folding import personal_words, subject_key, words
from clawback.analysis.places import sending_ip
from clawback.analysis.senders import canonical_sender
from clawback.message.message import Message

PERMUTATIONS = 128
SEED = 42
BANDS = 16
ROWS = 5
# Shorter bodies ("see attached, regards") are alike without belonging together.
MIN_WORDS = 12
_WIDTH = 4
_BIN_ROWS = 4
_PACKED = Struct(f"<{PERMUTATIONS}I")


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """One key: its `kind` and its value.

    Kinds: ``body`` (the folded words are the same), ``band.00`` to ``band.15`` (bodies that share one
    are probably alike; compare their signatures), and Defender's four clusterBy strings such as
    ``Subject;P2SenderDomain;ContentType``.
    """

    kind: str
    value: str


def words_of(message: Message) -> tuple[str, ...]:
    """The folded words of what a person sees in the body, the recipient's own names left out."""
    return words(body_text(message), personal_words(message))


def signature_of(body: tuple[str, ...]) -> bytes:
    """The MinHash of the body's 2-word shingles: 128 x 32 bit, little endian; b"" below 12 words.

    The same on every machine and in every process: seed and hash are fixed.
    """
    if len(body) < MIN_WORDS:
        return b""
    minhash = RMinHash(num_perm=PERMUTATIONS, seed=SEED)
    minhash.update([f"{a} {b}" for a, b in pairwise(body)])
    return _PACKED.pack(*minhash.digest())


def jaccard(a: bytes, b: bytes) -> float:
    """How much of two bodies is the same, 0 to 1, estimated from their signatures (error about 0.04).

    0.0 when one of them has none.
    """
    if len(a) != PERMUTATIONS * _WIDTH or len(b) != len(a):
        return 0.0
    same: int = sum(map(eq, memoryview(a).cast("I"), memoryview(b).cast("I")))
    return same / PERMUTATIONS


def fingerprints_of(message: Message, body: tuple[str, ...], signature: bytes) -> tuple[Fingerprint, ...]:
    """Every fingerprint of a message whose folded words and signature are known."""
    return (*_body(body), *_bands(signature), *_pairs(message, body, signature))


def _body(body: tuple[str, ...]) -> Iterator[Fingerprint]:
    if body:
        yield Fingerprint("body", _short(" ".join(body)))


def _bands(signature: bytes) -> Iterator[Fingerprint]:
    """16 bands of 5 rows: a pair with Jaccard 0.8 shares one in 99% of cases, 0.6 in 73%, 0.3 in 4%."""
    size = ROWS * _WIDTH
    for band in range(BANDS if signature else 0):
        yield Fingerprint(f"band.{band:02}", _short(signature[band * size : (band + 1) * size]))


def _pairs(message: Message, body: tuple[str, ...], signature: bytes) -> Iterator[Fingerprint]:
    """Defender's pairs: {subject, body} with {sending IP, domain of the From header}; empty halves make none.

    BodyFingerprintBin1 is a coarse key of the body: four rows of its signature (the last ones, which
    no band uses), or the exact words of a body that is too short for a signature.
    """
    domain = canonical_sender(message.sender.address).rpartition("@")[2]
    senders = (("P2SenderDomain", domain), ("SenderIp", sending_ip(message)))
    subject = subject_key(message.subject, personal_words(message))
    coarse = signature[-_BIN_ROWS * _WIDTH :] if signature else " ".join(body).encode()
    for name, content in (("Subject", subject.encode()), ("BodyFingerprintBin1", coarse)):
        for sender, value in senders:
            if content and value:
                kind = f"{name};{sender};ContentType"
                yield Fingerprint(kind, _short(content, value, _content_type(message)))


def _content_type(message: Message) -> str:
    if message.parts:
        return message.parts[0].content_type
    return "text/html" if message.html else "text/plain"


def _short(*parts: str | bytes) -> str:
    return ids.digest(*parts)[:32]
