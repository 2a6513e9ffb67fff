"""A server that lies, stops in the middle or has no end: a named error or the right answer, within bounds."""

from __future__ import annotations

import gc
import tracemalloc
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tests.mailboxes.lying import (
    MEMORY,
    QUARANTINE,
    Lies,
    ask,
    bomb,
    handle,
    line,
    options,
    responses,
    row,
    served,
    whole,
)
from tests.servers.certificates import certificate
from tests.servers.scripted_imap import CAPABILITIES, CLOSE, SILENCE, Lie, Trick, Truth

from clawback.errors import HandleStale, LoginFailed, MailboxError, ProtocolViolation, Throttled, Unavailable
from clawback.mailboxes.base import RawMessage, Wanted
from clawback.mailboxes.imap.connector import ImapConnector
from clawback.mailboxes.imap.options import Tls
from clawback.message.delivery import Handle
from clawback.testing.asking import ANN, INBOX, after, mail, run


@pytest.fixture(autouse=True)
def nothing_is_left_open() -> Iterator[None]:
    """A connection that nobody closed warns when it is collected, and a warning is an error."""
    yield
    gc.collect()


def peak_of(server_work: Callable[[], None]) -> int:
    """The bytes that some work takes at most."""
    tracemalloc.start()
    try:
        server_work()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


LONG_ROW = b"* 1 FETCH (UID 1 FLAGS (%b))\r\n" % (b"x" * 900)
LONG_BODY = b"* 1 FETCH (UID 1 BODY[] {900}\r\n%b)\r\n" % (b"x" * 900)
DEEP = b"* 1 FETCH (UID 1 FLAGS " + b"(" * 100_000 + b")" * 100_000 + b")\r\n{tag} OK\r\n"
SESSIONS: dict[str, tuple[Lies, type[MailboxError]]] = {
    "a greeting of another protocol": ({"greeting": b"220 mx.example ESMTP\r\n"}, ProtocolViolation),
    "a greeting without sense": ({"greeting": b"* 1 EXISTS\r\n"}, ProtocolViolation),
    "a greeting without end": ({"greeting": line}, ProtocolViolation),
    "a greeting that refuses": ({"greeting": b"* BYE [UNAVAILABLE] later\r\n" + CLOSE}, Unavailable),
    "a greeting that names a limit": ({"greeting": b"* BYE [LIMIT] too many\r\n" + CLOSE}, Throttled),
    "no greeting": ({"greeting": SILENCE}, Unavailable),
    "an end instead of a greeting": ({"greeting": CLOSE}, Unavailable),
    "half a greeting": ({"greeting": b"* OK hel" + SILENCE}, Unavailable),
    "a login of somebody else": ({"AUTHENTICATE": b"x9 OK in\r\n"}, ProtocolViolation),
    "a login that is refused": ({"AUTHENTICATE": b"{tag} NO [AUTHENTICATIONFAILED] no\r\n"}, LoginFailed),
    "a login that names a limit": ({"AUTHENTICATE": b"{tag} NO [LIMIT] too many\r\n"}, Throttled),
    "a login that is BAD": ({"AUTHENTICATE": b"{tag} BAD what\r\n"}, ProtocolViolation),
    "a login answered without sense": ({"AUTHENTICATE": b"{tag} MAYBE\r\n"}, ProtocolViolation),
    "half a login": ({"AUTHENTICATE": b"{tag} O" + SILENCE}, Unavailable),
    "goodbye at the login": ({"AUTHENTICATE": b"* BYE going down\r\n" + CLOSE}, Unavailable),
    "capabilities without end": (
        {"AUTHENTICATE": responses(b"* CAPABILITY " + b"X" * 90)},
        ProtocolViolation,
    ),
    "no namespaces": ({"NAMESPACE": b"* NAMESPACE ((((\r\n{tag} OK\r\n"}, ProtocolViolation),
    "a literal of 10 GB": ({"LIST": b'* LIST () "/" {10000000000}\r\n'}, ProtocolViolation),
    "a literal beyond numbers": ({"LIST": b'* LIST () "/" {99999999999999999999}\r\n'}, ProtocolViolation),
    "a line without end": ({"LIST": line}, ProtocolViolation),
    "folders without end": ({"LIST": responses(b'* LIST () "/" "%b"\r\n' % (b"x" * 900))}, ProtocolViolation),
    "literals without end": ({"LIST": responses(b"x" * 400 + b"{0}\r\n")}, ProtocolViolation),
    "a folder with a line break": (
        {"LIST": b'* LIST () "/" {6}\r\na\r\nb c\r\n{tag} OK\r\n'},
        ProtocolViolation,
    ),
    "a folder without a name": ({"LIST": b"* LIST\r\n{tag} OK\r\n"}, ProtocolViolation),
    "a status without sense": ({"STATUS": b'* STATUS "INBOX" 5\r\n{tag} OK\r\n'}, ProtocolViolation),
    "goodbye in the list": ({"LIST": b"* LIST (" + CLOSE}, Unavailable),
    "silence in the list": ({"LIST": b"* LIST (" + SILENCE}, Unavailable),
    "folders without UIDVALIDITY": ({"EXAMINE": b"* 1 EXISTS\r\n{tag} OK\r\n"}, ProtocolViolation),
    "a UIDVALIDITY of 0": (
        {"EXAMINE": b"* 1 EXISTS\r\n* OK [UIDVALIDITY 0] x\r\n{tag} OK\r\n"},
        ProtocolViolation,
    ),
    "another UIDVALIDITY": (
        {"EXAMINE": b"* 1 EXISTS\r\n* OK [UIDVALIDITY 78] x\r\n{tag} OK\r\n"},
        Unavailable,
    ),
    "fewer copies than there are": ({"FETCH": b"{tag} OK\r\n"}, Unavailable),
    "copies without their items": ({"FETCH": b"* 1 FETCH (UID 1)\r\n{tag} OK\r\n"}, Unavailable),
    "copies with UIDs that cannot be": (
        {"FETCH": b"* 1 FETCH (UID 9999999999 FLAGS () RFC822.SIZE 1)\r\n{tag} OK\r\n"},
        Unavailable,
    ),
    "garbage for copies": (
        {"FETCH": b'* 1 FETCH (UID \xff\xfe\x00 ((( "\r\n{tag} OK\r\n'},
        ProtocolViolation,
    ),
    "numbers for items": ({"FETCH": b"* 1 FETCH (1 2 3 4)\r\n{tag} OK\r\n"}, Unavailable),
    "an item without a value": ({"FETCH": b"* 1 FETCH (UID)\r\n{tag} OK\r\n"}, ProtocolViolation),
    "a list for a name": ({"FETCH": b"* 1 FETCH ((UID) 1)\r\n{tag} OK\r\n"}, ProtocolViolation),
    "parentheses without end": ({"FETCH": DEEP}, ProtocolViolation),
    "copies without end": ({"FETCH": responses(LONG_ROW)}, ProtocolViolation),
    "a refusal of the listing": ({"FETCH": b"{tag} NO [SERVERBUG] oh\r\n"}, Unavailable),
}


