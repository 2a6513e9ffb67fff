"""Sample mail between colleagues: threads with quotes, invitations, documents, forwarded messages."""

from __future__ import annotations

from datetime import timedelta

from clawback.testing import small_files
from clawback.testing.letters import Desk, Letter, from_colleague
from clawback.testing.mime_writing import Entity, attachment, enclosed, multipart, text
from clawback.testing.people import Person

_TOPICS = (
    (
        "Q{q} forecast for {team}",
        "The first numbers for {team} are in the sheet. Freight is {n}% above plan.",
    ),
    ("Rota for week {w}", "Two of us are away in week {w}. Could somebody take the late desk on {day}?"),
    (
        "Lift out of order again",
        "The goods lift stopped between floors. The technician comes {day}.",
    ),
    ("Draft of the {team} handbook", "Here is what we have so far, chapter {q} still needs an owner."),
    ("Customer visit on {day}", "They arrive at 10:30, {n} people. I booked the large room and lunch."),
    (
        "Printer on floor {q}",
        "It prints all twice. Facilities know it, please use floor 2 until {day}.",
    ),
    (
        "Budget line {n}-{w}",
        "Finance asks what we booked under {n}-{w}. Was it the trade fair?",
    ),
    (
        "Handover before my leave",
        "I am off from {day} on. The open points are below, {n} small ones.",
    ),
    (
        "Retrospective notes",
        "Thanks for an honest hour. The three things to change are in the list below.",
    ),
    ("Office plants", "Whoever watered the ficus near {team}: thank you, it has {n} new leaves."),
    (
        "New starter in {team}",
        "She begins on {day}. Who has time to be the buddy for week {w}?",
    ),
    ("Data room access", "Legal needs read access to folder {n} until {day}. Can somebody grant it?"),
)
_ANSWERS = (
    "Yes, that works for me.",
    "Could we move it by a day? I am in the warehouse then.",
    "I would rather wait for the numbers from Sales. They promised them for the end of the week.",
    "Done. Tell me if anything is missing.",
    "Good point, I had not thought of that.\nLet us talk about it on Thursday.",
    "I can take that. Give me until tomorrow noon.",
    "No objection from our side, but please keep Legal in copy.",
    "Thanks! That saves me an hour.",
)
_DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday")
_SIGN_OFFS = ("Best,", "Thanks,", "Cheers,", "Kind regards,", "Viele Grüße,", "Bien à toi,")


def signed(desk: Desk, author: Person, body: str) -> str:
    """The body with a greeting's end and a signature below it."""
    end = desk.random.choice(_SIGN_OFFS)
    return f"{body}\n\n{end}\n{author.given}\n\n-- \n{author.name} | {author.team}\n{author.address}\n"


def _topic(desk: Desk) -> tuple[str, str]:
    subject, body = desk.random.choice(_TOPICS)
    words: dict[str, object] = {
        "q": desk.random.randint(1, 4),
        "n": desk.random.randint(3, 48),
        "w": desk.random.randint(1, 52),
        "day": desk.random.choice(_DAYS),
        "team": desk.random.choice(desk.people).team,
    }
    return subject.format_map(words), body.format_map(words)


def thread(desk: Desk) -> list[Letter]:
    """A question and its answers, each quoting what it answers."""
    people = desk.some(2, 6)
    subject, body = _topic(desk)
    author = people[0]
    written = signed(desk, author, f"Hi all,\n\n{body}")
    letters = [from_colleague(desk, author, people[1:], subject, text(written))]
    for _ in range(desk.random.randint(0, 4)):
        desk = desk.later(desk.random.uniform(0.1, 20))
        author, quoted = desk.random.choice(people), _quoted(letters[-1], author, written)
        written = signed(desk, author, desk.random.choice(_ANSWERS) + f"\n\n{quoted}")
        others = [person for person in people if person is not author]
        references = " ".join(letter.message_id for letter in letters)
        more = (("In-Reply-To", letters[-1].message_id), ("References", references))
        letters.append(from_colleague(desk, author, others, f"Re: {subject}", text(written), more))
    return letters


def _quoted(letter: Letter, author: Person, body: str) -> str:
    lines = "\n".join(f"> {line}" if line else ">" for line in body.splitlines()[:24])
    return f"On {letter.moment:%d/%m/%Y at %H:%M}, {author.name} wrote:\n{lines}"


