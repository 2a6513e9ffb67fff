"""The ways in which one phishing campaign carries its link, and look-alikes that do not carry it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from urllib.parse import quote, urlsplit

from clawback.testing import small_files
from clawback.testing.letters import Desk, Letter, from_colleague, from_outside
from clawback.testing.mime_writing import Entity, attachment, enclosed, multipart, text
from clawback.testing.people import Person

_SENDERS = (
    ("Northwind IT Service Desk", "servicedesk@northwlnd-portal.example", "203.0.113.66"),
    ("Northwind Payroll", "no-reply@payroll-northwlnd.example", "198.51.100.201"),
    ("Microsoft account team", "security@account-notices.example", "192.0.2.19"),
    ("IT-Support", "support@mailer-24.example", "203.0.113.171"),
)
_SUBJECTS = (
    "{given}, your password expires today",
    "Action required: confirm your Northwind account",
    "[{user}] 3 messages are held for you",
    "Payroll update for {name}",
    "Ihr Postfach wird gesperrt, {given}",
    "RE: your session on the staff portal",
)
_GREETINGS = ("Dear {name},", "Hi {given},", "Hello {user},", "Guten Tag {name},", "{given} -")
_STORIES = (
    "we have found a sign-in to your account from a new device. Confirm that it was you within 24 hours, or "
    "your access will be limited.",
    "your password expires today. Keep your current password by confirming it on the staff portal.",
    "three incoming messages could not be delivered to your inbox. Release them before they are deleted.",
    "the {team} team has a change to your next salary statement. Please verify your details to receive it.",
)


@dataclass(frozen=True, slots=True)
class Lure:
    """What one letter of a campaign is written from: for whom, with which link, who else gets it."""

    desk: Desk
    person: Person
    link: str
    others: tuple[Person, ...] = ()

    def words(self, choices: tuple[str, ...]) -> str:
        """One of the choices, personalised."""
        person = self.person
        chosen = self.desk.random.choice(choices)
        return chosen.format(given=person.given, name=person.name, user=person.user, team=person.team)

    def story(self) -> str:
        """Greeting and pretext."""
        return f"{self.words(_GREETINGS)}\n\n{self.words(_STORIES)}"

    def sent(self, body: Entity, subject: str = "") -> Letter:
        """The letter with this body, from one of the campaign's senders."""
        name, address, ip = self.desk.random.choice(_SENDERS)
        readers = (self.person, *self.others)
        more = (("X-Priority", "1"), ("Reply-To", f"helpdesk-{self.desk.token(4)}@mailer-24.example"))
        return from_outside(
            self.desk,
            (name, address),
            readers,
            subject or self.words(_SUBJECTS),
            body,
            ip=ip,
            envelope_sender=f"bounce-{self.desk.token(8)}@{address.rpartition('@')[2]}",
            more=more,
            to="staff@northwlnd-portal.example" if self.others else None,
        )


def page(story: str, link: str, shown: str = "Confirm my account") -> str:
    """The story as an HTML page whose button leads to `link`, which is taken as it is."""
    paragraphs = "".join(f"<p>{line}</p>" for line in story.splitlines() if line)
    return (
        f'<html><head><title>Staff portal</title></head><body style="font-family:Segoe UI">{paragraphs}\n'
        f'<table><tr><td bgcolor="#0067b8"><a href="{link}" class="go">{shown}</a></td></tr></table>\n'
        f'<p style="color:#888888">Northwind &middot; Service Desk</p></body></html>'
    )


def html_link(lure: Lure) -> Letter:
    """The link behind a button; the plain twin has none."""
    story = lure.story()
    parts = (text(f"{story}\n\nPlease open this message in HTML.\n"), text(page(story, lure.link), "html"))
    return lure.sent(multipart("alternative", parts, lure.desk.boundary()))


def plain_text(lure: Lure) -> Letter:
    """The link in plain text, at the end of a sentence."""
    return lure.sent(text(f"{lure.story()}\n\nGo to {lure.link}.\n\nService Desk\n"))


def base64_html(lure: Lure) -> Letter:
    """HTML alone, base64, with the link written twice."""
    shown = page(lure.story(), lure.link, lure.link)
    return lure.sent(text(shown, "html", encoding="base64"))


def html_entities(lure: Lure) -> Letter:
    """The link with its letters written as character references."""
    hidden = lure.link.replace("/", "&#x2F;").replace(":", "&#58;").replace("o", "&#111;")
    return lure.sent(text(page(lure.story(), hidden), "html"))


def form(lure: Lure) -> Letter:
    """The link as the target of a form."""
    inside = (
        f'<html><body><p>{lure.story()}</p><FORM METHOD=post ACTION="{lure.link}"><input name="user" '
        f'value="{lure.person.address}"><input type="password" name="p"><input type="submit">'
        f"</FORM></body></html>"
    )
    return lure.sent(text(inside, "html", charset="iso-8859-1", encoding="quoted-printable"))


def upper_case_host(lure: Lure) -> Letter:
    """The host in capitals."""
    host = urlsplit(lure.link).netloc
    return lure.sent(text(f"{lure.story()}\n\n<{lure.link.replace(host, host.upper(), 1)}>\n"))


