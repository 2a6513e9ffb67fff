"""A user's report on its way: forwarded, looked into, confirmed, the copies out, and the reporter told once.

Postfix and Dovecot take the mail as at a site, clawback works on the Maildirs beside them, and what it tells
the reporter comes back by Postfix into the reporter's own mailbox.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import SMTP
from pathlib import Path

import pytest
from imapclient import IMAPClient
from tests.servers import dovecot as dovecots
from tests.servers import postfix as postfixes
from tests.servers.dovecot import Dovecot, dovecot
from tests.servers.postfix import Postfix, postfix

from clawback import app
from clawback.analysis.indicators import Threat
from clawback.analysis.submitted import FoundBy
from clawback.app import App
from clawback.engine import commands, report_commands
from clawback.engine.parts import Parts
from clawback.response.investigation import InvestigationStatus
from clawback.response.plan import Remediation, RemediationStatus
from clawback.response.submissions import (
    FeedbackState,
    Submission,
    SubmissionResult,
    SubmissionState,
)
from clawback.settings import (
    FeedbackSettings,
    OrganisationSettings,
    ReportSettings,
    Settings,
    SourceSettings,
)

USERS = ("ann", "ben", "cat", "report")
GUARD = 60.0
"""Seconds after which a step is given up; nothing takes that long."""
PHISH = (
    "Dear customer, your account will be closed today unless you confirm your password on the page that "
    "you find behind this button: https://login.bad.example/confirm It takes only a minute."
)


@pytest.fixture(scope="module")
def server() -> Iterator[Dovecot]:
    if why := dovecots.missing():
        pytest.skip(why)
    with dovecot("maildir", users=USERS, mail_log=False) as running:
        yield running


@pytest.fixture(scope="module")
def border(server: Dovecot) -> Iterator[Postfix]:
    if why := postfixes.missing():
        pytest.skip(why)
    with postfix(server.lmtp_port) as running:
        yield running


def told(server: Dovecot, border: Postfix, home: Path) -> Settings:
    """What an administrator writes: the Maildirs, the mailbox for reports, and the way back to reporters."""
    home.mkdir()
    options = {"root": str(server.mail), "layout": "{user}/Maildir", "address": "{user}@example.org"}
    return Settings(
        home=str(home),
        organisation=OrganisationSettings(("example.org",)),
        sources=(SourceSettings("mail", "maildir", options),),
        reports=(ReportSettings(mailbox="report@example.org"),),
        feedback=FeedbackSettings(
            "127.0.0.1", border.port, "none", "soc@example.org", clean_after_minutes=60
        ),
    )


def phish() -> bytes:
    mail = EmailMessage(policy=SMTP)
    mail["From"], mail["To"] = "Eve <eve@bad.example>", "customers@example.org"
    mail["Subject"], mail["Message-ID"] = "Your account", "<1@bad.example>"
    mail.set_content(PHISH)
    return mail.as_bytes()


def forwarded(original: bytes) -> bytes:
    """As a mail program forwards a message as an attachment."""
    mail = EmailMessage(policy=SMTP)
    mail["From"], mail["To"], mail["Subject"] = "Ann <ann@example.org>", "report@example.org", "Fwd: bad"
    mail["Message-ID"] = "<report@example.org>"
    mail.set_content("Is this real?")
    mail.add_attachment(original, maintype="application", subtype="octet-stream", filename="mail.eml")
    return mail.as_bytes()


def inbox(server: Dovecot, user: str) -> list[bytes]:
    """What an owner sees in the inbox."""
    client = IMAPClient("127.0.0.1", server.port, ssl=False, timeout=20)
    try:
        client.login(user, dovecots.PASSWORD)
        client.select_folder("INBOX", readonly=True)
        uids = client.search()
        seen = client.fetch(uids, ["BODY.PEEK[]"]) if uids else {}
    finally:
        client.logout()
    return [m[b"BODY[]"] for m in seen.values()]


def subjects(server: Dovecot, user: str) -> list[str]:
    """The subjects of what an owner sees in the inbox."""
    return sorted(str(message_from_bytes(raw)["Subject"]) for raw in inbox(server, user))


async def until(met: Callable[[], bool]) -> None:
    """Wait for what other processes bring about."""
    async with asyncio.timeout(GUARD):
        while not met():  # noqa: ASYNC110 - other processes bring it about
            await asyncio.sleep(0.01)


def submissions(built: App) -> tuple[Submission, ...]:
    with built.store.read() as unit:
        return unit.submissions.list()[0]


def test_a_user_reports_a_phish_and_hears_of_it_once(
    server: Dovecot, border: Postfix, tmp_path: Path
) -> None:
    with app.build(told(server, border, tmp_path / "home")) as built:
        built.run(lambda parts: _journey(server, border, built, parts))


async def _journey(server: Dovecot, border: Postfix, built: App, parts: Parts) -> None:
    stop = asyncio.Event()
    running = asyncio.create_task(built.watch().run(stop))
    everybody = [f"{user}@example.org" for user in USERS[:3]]
    await asyncio.to_thread(border.send, "eve@bad.example", everybody, phish())
    await until(lambda: known(built) == 3)
    (mine,) = await asyncio.to_thread(inbox, server, "ann")
    await asyncio.to_thread(border.send, "ann@example.org", ["report@example.org"], forwarded(mine))
    await until(lambda: [s.state for s in submissions(built)] == [SubmissionState.CLOSED])
    (clean,) = submissions(built)
    assert (clean.result, clean.found_by) == (SubmissionResult.NO_THREATS_FOUND, FoundBy.SAME_CONTENT)

    report_commands.confirm(parts, clean.id, Threat.PHISH, "cat")
    await until(lambda: bool(pending(built)))
    (waiting,) = pending(built)
    assert waiting.tally.open == 3
    commands.approve(parts, waiting.id, "cat", plan_hash=waiting.plan_hash)
    await until(lambda: submissions(built)[0].feedback is FeedbackState.SENT)
    (bad,) = submissions(built)
    assert bad.result is SubmissionResult.PHISHING_OR_MALWARE
    with built.store.read() as unit:
        investigation = unit.investigations.get(bad.investigation_id)
    assert investigation.status is InvestigationStatus.REMEDIATED

    await asyncio.to_thread(server.await_messages, "ann", 1)
    assert await asyncio.to_thread(subjects, server, "ann") == ["Your report: phishing or malware"]
    for user in ("ben", "cat"):
        assert await asyncio.to_thread(subjects, server, user) == []
    assert await asyncio.to_thread(subjects, server, "report") == ["Fwd: bad"]
    stop.set()
    await asyncio.wait_for(running, GUARD)


def known(built: App) -> int:
    """How many copies of the phish the index holds."""
    with built.store.read() as unit:
        ids = unit.messages.by_internet_id("<1@bad.example>")
        return len(unit.deliveries.of_messages(ids))


def pending(built: App) -> list[Remediation]:
    with built.store.read() as unit:
        return [r for r in unit.remediations.list()[0] if r.status is RemediationStatus.PENDING]
