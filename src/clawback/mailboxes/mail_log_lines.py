"""The grammar of mail logs: what one line of Dovecot's, Postfix's or Cyrus' log tells of a mailbox.

A line is read from its own beginning: a time, perhaps a host and a program, then the program's words. Only
what the program itself puts first decides whose mailbox it is. Message ids, subjects and folder names stand
behind that; strangers and owners write them. Where such text makes a line ambiguous, the detail is left out,
and where it could name somebody else's mailbox, the whole line is.

Sources: Dovecot's ``mail-log-plugin.c``, ``mail-deliver.c``, ``str-sanitize.c`` (2.2 to 2.4), Pigeonhole's
``sieve-actions.c``, Cyrus' ``lmtpd.c`` and ``mailbox.c`` (2.4 to 3.10), and lines of real servers.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import msgspec
import re2

LONGEST_LINE = 64 * 1024
"""Bytes; no line of these programs is nearly as long."""

_LONGEST_FOLDER = 1_000
_LONGEST_MESSAGE_ID = 998


class Kind(StrEnum):
    """What happened."""

    DELIVERED = "delivered"
    COPIED = "copied"
    EXPUNGED = "expunged"
    FLAGGED = "flagged"
    DELETED = "deleted"
    UNDELETED = "undeleted"
    MAILBOX_CREATED = "mailbox_created"
    MAILBOX_DELETED = "mailbox_deleted"
    MAILBOX_RENAMED = "mailbox_renamed"


@dataclass(frozen=True, slots=True)
class Seen:
    """Something happened to a user's mail; `user` is as the mail system calls them, by name or address.

    `folder` and `message_id` are "", and `uid` is None, when the line does not tell them beyond doubt. They
    are for people to read, never a key.
    """

    user: str
    kind: Kind
    folder: str = ""
    uid: int | None = None
    message_id: str = ""


def _pattern(pattern: bytes) -> re2._Regexp:
    """A pattern over bytes of any encoding; linear in the length of a line, whoever wrote it."""
    options = re2.Options()
    options.encoding = re2.Options.Encoding.LATIN1
    return re2.compile(pattern, options)


_TIME = (
    rb"(?:[A-Z][a-z]{2} [ \d]?\d \d\d:\d\d:\d\d(?:\.\d{1,9})?"
    rb"|(?:[A-Z][a-z]{2} )?\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:[.,]\d{1,9})?(?:Z|[+-]\d\d:?\d\d| [A-Z]{2,5})?"
    rb"|\d{10}\.\d{1,9})"
)
_HEAD = _pattern(
    rb"(?:<\d{1,3}>)?"
    + _TIME
    + rb" (?:(?:[\w.:-]{0,254}[\w.-] )?([a-zA-Z][\w./-]{0,63})(?:\[\d{1,10}\])?: )?"
)
_SESSION = _pattern(
    rb"([a-z][a-z-]{0,31})\((?:[\w.:]{1,64}, ?)?([^\x00-\x20\x7f(),:<>]{1,320})\)"
    rb"(?:<\d{1,10}><[^\x00-\x20\x7f<>]{0,255}>)?: (?:Info: )?(?:[A-Za-z0-9+/]{22}(?::[\w:]{1,16})?: )?"
)
_POSTFIX = _pattern(rb"postfix[\w.-]{0,32}/(?:[\w.-]{1,32}/)?(?:lmtp|virtual|pipe|local)")
_CYRUS = _pattern(rb"(?:[\w.-]{1,32}/)?(?:lmtp|imap|pop3|http|nntp|sync|deliver)[a-z]{0,16}")


def parse(line: bytes) -> Seen | None:
    """What a line tells, without its line end; None when it tells nothing of a mailbox."""
    if len(line) > LONGEST_LINE:
        return None
    if line.startswith(b"{"):
        return _exported(line)
    head = _HEAD.match(line)
    if head is None:
        return None
    return _said(head.group(1) or b"", line[head.end() :])


class _Entry(msgspec.Struct):
    """A line of ``journalctl --output=json``; text that is not UTF-8 comes as a list of bytes there."""

    SYSLOG_IDENTIFIER: str | None = None
    MESSAGE: str | list[int] | None = None


_ENTRY = msgspec.json.Decoder(_Entry)


def _exported(line: bytes) -> Seen | None:
    try:
        entry = _ENTRY.decode(line)
    except (msgspec.DecodeError, RecursionError):
        return None
    # A program of that name is what makes the text trustworthy: without one there is no line of ours.
    if not entry.SYSLOG_IDENTIFIER or not isinstance(entry.MESSAGE, str):
        return None
    return _said(entry.SYSLOG_IDENTIFIER.encode("utf-8", "replace"), entry.MESSAGE.encode("utf-8", "replace"))


def _said(program: bytes, words: bytes) -> Seen | None:
    """What a program's words tell; without a program it is Dovecot's own log file."""
    if not program or program.startswith(b"dovecot"):
        return _of_dovecot(words)
    if _POSTFIX.fullmatch(program):
        return _of_postfix(words)
    if _CYRUS.fullmatch(program):
        return _of_cyrus(words)
    return None


# --- Dovecot ---------------------------------------------------------------------------------------------

_NOT_INFO = (b"Debug: ", b"Warning: ", b"Error: ", b"Fatal: ", b"Panic: ")
_DELIVERING = frozenset({b"lmtp", b"lda", b"deliver", b"dovecot-lda"})
_ON_MESSAGES = {
    b"save": Kind.DELIVERED,
    b"expunge": Kind.EXPUNGED,
    b"autoexpunge": Kind.EXPUNGED,
    b"delete": Kind.DELETED,
    b"undelete": Kind.UNDELETED,
    b"flag_change": Kind.FLAGGED,
}
_ON_FOLDERS = {
    b"Mailbox created": Kind.MAILBOX_CREATED,
    b"Mailbox deleted": Kind.MAILBOX_DELETED,
    b"Mailbox renamed": Kind.MAILBOX_RENAMED,
}
# From 2.4 on the folder comes first: "Mailbox INBOX: save: uid=1".
_IN_FOLDER = _pattern(
    rb"Mailbox (.{1,512}?): ((?:save|copy from .{1,512}?|expunge|autoexpunge|delete|undelete|flag_change): .*"
    rb"|Mailbox (?:created|deleted)|Mailbox renamed: .*)"
)
_ORDER = {
    name: rank
    for rank, name in enumerate((b"box", b"uid", b"msgid", b"size", b"vsize", b"from", b"subject", b"flags"))
}
_MOST_FIELDS = 64


def _of_dovecot(words: bytes) -> Seen | None:
    session = _SESSION.match(words)
    if session is None:
        return None
    service, user = session.group(1), _name(session.group(2))
    text = words[session.end() :]
    if user is None or text.startswith(_NOT_INFO):
        return None
    return _of_mail_log(user, text) or (_delivered(user, text) if service in _DELIVERING else None)


def _delivered(user: str, text: bytes) -> Seen | None:
    by_sieve = text.startswith(b"sieve: ")
    mark, end = (b"stored mail into mailbox '", b"'") if by_sieve else (b"saved mail to ", b"")
    before, found, folder = text.partition(mark)
    if not found:
        return None
    before = before.removeprefix(b"sieve: ")
    if mark in folder or not folder.endswith(end) or not before.startswith(b"msgid="):
        # A message id that looks like the rest of the line, or a line that the server's owner has shaped.
        return Seen(user, Kind.DELIVERED)
    message_id = before.removeprefix(b"msgid=").removesuffix(b"fileinto action: ").removesuffix(b": ")
    folder = folder.removesuffix(end)
    return Seen(user, Kind.DELIVERED, _folder(folder), None, _message_id(message_id))


def _of_mail_log(user: str, text: bytes) -> Seen | None:
    folder = b""
    verb, _, rest = text.partition(b": ")
    if text.startswith(b"Mailbox ") and verb not in _ON_FOLDERS and (inside := _IN_FOLDER.fullmatch(text)):
        folder, text = inside.group(1), inside.group(2)
        verb, _, rest = text.partition(b": ")
    if kind := _ON_MESSAGES.get(verb):
        return _on_message(user, kind, folder, rest)
    if kind := _ON_FOLDERS.get(verb):
        return Seen(user, kind, _folder(_new_name(rest) if kind is Kind.MAILBOX_RENAMED else rest or folder))
    if text.startswith(b"copy from "):
        return _on_message(user, Kind.COPIED, folder, _after_source(text))
    return None


def _after_source(text: bytes) -> bytes:
    """The fields behind "copy from FOLDER: "; b"" when a folder's name makes that ambiguous."""
    for first in (b": box=", b": uid=", b": msgid="):
        if (found := text.count(first)) == 1:
            return text[text.index(first) + 2 :]
        if found:
            break
    return b""