@pytest.mark.parametrize("what", SESSIONS)
def test_a_lie_before_or_in_a_listing_has_a_name(what: str) -> None:
    lies, expected = SESSIONS[what]

    def listed() -> None:
        with pytest.raises(expected):
            ask(served(lies), lambda connector: connector.list(ANN, {}))

    assert peak_of(listed) < MEMORY


def test_a_server_that_is_not_there_is_unavailable() -> None:
    with pytest.raises(Unavailable):
        run(ImapConnector("imap", options(1)).list(ANN, {}))


def test_after_a_lie_the_next_look_is_on_a_new_connection() -> None:
    server = served({"FETCH": (b"x OK\r\n* 1 FETCH (UID 7)\r\n",)})

    async def twice(connector: ImapConnector) -> dict[str, list[str]]:
        with pytest.raises(ProtocolViolation):
            await connector.list(ANN, {})
        return await whole(connector)

    assert ask(server, twice) == {INBOX: ["77.1"], QUARANTINE: []}


@pytest.mark.parametrize(
    "name",
    ["&bad", "&2AA-", "caf\xe9", "&AGEAYg-", "&-", "NIL", "2024", 'a"b\\', "x" * 255, "&" + "A" * 5_000],
)
def test_a_folder_is_opened_by_what_stands_on_the_wire_however_its_name_is_spelled(name: str) -> None:
    server = served({})
    server.put(mail("two"), name)

    async def read(connector: ImapConnector) -> None:
        folders = {f.folder: f.copies or () for f in await connector.list(ANN, {})}
        (other,) = folders.keys() - {INBOX, QUARANTINE}
        assert other.isprintable()
        (raw,) = await connector.fetch([folders[other][0].handle])
        assert isinstance(raw, RawMessage)
        assert raw.content == mail("two")

    ask(server, read)


