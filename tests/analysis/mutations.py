"""Campaigns made up for the near-duplicate tests: templates, and what senders change from copy to copy."""

from __future__ import annotations

from collections.abc import Callable
from random import Random

_WHO = ("mailbox", "account", "invoice", "parcel", "payroll", "document", "subscription", "benefit")
_DID = (
    "will be closed at the end of the week",
    "is waiting for your signature since yesterday",
    "could not be delivered to the address we have on file",
    "was opened from a device that we do not know",
    "has reached the limit that your administrator set",
    "must be confirmed before the next payment can be made",
    "was changed by a colleague and needs your approval",
    "is on hold because of a missing customs declaration",
)
_DO = (
    "Please open the secure page and follow the steps shown there",
    "Review the attached statement and reply with the reference",
    "Sign in with the password you used last month to keep everything",
    "Choose a time for the courier and pay the small remaining fee",
    "Download the viewer for protected files to read the message",
    "Compare the amount with your own records and tell us of any difference",
)
_BYE = (
    "This message was sent by the team that looks after your data and cannot be answered",
    "If you did nothing of the kind you may disregard this notice without any risk",
    "Your friends in the finance office wish you a pleasant rest of the day",
    "We are sorry for the trouble and thank you for many years of trust",
)
NAMES = ("Anna Schmidt", "Bob Jones", "Chiara Rossi", "Dmitri Orlov", "Eve Martin", "Farid Aziz")
_HOMOGLYPHS = str.maketrans("aeopc", "аеорс")
_SYNONYMS = {"please": "kindly", "small": "minor", "pleasant": "lovely", "secure": "safe", "tell": "inform"}


def templates(count: int) -> list[str]:
    """That many bodies on as many matters; two of them may share a sentence, as real ones do."""
    random = Random(20261124)
    return [_template(random) for _ in range(count)]


def _template(random: Random) -> str:
    subjects = [f"Your {random.choice(_WHO)} {number_word}" for number_word in random.sample(_DID, 2)]
    sentences = [*subjects, *random.sample(_DO, 2), random.choice(_BYE)]
    random.shuffle(sentences)
    sentences.insert(1, " ".join(random.sample(_FILLER, 40)))
    return "Dear NAME, " + ". ".join(sentences) + ". Reference REF at URL."


_FILLER_TEXT = """
amber barrel copper dolphin engine forest garden hammer island jacket kettle ladder marble needle orange
pepper quartz ribbon saddle timber umbrella velvet window yellow zipper anchor basket candle dragon eagle
feather glacier harbour ivory jungle kernel lantern meadow nectar olive pebble quiver rocket silver tunnel
"""
_FILLER = _FILLER_TEXT.split()


def fill(template: str, name: str, random: Random) -> str:
    """One copy: the name, a reference number and a tracking link filled in."""
    reference = f"INV-{random.randrange(10**8):08}"
    url = (
        f"https://evil{random.randrange(100)}.test/{random.randrange(16**12):x}?u={name.split(maxsplit=1)[0]}"
    )
    return template.replace("NAME", name).replace("REF", reference).replace("URL", url)


def _zero_width(text: str, random: Random) -> str:
    return "".join(c + "\u200b" if c.isalpha() and random.random() < 0.2 else c for c in text)


def _lookalikes(text: str, random: Random) -> str:
    return " ".join(w.translate(_HOMOGLYPHS) if random.random() < 0.5 else w for w in text.split(" "))


def _shouting(text: str, random: Random) -> str:
    return " ".join(w.upper() if random.random() < 0.3 else w for w in text.split(" "))


def _wrapped(text: str, random: Random) -> str:
    return "".join(random.choice(["\r\n", "  ", "\t", " \n> "]) if c == " " else c for c in text)


def _amounts(text: str, random: Random) -> str:
    return text.replace(". ", f". Amount due {random.randrange(9999)},00 EUR. ", 1)


def _synonyms(text: str, random: Random) -> str:
    return " ".join(_SYNONYMS.get(w.lower(), w) for w in text.split(" "))


def _accents(text: str, random: Random) -> str:
    return text.replace("e", "é").replace("u", "ü") if random.random() < 0.9 else text


def _dropped_tail(text: str, random: Random) -> str:
    words = text.split(" ")
    return " ".join(words[: len(words) - random.randrange(2, 6)])


def _everything(text: str, random: Random) -> str:
    return _shouting(_amounts(_lookalikes(text, random), random), random)


MUTATIONS: dict[str, Callable[[str, Random], str]] = {
    "plain": lambda text, random: text,
    "zero width": _zero_width,
    "lookalikes": _lookalikes,
    "shouting": _shouting,
    "wrapped": _wrapped,
    "amounts": _amounts,
    "synonyms": _synonyms,
    "accents": _accents,
    "dropped tail": _dropped_tail,
    "all at once": lambda text, random: _zero_width(
        _wrapped(_amounts(_lookalikes(text, random), random), random), random
    ),
}
