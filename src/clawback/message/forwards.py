"""Inline forwards: the header that a mail program writes into its text above a message it forwards."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

from clawback.message.bounds import MAX_SUBJECT

MAX_FORWARD = 200_000
"""Characters of a text in which a forward is looked for."""

MAX_LINES = 5_000
"""Lines of it."""

_LONGEST_LABEL = 30
_LONGEST_VALUE = 2_000
_LONGEST_BLOCK = 14
_ADDRESS = re.compile(r"[^\s<>\[\]():;,\"'@]{1,64}@[^\s<>\[\]():;,\"'@]{1,255}")


class Label(StrEnum):
    """A line of such a header."""

    FROM = "from"
    TO = "to"
    SUBJECT = "subject"
    DATE = "date"
    OTHER = "other"


# As Outlook, Gmail, Apple Mail and Thunderbird write them in the languages of their interfaces.
_WORDS = {
    Label.FROM: "from von de da desde van från fra lähettäjä od от від 差出人 发件人 寄件者 발신자"
    " feladó gönderen kimden από odosielateľ odesílatel expeditor remitente mittente afzender"
    " avsändare afsender nadawca",
    Label.TO: "to an à a para aan till til vastaanottaja komu do кому 宛先 收件人 收件者 수신자"
    " címzett kime alıcı προς per destinataire destinatario către",
    Label.SUBJECT: "subject betreff objet asunto oggetto assunto onderwerp ämne emne aihe předmět predmet"
    " temat тема 件名 主题 主旨 제목 tárgy konu θέμα subiect",
    Label.DATE: "date sent datum gesendet envoyé enviado data inviato verzonden skickat sendt lähetetty"
    " päivämäärä odesláno wysłano wysłane отправлено дата надіслано 日付 日時 送信日時 发送时间 发件时间"
    " 寄件日期 日期 날짜 dátum elküldve tarih gönderilme ημερομηνία στάλθηκε dato fecha"
    " trimis odoslané",
    Label.OTHER: "cc kopie copie copia bcc importance wichtigkeit"
    " priority importanza attachments anlagen 抄送 cópia",
}
# Labels of more than one word, and those that a split at blanks would have torn apart.
_PHRASES = {
    "보낸 사람": Label.FROM,
    "받는 사람": Label.TO,
    "보낸 날짜": Label.DATE,
    "enviado el": Label.DATE,
    "enviada em": Label.DATE,
    "envoyé le": Label.DATE,
    "data di invio": Label.DATE,
    "reply-to": Label.OTHER,
    "antwort an": Label.OTHER,
    "responder a": Label.OTHER,
    "répondre à": Label.OTHER,
}
_LABELS = {word: label for label, words in _WORDS.items() for word in words.split()} | _PHRASES


@dataclass(frozen=True, slots=True)
class Forward:
    """A message as a forward shows it: what its header says (each "" if missing), and the text below.

    `sender` and `to` are addresses; the text is without the marks of quoting.
    """

    sender: str
    to: str
    subject: str
    date: str
    text: str


def read_forward(text: str) -> Forward | None:
    """The first message that a text forwards, None when it forwards none.

    A forward is known by its header: a sender beside a subject or a date, on lines that follow each other
    (single empty lines between them do not count). At most 200,000 characters are looked at.
    """
    lines = text[:MAX_FORWARD].splitlines()[:MAX_LINES]
    for start, line in enumerate(lines):
        if _labelled(line) is None:
            continue
        found, end = _block(lines, start)
        if Label.FROM in found and (Label.SUBJECT in found or Label.DATE in found):
            return _forward(found, _unquoted(lines[end:], line.lstrip().startswith(">")))
    return None


def _labelled(line: str) -> tuple[Label, str] | None:
    """The label of a header's line, and its value."""
    bare = line.strip(" \t>*\xa0\u202f")
    for colon in (":", "\uff1a"):
        name, found, value = bare[: _LONGEST_VALUE + _LONGEST_LABEL].partition(colon)
        word = " ".join(name.strip("* \xa0\u202f").casefold().split())
        if found and len(word) <= _LONGEST_LABEL and word in _LABELS:
            return _LABELS[word], value.strip(" *\t\xa0\u202f")[:_LONGEST_VALUE]
    return None


def _block(lines: Sequence[str], start: int) -> tuple[dict[Label, str], int]:
    """The lines of the header that may begin here, and where what follows it begins."""
    found: dict[Label, str] = {}
    end = start
    blank = False
    for at in range(start, min(start + 2 * _LONGEST_BLOCK, len(lines))):
        empty = not lines[at].strip(" \t>*\xa0")
        labelled = None if empty else _labelled(lines[at])
        if labelled is None:
            if blank or not empty:
                break
            blank = True
            continue
        label, value = labelled
        if label in found and label is not Label.OTHER:
            break
        found[label] = value
        blank, end = False, at + 1
    return found, end


def _unquoted(lines: Sequence[str], quoted: bool) -> str:
    if not quoted:
        return "\n".join(lines).strip()
    return "\n".join(_without_mark(lines)).strip()


def _without_mark(lines: Sequence[str]) -> Iterator[str]:
    for line in lines:
        bare = line.lstrip()
        yield bare[1:].removeprefix(" ") if bare.startswith(">") else line


def _forward(found: dict[Label, str], text: str) -> Forward:
    return Forward(
        sender=_address(found.get(Label.FROM, "")),
        to=_address(found.get(Label.TO, "")),
        subject=found.get(Label.SUBJECT, "")[:MAX_SUBJECT],
        date=found.get(Label.DATE, "")[:100],
        text=text,
    )


def _address(value: str) -> str:
    found = _ADDRESS.search(value)
    return found[0].lower() if found else ""
