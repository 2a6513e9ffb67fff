"""Stories of real messages that reach every status, verdict, cluster type and count there is."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from email.message import EmailMessage
from email.policy import SMTP

from tests.engine.memory_world import AUTOMATIC, OTHER_URL, START, URL, USERS
from tests.engine.report_world import PHISH, ReportWorld, attached

from clawback.analysis.indicators import IndicatorKind, Threat, VerdictKind, indicator
from clawback.engine import alerting, clicks, commands
from clawback.engine.selection import Selection, act, preview
from clawback.errors import LoginFailed, Unavailable
from clawback.message.mail_rules import MailRule, RuleKind
from clawback.response.alerts import AlertKind
from clawback.response.clicks import click
from clawback.response.plan import ActionKind, RemediationStatus
from clawback.response.policy import Policy
from clawback.store import MessageFilter

Story = Callable[[ReportWorld], Iterator[None]]
STORIES: dict[str, Story] = {}
FILE = b"MZ\x90 not really a program, and listed all the same"
SHA256 = hashlib.sha256(FILE).hexdigest()
EVE = "eve@bad.example"
DATE = "Mon, 23 Nov 2026 08:59:00 +0000"
CLAIM = "https://login.evil.example/claim/1/now"
SUBJECT = "Your parcel could not be delivered"
ANN, BEN, CAT = USERS
BODY = (
    "Dear colleague, the parcel that you expect could not be handed over because nobody was there. Please "
    "choose another day for the courier and pay the small fee that is still open, else it goes back to the "
    "people who sent it to you. We are sorry for the trouble and wish you a pleasant rest of the week."
)


def story(tell: Story) -> Story:
    """A story by its name; it stops wherever there is something to look at."""
    STORIES[tell.__name__] = tell
    return tell


def letter(
    world: ReportWorld, to: str, text: str, *, sender: str = EVE, subject: str = "Hello", file: bytes = b""
) -> bytes:
    """A message of its own from outside, with a file or without."""
    world.serial += 1
    mail = EmailMessage(policy=SMTP)
    mail["From"], mail["To"], mail["Subject"] = sender, to, subject
    mail["Message-ID"] = f"<{world.serial}.story@{sender.rpartition('@')[2]}>"
    if sender not in USERS:
        mail["Received"] = f"from mx.bad.example ([8.9.10.11]) by mx.example.org for <{to}>; {DATE}"
    mail.set_content(text)
    if file:
        mail.add_attachment(file, maintype="application", subtype="octet-stream", filename="invoice.exe")
    return mail.as_bytes()


def sent(world: ReportWorld, author: str, to: list[str], text: str) -> None:
    """A message lies in the Sent folder of its author, and in the inboxes of those of ours who got it."""
    content = letter(world, ", ".join(to), text, sender=author)
    date = world.clock - timedelta(minutes=30)
    world.mail.deliver(author, content, folder="Sent", date=date)
    for user in to:
        if user in USERS:
            world.mail.deliver(user, content, date=date)


def listed(
    world: ReportWorld,
    value: str,
    kind: IndicatorKind = IndicatorKind.URL,
    *,
    verdict: VerdictKind = VerdictKind.MALICIOUS,
    threat: Threat | None = None,
    source: str = "manual",
) -> None:
    """Something is listed, and what follows is done."""
    entry = indicator(kind, value, verdict=verdict, threat=threat, source=source, added_at=world.now())
    commands.add_indicator(world.parts, entry, "ann")
    world.drain()


def pending(world: ReportWorld) -> str:
    """The action that waits."""
    return next(a.id for a in world.actions() if a.status is RemediationStatus.PENDING)


@story
def url_verdict_change(world: ReportWorld) -> Iterator[None]:
    """A URL turns malicious; a person approves; the server is down for a while; late copies; an undo."""
    world.campaign(3)
    world.read()
    commands.start(world.parts, URL, "ann")
    yield
    world.drain()
    yield
    listed(world, URL)
    yield
    commands.approve(world.parts, pending(world), "ann")
    yield
    world.fail(Unavailable("maintenance"))
    world.drain()
    yield
    world.fail(None)
    world.settle()
    yield
    world.deliver(ANN, f"late {URL}")
    world.read()
    yield
    commands.undo(world.parts, world.actions()[-1].id, "ann")
    world.drain()
    yield


@story
def malicious_file(world: ReportWorld) -> Iterator[None]:
    """A file is listed after mail with it was delivered; automation takes it out, and late copies too."""
    commands.set_policy(world.parts, AUTOMATIC, "ann")
    for user in USERS:
        world.again(user, letter(world, user, "see the file", file=FILE))
    world.read()
    listed(world, SHA256, IndicatorKind.SHA256)
    world.again(ANN, letter(world, ANN, "see the file again", file=FILE))
    world.read()
    yield


@story
def malicious_sender(world: ReportWorld) -> Iterator[None]:
    """A sender is listed; one copy is gone by then, one mailbox is left alone, and one cannot be changed."""
    commands.set_policy(world.parts, Policy(excluded_mailboxes=frozenset({CAT})), "ann")
    copies = [world.again(user, letter(world, user, "pay me")) for user in (ANN, ANN, BEN, CAT)]
    world.read()
    listed(world, EVE, IndicatorKind.SENDER, threat=Threat.HIGH_CONFIDENCE_PHISH)
    world.mail.user_deletes(copies[0].handle)
    world.mail.make_read_only(BEN)
    commands.approve(world.parts, pending(world), "ann")
    world.settle()
    yield
    world.mail.make_read_only(BEN, False)
    world.again(BEN, letter(world, BEN, "pay me now"))
    world.read()
    yield


@story
def nothing_can_be_changed(world: ReportWorld) -> Iterator[None]:
    """Every mailbox is read-only, so that the removal fails."""
    world.campaign(2, clean=0)
    world.read()
    listed(world, URL)
    for user in USERS:
        world.mail.make_read_only(user)
    commands.approve(world.parts, pending(world), "ann")
    world.settle()
    yield


@story
def declined_and_expired(world: ReportWorld) -> Iterator[None]:
    """One plan is declined, another nobody decides about."""
    world.campaign(2)
    world.campaign(2, url=OTHER_URL)
    world.read()
    listed(world, URL)
    commands.reject(world.parts, pending(world), "ann", note="known")
    listed(world, OTHER_URL)
    world.wait(timedelta(days=8))
    commands.expire_due(world.parts)
    world.drain()
    yield


@story
def gone_before(world: ReportWorld) -> Iterator[None]:
    """Owners deleted all of it before anybody knew."""
    for copy in world.campaign(2):
        world.read()
        world.mail.user_deletes(copy.handle)
    world.read()
    listed(world, URL)
    yield


@story
def only_suspicious(world: ReportWorld) -> Iterator[None]:
    """What is listed as suspicious leads to no action; what nobody carries leads to nothing."""
    world.campaign(2)
    world.read()
    listed(world, URL, verdict=VerdictKind.SUSPICIOUS, threat=Threat.PHISH)
    commands.start(world.parts, "https://nobody.carries.example/this", "ann")
    world.drain()
    yield


@story
def junk_is_removed_too(world: ReportWorld) -> Iterator[None]:
    """Copies in junk, in deleted items and in a folder of the owner; malware by its threat."""
    for folder in ("Junk", "Trash", "Projects"):
        world.deliver(ANN, f"look {URL}", folder=folder)
    world.read()
    yield
    listed(world, URL, threat=Threat.MALWARE)
    yield


@story
def the_login_is_refused(world: ReportWorld) -> Iterator[None]:
    """The mail system refuses to let us look: the inquiry fails."""
    world.campaign(1)
    world.read()
    world.fail(LoginFailed("wrong password"))
    listed(world, URL)
    yield
    world.fail(None)


@story
def too_many_at_once(world: ReportWorld) -> Iterator[None]:
    """Two feeds' entries turn malicious, and only one inquiry an hour may start by itself."""
    commands.set_policy(world.parts, Policy(investigations_per_hour=1), "ann")
    world.campaign(1)
    world.campaign(1, url=OTHER_URL)
    world.read()
    listed(world, URL, source="feed")
    listed(world, OTHER_URL, source="feed")
    yield
    world.wait(timedelta(hours=1, seconds=1))
    world.drain()
    yield


