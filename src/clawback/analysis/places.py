"""Places: where in a message something that an indicator can name stands.

The index (`features.extract`) and the exact test (`matching.carries`) both look here, so that
nothing can be carried without being indexed.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

from clawback.analysis.domains import canonical_ip, host_of
from clawback.message.attachment import Attachment
from clawback.message.link import Link, LinkLocation
from clawback.message.message import Message

# The parser has its own, lower bounds; these hold for messages that did not come from it.
MAX_LINKS = 20_000
MAX_FILES = 20_000

# A file without bytes says nothing: it would tie together every message with an empty part.
EMPTY_SHA256 = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

_WORDS = {
    LinkLocation.BODY: "the body",
    LinkLocation.HEADER: "a header",
    LinkLocation.SUBJECT: "the subject",
    LinkLocation.ATTACHMENT: "an attachment",
    LinkLocation.QR_CODE: "a QR code",
}
_SHOWN = 300


@dataclass(frozen=True, slots=True)
class LinkForm:
    """A link as it leads (`wrapped` False) or as it stood, rewritten for protection (`wrapped` True)."""

    url: str
    host: str
    wrapped: bool
    link: Link

    @property
    def where(self) -> str:
        """The place in few words: ``body a.href part 1.2``."""
        words = [self.link.location.value.replace("_", " "), self.link.source]
        words += ["part", self.link.part] if self.link.part else []
        words += ["in", self.link.container] if self.link.container else []
        return " ".join(word for word in words if word)

    @property
    def sentence(self) -> str:
        """The place as a sentence for people."""
        detail = ", ".join(word for word in (self.link.source, self.link.container) if word)
        place = _WORDS[self.link.location] + (f" ({detail})" if detail else "")
        text = f"A link in {place} leads to {shown(self.link.url)}"
        if self.link.rewritten_by:
            text += f", rewritten by {rewriter(self.link.rewritten_by)}"
        if self.wrapped:
            text += f" as {shown(self.url)}"
        return text + "."


def shown(text: str) -> str:
    """The text, cut to what a person reads in a sentence."""
    return text if len(text) <= _SHOWN else f"{text[: _SHOWN - 3]}..."


def rewriter(name: str) -> str:
    """The name of a rewriter for people: ``safe_links`` is Safe Links."""
    words = name.replace("+", "_and_").replace("-", "_").split("_")
    return " ".join(word if word == "and" else word[:1].upper() + word[1:] for word in words)


def link_forms(message: Message) -> Iterator[LinkForm]:
    """Every link in every form it has, in the order of the message."""
    for link in islice(message.links, MAX_LINKS):
        yield LinkForm(link.url, link.host.rstrip(".") or host_of(link.url), False, link)
        if link.wrapped and link.wrapped != link.url:
            yield LinkForm(link.wrapped, host_of(link.wrapped), True, link)


def files(message: Message) -> Iterator[Attachment]:
    """Every file that has bytes, members of archives included."""
    for file in islice(message.attachments, MAX_FILES):
        if file.sha256 and file.sha256 != EMPTY_SHA256:
            yield file


def sending_ip(message: Message) -> str:
    """The canonical address of the host that handed the message in; "" when not known."""
    return canonical_ip(message.sending_ip)
