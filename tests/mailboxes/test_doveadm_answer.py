"""Answers of doveadm that are cut, shifted or hostile never show what is not there."""

from __future__ import annotations

import json
from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from clawback.mailboxes.imap.doveadm.answer import Shown, read_look, read_move, read_remains, read_states
from clawback.mailboxes.imap.doveadm.parcels import FolderState, Parcel, Ready

GOAL = "2024"
GUIDS = {"ann": "a" * 31 + "1", "bob": "b" * 31 + "2", "cat": "c" * 31 + "3"}
HEADERS = [
    "mailbox",
    "uidnext",
    "uidvalidity",
    "guid",
    "mailbox-guid",
    "uid",
    "guid",
    "flags",
    "date",
    "size",
    "uid",
]


def ready(user: str) -> Ready:
    """A parcel of a user whose folders are known."""
    parcel = Parcel(user, "INBOX", GOAL, ())
    return Ready(parcel, FolderState("d" * 31 + user[0], 7, 9), FolderState(GUIDS[user], 7, 1))


PARCELS = [ready(user) for user in GUIDS]


def status(user: str, uid_next: int) -> list[str]:
    """How a goal stands, as doveadm tells it."""
    return [GOAL, str(uid_next), "1795508456", GUIDS[user]]


def copy(user: str, uid: int, flags: str = "\\Seen") -> list[str]:
    """A new copy, as doveadm tells it."""
    return [GUIDS[user], str(uid), f"{uid}.M1P2.mx,S=9", flags, "1709209815", "2024", str(uid)]


VALUES = [
    *status("ann", 5),
    *(copy("ann", 5) + copy("ann", 6, '"]}, {"username":"bob" \\ ' + GUIDS["bob"])),
    *status("bob", 3),
    *status("cat", 1),
    *(copy("cat", 1, GOAL) + copy("cat", 2, "5 3 1")),
]


def printed(values: Sequence[str]) -> bytes:
    """As doveadm prints the values of several commands: in rows of all headers, the last one not ended."""
    rows = []
    for start in range(0, len(values), len(HEADERS)):
        row = zip(HEADERS, values[start : start + len(HEADERS)], strict=False)
        members = [f"{json.dumps(key)}:{json.dumps(value)}" for key, value in [("username", "ann"), *row]]
        rows.append("{" + ",".join(members) + ("}" if len(members) > len(HEADERS) else ""))
    return ("[" + ",".join(rows) + "]").encode()


def shown(output: bytes) -> set[object]:
    """All that an answer shows, as things that can be compared."""
    return {
        (user, item)
        for user, one in read_move(output, PARCELS).items()
        for item in (one.goal, *((c.uid, c.guid, c.flags, c.internal_date, c.size) for c in one.new))
    }


def test_rows_of_several_users_are_told_apart_whatever_is_in_them() -> None:
    found = read_move(printed(VALUES), PARCELS)
    assert {user: [c.uid for c in one.new] for user, one in found.items()} == {
        "ann": [5, 6],
        "bob": [],
        "cat": [1, 2],
    }
    assert [one.goal.uid_next for one in found.values()] == [5, 3, 1]
    assert [one.after.uid_next for one in found.values()] == [7, 3, 3]
    assert found["ann"].new[1].flags == {'"]},', '{"username":"bob"', "\\", GUIDS["bob"]}


def test_an_answer_that_is_cut_anywhere_shows_nothing_else() -> None:
    whole, output = shown(printed(VALUES)), printed(VALUES)
    assert len(whole) == 7
    for end in range(len(output)):
        assert shown(output[:end]) <= whole


def test_a_value_that_doveadm_left_out_shifts_nothing_into_another_place() -> None:
    whole = shown(printed(VALUES))
    for missing in range(len(VALUES)):
        left = VALUES[:missing] + VALUES[missing + 1 :]
        assert shown(printed(left)) < whole, VALUES[missing]


@given(
    st.binary(max_size=200)
    | st.recursive(st.text() | st.none(), st.lists).map(lambda v: json.dumps(v).encode())
)
def test_anything_may_come_out_of_a_program(output: bytes) -> None:
    assert read_move(output, PARCELS) == {}
    assert read_look(output, PARCELS[0].parcel)[:2] == ({}, [])
    assert list(read_states(output)) == []
    assert not read_remains(output)


def test_an_answer_without_a_bottom_is_none() -> None:
    assert read_remains(b"[" * 1_000_000) is None


def test_only_a_whole_answer_tells_that_nothing_remains() -> None:
    row = '{"username":"ann","uid":"5","guid":"x"}'
    assert read_remains(b"[]") == set()
    assert read_remains(f"[{row}]".encode()) == {("ann", 5, "x")}
    for cut in (b"", b"[", row[:20].encode(), f"[{row},".encode()):
        assert read_remains(cut) is None


def test_times_that_no_calendar_reaches_are_cut() -> None:
    far = copy("ann", 5)
    for seconds in ("-99999999999999", "99999999999999"):
        far[4] = seconds
        one = read_move(printed([*status("ann", 5), *far]), PARCELS)["ann"]
        assert isinstance(one, Shown)
        assert one.new[0].internal_date.year in (1, 9999)