@story
def a_limit_ends_it(world: ReportWorld) -> Iterator[None]:
    """More messages than an investigation may have in one cluster."""
    commands.set_policy(world.parts, replace(AUTOMATIC, members_limit=2), "ann")
    world.campaign(4)
    world.read()
    listed(world, URL)
    yield


@story
def a_person_ends_it(world: ReportWorld) -> Iterator[None]:
    """A person stops an investigation whose plan waits."""
    world.campaign(2)
    world.read()
    listed(world, URL)
    alerting.stop(world.parts, world.investigations()[0].id, "ann", note="a test of ours")
    yield


@story
def taken_over(world: ReportWorld) -> Iterator[None]:
    """An account sends a phish to many, something suspicious, and ordinary mail; its mail is redirected."""
    world.mail.mail_rules = {ANN: (MailRule(RuleKind.REDIRECT, "x@else.example", "", "s", True),)}
    outside = [f"user{n}@customer.example" for n in range(8)]
    sent(world, ANN, [*outside, BEN], f"please log in at {URL}")
    sent(world, ANN, [BEN], f"or look at {OTHER_URL}")
    sent(world, ANN, [CAT], "the minutes of Monday")
    world.read()
    listed(world, OTHER_URL, verdict=VerdictKind.SUSPICIOUS, threat=Threat.PHISH)
    listed(world, URL, threat=Threat.PHISH)
    yield


