"""What the JMAP connector decides without a server: flags, folders, events, limits, options."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clawback.errors import BadSettings, CapabilityMissing, ProtocolViolation
from clawback.mailboxes.jmap.border import patience_of
from clawback.mailboxes.jmap.configuring import options_of
from clawback.mailboxes.jmap.events import LONGEST, EventReader
from clawback.mailboxes.jmap.folders import Atlas, Folders
from clawback.mailboxes.jmap.keywords import flags_of, keywords_of
from clawback.mailboxes.jmap.options import Places
from clawback.mailboxes.jmap.shapes import Mailbox
from clawback.message.delivery import DeliveryLocation
from clawback.plugins import connector

ANN = "ann@example.org"
NOW = datetime(2026, 1, 1, tzinfo=UTC)


def test_flags_and_keywords_are_two_names_of_one_thing() -> None:
    flags = frozenset({"\\Seen", "\\Flagged", "\\Answered", "\\Draft", "$Forwarded", "$NotJunk", "project-x"})
    keywords = keywords_of(flags)
    assert set(keywords) == {
        "$seen",
        "$flagged",
        "$answered",
        "$draft",
        "$forwarded",
        "$notjunk",
        "project-x",
    }
    assert flags_of(keywords) == flags


def test_what_jmap_cannot_express_is_left_out() -> None:
    assert keywords_of({"\\Recent", "\\Deleted", "a b", "ü", "", "x" * 256, "(", "ok"}) == {"ok": True}
    assert flags_of({"$SEEN": True, "gone": False}) == {"\\Seen"}


@given(st.frozensets(st.from_regex(r"[a-z0-9$_-]{1,20}", fullmatch=True)))
def test_keywords_of_ones_own_come_back(words: frozenset[str]) -> None:
    assert keywords_of(flags_of(dict.fromkeys(words, True))) == dict.fromkeys(words, True)


def folder(key: str, name: str, parent: str | None = None, role: str | None = None) -> Mailbox:
    return Mailbox(id=key, name=name, parent_id=parent, role=role)


def atlas(*mailboxes: Mailbox) -> Atlas:
    made = Atlas(Places())
    made.learn(ANN, mailboxes)
    return made


def test_paths_are_names_from_the_top() -> None:
    found = Folders.of(
        [
            folder("i", "Posteingang", role="inbox"),
            folder("a", "Archive"),
            folder("b", "2024", "a"),
            folder("c", "Sub", "i"),
            folder("d", "Orphan", "not-for-us"),
        ]
    )
    assert found.ids == {"INBOX": "i", "Archive": "a", "Archive/2024": "b", "INBOX/Sub": "c", "Orphan": "d"}


def test_folders_of_one_path_stay_two() -> None:
    found = Folders.of(
        [
            folder("i", "x", role="inbox"),
            folder("j", "INBOX"),
            folder("a", "b/c"),
            folder("b", "b"),
            folder("c", "c", "b"),
        ]
    )
    assert found.ids == {"INBOX": "i", "INBOX (j)": "j", "b": "b", "b/c": "a", "b/c (c)": "c"}
    assert {found.paths[key] for key in "ijabc"} == set(found.ids)


def test_a_circle_of_folders_has_an_end() -> None:
    found = Folders.of([folder("a", "A", "b"), folder("b", "B", "a"), folder("c", "C", "c")])
    assert set(found.paths) == {"a", "b", "c"}


def test_roles_come_before_names() -> None:
    made = atlas(
        folder("i", "Inbox", role="inbox"),
        folder("j", "Spam"),
        folder("k", "Sorted out", role="junk"),
        folder("l", "Old", "k"),
        folder("t", "Papierkorb"),
    )
    assert made.folder_for(ANN, DeliveryLocation.JUNK, "INBOX") == "Sorted out"
    assert made.folder_for(ANN, DeliveryLocation.DELETED_ITEMS, "INBOX") == "Papierkorb"
    assert made.folder_for(ANN, DeliveryLocation.SENT, "INBOX") == "Sent"
    for name in ("Sorted out", "Sorted out/Old", "Spam"):
        assert made.location_of(ANN, name) is DeliveryLocation.JUNK
    assert made.location_of(ANN, "INBOX") is DeliveryLocation.INBOX
    assert made.location_of("bob@example.org", "Papierkorb") is DeliveryLocation.DELETED_ITEMS
    with pytest.raises(CapabilityMissing):
        made.folder_for(ANN, DeliveryLocation.EXTERNAL, "INBOX")


def test_hidden_places_are_told_apart_however_they_lie() -> None:
    made = atlas()
    assert made.location_of(ANN, "Quarantine") is DeliveryLocation.QUARANTINE
    assert made.location_of(ANN, "Quarantine/Other") is DeliveryLocation.QUARANTINE
    assert made.location_of(ANN, "Quarantine/Soft deleted") is DeliveryLocation.SOFT_DELETED
    assert made.location_of(ANN, "Quarantine/Soft deleted/2") is DeliveryLocation.SOFT_DELETED
    assert made.location_of(ANN, "Quarantined") is DeliveryLocation.OTHER_FOLDER
    inside_out = Atlas(Places(soft_deleted="Away", quarantine="Away/Locked"))
    assert inside_out.location_of(ANN, "Away/Locked/2") is DeliveryLocation.QUARANTINE
    assert inside_out.location_of(ANN, "Away/2") is DeliveryLocation.SOFT_DELETED


def test_a_folder_that_only_looks_like_another_connectors_vault_is_a_folder() -> None:
    assert atlas().location_of(ANN, "soft_deleted/INBOX") is DeliveryLocation.OTHER_FOLDER


@given(st.lists(st.binary(max_size=20).filter(lambda b: not set(b) & set(b"\r\n")), min_size=1), st.data())
def test_events_are_read_from_any_pieces(events: list[bytes], data: st.DataObject) -> None:
    text = b"".join(b"event: state\n: comment\ndata: %s\r\nid: 7\n\n" % event for event in events)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(text)), max_size=10)))
    reader = EventReader()
    pieces = [text[start:end] for start, end in zip([0, *cuts], [*cuts, len(text)], strict=True)]
    found = [event for piece in pieces for event in reader.feed(piece)]
    assert found == [event for event in events if event]


@pytest.mark.parametrize("endless", [b"x" * 1000, b"data: " + b"x" * 1000 + b"\n"])
def test_an_event_without_end_is_a_violation(endless: bytes) -> None:
    reader = EventReader()
    for _ in range(LONGEST // len(endless) - 1):
        assert reader.feed(endless) == []
    with pytest.raises(ProtocolViolation):
        reader.feed(endless * 3)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("", None),
        ("soon", None),
        ("-1", None),
        ("٣", None),
        ("0", 0.0),
        ("12", 12.0),
        ("99999999999999999999", None),
        ("86400", 3600.0),
        ("Thu, 01 Jan 2026 00:00:30 GMT", 30.0),
        ("Thu, 01 Jan 2026 00:00:30", 30.0),
        ("Wed, 31 Dec 2025 23:00:00 GMT", 0.0),
        ("Thu, 01 Jan 2099 00:00:00 GMT", 3600.0),
        ("Thu, 99 Jan 2026 00:00:30 GMT", None),
    ],
)
def test_patience_is_bounded(text: str, seconds: float | None) -> None:
    assert patience_of(text, NOW) == seconds


GOOD: Mapping[str, object] = {"url": "https://mail.example.org", "user": "remedy", "password_file": "secret"}


def private(path: Path, text: str) -> None:
    path.write_text(text)
    path.chmod(0o600)


def test_options_are_completed(tmp_path: Path) -> None:
    private(tmp_path / "secret", "first\n")
    options = options_of("mail", GOOD, tmp_path)
    assert options.login is not None
    assert (options.login.user, options.login.secret()) == ("remedy", "first")
    private(tmp_path / "secret", "second\n")
    assert options.login.secret() == "second"
    assert "first" not in repr(options)
    assert options.places == Places()
    assert connector("jmap", "mail", GOOD, tmp_path).name == "mail"


def test_every_owner_may_have_a_login(tmp_path: Path) -> None:
    private(tmp_path / "all", f"{ANN} ann first\nbob@example.org bob second\n")
    options = options_of("mail", {"url": "https://mail.example.org", "credentials_file": "all"}, tmp_path)
    assert options.login is None
    assert {name: (login.user, login.secret()) for name, login in options.own.items()} == {
        ANN: ("ann", "first"),
        "bob@example.org": ("bob", "second"),
    }


@pytest.mark.parametrize(
    "wrong",
    [
        {"url": None},
        {"url": "http://mail.example.org"},
        {"password_file": None},
        {"credentials_file": "all"},
        {"address": "no user"},
        {"address": "{user}{user}"},
        {"address": "{user}@{x}"},
        {"soft_deleted": "Quarantine"},
        {"soft_deleted": "/Away"},
        {"quarantine": ""},
        {"requests": 0},
        {"requests": "4"},
        {"timeout": 0},
        {"poll_seconds": 0},
        {"largest_megabytes": 4096},
        {"unheard_of": 1},
    ],
)
def test_wrong_options_are_refused_with_the_name_of_their_source(
    tmp_path: Path, wrong: Mapping[str, object]
) -> None:
    given = {name: value for name, value in {**GOOD, **wrong}.items() if value is not None}
    with pytest.raises(BadSettings, match="source 'mail'"):
        connector("jmap", "mail", given, tmp_path)
