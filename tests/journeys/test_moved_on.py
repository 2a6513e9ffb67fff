"""Copies that move on, on real servers: by an alias, a Sieve script, a list, as attachment, and inline.

Postfix hands mail to Dovecot by LMTP; a script of one user sends on what it gets, by Postfix again. clawback
reads all mailboxes by IMAP and says of each copy how it got there.
"""

from __future__ import annotations

import shutil
import tempfile
import time
from collections.abc import Iterator
from email.message import EmailMessage
from pathlib import Path

import pytest
from imapclient import IMAPClient
from tests.journeys.test_postfix_dovecot import GUARD
from tests.servers import dovecot as dovecots
from tests.servers import postfix as postfixes
from tests.servers.dovecot import Dovecot, dovecot
from tests.servers.postfix import Postfix, postfix
from tests.servers.sources import imap_settings

from clawback import app
from clawback.analysis.entities import EntityKind
from clawback.analysis.indicators import IndicatorKind, indicator
from clawback.app import App
from clawback.cli.session import finish
from clawback.engine import commands
from clawback.engine.ingest import sync_all
from clawback.engine.spread import spread_of
from clawback.response.spread import Passage, Spread

USERS = ("ann", "ben", "cat", "dan", "fay")
BODY = (
    "Dear colleague, your mailbox is almost full and will be closed tomorrow. Please sign in with your name "
    "and password at the page of the administrator to keep all messages that were sent to you this year.\r\n"
)
PHISH = (
    "From: Eve <eve@bad.example>\r\nTo: team@example.org\r\nSubject: Your mailbox\r\n"
    f"Message-ID: <1@bad.example>\r\nDate: Mon, 23 Nov 2026 09:00:00 +0000\r\n\r\n{BODY}"
).encode()
_SUBMIT = """#!{python}
import smtplib, sys
arguments = sys.argv[1:]
sender = arguments[arguments.index("-f") + 1].strip("<>")
with smtplib.SMTP("127.0.0.1", int(open("{port}").read())) as connection:
    connection.sendmail(sender, arguments[arguments.index("--") + 1 :], sys.stdin.buffer.read())
"""


@pytest.fixture(scope="module")
def submission() -> Iterator[Path]:
    """A program by which Dovecot submits what a script sends on, and beside it the file with the port."""
    folder = Path(tempfile.mkdtemp(prefix="sv"))
    folder.chmod(0o755)
    program = folder / "submit"
    program.write_text(_SUBMIT.format(python="/usr/bin/env python3", port=folder / "port"))
    program.chmod(0o755)
    yield program
    shutil.rmtree(folder)


@pytest.fixture(scope="module")
def server(submission: Path) -> Iterator[Dovecot]:
    if why := dovecots.missing():
        pytest.skip(why)
    with dovecot("maildir", users=USERS, sieve=True, extra=f"sendmail_path = {submission}") as running:
        running.write_sieve("ann", 'require ["copy"];\nredirect :copy "ben@example.org";\n')
        yield running


@pytest.fixture(scope="module")
def border(server: Dovecot, submission: Path) -> Iterator[Postfix]:
    if why := postfixes.missing():
        pytest.skip(why)
    with postfix(server.lmtp_port, {"team": ("ann", "cat"), "list": ("fay",)}) as running:
        submission.with_name("port").write_text(str(running.port))
        yield running


def forward(*, inline: bool) -> bytes:
    """What Cat makes of it for Dan and a partner, as her mail program writes it."""
    made = EmailMessage()
    made["From"], made["To"] = "cat@example.org", "dan@example.org, guest@partner.example"
    made["Subject"] = "Fwd: Your mailbox"
    made["Message-ID"] = f"<{'inline' if inline else 'attached'}@example.org>"
    if inline:
        made["References"] = "<1@bad.example>"
        made.set_content(f"Is this from you?\n\n-------- Forwarded Message --------\n\n{BODY}")
    else:
        made.set_content("Look at this.")
        inner = EmailMessage()
        for line in PHISH.decode().partition("\r\n\r\n")[0].split("\r\n"):
            name, _, value = line.partition(": ")
            inner[name] = value
        inner.set_content(BODY.replace("\r\n", "\n"), cte="7bit")
        made.add_attachment(inner)
    return made.as_bytes().replace(b"\n", b"\r\n")


def arrived(server: Dovecot, user: str, count: int) -> None:
    """Wait until so many messages are in an inbox."""
    end = time.monotonic() + GUARD
    with IMAPClient("127.0.0.1", server.port, ssl=False, timeout=20) as client:
        client.login(user, dovecots.PASSWORD)
        while client.select_folder("INBOX", readonly=True)[b"EXISTS"] < count:
            assert time.monotonic() < end, f"{user} got too little"
            time.sleep(0.05)


def in_sent(server: Dovecot, user: str, content: bytes) -> None:
    """What a mail program does with what its owner has sent."""
    with IMAPClient("127.0.0.1", server.port, ssl=False, timeout=20) as client:
        client.login(user, dovecots.PASSWORD)
        client.append("Sent", content, flags=["\\Seen"])


def spread(built: App) -> Spread:
    bad = indicator(IndicatorKind.SENDER, "eve@bad.example", added_at=built.parts.now())
    commands.add_indicator(built.parts, bad, "ann")
    finish(built)
    with built.store.read() as unit:
        clusters = unit.investigations.list()[0][0].clusters
        (cluster,) = (one for one in clusters if one.key.kind is EntityKind.SENDER)
        return spread_of(unit, cluster.cluster_id)


def test_each_copy_says_how_it_got_there(server: Dovecot, border: Postfix, tmp_path: Path) -> None:
    border.send("eve@bad.example", ["team"], PHISH)
    border.send("bounces@example.org", ["list"], b"List-Id: All of us <all.example.org>\r\n" + PHISH)
    for inline in (False, True):
        border.send("cat@example.org", ["dan"], forward(inline=inline))
        in_sent(server, "cat", forward(inline=inline))
    for user, count in (("ann", 1), ("ben", 1), ("cat", 1), ("dan", 2), ("fay", 1)):
        arrived(server, user, count)
    command = ["doveadm", "-c", str(server.config), "user", "*"]
    told = imap_settings(server, tmp_path, mailboxes_command=command, log=str(server.log))
    with app.build(told, inline=True) as built:
        assert built.run(sync_all).new == 8
        found = spread(built)
    ways = {p.mailbox.partition("@")[0]: p for p in found.passages}
    assert {user: p.way.value for user, p in ways.items()} == {
        "ann": "by alias",
        "ben": "redirected",
        "cat": "by alias",
        "fay": "by list",
    }
    assert (ways["ben"].sent_on_by, ways["ben"].evidence) == (
        "ann@example.org",
        ("x-sieve-redirected-from: ann@example.org",),
    )
    assert ways["cat"].evidence == ("received: team@example.org",)
    _check_forwards([copy for offer in found.offers for copy in offer.copies])


def _check_forwards(copies: list[Passage]) -> None:
    assert sorted((p.mailbox.partition("@")[0], p.way.value) for p in copies) == [
        ("cat", "sent copy"),
        ("cat", "sent copy"),
        ("dan", "forward as attachment"),
        ("dan", "forward inline"),
    ]
    assert {p.sent_on_by for p in copies} == {"cat@example.org"}
    assert {p.outside for p in copies} == {("guest@partner.example",)}