def _new_name(rest: bytes) -> bytes:
    """The name behind "OLD -> NEW"; b"" when a name itself has an arrow."""
    return rest.partition(b" -> ")[2] if rest.count(b" -> ") == 1 else b""


def _on_message(user: str, kind: Kind, folder: bytes, text: bytes) -> Seen:
    fields = _fields(text)
    return Seen(
        user,
        kind,
        _folder(fields.get(b"box", folder)),
        _uid(fields.get(b"uid", b"")),
        _message_id(fields.get(b"msgid", b"")),
    )


def _fields(text: bytes) -> dict[bytes, bytes]:
    """The fields "box=INBOX, uid=1, msgid=<a>, size=1", which come in one order and once each.

    Text of strangers that looks like a field breaks the order, and then nothing is certain.
    """
    fields: dict[bytes, bytes] = {}
    last, last_rank = b"", -1
    for part in text.split(b", ", _MOST_FIELDS):
        name, equals, value = part.partition(b"=")
        rank = _ORDER.get(name) if equals else None
        if rank is None:
            if not last:
                return {}
            fields[last] += b", " + part
        elif rank <= last_rank:
            return {}
        else:
            fields[name] = value
            last, last_rank = name, rank
    return fields


# --- Postfix ---------------------------------------------------------------------------------------------

