"""What lines of real logs tell, and that text of strangers in them never speaks for somebody else."""

from __future__ import annotations

import json

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from clawback.mailboxes.mail_log_lines import LONGEST_LINE, Kind, Seen, parse

ANN, BOB = "ann@example.org", "bob@example.org"
OWN = "Nov 24 08:00:41 "
SESSION = "lmtp(ann@example.org)<13893><IvtUJyZIBWs2dQAAg+zDdQ>: "
SAVED = "msgid=<a-0@bad>: saved mail to INBOX"
DELIVERED = Seen(ANN, Kind.DELIVERED, "INBOX", None, "<a-0@bad>")


def _parse(line: str) -> Seen | None:
    return parse(line.encode())


@pytest.mark.parametrize(
    "head",
    [
        OWN + SESSION + "Info: ",
        "2026-11-24 08:00:41 " + SESSION + "Info: ",
        "2026-11-24 08:00:41.123456 " + SESSION + "Info: ",
        OWN + "mx.example.org dovecot: " + SESSION,
        "Nov  4 08:00:41 mx dovecot[811]: " + SESSION,
        "<22>Nov 24 08:00:41 mx dovecot: " + SESSION,
        "2026-11-24T08:00:41.123456+00:00 mx dovecot: " + SESSION,
        "2026-11-24T08:00:41+0000 mx dovecot[811]: " + SESSION,
        "2026-11-24T08:00:41Z 2001:db8::1 dovecot: " + SESSION,
        "Nov 24 08:00:41.123456 mx dovecot[811]: " + SESSION,
        "Tue 2026-11-24 08:00:41 UTC mx dovecot[811]: " + SESSION,
        "1795508351.123456 mx dovecot[811]: " + SESSION,
        OWN + "mx dovecot-inbound: " + SESSION,
        OWN + "mx dovecot: lmtp(ann@example.org): ",
        OWN + "mx dovecot: lmtp(ann@example.org): mLjfD8Pl51aKJQAA4rfF6Q: ",
        OWN + "mx dovecot: lmtp(9610, ann@example.org): mLjfD8Pl51aKJQAA4rfF6Q:2: ",
        OWN + "mx dovecot: lda(ann@example.org)<13893><x>: ",
        OWN + "mx dovecot: deliver(ann@example.org): ",
    ],
)
def test_a_delivery_is_told_whatever_stands_before_it(head: str) -> None:
    assert _parse(head + SAVED) == DELIVERED


def test_an_entry_of_the_journal_is_told() -> None:
    entry = {"__REALTIME_TIMESTAMP": "1", "SYSLOG_IDENTIFIER": "dovecot", "MESSAGE": SESSION + SAVED}
    assert _parse(json.dumps(entry)) == DELIVERED
    for name, value in (
        ("SYSLOG_IDENTIFIER", "su"),
        ("SYSLOG_IDENTIFIER", ""),
        ("SYSLOG_IDENTIFIER", None),
        ("MESSAGE", [108, 109]),
        ("MESSAGE", None),
    ):
        assert _parse(json.dumps({**entry, name: value})) is None
    assert _parse('{"SYSLOG_IDENTIFIER":"dovecot","MESSAGE":') is None
    assert _parse('{"a":' * 10_000) is None


IMAP = OWN + "imap(ann@example.org)<30013><wbAwWAFhkI9/AAAB>: Info: "
LMTP = OWN + SESSION + "Info: "
INSIDE = "uid=2, msgid=<a@b>, size=299, flags=(\\Seen $label)"