def test_two_spellings_of_one_name_are_two_folders() -> None:
    server = served({})
    for spelling in ("ab", "&AGEAYg-", "&AGEAYg-/&bad"):
        server.put(mail(spelling), spelling)
    found = ask(server, whole)
    assert len(found) == 5
    assert sorted(len(copies) for copies in found.values()) == [0, 1, 1, 1, 1]


def test_what_vanished_without_end_is_answered_by_a_whole_listing() -> None:
    server = served({}, (mail("one"), mail("two")))

    async def twice(connector: ImapConnector) -> None:
        first = await connector.list(ANN, {})
        server.put(mail("three"))
        server.lies["UID FETCH"] = [b"* VANISHED (EARLIER) 1:4294967295\r\n{tag} OK\r\n"]
        again = await connector.list(ANN, {f.folder: f.cursor for f in first})
        known = after(after({}, first), again)
        assert {folder: len(copies) for folder, copies in known.items()} == {INBOX: 3, QUARANTINE: 0}
        assert server.lies["UID FETCH"] == []

    ask(server, twice)


HALF = b"* 1 FETCH (UID 1 BODY[] {200}\r\nFrom"
FETCHES: dict[str, tuple[Lie, type[MailboxError]]] = {
    "no bytes": (b"* 1 FETCH (UID 1 BODY[] NIL)\r\n{tag} OK\r\n", Unavailable),
    "a list for bytes": (b"* 1 FETCH (UID 1 BODY[] (a b))\r\n{tag} OK\r\n", Unavailable),
    "no answer for it": (b"{tag} OK\r\n", HandleStale),
    "another copy": (b"* 2 FETCH (UID 2 BODY[] {1}\r\nx)\r\n{tag} OK\r\n", HandleStale),
    "10 GB": (b"* 1 FETCH (UID 1 BODY[] {10000000000}\r\n", ProtocolViolation),
    "more than announced": (responses(LONG_BODY), ProtocolViolation),
    "a refusal": (b"{tag} NO [SERVERBUG] no\r\n", Unavailable),
    "half of it, and silence": (HALF + SILENCE, Unavailable),
    "half of it, and the end": (HALF + CLOSE, Unavailable),
}


def _instead_of_bytes(lie: Lie) -> Lie:
    """A lie when bytes are asked for; the truth about all else."""

    def play(rest: bytes, truth: Truth) -> bytes:
        if b"BODY" not in rest:
            return truth()
        return lie if isinstance(lie, bytes) else b""

    return Trick(play)


@pytest.mark.parametrize("what", FETCHES)
def test_a_lie_while_bytes_are_read_has_a_name(what: str) -> None:
    lie, expected = FETCHES[what]
    known = row(1, guid="g") + b"{tag} OK\r\n"
    told = _instead_of_bytes(lie) if isinstance(lie, bytes) else (b"{tag} OK\r\n", known, lie)
    server = served({"UID FETCH": told})
    server.folders[INBOX][1].guid = "g"

    def fetched() -> None:
        (answer,) = ask(server, lambda connector: connector.fetch([Handle("imap", ANN, INBOX, "77.1", "g")]))
        assert isinstance(answer, expected), repr(answer)

    assert peak_of(fetched) < MEMORY


def test_a_wrong_size_does_not_stand_in_the_way_of_the_bytes() -> None:
    server = served({"UID FETCH": (b"{tag} OK\r\n", row(1, 12, "g") + b"{tag} OK\r\n")})
    (answer,) = ask(server, lambda connector: connector.fetch([Handle("imap", ANN, INBOX, "77.1", "g")]))
    assert isinstance(answer, RawMessage)
    assert (answer.content, answer.observed.size) == (mail("one"), 12)