_QUEUE_ID = rb"(?:[0-9A-F]{5,20}|[0-9B-DF-HJ-NP-TV-Zb-df-hj-np-tv-z]{10,32})"
_TO = _pattern(_QUEUE_ID + rb": to=<([^\x00-\x20\x7f\"(),:;<>\\]{1,320})>, (?:orig_to=<|relay=)")


def _of_postfix(words: bytes) -> Seen | None:
    """A recipient of ours was served; the final recipient, whom aliases have led to."""
    to = _TO.match(words)
    # Who writes an address that looks like the rest of the line makes these come twice.
    if to is None or words.count(b", relay=") != 1 or words.count(b", status=") != 1:
        return None
    user = _name(to.group(1)) if b", status=sent (" in words else None
    return Seen(user, Kind.DELIVERED) if user else None


# --- Cyrus -----------------------------------------------------------------------------------------------

_AUDITED = {b"append": Kind.DELIVERED, b"expunge": Kind.EXPUNGED, b"touched": Kind.FLAGGED}
_AUDIT = _pattern(
    rb"auditlog: (append|expunge|touched) sessionid=<[^\x00-\x20\x7f<>]{0,255}> mailbox=<([^<>]{1,1000})> "
    rb"uniqueid=<[^<>]{0,64}> uid=<(\d{1,10})> "
)
_OWNER = _pattern(rb"(?:([a-z0-9.-]{1,255})!)?user\.([^\x00-\x20\x7f!.<>]{1,255})(?:\.([^<>]{1,1000}))?")
_SERVED = _pattern(
    rb"Delivered: sessionid=<.* messageid=.* userid=<[^<>]{0,320}> mailbox=<([^<>]{1,1000})> "
    rb"uniqueid=<[^<>]{0,64}>"
)
_TO_MAILBOX = b" to mailbox: "


def _of_cyrus(words: bytes) -> Seen | None:
    if audit := _AUDIT.match(words):
        # The message id comes last here, so it cannot stand in for anything.
        _, _, message_id = words.partition(b" messageid=")
        message_id, size, _ = message_id.rpartition(b" size=<")
        kind, uid = _AUDITED[audit.group(1)], _uid(audit.group(3))
        return _in_mailbox(audit.group(2), kind, uid, message_id if size else b"")
    if not words.startswith(b"Delivered: "):
        return None
    # From 3.10 on a line ends in what Cyrus itself has put there.
    if served := _SERVED.fullmatch(words):
        return _in_mailbox(served.group(1), Kind.DELIVERED)
    message_id, _, mailbox = words.removeprefix(b"Delivered: ").partition(_TO_MAILBOX)
    # A message id or a folder that looks like the rest of the line makes this come twice.
    return None if _TO_MAILBOX in mailbox else _in_mailbox(mailbox, Kind.DELIVERED, None, message_id)


def _in_mailbox(mailbox: bytes, kind: Kind, uid: int | None = None, message_id: bytes = b"") -> Seen | None:
    """From Cyrus' own name of a folder: "example.org!user.john^doe.Archive"."""
    named = _OWNER.fullmatch(mailbox)
    user = _name(named.group(2).replace(b"^", b".")) if named else None
    if named is None or user is None:
        return None
    domain = named.group(1)
    folder = (named.group(3) or b"INBOX").replace(b".", b"/").replace(b"^", b".")
    whole = f"{user}@{domain.decode('ascii')}" if domain else user
    return Seen(whole, kind, _folder(folder), uid, _message_id(message_id))


# --- text that others have written -----------------------------------------------------------------------


def _name(raw: bytes) -> str | None:
    """A user; None when it is no text."""
    try:
        name = raw.decode("utf-8")
    except UnicodeDecodeError:
        return None
    return name if name.isprintable() else None


def _uid(raw: bytes) -> int | None:
    if not raw.isdigit() or len(raw) > 10:
        return None
    return int(raw) or None


def _folder(raw: bytes) -> str:
    # Dovecot cuts long names at 64 or 80 bytes.
    return _text(raw, _LONGEST_FOLDER, cut=58)


def _message_id(raw: bytes) -> str:
    # Dovecot cuts long message ids at 80 or 200 bytes, and says "unspecified" for none.
    return _text(raw, _LONGEST_MESSAGE_ID, cut=74) if raw != b"unspecified" else ""


def _text(raw: bytes, longest: int, cut: int) -> str:
    """Printable text, with "?" for what is not; "" for what is too long or was cut."""
    if len(raw) > longest or (len(raw) >= cut and raw.endswith(b"...")):
        return ""
    text = raw.decode("utf-8", "replace")
    return text if text.isprintable() else "".join(c if c.isprintable() else "?" for c in text)