@pytest.mark.parametrize(
    ("words", "seen"),
    [
        (
            LMTP + "save: box=INBOX, uid=1, msgid=<a@b>, size=233, flags=()",
            ("delivered", "INBOX", 1, "<a@b>"),
        ),
        (LMTP + "save: uid=1, msgid=<a@b>, size=233", ("delivered", "", 1, "<a@b>")),
        (LMTP + "save: box=INBOX, uid=error, msgid=, size=error", ("delivered", "INBOX", None, "")),
        (
            LMTP + "sieve: msgid=<a@b>: stored mail into mailbox 'INBOX'",
            ("delivered", "INBOX", None, "<a@b>"),
        ),
        (
            LMTP + "sieve: msgid=<a@b>: fileinto action: stored mail into mailbox 'Ju nk''",
            ("delivered", "Ju nk'", None, "<a@b>"),
        ),
        (LMTP + "msgid=unspecified: saved mail to INBOX", ("delivered", "INBOX", None, "")),
        (LMTP + "from=a@b, subject=x: saved mail to INBOX", ("delivered", "", None, "")),
        (IMAP + "save: box=Sent, uid=6, msgid=<a@b>, size=23, flags=()", ("delivered", "Sent", 6, "<a@b>")),
        (IMAP + "copy from INBOX: box=Quarantine, " + INSIDE, ("copied", "Quarantine", 2, "<a@b>")),
        (IMAP + "copy from INBOX: uid=2, msgid=<a@b>", ("copied", "", 2, "<a@b>")),
        (IMAP + "expunge: box=INBOX, " + INSIDE, ("expunged", "INBOX", 2, "<a@b>")),
        (IMAP + "autoexpunge: box=Trash, " + INSIDE, ("expunged", "Trash", 2, "<a@b>")),
        (IMAP + "flag_change: box=INBOX, " + INSIDE, ("flagged", "INBOX", 2, "<a@b>")),
        (IMAP + "delete: box=INBOX, " + INSIDE, ("deleted", "INBOX", 2, "<a@b>")),
        (IMAP + "undelete: box=a, b, " + INSIDE, ("undeleted", "a, b", 2, "<a@b>")),
        (IMAP + "Mailbox created: É", ("mailbox_created", "É", None, "")),
        (IMAP + "Mailbox deleted: Q -> R", ("mailbox_deleted", "Q -> R", None, "")),
        (IMAP + "Mailbox renamed: Old -> New", ("mailbox_renamed", "New", None, "")),
        (IMAP + "Mailbox renamed: Old -> Q -> R", ("mailbox_renamed", "", None, "")),
        (
            IMAP + "Mailbox created: a: save: box=INBOX, uid=1",
            ("mailbox_created", "a: save: box=INBOX, uid=1", None, ""),
        ),
        (IMAP + "Mailbox Sent: save: uid=6, msgid=<a@b>, size=23", ("delivered", "Sent", 6, "<a@b>")),
        (IMAP + "Mailbox Junk: copy from INBOX: uid=6, msgid=<a@b>", ("copied", "Junk", 6, "<a@b>")),
        (IMAP + "Mailbox Junk: Mailbox created", ("mailbox_created", "Junk", None, "")),
        (IMAP + "Mailbox Old: Mailbox renamed: Old -> New", ("mailbox_renamed", "New", None, "")),
        (
            OWN + "doveadm(127.0.0.1,ann@example.org): Info: Mailbox created: X",
            ("mailbox_created", "X", None, ""),
        ),
    ],
)
def test_dovecot_tells(words: str, seen: tuple[str, str, int | None, str]) -> None:
    kind, folder, uid, message_id = seen
    assert _parse(words) == Seen(ANN, Kind(kind), folder, uid, message_id)


@pytest.mark.parametrize(
    ("words", "seen"),
    [
        # A message id, and folders of the owner, that look like the rest of the line.
        (LMTP + "msgid=<x>: saved mail to X: saved mail to INBOX", ("delivered", "", None, "")),
        (LMTP + "save: box=INBOX, uid=1, msgid=<x, uid=7, size=1>, size=233", ("delivered", "", None, "")),
        (IMAP + "copy from INBOX: box=a: box=INBOX, uid=7, uid=1, msgid=<x>", ("copied", "", None, "")),
        (IMAP + "copy from a: box=b: box=INBOX, uid=7", ("copied", "", None, "")),
        (IMAP + "expunge: box=a, uid=9, msgid=<z>, uid=1, msgid=<x>", ("expunged", "", None, "")),
        # Names that Dovecot has cut are names of nothing.
        (IMAP + "Mailbox created: " + "n" * 61 + "...", ("mailbox_created", "", None, "")),
        (IMAP + "expunge: box=I, uid=4, msgid=<" + "a" * 76 + "...", ("expunged", "I", 4, "")),
        # What is no text, and what is too long.
        (IMAP + "expunge: box=a\tb\x1b[1m, uid=4, msgid=<\x01>", ("expunged", "a?b?[1m", 4, "<?>")),
        (IMAP + "expunge: box=" + "f" * 1001 + ", uid=4", ("expunged", "", 4, "")),
        (IMAP + "expunge: box=I, uid=4, msgid=" + "a" * 999, ("expunged", "I", 4, "")),
        (IMAP + "expunge: box=I, uid=99999999999", ("expunged", "I", None, "")),
        (IMAP + "expunge: box=I, uid=-1", ("expunged", "I", None, "")),
    ],
)
def test_what_is_not_beyond_doubt_is_left_out(words: str, seen: tuple[str, str, int | None, str]) -> None:
    kind, folder, uid, message_id = seen
    assert _parse(words) == Seen(ANN, Kind(kind), folder, uid, message_id)