def note(desk: Desk) -> list[Letter]:
    """A short note to one colleague, with an HTML twin as most mail programs write it."""
    author, recipient = desk.some(2, 2)
    subject, body = _topic(desk)
    written = signed(desk, author, f"{recipient.given},\n\n{body}")
    html = "".join(f"<p>{line}</p>" for line in written.splitlines() if line)
    link = f"https://intranet.{desk.domain}/pages/{desk.token(6)}"
    page = (
        f'<html><body style="font-family:Calibri">{html}<p><a href="{link}">Background</a></p></body></html>'
    )
    parts = (text(f"{written}\nBackground: {link}\n"), text(page, "html"))
    body_entity = multipart("alternative", parts, desk.boundary())
    return [from_colleague(desk, author, (recipient,), subject, body_entity)]


def invitation(desk: Desk) -> list[Letter]:
    """An invitation to a meeting (RFC 5546)."""
    people = desk.some(3, 8)
    subject, body = _topic(desk)
    start = desk.moment.replace(minute=0, second=0, microsecond=0) + timedelta(hours=26)
    room = f"https://meet.{desk.domain}/{desk.token(10)}"
    calendar = _calendar(desk, people, subject, start.strftime("%Y%m%dT%H%M%SZ"), room)
    parts = (
        text(f"{body}\n\nJoin: {room}\n"),
        text(f'<p>{body}</p><p><a href="{room}">Join the meeting</a></p>', "html"),
        Entity(
            (
                ("Content-Type", 'text/calendar; charset="utf-8"; method=REQUEST'),
                ("Content-Transfer-Encoding", "8bit"),
            ),
            calendar.encode(),
        ),
    )
    whole = multipart("alternative", parts, desk.boundary())
    return [from_colleague(desk, people[0], people[1:], f"Invitation: {subject}", whole)]


def _calendar(desk: Desk, people: tuple[Person, ...], subject: str, start: str, room: str) -> str:
    attendees = "\n".join(
        f"ATTENDEE;CN={p.name};RSVP=TRUE;PARTSTAT=NEEDS-ACTION:mailto:{p.address}" for p in people[1:]
    )
    return (
        f"BEGIN:VCALENDAR\nPRODID:-//Northwind//Calendar 4//EN\nVERSION:2.0\nMETHOD:REQUEST\nBEGIN:VEVENT\n"
        f"UID:{desk.token(20)}\nDTSTAMP:{start}\nDTSTART:{start}\nDURATION:PT45M\nSUMMARY:{subject}\n"
        f"ORGANIZER;CN={people[0].name}:mailto:{people[0].address}\n{attendees}\nLOCATION:{room}\nSTATUS:CONFIRMED\n"
        "END:VEVENT\nEND:VCALENDAR\n"
    )


def document(desk: Desk) -> list[Letter]:
    """A colleague sends a Word document, an archive of tables, or a picture."""
    people = desk.some(2, 4)
    subject, body = _topic(desk)
    stem = subject.lower().replace(" ", "-")[:30]
    choice = desk.random.randrange(3)
    if choice == 0:
        kind = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
        file = attachment(small_files.docx((subject, body)), kind, f"{stem}.docx")
    elif choice == 1:
        tables = {
            f"{stem}-{n}.csv": f"month;value\n{n};{desk.random.random():.4f}\n".encode() for n in range(3)
        }
        file = attachment(small_files.archive(tables), "application/zip", f"{stem}.zip")
    else:
        image = small_files.picture(48, 32, desk.random.randrange(200))
        file = attachment(image, "image/png", f"Übersicht {stem}.png")
    whole = multipart(
        "mixed", (text(signed(desk, people[0], f"{body}\n\nSee attached.")), file), desk.boundary()
    )
    return [from_colleague(desk, people[0], people[1:], subject, whole)]


def forwarded(desk: Desk) -> list[Letter]:
    """A colleague's message, passed on as an attachment."""
    first = note(desk)[0]
    later = desk.later(desk.random.uniform(0.5, 30))
    author, recipient = first.recipients[0], later.some(1, 1)[0]
    parts = (text(signed(later, author, "For you, see the attached message.")), enclosed(first.content))
    whole = multipart("mixed", parts, later.boundary())
    return [first, from_colleague(later, author, (recipient,), "Fwd: something for you", whole)]