@story
def restricted_or_suspected(world: ReportWorld) -> Iterator[None]:
    """A script tells that an account may not send any more; a person suspects another."""
    sent(world, BEN, [CAT], "the minutes of Monday")
    world.read()
    alerting.raise_alert(world.parts, AlertKind.USER_RESTRICTED, BEN, "postfix")
    alerting.raise_alert(world.parts, AlertKind.USER_COMPROMISE, CAT, "ann")
    world.drain()
    yield


@story
def chosen(world: ReportWorld) -> Iterator[None]:
    """A person searches for messages and takes them out, whatever anybody says about them."""
    world.campaign(2)
    world.read()
    everything = Selection(wanted=MessageFilter(url=URL))
    seen = preview(world.parts, everything, ActionKind.SOFT_DELETE)
    act(
        world.parts,
        everything,
        ActionKind.SOFT_DELETE,
        "ann",
        preview_hash=seen.hash,
        note="not ours",
        approved=True,
    )
    world.drain()
    yield


@story
def clicked(world: ReportWorld) -> Iterator[None]:
    """Somebody followed the link before it was listed, somebody after."""
    world.campaign(2)
    world.read()
    early = click(ANN, URL, START, "proxy")
    clicks.record_clicks(world.parts, "proxy", [early], "proxy")
    listed(world, URL)
    clicks.record_clicks(world.parts, "proxy", [click(BEN, URL, START, "proxy")], "proxy")
    world.drain()
    yield


@story
def reported(world: ReportWorld) -> Iterator[None]:
    """A user reports a message, and a person looks at it and its recipient by hand."""
    original = letter(world, ANN, PHISH)
    world.again(ANN, original)
    world.read()
    world.reported(ANN, attached(original, ANN))
    alerting.start_recipient(world.parts, ANN, "ann")
    world.drain()
    yield


@story
def alike(world: ReportWorld) -> Iterator[None]:
    """What carries nothing listed is known by its body, its pair of subject and domain, and its sender."""
    for n in range(7):
        user = USERS[n % 3]
        world.again(user, letter(world, user, f"{BODY} {CLAIM}", subject=SUBJECT))
    world.again(ANN, letter(world, ANN, f"{BODY} Thank you.", sender="help@courier.example"))
    world.again(BEN, letter(world, BEN, "quite another text without any link", subject=SUBJECT))
    world.again(CAT, letter(world, CAT, "come to https://login.evil.example/claim/2/now", subject="Else"))
    world.read()
    listed(world, CLAIM)
    yield


@story
def every_place(world: ReportWorld) -> Iterator[None]:
    """Copies in every kind of place: a vault of before, one gone, and one that cannot be looked at."""
    world.deliver(ANN, f"look {URL}", folder="quarantine/INBOX")
    gone = world.deliver(BEN, f"look {URL}")
    world.deliver(CAT, f"look {URL}")
    world.read()
    world.mail.user_deletes(gone.handle)
    world.read()
    world.fail(LoginFailed("wrong password"), CAT)
    listed(world, URL)
    yield
    world.fail(None, CAT)