@pytest.mark.parametrize(
    "line",
    [
        "",
        "x",
        OWN,
        "{}",
        OWN + "master: Info: Dovecot v2.3.19.1 (9b53102964) starting up for imap, lmtp",
        OWN + "lmtp(30006): Info: Connect from 127.0.0.1",
        OWN + "imap-login: Info: Login: user=<ann>, method=PLAIN, rip=127.0.0.1",
        LMTP + "sieve: msgid=<a@b>: discard action: Marked message to be discarded",
        LMTP + "msgid=<a@b>: save failed to open mailbox X: Permission denied",
        IMAP + "Disconnected: Logged out in=848 out=2429 deleted=2 expunged=1",
        IMAP + "Mailbox a: b",
        # Not by a program that delivers.
        IMAP + SAVED,
        # Other levels are other things.
        OWN + SESSION + "Error: " + SAVED,
        OWN + SESSION + "Debug: " + SAVED,
        # Not from the line's own beginning.
        SESSION + SAVED,
        "x" + LMTP + SAVED,
        OWN + "mx su: " + SESSION + SAVED,
        OWN + "mx su: dovecot: " + SESSION + SAVED,
        OWN + "su: dovecot: " + SESSION + SAVED,
        OWN + "mx su[1]: Nov 24 08:00:41 mx dovecot: " + SESSION + SAVED,
        OWN + "mx mx dovecot: " + SESSION + SAVED,
        OWN + "mx dovecot: x" + SESSION + SAVED,
        OWN + "auth: Info: " + SESSION + SAVED,
        # Users of no kind.
        OWN + "lmtp()<1><x>: Info: " + SAVED,
        OWN + "lmtp(ann)<1><x>@example.org)<1><x>: Info: " + SAVED,
        OWN + "lmtp(a\tb)<1><x>: Info: " + SAVED,
        OWN + "lmtp(a\u202eb)<1><x>: Info: " + SAVED,
        OWN + "lmtp(" + "a" * 321 + ")<1><x>: Info: " + SAVED,
    ],
)
def test_other_lines_tell_nothing(line: str) -> None:
    assert _parse(line) is None


def test_bytes_that_are_no_text_tell_what_they_can() -> None:
    head = OWN.encode() + SESSION.encode()
    seen = parse(head + b"msgid=<\xff\xfe>: saved mail to INBOX")
    assert seen == Seen(ANN, Kind.DELIVERED, "INBOX", None, "<\ufffd\ufffd>")
    assert parse(head.replace(b"ann", b"\xff") + SAVED.encode()) is None


def test_a_line_that_is_too_long_tells_nothing() -> None:
    line = LMTP + "save: box=INBOX, uid=1, msgid=<"
    assert _parse(line + "a" * (LONGEST_LINE - len(line))) == Seen(ANN, Kind.DELIVERED, "INBOX", 1, "")
    assert _parse(line + "a" * (LONGEST_LINE - len(line) + 1)) is None


POSTFIX = OWN + "mx postfix/lmtp[1]: 4cyYr03VbNz2xJ: "
SENT = ", delay=0.05, delays=0.03/0/0/0.01, dsn=2.0.0, status=sent (250 2.0.0 <ann@example.org> x Saved)"