def safe_links(lure: Lure) -> Letter:
    """The link as Safe Links has rewritten it on its way."""
    inner = quote(lure.link, safe="")
    wrapped = (
        f"https://eur03.safelinks.protection.outlook.com/?url={inner}&amp;data=05%7C02%7C{lure.desk.token(12)}"
        f"&amp;sdata={lure.desk.token(20)}%3D&amp;reserved=0"
    )
    return lure.sent(text(page(lure.story(), wrapped), "html"))


def proofpoint(lure: Lure) -> Letter:
    """The link as Proofpoint (v2) has rewritten it on its way."""
    inner = "".join(_proofpoint_letter(letter) for letter in lure.link)
    wrapped = f"https://urldefense.proofpoint.com/v2/url?u={inner}&d=DwMFaQ&c={lure.desk.token(12)}&e="
    return lure.sent(text(f"{lure.story()}\n\n{wrapped}\n"))


def _proofpoint_letter(letter: str) -> str:
    if letter == "/":
        return "_"
    return letter if letter.isalnum() or letter == "." else f"-{ord(letter):02X}"


def qr_code(lure: Lure) -> Letter:
    """The link only as a QR code, in a picture shown by the HTML."""
    cid = f"code.{lure.desk.token(8)}@northwlnd-portal.example"
    inside = (
        f'<html><body><p>{lure.story()}</p><p>Scan with your phone:</p><img src="cid:{cid}"></body></html>'
    )
    image = attachment(small_files.qr_code(lure.link), "image/png", "code.png", disposition="inline", cid=cid)
    parts = (text(inside, "html"), image)
    return lure.sent(multipart("related", parts, lure.desk.boundary(), '; type="text/html"'))


def pdf_link(lure: Lure) -> Letter:
    """The link only as an annotation in a PDF."""
    file = small_files.pdf(("Salary statement", f"for {lure.person.user}", "Open the portal"), lure.link)
    parts = (
        text(f"{lure.story()}\n\nSee the attached statement.\n"),
        attachment(file, "application/pdf", f"Statement {lure.person.given}.pdf"),
    )
    return lure.sent(multipart("mixed", parts, lure.desk.boundary()))


def forwarded(lure: Lure) -> Letter:
    """A colleague passes the campaign's message on as an attached message."""
    author = next(p for p in lure.desk.people if p is not lure.person)
    original = plain_text(Lure(lure.desk, author, lure.link))
    whole = original.copy_for(author, original.moment)
    written = text(f"{lure.person.given}, is this one real?\n\n{author.given}\n")
    body = multipart("mixed", (written, enclosed(whole, "original.eml")), lure.desk.boundary())
    return from_colleague(lure.desk, author, (lure.person,), "Fwd: strange message", body)


VARIANTS: Mapping[str, Callable[[Lure], Letter]] = {
    "html_link": html_link,
    "plain_text": plain_text,
    "qr_code": qr_code,
    "safe_links": safe_links,
    "pdf_link": pdf_link,
    "forwarded": forwarded,
    "proofpoint": proofpoint,
    "upper_case_host": upper_case_host,
    "base64_html": base64_html,
    "html_entities": html_entities,
    "form": form,
}
"""Every way, in the order in which a campaign first uses them."""


def beside(url: str) -> tuple[str, str]:
    """Two URLs of the same host that are not `url` and do not lie below it."""
    parts = urlsplit(url)
    site = f"{parts.scheme}://{parts.netloc}"
    longer = f"{url}-guide" if parts.path.strip("/") and not parts.query else f"{site}/guide-to-sign-in"
    return f"{site}/help/contact", longer.replace("/-guide", "-guide")


def other_path(lure: Lure) -> Letter:
    """Looks the same, and leads to another page of the same host."""
    return html_link(Lure(lure.desk, lure.person, beside(lure.link)[0]))


def longer_path(lure: Lure) -> Letter:
    """Looks the same, and leads to a page whose name begins like the bad one's."""
    return plain_text(Lure(lure.desk, lure.person, beside(lure.link)[1]))


def prose(lure: Lure) -> Letter:
    """A warning that names the bad host, without a link to the bad page."""
    host = urlsplit(lure.link).netloc
    body = (
        f"Dear colleagues,\n\nmessages that claim to come from us lead to the host {host} these days. "
        f"It is not ours. Our portal is https://login.{lure.desk.domain}/session/verify and nothing else.\n\n"
        f"Your service desk\n"
    )
    return _warning(lure, "Warning: false staff portal", body)


def defanged(lure: Lure) -> Letter:
    """A warning that shows the bad link made harmless."""
    harmless = lure.link.replace("http", "hxxp", 1).replace(".", "[.]")
    return _warning(lure, "Do not open this address", f"Dear colleagues,\n\nblock {harmless} please.\n")


def _warning(lure: Lure, subject: str, body: str) -> Letter:
    author = next(person for person in lure.desk.people if person is not lure.person)
    return from_colleague(lure.desk, author, (lure.person,), subject, text(body))


LOOK_ALIKES: Mapping[str, Callable[[Lure], Letter]] = {
    "other_path": other_path,
    "longer_path": longer_path,
    "prose": prose,
    "defanged": defanged,
}
"""Messages that a careless search takes for the campaign's."""
