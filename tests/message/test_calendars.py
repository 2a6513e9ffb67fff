"""Calendar and contact files: links of their properties, folds and escapes undone."""

from __future__ import annotations

import base64

import pytest
from tests.message.made_files import codes, found_links, look_into

X = "http://x.example/"


def calendar(*lines: str) -> bytes:
    return "\r\n".join(
        ["BEGIN:VCALENDAR", "BEGIN:VEVENT", *lines, "END:VEVENT", "END:VCALENDAR", ""]
    ).encode()


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("URL:http://x.example/", [("ics.url", X)]),
        ("url;VALUE=URI:http://x.example/", [("ics.url", X)]),
        ("ATTACH;FMTTYPE=text/html:http://x.example/", [("ics.attach", X)]),
        ('CONFERENCE;LABEL="join: now";VALUE=URI:http://x.example/', [("ics.conference", X)]),
        ("LOCATION:Room 1 http://x.example/", [("ics.location", X)]),
        ("DESCRIPTION:see\\nhttp://x.exam\r\n ple/\\nnow", [("ics.description", X)]),
        ("DESCRIPTION:see http://x.example/a\\,b\\;c", [("ics.description", X + "a,b;c")]),
        ("X-ALT-DESC;FMTTYPE=text/html:<a href=\"http://x.example/\">go</a>", [("a.href", X)]),
        ("UID:http://x.example/", []),
        ("ORGANIZER;CN=\"a\":mailto:a@b.com", []),
        ("no property at all", []),
    ],
)  # fmt: skip
def test_links_of_properties(line: str, expected: list[tuple[str, str]]) -> None:
    assert found_links(look_into(calendar(line), "a.ics", "text/calendar")) == expected


def test_a_contact_is_read_too() -> None:
    card = b"BEGIN:VCARD\r\nitem1.URL:http://x.example/\r\nNOTE:a\r\nEND:VCARD\r\n"
    assert found_links(look_into(card, "a.vcf")) == [("ics.url", X)]


def test_an_attached_file_is_a_member() -> None:
    data = base64.b64encode(b"see http://x.example/ now").decode()
    line = f"ATTACH;ENCODING=BASE64;VALUE=BINARY;FILENAME=a.txt:{data}"
    found = look_into(calendar(line), "a.ics")
    assert [(member.name, member.content) for member in found.members] == [
        ("a.txt", b"see http://x.example/ now")
    ]
    assert found_links(found) == [("file.text", X)]


def test_damaged_and_endless_calendars_end() -> None:
    assert not look_into(calendar("ATTACH;ENCODING=BASE64:!!!x"), "a.ics").defects
    flood = look_into(calendar(*["URL:http://x.example/"] * 30_000), "a.ics")
    assert len(flood.links) == 5_000
    look_into(b"BEGIN:VCALENDAR\r\nATTACH" + b";A=b" * 100_000, "a.ics")
    assert codes(look_into(b"BEGIN:VCALENDAR\r\n" + b"X:y\r\n" * 1_700_000, "a.ics")) == {"text_cut"}
