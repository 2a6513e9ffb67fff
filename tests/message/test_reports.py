"""Golden reports in each format, written by ourselves: what they say, and the original in them."""

from __future__ import annotations

from email.message import EmailMessage
from email.policy import SMTP

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clawback.message.message import Organisation
from clawback.message.parse import parse
from clawback.message.reports import MAX_CANDIDATES, ReportedAs, ReportFormat, read_report

US = Organisation(frozenset({"example.org"}))
ORIGINAL = (
    b"From: Eve <eve@bad.example>\r\nTo: ann@example.org\r\nSubject: Invoice 17\r\n"
    b"Message-ID: <17@bad.example>\r\nDate: Mon, 23 Nov 2026 09:00:00 +0000\r\n\r\n"
    b"Please pay the invoice behind this link today: https://pay.bad.example/17\r\n"
)
ID = parse(ORIGINAL, US).id


def report(
    *parts: tuple[str, str, bytes], subject: str = "bad mail", kind: str = "mixed", text: str = "please look"
) -> bytes:
    """A report with these parts (type, further header lines, content) behind its text."""
    lines = [
        "From: Ann <ann@example.org>",
        "To: report@example.org",
        f"Subject: {subject}",
        "MIME-Version: 1.0",
        f'Content-Type: multipart/{kind}; boundary="next"',
        "",
        "--next",
        "Content-Type: text/plain; charset=utf-8",
        "",
        text,
    ]
    written = "\r\n".join(lines).encode()
    for content_type, headers, content in parts:
        head = f"\r\n--next\r\nContent-Type: {content_type}\r\n{headers}\r\n".encode()
        written += head + content
    return written + b"\r\n--next--\r\n"


ATTACHED = ("message/rfc822", "", ORIGINAL)
EML = ("application/octet-stream", 'Content-Disposition: attachment; filename="bad.eml"\r\n', ORIGINAL)
KNOWBE4 = (
    "message/rfc822",
    'Content-Disposition: attachment; filename="phish_alert_sp2_2.0.0.0.eml"\r\n',
    ORIGINAL,
)
FEEDBACK = (
    "message/feedback-report",
    "",
    b"Feedback-Type: fraud\r\nUser-Agent: SomeGenerator/1.0\r\nVersion: 1\r\n",
)
HEADERS = ("text/rfc822-headers", "", ORIGINAL.partition(b"\r\n\r\n")[0] + b"\r\n")
GOLDEN = {
    "attached": (report(ATTACHED), ReportFormat.ATTACHED, None),
    "as a file": (report(EML), ReportFormat.ATTACHED, None),
    "microsoft phish": (
        report(ATTACHED, subject="3|6fd2|203.0.113.9|eve@bad.example|(Invoice 17)"),
        ReportFormat.MICROSOFT,
        ReportedAs.PHISH,
    ),
    "microsoft junk": (report(EML, subject="1|6fd2|203.0.113.9|x"), ReportFormat.MICROSOFT, ReportedAs.JUNK),
    "microsoft not junk": (
        report(ATTACHED, subject="Not junk: Invoice 17"),
        ReportFormat.MICROSOFT,
        ReportedAs.NOT_JUNK,
    ),
    "microsoft in words": (
        report(ATTACHED, subject="Phishing: Invoice 17"),
        ReportFormat.MICROSOFT,
        ReportedAs.PHISH,
    ),
    "knowbe4": (
        report(KNOWBE4, subject="[Phish Alert] Invoice 17"),
        ReportFormat.KNOWBE4,
        ReportedAs.PHISH,
    ),
    "phishalarm": (
        report(ATTACHED, subject="Potential Phish: Invoice 17"),
        ReportFormat.PROOFPOINT,
        ReportedAs.PHISH,
    ),
    "feedback report": (report(FEEDBACK, ATTACHED, kind="report"), ReportFormat.FEEDBACK, ReportedAs.PHISH),
}


@pytest.mark.parametrize("name", GOLDEN)
def test_an_attached_original_has_the_id_of_the_delivered_one(name: str) -> None:
    raw, wanted, said = GOLDEN[name]
    found = read_report(raw, US)
    assert (found.format, found.reported_as) == (wanted, said)
    assert [one.id for one in found.originals] == [ID]
    assert "pay.bad.example" in found.originals[0].text
    assert not found.automatic


@pytest.mark.parametrize("name", GOLDEN)
def test_line_ends_make_no_difference(name: str) -> None:
    raw = GOLDEN[name][0]
    unix = read_report(raw.replace(b"\r\n", b"\n"), US)
    assert [one.id for one in unix.originals] == [ID]


def test_a_feedback_report_may_hold_headers_alone() -> None:
    found = read_report(report(FEEDBACK, HEADERS, kind="report"), US)
    (original,) = found.originals
    assert (original.id, original.internet_message_id) == ("", "<17@bad.example>")
    assert (original.subject, original.sender.address) == ("Invoice 17", "eve@bad.example")