@pytest.mark.parametrize(
    "line",
    [
        POSTFIX + "to=<ann@example.org>, relay=mx[private/dovecot-lmtp]" + SENT,
        POSTFIX + "to=<ann@example.org>, orig_to=<sales>, relay=127.0.0.1[127.0.0.1]:11024" + SENT,
        "2026-11-24T08:00:41+00:00 mx postfix-in/lmtp[1]: A1B2C3D4E5: to=<ann@example.org>, relay=x" + SENT,
        OWN + "mx postfix/pipe[1]: A1B2C3: to=<ann@example.org>, relay=dovecot, delay=1, status=sent (x)",
        OWN + "mx postfix/virtual[1]: A1B2C3: to=<ann@example.org>, relay=virtual, status=sent (delivered)",
    ],
)
def test_postfix_tells_who_was_served(line: str) -> None:
    assert _parse(line) == Seen(ANN, Kind.DELIVERED)


@pytest.mark.parametrize(
    "line",
    [
        POSTFIX + "to=<ann@example.org>, relay=x" + SENT.replace("sent", "deferred"),
        POSTFIX
        + "to=<ann@example.org>, status=sent (x@example.org>, relay=x"
        + SENT.replace("sent", "bounced"),
        POSTFIX + 'to=<"bob@example.org>, relay=y, status=sent (x"@example.org>, relay=x' + SENT,
        POSTFIX + "to=<bob@example.org>, relay=y, status=sent (x@example.org>, relay=x" + SENT,
        POSTFIX + "from=<ann@example.org>, size=1, nrcpt=1 (queue active)",
        OWN + "mx postfix/smtp[1]: A1B2C3D4E5: to=<ann@example.org>, relay=x" + SENT,
        OWN + "mx postfix/lmtp[1]: warning: to=<ann@example.org>, relay=x" + SENT,
    ],
)
def test_other_lines_of_postfix_tell_nothing(line: str) -> None:
    assert _parse(line) is None


CYRUS = OWN + "mx cyrus/lmtp[31469]: "
AUDIT = "uniqueid=<6vgav61o41b5p1qf> uid=<7> modseq=<2> sysflags=<> guid=<8fd8> messageid=<a@b> size=<340>"
SERVED = " messageid=<a@b> userid=<ann@example.org> mailbox=<example.org!user.ann> uniqueid=<6vga>"


@pytest.mark.parametrize(
    ("line", "seen"),
    [
        (
            CYRUS + "Delivered: <a@b> to mailbox: user.ann",
            Seen("ann", Kind.DELIVERED, "INBOX", None, "<a@b>"),
        ),
        (
            OWN + "mx lmtpunix[1]: Delivered: <a@b> to mailbox: user.ann.Junk.Old^1",
            Seen("ann", Kind.DELIVERED, "Junk/Old.1", None, "<a@b>"),
        ),
        (
            CYRUS + "Delivered: <a@b> to mailbox: other.org!user.john^doe",
            Seen("john.doe@other.org", Kind.DELIVERED, "INBOX", None, "<a@b>"),
        ),
        (
            CYRUS + "Delivered: sessionid=<s> action=<keep> target=<default>" + SERVED,
            Seen(ANN, Kind.DELIVERED, "INBOX"),
        ),
        (
            CYRUS + "auditlog: append sessionid=<s> mailbox=<user.ann> " + AUDIT,
            Seen("ann", Kind.DELIVERED, "INBOX", 7, "<a@b>"),
        ),
        (
            CYRUS.replace("lmtp", "imaps")
            + "auditlog: expunge sessionid=<s> mailbox=<user.ann.Trash> "
            + AUDIT,
            Seen("ann", Kind.EXPUNGED, "Trash", 7, "<a@b>"),
        ),
        (
            CYRUS + "auditlog: touched sessionid=<s> mailbox=<user.ann> " + AUDIT,
            Seen("ann", Kind.FLAGGED, "INBOX", 7, "<a@b>"),
        ),
        (CYRUS + "auditlog: append sessionid=<s> mailbox=<shared.info> " + AUDIT, None),
        (CYRUS + "auditlog: create sessionid=<s> mailbox=<user.ann> uniqueid=<x>", None),
        (CYRUS + "Delivered: <a@b> to mailbox: shared.info", None),
        (CYRUS + "Delivered: <x> to mailbox: user.bob to mailbox: user.ann", None),
        (CYRUS + "USAGE ann user: 0.010835 sys: 0.016252", None),
    ],
)
def test_cyrus_tells(line: str, seen: Seen | None) -> None:
    assert _parse(line) == seen


