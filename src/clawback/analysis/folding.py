"""Folding: text made equal for comparison, so that personal touches and disguises do not tell it apart.

What is taken away, in this order: compatibility forms, accents and look-alike letters become the
plain Latin letter they imitate; characters of no width vanish; letters become lower case; URLs and
addresses vanish; so do words with a digit (amounts, dates, reference numbers, tracking codes), very
long ones, and those that name the recipient. What is left is a list of words. Chinese, Japanese,
Korean and Thai letters, written without spaces, are words of their own.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from itertools import islice

from clawback.message.address import Address
from clawback.message.message import Message

MAX_TEXT = 100_000
MAX_FOLDED = 200_000
MAX_WORDS = 10_000
MAX_WORD = 40
MAX_SUBJECT = 1_000
_UNSEEN = frozenset({"Mn", "Me", "Cf", "Cs"})
_MIN_PERSONAL = 3
_MAX_PEOPLE = 50

# Letters that imitate Latin ones in phishing; used after NFKD, so accented forms need no line of their own.
_LOOKALIKES = str.maketrans(
    "аеорсухіјѕԁһӏԛԝѡвкмнтгАВЕЅІЈКМНОРСТУХӀԚԜαβειοκνρτυχγωηΑΒΕΖΗΙΚΜΝΟΡΤΥΧμʟɡɑı",
    "aeopcyxijsdhlqwwbkmhtrABESIJKMHOPCTYXIQWabeiokvptuxywnABEZHIKMNOPTYXulgai",
)

# URLs and addresses end at white space or at what cannot be part of them: one pass, no backtracking.
_URL_OR_ADDRESS = re.compile(
    r"(?:https?://|www\.|mailto:)[^\s<>\"]*+|[^\s<>\"()\[\],;:@]{1,64}@[^\s<>\"()\[\],;:@]++"
)
_SINGLE = "\u0e00-\u0e7f\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af"
_WORD = re.compile(rf"[{_SINGLE}]|[^\W_{_SINGLE}]++")
_REPLY = re.compile(
    r"(?:(?:(?:re|fwd?|aw|wg|sv|vs|vb|tr|rv|res|enc|rif|odp|pd|ynt|antw|doorst|回复|转发|答复)"
    r" ?(?:\[\d{1,3}\]|\(\d{1,3}\))? ?:"
    r"|\[(?:ext|external|spam|suspected spam|warning)[^\]]{0,20}\]) ?)+"
)
_FORWARD = re.compile(r"(?:\[[^\]]{0,40}\] ?){0,5}(?:fwd?|wg|tr|vs|rv|enc|rif|pd|doorst|转发) ?:")


def folded(text: str) -> str:
    """Lower-case text in plain letters, nothing invisible in it."""
    if text.isascii():
        return text.lower()
    # Marks go before they are sorted too: sorting a long run of them takes quadratic time.
    decomposed = unicodedata.normalize("NFKD", _visible(text))[:MAX_FOLDED]
    # Hangul was taken apart by NFKD and is put together again: a syllable is a word.
    return unicodedata.normalize("NFC", _visible(decomposed).translate(_LOOKALIKES).lower())


def _visible(text: str) -> str:
    return text.translate({ord(c): None for c in set(text) if unicodedata.category(c) in _UNSEEN})


def words(text: str, personal: frozenset[str] = frozenset()) -> tuple[str, ...]:
    """The words of a text that tell what it says, at most 10,000, those in `personal` left out."""
    found = (word for word in _split(text[:MAX_TEXT]) if word not in personal)
    return tuple(islice(found, MAX_WORDS))


def _split(text: str) -> Iterator[str]:
    plain = _URL_OR_ADDRESS.sub(" ", folded(text))
    return (word for word in _WORD.findall(plain) if word.isalpha() and len(word) <= MAX_WORD)


def subject_key(subject: str, personal: frozenset[str] = frozenset()) -> str:
    """The subject without reply and forward marks, digits, URLs, addresses, punctuation and names."""
    plain = " ".join(folded(subject[:MAX_SUBJECT]).split())
    mark = _REPLY.match(plain)
    return " ".join(words(plain[mark.end() :] if mark else plain, personal))


def is_forward(subject: str) -> bool:
    """Whether a subject begins as mail programs write it for a forward, behind marks such as ``[EXT]``."""
    return _FORWARD.match(" ".join(folded(subject[:MAX_SUBJECT]).split())) is not None


def personal_words(message: Message) -> frozenset[str]:
    """The folded words that name this message's recipients: from names, local parts and own domains."""
    people = (*message.to, *message.cc, *(Address("", a) for a in message.recipients))
    return frozenset(word for person in islice(people, _MAX_PEOPLE) for word in _names(person))


def _names(person: Address) -> Iterator[str]:
    local, _, domain = person.address.rpartition("@")
    label = domain.split(".")[-2] if domain.count(".") else domain
    for text in (person.name, local, label):
        yield from (word for word in _split(text[:MAX_SUBJECT]) if len(word) >= _MIN_PERSONAL)