def test_a_copy_whose_bytes_the_server_cannot_read_does_not_stand_in_the_way_of_others() -> None:
    """As Dovecot does: it hangs up on whoever reads a copy whose file is damaged."""

    def play(rest: bytes, truth: Truth) -> bytes:
        said = truth()
        return said[: said.index(b"UID 4 BODY") + 40] + CLOSE if b"UID 4 BODY" in said else said

    server = served({"UID FETCH": Trick(play)}, tuple(mail(str(n)) for n in range(6)))
    answers = ask(server, lambda connector: connector.fetch([handle(server, uid) for uid in range(1, 7)]))
    assert [isinstance(answer, RawMessage) for answer in answers] == [True, True, True, False, True, True]
    assert isinstance(answers[3], Unavailable)


def test_a_refusal_of_one_copy_does_not_stand_in_the_way_of_others() -> None:
    def play(rest: bytes, truth: Truth) -> bytes:
        said = truth()
        return b"{tag} NO [SERVERBUG] damaged\r\n" if b"UID 2 BODY" in said else said

    server = served({"UID FETCH": Trick(play)}, tuple(mail(str(n)) for n in range(3)))
    answers = ask(server, lambda connector: connector.fetch([handle(server, uid) for uid in (1, 2, 3)]))
    assert [isinstance(answer, RawMessage) for answer in answers] == [True, False, True]


def test_copies_that_left_while_others_were_read_are_stale_and_the_others_are_read() -> None:
    """As Dovecot says it: NO, and all the same the answers for those that are there."""

    def play(rest: bytes, truth: Truth) -> bytes:
        if b"BODY" in rest:
            server.folders[INBOX].pop(2, None)
        return truth().replace(b"{tag} OK", b"{tag} NO [EXPUNGEISSUED] some left")

    server = served({}, tuple(mail(str(n)) for n in range(3)))
    asked = [handle(server, uid) for uid in (1, 2, 3)]
    server.lies["UID FETCH"] = [b"{tag} OK\r\n", Trick(play), Trick(play)]
    answers = ask(server, lambda connector: connector.fetch(asked))
    assert [type(answer) for answer in answers] == [RawMessage, HandleStale, RawMessage]


def test_copies_that_left_while_a_folder_was_listed_do_not_stop_the_listing() -> None:
    server = served({"FETCH": row(1) + b"{tag} NO [EXPUNGEISSUED] some left\r\n"}, (mail("1"), mail("2")))
    assert ask(server, whole) == {INBOX: ["77.1"], QUARANTINE: []}
    server = served({"FETCH": row(1) + b"* VANISHED 2\r\n{tag} OK\r\n"}, (mail("1"), mail("2")))
    assert ask(server, whole) == {INBOX: ["77.1"], QUARANTINE: []}


def test_a_login_is_prompted_for_where_it_has_no_initial_response() -> None:
    for lie, expected in (
        (b"+ \r\n", None),
        (b"* OK still here\r\n+ go\r\n", None),
        (b"{tag} NO [AUTHENTICATIONFAILED] no\r\n", LoginFailed),
        (b"{tag} OK you are in\r\n", ProtocolViolation),
        (b"+ go" + SILENCE, Unavailable),
    ):
        server = served({"AUTHENTICATE": lie}, capabilities=CAPABILITIES.replace("SASL-IR ", ""))
        if expected is None:
            assert ask(server, whole) == {INBOX: ["77.1"], QUARANTINE: []}
        else:
            with pytest.raises(expected):
                ask(server, whole)


COMPRESSED: dict[str, tuple[Lies, type[MailboxError] | None]] = {
    "the truth": ({}, None),
    "no after all": ({"COMPRESS": b"{tag} NO [COMPRESSIONACTIVE] no\r\n"}, None),
    "clear text": ({"COMPRESS": b"{tag} OK on\r\n* OK not at all\r\n"}, ProtocolViolation),
    "a line of zeros without end": ({"NAMESPACE": bomb}, ProtocolViolation),
    "a literal that explodes": ({"LIST": b'* LIST () "/" {90000000}\r\n'}, ProtocolViolation),
}