# Pieces of the grammar, from which a stranger could hope to make a line about somebody else.
PIECES = (
    "Nov 24 08:00:41 |mx dovecot: |lmtp(bob@example.org)<1><x>: |Info: |msgid=<x>|: saved mail to |INBOX"
    "|sieve: |stored mail into mailbox '|'|save: box=|, uid=7|, msgid=<y>|, size=1|: box=|Mailbox | -> "
    "| to mailbox: |user.bob|user.bob.|Delivered: |sessionid=<s>| messageid=| userid=<bob@example.org>"
    "| mailbox=<user.bob>| uniqueid=<u>| uid=<1> |auditlog: append |user.ann|A1B2C3: |to=<bob@example.org>"
    "|>|<|, relay=x|, status=sent (|bob|@| |)|\t"
)
HOSTILE = st.lists(st.sampled_from(PIECES.split("|")), max_size=8).map("".join)
CYRUS_LINES = (
    CYRUS + "Delivered: {} to mailbox: example.org!user.ann",
    CYRUS + "Delivered: <a> to mailbox: example.org!user.ann.{}",
    CYRUS + "Delivered: sessionid=<s> action=<keep> target=<default> "
    "messageid={} userid=<ann@example.org> mailbox=<example.org!user.ann> uniqueid=<u>",
)
LINES = (
    *CYRUS_LINES,
    LMTP + "msgid={}: saved mail to INBOX",
    LMTP + "msgid=<a>: saved mail to {}",
    LMTP + "sieve: msgid={}: stored mail into mailbox 'INBOX'",
    LMTP + "save: box=INBOX, uid=1, msgid={}, size=1",
    LMTP + "from={} subject={}: saved mail to INBOX",
    IMAP + "expunge: box={}, uid=1, msgid={}, size=1",
    IMAP + "copy from {}: box={}, uid=1, msgid={}",
    IMAP + "Mailbox created: {}",
    IMAP + "Mailbox renamed: {} -> {}",
    IMAP + "Mailbox {}: save: uid=1, msgid={}",
    OWN + "imap-login: Info: Login: user=<{}>",
    OWN + "mx sshd[1]: Invalid user {} from 192.0.2.1",
    OWN + "mx su: {}",
    CYRUS + "auditlog: append sessionid=<s> mailbox=<example.org!user.ann> uniqueid=<u> uid=<1> "
    "messageid={} size=<1>",
)


@given(st.sampled_from(LINES), HOSTILE)
@example(CYRUS_LINES[0], "x to mailbox: user.bob.")
@example(CYRUS_LINES[1], ". to mailbox: user.bob")
@example(CYRUS_LINES[0], "sessionid=<s> messageid= userid=<bob> mailbox=<user.bob> uniqueid=<u>")
@example(CYRUS_LINES[2], "x to mailbox: user.bob.y userid=<bob> mailbox=<user.bob> uniqueid=<u>")
def test_text_of_strangers_never_speaks_for_another(line: str, hostile: str) -> None:
    seen = _parse(line.replace("{}", hostile))
    assert seen is None or seen.user == ANN


@given(HOSTILE, HOSTILE, st.sampled_from(("sent", "bounced")))
def test_an_address_of_strangers_never_speaks_for_another(to: str, original: str, status: str) -> None:
    address = f"{to}x@example.org"
    line = f"{POSTFIX}to=<{address}>, orig_to=<{original}>, relay=x{SENT.replace('sent', status)}"
    seen = _parse(line)
    assert seen is None or (seen.user == address and status == "sent")


@given(st.binary(max_size=300), st.sampled_from((b"", LMTP.encode(), POSTFIX.encode(), CYRUS.encode(), b"{")))
def test_no_bytes_break_it(rest: bytes, head: bytes) -> None:
    seen = parse(head + rest)
    if seen is not None:
        texts = (seen.user, seen.folder, seen.message_id)
        assert all(text.isprintable() and len(text) <= 1_000 for text in texts)
