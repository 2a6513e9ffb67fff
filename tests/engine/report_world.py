"""A memory world in which one mailbox gets users' reports, and a postman who keeps what he was given."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from email.message import EmailMessage
from email.policy import SMTP

from tests.engine.memory_world import Fuse, MemoryWorld

from clawback.engine.parts import Parts
from clawback.engine.reading import InlineReader, Reader
from clawback.engine.reporting import Reporting
from clawback.errors import MailboxError
from clawback.message.message import Organisation
from clawback.response.feedback import Letter
from clawback.response.submissions import ReportPlace, Submission

DOMAINS = frozenset({"example.org"})
ANN, BEN, DESK = "ann@example.org", "ben@example.org", "cat@example.org"
PHISH = (
    "Dear customer, your account will be closed today unless you confirm your password on the page that "
    "you find behind this button. It takes only a minute, thank you for your patience and your trust."
)
CLEAN = (
    "Hello everybody, here are the minutes of our meeting on Monday about the new coffee machine in the "
    "kitchen. We agreed that it shall be red, and that everybody cleans it after having used it."
)
PLACE = ReportPlace(mailbox=DESK, domains=DOMAINS)
FOLDER = ReportPlace(folder="report phishing", domains=DOMAINS)


class Bag:
    """A postman who keeps letters in memory; `error` is raised instead of taking one.

    The process may die before a letter is taken, and after it.
    """

    def __init__(self) -> None:
        self.letters: list[Letter] = []
        self.fuse = Fuse()
        self.error: MailboxError | None = None
        self.refusal = ""

    @property
    def sender(self) -> str:
        return "soc@example.org"

    async def send(self, letter: Letter) -> str:
        if self.error is not None:
            raise self.error
        self.fuse.step()
        self.letters.append(letter)
        self.fuse.step()
        return self.refusal


@dataclass(slots=True)
class ReportWorld(MemoryWorld):
    """Ann and Ben report to the mailbox of Cat."""

    reader: Reader = field(default_factory=lambda: InlineReader(Organisation(DOMAINS)))
    bag: Bag = field(default_factory=Bag)
    places: tuple[ReportPlace, ...] = (PLACE, FOLDER)
    hold: timedelta = timedelta()
    serial: int = 0

    @property
    def parts(self) -> Parts:
        plain = Parts(self.store, self.connectors, self.reader, self.bodies, self.now)
        return replace(plain, reporting=Reporting(self.places, DOMAINS, self.bag, self.hold))

    def letter(self, text: str = PHISH, *, to: str = ANN, sender: str = "eve@bad.example") -> bytes:
        """A message from outside, each with a Message-ID of its own."""
        self.serial += 1
        mail = EmailMessage(policy=SMTP)
        mail["From"], mail["To"], mail["Subject"] = sender, to, "Your account"
        mail["Message-ID"] = f"<{self.serial}.letter@bad.example>"
        mail.set_content(text)
        return mail.as_bytes()

    def reported(self, user: str, report: bytes, *, mailbox: str = DESK) -> None:
        """A report of a user arrives, and what follows is done."""
        self.again(mailbox, report)
        self.read()

    def submissions(self) -> tuple[Submission, ...]:
        """All of them, the oldest first."""
        with self.store.read() as unit:
            return unit.submissions.list()[0][::-1]


def attached(original: bytes, user: str, *, subject: str = "bad mail", note: str = "please look") -> bytes:
    """A report with the original attached."""
    mail = EmailMessage(policy=SMTP)
    mail["From"], mail["To"], mail["Subject"] = user, DESK, subject
    mail.set_content(note)
    mail.add_attachment(original, maintype="application", subtype="octet-stream", filename="bad.eml")
    return mail.as_bytes()


def inline(text: str, user: str, *, sender: str = "eve@bad.example", subject: str = "Your account") -> bytes:
    """A report that forwards the original in its own text, as Gmail writes it."""
    mail = EmailMessage(policy=SMTP)
    mail["From"], mail["To"], mail["Subject"] = user, DESK, f"Fwd: {subject}"
    head = f"From: Eve <{sender}>\nDate: Mon, Nov 23, 2026 at 9:00 AM\nSubject: {subject}\nTo: <{user}>"
    mail.set_content(f"is this real?\n\n---------- Forwarded message ---------\n{head}\n\n\n{text}\n")
    return mail.as_bytes()


def copies(world: ReportWorld, text: str, users: Sequence[str]) -> list[str]:
    """In whose mailboxes, outside the vault, copies with this text still lie."""
    return [held.mailbox for held in world.visible(text) if held.mailbox in users]