@pytest.mark.parametrize("what", COMPRESSED)
def test_compression_has_bounds(what: str) -> None:
    lies, expected = COMPRESSED[what]

    def listed() -> None:
        if expected is None:
            assert ask(served(lies), whole, compress=True) == {INBOX: ["77.1"], QUARANTINE: []}
        else:
            with pytest.raises(expected):
                ask(served(lies), whole, compress=True)

    assert peak_of(listed) < MEMORY


def test_garbage_instead_of_what_is_compressed_breaks_the_protocol() -> None:
    server = served({})
    server.deflates = False
    with pytest.raises(ProtocolViolation):
        ask(server, whole, compress=True)


def test_an_answer_that_fills_the_bound_of_one_step_is_whole() -> None:
    """All that is inflated may end where the bound is, and then there is no more input to wait for."""
    for size in ((4 << 20) - 60, (4 << 20) - 32, 4 << 20, (4 << 20) + 1, 9 << 20):
        content = b"x" * size
        server = served({}, (content,))
        asked = [handle(server)]
        (raw,) = ask(server, lambda connector: connector.fetch(asked), compress=True)  # noqa: B023
        assert isinstance(raw, RawMessage)
        assert raw.content == content


@pytest.mark.parametrize(
    ("lies", "expected"),
    [
        ({"STARTTLS": b"{tag} BAD what\r\n"}, LoginFailed),
        ({"STARTTLS": b"{tag} NO not here\r\n"}, LoginFailed),
        ({"greeting": b"* PREAUTH in\r\n"}, LoginFailed),
        ({"STARTTLS": b"{tag} OK begin\r\n* CAPABILITY IMAP4rev1 EVIL\r\n"}, ProtocolViolation),
        ({"STARTTLS": b"{tag} OK begin\r\n" + CLOSE}, MailboxError),
        ({"STARTTLS": b"{tag} OK begin\r\n" + SILENCE}, Unavailable),
        ({"STARTTLS": b"* OK [CAPABILITY IMAP4rev1 LOGINDISABLED] x\r\n{tag} NO no\r\n"}, LoginFailed),
    ],
)
def test_no_password_goes_out_before_tls_is_on(
    lies: Lies, expected: type[MailboxError], tmp_path: Path
) -> None:
    made = certificate(tmp_path / "tls")
    server = served(lies)
    with pytest.raises(expected):
        ask(server, whole, tls=Tls.STARTTLS, ca_file=made.authority)
    assert not any(b"AUTHENTICATE" in said or b"LOGIN" in said for said in server.said)


def test_a_search_that_names_what_is_not_there_finds_nothing() -> None:
    server = served({"UID SEARCH": b"* SEARCH 5 6 99999999999 x\r\n{tag} OK\r\n"})
    lost = Wanted(Handle("imap", ANN, INBOX, "77.9", "none"), "0" * 64, 200)
    assert ask(server, lambda connector: connector.find([lost])) == [()]


def test_a_copy_that_moves_to_where_we_have_been_while_it_is_looked_for_is_found() -> None:
    server = served({}, ())
    server.put(mail("other", 300), "Archive")
    server.put(mail("one"), "Trash", "g")

    def play(rest: bytes, truth: Truth) -> bytes:
        if b"Trash" in rest and 1 in server.folders["Trash"]:
            copy = server.folders["Trash"].pop(1)
            server.put(copy.content, "Archive", copy.guid)
        return truth()

    server.lies["EXAMINE"] = Trick(play)
    lost = Wanted(Handle("imap", ANN, INBOX, "77.9", "g"), "0" * 64, 200)
    (places,) = ask(server, lambda connector: connector.find([lost]))
    assert isinstance(places, tuple)
    assert [place.handle.folder for place in places] == ["Archive"]


def test_a_copy_that_never_stays_where_it_is_is_not_told_to_be_nowhere() -> None:
    server = served({}, ())
    server.put(mail("other", 300), "Archive")
    numbers = iter(range(10_000))

    def play(rest: bytes, truth: Truth) -> bytes:
        server.put(mail(f"more {next(numbers)}", 300), "Archive")
        return truth()

    server.lies["EXAMINE"] = Trick(play)
    lost = Wanted(Handle("imap", ANN, INBOX, "77.9", "g"), "0" * 64, 200)
    (answer,) = ask(server, lambda connector: connector.find([lost]))
    assert isinstance(answer, Unavailable)
