"""Fingerprints: equality keys by which messages may be alike."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from struct import Struct

from rensa import RMinHash

from clawback import ids
from clawback.analysis.bodies import body_text
from clawback.analysis.folding import personal_words, subject_key, words
from clawback.analysis.places import sending_ip
from clawback.analysis.senders import canonical_sender
from clawback.analysis.shingles import comparable, hashes_of
from clawback.message.message import Message

PERMUTATIONS = 128
SEED = 42
BANDS = 16
ROWS = 4
SUBJECT_DOMAIN = "Subject;P2SenderDomain;ContentType"
SUBJECT_IP = "Subject;SenderIp;ContentType"
BODY_DOMAIN = "BodyFingerprintBin1;P2SenderDomain;ContentType"
BODY_IP = "BodyFingerprintBin1;SenderIp;ContentType"
PAIRS = (SUBJECT_DOMAIN, SUBJECT_IP, BODY_DOMAIN, BODY_IP)
_WIDTH = 4
_BIN_ROWS = 4
_PACKED = Struct(f"<{PERMUTATIONS}I")


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """One key: its `kind` and its value.

    Kinds: ``body`` (the bodies say the same), ``band.00`` to ``band.15`` (bodies that share one are
    probably alike; compare their signatures), and Defender's four clusterBy strings such as
    ``Subject;P2SenderDomain;ContentType``.
    """

    kind: str
    value: str


def words_of(message: Message) -> tuple[str, ...]:
    """The folded words of what a person sees in the body, the recipient's own names left out."""
    return words(body_text(message), personal_words(message))


def fingerprints_of(message: Message, signature: bytes) -> tuple[Fingerprint, ...]:
    """Every fingerprint of a message whose body has that signature."""
    minhash = _minhash(signature)
    return (*_body(signature), *_bands(minhash), *_pairs(message, signature, minhash, _content_type(message)))


def bands_of(signature: bytes) -> tuple[Fingerprint, ...]:
    """The keys under which bodies that are like the one with this signature are found."""
    return tuple(_bands(_minhash(signature)))


def body_of(signature: bytes) -> Fingerprint:
    """The key of all bodies that say the same as the one with this signature."""
    return Fingerprint("body", _short(signature))


def pairs_of(message: Message, signature: bytes, content_type: str) -> tuple[Fingerprint, ...]:
    """Defender's pairs of a message that is of this type; works on a slim message too."""
    return tuple(_pairs(message, signature, _minhash(signature), content_type))


def _minhash(signature: bytes) -> bytes:
    """The MinHash of the shingles kept: 128 x 32 bit, little endian; b"" for a body too short for it."""
    if not comparable(signature):
        return b""
    minhash = RMinHash(num_perm=PERMUTATIONS, seed=SEED)
    minhash.update([f"{h:08x}" for h in hashes_of(signature)])
    return _PACKED.pack(*minhash.digest())


def _body(signature: bytes) -> Iterator[Fingerprint]:
    if signature:
        yield body_of(signature)


def _bands(minhash: bytes) -> Iterator[Fingerprint]:
    """16 bands of 4 rows: a pair with Jaccard 0.7 shares one in 99% of cases, 0.5 in 64%, 0.2 in 3%."""
    size = ROWS * _WIDTH
    for band in range(BANDS if minhash else 0):
        yield Fingerprint(f"band.{band:02}", _short(minhash[band * size : (band + 1) * size]))


def _pairs(message: Message, signature: bytes, minhash: bytes, content_type: str) -> Iterator[Fingerprint]:
    """Defender's pairs: {subject, body} with {sending IP, domain of the From header}; empty halves make none.

    BodyFingerprintBin1 is a coarse key of the body: four rows of its MinHash (the last ones, which
    no band uses), or all of a body that is too short for one.
    """
    domain = canonical_sender(message.sender.address).rpartition("@")[2]
    senders = (domain, sending_ip(message))
    subject = subject_key(message.subject, personal_words(message)).encode()
    coarse = minhash[-_BIN_ROWS * _WIDTH :] if minhash else signature
    halves = [(content, sender) for content in (subject, coarse) for sender in senders]
    for kind, (content, sender) in zip(PAIRS, halves, strict=True):
        if content and sender:
            yield Fingerprint(kind, _short(content, sender, content_type))


def _content_type(message: Message) -> str:
    if message.parts:
        return message.parts[0].content_type
    return "text/html" if message.html else "text/plain"


def _short(*parts: str | bytes) -> str:
    return ids.digest(*parts)[:32]