@pytest.mark.parametrize(
    ("word", "said"),
    [
        ("abuse", ReportedAs.JUNK),
        ("virus", ReportedAs.MALWARE),
        ("not-spam", ReportedAs.NOT_JUNK),
        ("other", None),
    ],
)
def test_feedback_types_mean_what_rfc_5965_says(word: str, said: ReportedAs | None) -> None:
    told = ("message/feedback-report", "", f"Feedback-Type: {word}\r\nVersion: 1\r\n".encode())
    assert read_report(report(told, ATTACHED, kind="report"), US).reported_as is said


def _plain(text: str, subject: str = "Fwd: Invoice 17", *, html: bool = False) -> bytes:
    mail = EmailMessage(policy=SMTP)
    mail["From"], mail["To"], mail["Subject"] = "ann@example.org", "report@example.org", subject
    mail.set_content(text, subtype="html" if html else "plain")
    return mail.as_bytes()


def test_a_forward_in_the_text_is_read() -> None:
    head = "From: Eve <eve@bad.example>\nDate: Monday\nSubject: Invoice 17\nTo: ann@example.org"
    raw = _plain(f"look\n\n---------- Forwarded message ---------\n{head}\n\nplease pay")
    found = read_report(raw, US)
    (original,) = found.originals
    assert found.format is ReportFormat.FORWARDED
    assert (original.sender.address, original.subject, original.text) == (
        "eve@bad.example",
        "Invoice 17",
        "please pay",
    )


def test_a_forward_in_html_alone_is_read() -> None:
    head = "<b>From:</b> Eve &lt;eve@bad.example&gt;<br><b>Sent:</b> Monday<br><b>Subject:</b> Invoice 17"
    found = read_report(_plain(f"<div>look</div><div>{head}<br><br><p>please pay</p></div>", html=True), US)
    (original,) = found.originals
    assert (original.sender.address, original.subject) == ("eve@bad.example", "Invoice 17")
    assert "please pay" in original.text


def test_phishalarm_between_marks_is_read() -> None:
    raw = _plain(
        "Reported by Ann\n\n---------- Begin Email Headers ----------\nReceived: from x by y\n"
        "From: Eve <eve@bad.example>\nSubject: Invoice 17\nTo: ann@example.org\n"
        "---------- End Email Headers ----------\n\n---------- Begin Reported Email ----------\n"
        "please pay\n---------- End Reported Email ----------\n",
        "Potential Phish: Invoice 17",
    )
    found = read_report(raw, US)
    (original,) = found.originals
    assert found.format is ReportFormat.PROOFPOINT
    assert (original.sender.address, original.text) == ("eve@bad.example", "please pay")


def test_a_report_of_a_report_names_both_the_outer_one_first() -> None:
    inner = report(ATTACHED)
    found = read_report(report(("message/rfc822", "", inner.replace(b"next", b"inner"))), US)
    outer, original = found.originals
    assert (outer.subject, original.id) == ("bad mail", ID)


def test_a_question_is_no_report() -> None:
    found = read_report(_plain("what shall I do?", "question"), US)
    assert (found.format, found.originals) == (ReportFormat.NONE, ())


@pytest.mark.parametrize(
    "header",
    ["Auto-Submitted: auto-replied", "Return-Path: <>", "X-Autoreply: yes", "Auto-Submitted: Auto-Generated"],
)
def test_what_a_machine_sent_says_so(header: str) -> None:
    assert read_report(header.encode() + b"\r\n" + report(ATTACHED), US).automatic
    assert not read_report(b"Auto-Submitted: no\r\n" + report(ATTACHED), US).automatic


def test_a_subject_says_something_only_at_its_beginning() -> None:
    assert read_report(report(ATTACHED, subject="Re: 3|x"), US).reported_as is None
    assert read_report(report(ATTACHED, subject="3 offers"), US).reported_as is None


def test_many_attached_messages_are_bounded() -> None:
    many = [("message/rfc822", "", ORIGINAL.replace(b"17", str(n).encode())) for n in range(200)]
    assert len(read_report(report(*many), US).originals) == MAX_CANDIDATES


def test_a_nest_of_reports_ends() -> None:
    raw = ORIGINAL
    for n in range(40):
        raw = report(("message/rfc822", "", raw)).replace(b"next", f"next{n}".encode())
    assert 0 < len(read_report(raw, US).originals) <= MAX_CANDIDATES


@settings(max_examples=150, deadline=None)
@given(st.binary(max_size=400), st.sampled_from(sorted(GOLDEN)), st.integers(0, 600))
def test_nothing_raises(noise: bytes, name: str, at: int) -> None:
    raw = GOLDEN[name][0]
    broken = raw[:at] + noise + raw[at + len(noise) :]
    assert len(read_report(broken, US).originals) <= MAX_CANDIDATES
