"""A server that lies about what it has moved, deleted or taken: nothing is claimed that was not proved."""

from __future__ import annotations

import gc
from collections.abc import Iterator

import pytest
from tests.mailboxes.lying import (
    NO_LITERALS,
    NO_MOVE,
    NO_UIDPLUS,
    QUARANTINE,
    Lies,
    ask,
    handle,
    responses,
    row,
    served,
)
from tests.servers.scripted_imap import CAPABILITIES, CLOSE, SILENCE, Trick, Truth

from clawback.errors import (
    CapabilityMissing,
    HandleStale,
    MailboxError,
    OverQuota,
    ProtocolViolation,
    ReadOnly,
    Throttled,
    Unavailable,
)
from clawback.mailboxes.base import Failure, Move
from clawback.message.delivery import Handle, Observed
from clawback.testing.asking import ANN, DATE, FLAGS, INBOX, mail


@pytest.fixture(autouse=True)
def nothing_is_left_open() -> Iterator[None]:
    """A connection that nobody closed warns when it is collected, and a warning is an error."""
    yield
    gc.collect()


MOVES: dict[str, tuple[Lies, type[Failure]]] = {
    "OK, and nothing done": ({"UID MOVE": b"{tag} OK done\r\n"}, Unavailable),
    "other copies": ({"UID MOVE": b"* OK [COPYUID 77 5 600] x\r\n{tag} OK\r\n"}, Unavailable),
    "more copies": ({"UID MOVE": b"* OK [COPYUID 77 1:3 600:602] x\r\n{tag} OK\r\n"}, Unavailable),
    "unequal sets": ({"UID MOVE": b"* OK [COPYUID 77 1 600:601] x\r\n{tag} OK\r\n"}, Unavailable),
    "absurd ranges": (
        {"UID MOVE": b"* OK [COPYUID 77 1:4294967295 1:4294967295] x\r\n{tag} OK\r\n"},
        Unavailable,
    ),
    "one place twice": ({"UID MOVE": b"* OK [COPYUID 77 1,2 600,600] x\r\n{tag} OK\r\n"}, Unavailable),
    "one copy twice": ({"UID MOVE": b"* OK [COPYUID 77 1,1 600,601] x\r\n{tag} OK\r\n"}, Unavailable),
    "two folders": (
        {"UID MOVE": b"* OK [COPYUID 77 1 600] x\r\n{tag} OK [COPYUID 78 2 601] x\r\n"},
        Unavailable,
    ),
    "a UID of 0": ({"UID MOVE": b"* OK [COPYUID 77 1 0] x\r\n{tag} OK\r\n"}, Unavailable),
    "a folder of 0": ({"UID MOVE": b"* OK [COPYUID 0 1 600] x\r\n{tag} OK\r\n"}, Unavailable),
    "no sets": ({"UID MOVE": b"* OK [COPYUID what is this] x\r\n{tag} OK\r\n"}, Unavailable),
    "sets without end": ({"UID MOVE": responses(b"* OK [COPYUID 77 1:150000 1:150000] x\r\n")}, Unavailable),
    "another tag": ({"UID MOVE": b"x1 OK [COPYUID 77 1 600] x\r\n"}, Unavailable),
    "no status": ({"UID MOVE": b"{tag} DONE\r\n"}, Unavailable),
    "half a reply, and silence": ({"UID MOVE": b"* OK [COPYUID 77 1 6" + SILENCE}, Unavailable),
    "half a reply, and the end": ({"UID MOVE": b"* OK [COPYUID 77 1 600] x\r\n" + CLOSE}, Unavailable),
    "goodbye": ({"UID MOVE": b"* BYE going down\r\n" + CLOSE}, Unavailable),
    "a refusal": ({"UID MOVE": b"{tag} NO sorry\r\n"}, Unavailable),
    "a refusal for ever": ({"UID MOVE": b"{tag} NO [CANNOT] never\r\n"}, CapabilityMissing),
    "over quota": ({"UID MOVE": b"{tag} NO [OVERQUOTA] full\r\n"}, OverQuota),
    "a limit": ({"UID MOVE": b"{tag} NO [LIMIT] slowly\r\n"}, Throttled),
    "an unknown command": ({"UID MOVE": b"{tag} BAD what\r\n"}, ProtocolViolation),
    "a goal that cannot be made": (
        {"UID MOVE": b"{tag} NO [TRYCREATE] none\r\n", "CREATE": b"{tag} NO [CANNOT] no\r\n"},
        HandleStale,
    ),
}


@pytest.mark.parametrize("what", MOVES)
@pytest.mark.parametrize("verified", [True, False])
def test_nothing_is_claimed_moved_that_was_not_proved(what: str, verified: bool) -> None:
    lies, expected = MOVES[what]
    can = CAPABILITIES if verified else CAPABILITIES.replace("SEARCHRES ", "")
    server = served(lies, (mail("one"), mail("two")), can)
    moves = [Move(handle(server, uid), QUARANTINE) for uid in (1, 2)]
    answers = ask(server, lambda connector: connector.move(moves))
    assert not any(isinstance(answer, Observed) for answer in answers)
    assert all(isinstance(answer, expected) for answer in answers), answers
    assert len(server.folders[INBOX]) == 2


def test_what_was_proved_before_a_refusal_is_moved() -> None:
    """As servers do that commit a long move part by part."""
    server = served(
        {"UID MOVE": b"* OK [COPYUID 77 2 600] x\r\n{tag} NO [OVERQUOTA] full\r\n"}, (mail("1"), mail("2"))
    )
    moves = [Move(handle(server, uid), QUARANTINE) for uid in (1, 2)]
    refused, moved = ask(server, lambda connector: connector.move(moves))
    assert isinstance(refused, OverQuota)
    assert isinstance(moved, Observed)
    assert moved.handle.native_id == "77.600"


def test_what_stays_because_another_copy_left_is_moved_in_another_try() -> None:
    """As Dovecot does on dbox: of several copies of which one has just left it moves none."""

    def play(rest: bytes, truth: Truth) -> bytes:
        server.folders[INBOX].pop(2)
        return b"{tag} NO [EXPUNGEISSUED] some left\r\n"

    for capabilities in (CAPABILITIES, NO_UIDPLUS, NO_MOVE):
        verb = "UID COPY" if capabilities == NO_MOVE else "UID MOVE"
        server = served({verb: (Trick(play),)}, (mail("1"), mail("2"), mail("3")), capabilities)
        moves = [Move(handle(server, uid), QUARANTINE) for uid in (1, 2, 3)]
        answers = ask(server, lambda connector: connector.move(moves))  # noqa: B023
        assert [type(answer) for answer in answers] == [Observed, HandleStale, Observed]
        assert not server.folders[INBOX]


def test_copies_of_which_one_leaves_each_time_are_stale_in_the_end() -> None:
    server = served({"UID MOVE": b"{tag} NO [EXPUNGEISSUED] some left\r\n"}, (mail("1"), mail("2")))
    moves = [Move(handle(server, uid), QUARANTINE) for uid in (1, 2)]
    answers = ask(server, lambda connector: connector.move(moves))
    assert [type(answer) for answer in answers] == [HandleStale, HandleStale]


def test_a_copy_that_left_while_the_server_said_ok_is_stale() -> None:
    server = served({}, (mail("one"), mail("two")))
    moves = [Move(handle(server, uid), QUARANTINE) for uid in (1, 2)]
    server.lies["UID FETCH"] = [b"{tag} OK\r\n", row(1) + row(2) + b"{tag} OK\r\n"]
    del server.folders[INBOX][1]
    gone, moved = ask(server, lambda connector: connector.move(moves))
    assert isinstance(gone, HandleStale)
    assert isinstance(moved, Observed)


def test_a_server_that_cannot_search_as_it_says_moves_after_a_look() -> None:
    server = served({"UID SEARCH": b"{tag} BAD what\r\n"})
    (moved,) = ask(server, lambda connector: connector.move([Move(handle(server), QUARANTINE)]))
    assert isinstance(moved, Observed)
    assert (moved.handle.native_id, len(server.folders[INBOX])) == ("77.501", 0)


def test_a_copy_with_another_guid_at_the_same_uid_is_not_moved() -> None:
    server = served({})
    known = handle(server)
    server.folders[INBOX][1].guid = "other"
    (answer,) = ask(server, lambda connector: connector.move([Move(known, QUARANTINE)]))
    assert isinstance(answer, HandleStale)
    assert len(server.folders[INBOX]) == 1


def test_a_copy_that_went_though_its_folder_has_a_new_uidvalidity_is_told_as_moved() -> None:
    """Dovecot's index was lost and made anew: the copy is the same, by its GUID and at its UID."""
    server = served({})
    known = Handle("imap", ANN, INBOX, "50.1", server.folders[INBOX][1].guid)
    (moved,) = ask(server, lambda connector: connector.move([Move(known, QUARANTINE)]))
    assert isinstance(moved, Observed)
    assert len(server.folders[QUARANTINE]) == 1


def _silently(rest: bytes, truth: Truth) -> bytes:
    return b"".join(line + b"\r\n" for line in truth().split(b"\r\n") if line and b"COPYUID" not in line)


@pytest.mark.parametrize("guids", [True, False])
def test_without_uidplus_a_move_is_proved_by_what_is_new_at_the_goal(guids: bool) -> None:
    server = served({"UID MOVE": Trick(_silently)}, (mail("one"), mail("one")), NO_UIDPLUS)
    server.put(mail("one"), QUARANTINE, server.folders[INBOX][1].guid)
    if not guids:
        server.lies["UID FETCH"] = [b"{tag} BAD what is X-GUID\r\n"]
    moves = [Move(handle(server, uid), QUARANTINE) for uid in (1, 2)]
    answers = ask(server, lambda connector: connector.move(moves))
    ids = [answer.handle.native_id for answer in answers if isinstance(answer, Observed)]
    assert ids == ["77.502", "77.503"]


def test_without_uidplus_what_is_not_new_at_the_goal_is_not_claimed() -> None:
    server = served({"UID MOVE": b"{tag} OK done\r\n"}, capabilities=NO_UIDPLUS)
    server.put(mail("one"), QUARANTINE, server.folders[INBOX][1].guid)
    (answer,) = ask(server, lambda connector: connector.move([Move(handle(server), QUARANTINE)]))
    assert isinstance(answer, Unavailable)


def test_without_move_only_what_was_proved_to_be_copied_is_expunged() -> None:
    for lie in (
        b"{tag} OK [COPYUID 77 1:2 600:601] x\r\n",
        b"{tag} OK [COPYUID 77 2 600] x\r\n",
        b"{tag} OK done\r\n",
        b"x OK [COPYUID 77 1 600] x\r\n",
        b"{tag} OK [COPYUID 77 1 6" + CLOSE,
    ):
        server = served({"UID COPY": lie}, (mail("one"), mail("two")), NO_MOVE)
        (answer,) = ask(server, lambda connector: connector.move([Move(handle(server), QUARANTINE)]))  # noqa: B023
        assert isinstance(answer, Unavailable), answer
        assert len(server.folders[INBOX]) == 2
        assert not any(b"EXPUNGE" in said for said in server.said)


def test_without_move_a_copy_is_moved_by_copy_store_and_expunge() -> None:
    server = served({}, (mail("one"), mail("two")), NO_MOVE)
    server.folders[INBOX][2].flags.add("\\Deleted")
    (moved,) = ask(server, lambda connector: connector.move([Move(handle(server), "Quarantine/New")]))
    assert isinstance(moved, Observed)
    assert moved.handle.native_id == "77.1"
    assert (list(server.folders[INBOX]), list(server.folders["Quarantine/New"])) == ([2], [1])


def test_without_move_a_copy_that_cannot_be_expunged_is_not_there_twice() -> None:
    server = served({"UID EXPUNGE": (b"{tag} NO [NOPERM] no\r\n",)}, (mail("one"),), NO_MOVE)
    (answer,) = ask(server, lambda connector: connector.move([Move(handle(server), QUARANTINE)]))
    assert isinstance(answer, ReadOnly)
    assert (len(server.folders[INBOX]), len(server.folders[QUARANTINE])) == (1, 0)
    assert server.folders[INBOX][1].flags == set()


def test_a_copy_that_stays_in_two_folders_is_looked_for_again() -> None:
    lies: Lies = {"UID EXPUNGE": b"{tag} NO [NOPERM] no\r\n"}
    server = served(lies, (mail("one"),), NO_MOVE)
    (answer,) = ask(server, lambda connector: connector.move([Move(handle(server), QUARANTINE)]))
    assert isinstance(answer, Unavailable)
    assert (len(server.folders[INBOX]), len(server.folders[QUARANTINE])) == (1, 1)
    assert all(not known.flags for held in server.folders.values() for known in held.values())


def test_what_was_proved_is_told_though_the_look_at_the_rest_fails() -> None:
    server = served({}, (mail("one"), mail("two")))
    moves = [Move(handle(server, uid), QUARANTINE) for uid in (1, 2)]
    server.lies["UID MOVE"] = b"* OK [COPYUID 77 1 600] x\r\n{tag} OK\r\n"
    for lie in (
        CLOSE,
        b"garbage\r\n",
        b"{tag} NO [NONEXISTENT] no folder\r\n",
        b"* 1 EXISTS\r\n{tag} OK\r\n",
    ):
        server.lies["EXAMINE"] = [Trick(lambda rest, truth: truth()), lie]
        moved, unknown = ask(server, lambda connector: connector.move(moves))
        assert isinstance(moved, Observed), lie
        assert isinstance(unknown, Unavailable), lie


def test_a_server_with_neither_move_nor_uidplus_moves_nothing() -> None:
    server = served({}, capabilities=NO_MOVE.replace("UIDPLUS ", ""))
    (answer,) = ask(server, lambda connector: connector.move([Move(handle(server), QUARANTINE)]))
    assert isinstance(answer, CapabilityMissing)
    (answer,) = ask(served({}, capabilities=NO_UIDPLUS), lambda connector: connector.delete([handle(server)]))
    assert isinstance(answer, CapabilityMissing)


DELETES: dict[str, tuple[Lies, type[MailboxError]]] = {
    "OK, and nothing done": ({"UID EXPUNGE": b"{tag} OK done\r\n"}, Unavailable),
    "half a reply, and silence": ({"UID EXPUNGE": b"* VANISHED 1\r\n{ta" + SILENCE}, Unavailable),
    "half a reply, and the end": ({"UID EXPUNGE": b"* VANISHED 1\r\n" + CLOSE}, Unavailable),
    "another tag": ({"UID EXPUNGE": b"x OK\r\n"}, Unavailable),
    "garbage after the deed": ({"UID EXPUNGE": b"* 1 FETCH ((((\r\n{tag} OK\r\n"}, Unavailable),
    "a flag that does not stay": ({"UID STORE": b"{tag} OK\r\n"}, Unavailable),
    "a refusal": ({"UID STORE": b"{tag} NO sorry\r\n"}, Unavailable),
    "an unknown command": ({"UID STORE": b"{tag} BAD what\r\n"}, ProtocolViolation),
}


@pytest.mark.parametrize("what", DELETES)
def test_nothing_is_claimed_deleted_that_was_not_seen_to_go(what: str) -> None:
    lies, expected = DELETES[what]
    server = served(lies)
    (answer,) = ask(server, lambda connector: connector.delete([handle(server)]))
    assert isinstance(answer, expected), answer


def test_what_was_deleted_in_one_folder_is_told_though_the_next_breaks_off() -> None:
    for lie in (CLOSE, b"garbage\r\n"):
        server = served({}, (mail("one"),))
        server.put(mail("two"), QUARANTINE)
        server.put(mail("three"), "Archive")
        handles = [handle(server, 1), handle(server, 501, QUARANTINE), handle(server, 1, "Archive")]
        server.lies["SELECT"] = [Trick(lambda rest, truth: truth()), lie]
        gone, *others = ask(server, lambda connector: connector.delete(handles))  # noqa: B023
        assert isinstance(gone, Observed)
        assert isinstance(others[1], Unavailable)
        assert not any(isinstance(answer, Observed) for answer in others)


def test_a_copy_that_may_not_be_expunged_does_not_stay_marked_as_deleted() -> None:
    server = served({"UID EXPUNGE": b"{tag} NO [NOPERM] no\r\n"}, (mail("one"), mail("two")))
    server.folders[INBOX][2].flags.add("\\Deleted")
    answers = ask(server, lambda connector: connector.delete([handle(server, uid) for uid in (1, 2)]))
    assert all(isinstance(answer, ReadOnly) for answer in answers)
    assert [known.flags for known in server.folders[INBOX].values()] == [set(), {"\\Deleted"}]


def test_what_its_owner_takes_before_it_is_expunged_is_not_deleted_by_us() -> None:
    def play(rest: bytes, truth: Truth) -> bytes:
        server.folders[INBOX].pop(1, None)
        return truth()

    server = served({"UID STORE": Trick(play)}, (mail("one"), mail("two")))
    handles = [handle(server, uid) for uid in (1, 2)]
    taken, gone = ask(server, lambda connector: connector.delete(handles))
    assert isinstance(taken, HandleStale)
    assert isinstance(gone, Observed)


APPENDS: dict[str, tuple[Lies, type[MailboxError]]] = {
    "OK, and nothing done": ({"APPEND": b"{tag} OK done\r\n"}, Unavailable),
    "a copy that is not there": ({"APPEND": b"{tag} OK [APPENDUID 77 9] x\r\n"}, Unavailable),
    "another folder": ({"APPEND": b"{tag} OK [APPENDUID 78 1] x\r\n"}, Unavailable),
    "no numbers": ({"APPEND": b"{tag} OK [APPENDUID x y z] x\r\n"}, Unavailable),
    "another tag": ({"APPEND": b"x OK [APPENDUID 77 1] x\r\n"}, Unavailable),
    "half a reply, and silence": ({"APPEND": b"{tag} OK [APPENDUID" + SILENCE}, Unavailable),
    "half a reply, and the end": ({"APPEND": b"{tag} OK [APPENDUID" + CLOSE}, Unavailable),
    "garbage after the deed": ({"EXAMINE": b"* 1 FETCH ((\r\n{tag} OK\r\n"}, Unavailable),
    "a folder that is gone then": ({"EXAMINE": b"{tag} NO [NONEXISTENT] none\r\n"}, Unavailable),
    "over quota": ({"APPEND": b"{tag} NO [OVERQUOTA] full\r\n"}, OverQuota),
    "an unknown command": ({"APPEND": b"{tag} BAD what\r\n"}, ProtocolViolation),
}


@pytest.mark.parametrize("what", APPENDS)
@pytest.mark.parametrize("literals", ["at once", "asked for"])
def test_nothing_is_claimed_appended_that_was_not_seen(what: str, literals: str) -> None:
    lies, expected = APPENDS[what]
    can = CAPABILITIES if literals == "at once" else NO_LITERALS
    server = served(lies, capabilities=can)
    with pytest.raises(MailboxError) as told:
        ask(server, lambda connector: connector.append(ANN, INBOX, mail("new", 500), FLAGS, DATE))
    assert isinstance(told.value, expected), repr(told.value)


@pytest.mark.parametrize("told", [True, False])
@pytest.mark.parametrize("literals", ["at once", "asked for"])
def test_an_append_is_known_by_its_uid_or_else_by_its_bytes(told: bool, literals: str) -> None:
    can = CAPABILITIES if literals == "at once" else NO_LITERALS
    server = served({}, capabilities=can)

    def play(rest: bytes, truth: Truth) -> bytes:
        said = truth()
        server.put(mail("came at the same time", 500))
        return said if told else b"{tag} OK done\r\n"

    server.lies["APPEND"] = Trick(play)
    back = ask(server, lambda connector: connector.append(ANN, INBOX, mail("new", 500), frozenset(), DATE))
    assert (back.handle.native_id, back.size) == ("77.2", 500)


def test_a_literal_that_is_refused_before_it_is_sent_is_not_sent() -> None:
    server = served({"literal": b"* 3 EXISTS\r\n{tag} NO [OVERQUOTA] full\r\n"}, capabilities=NO_LITERALS)
    with pytest.raises(OverQuota):
        ask(server, lambda connector: connector.append(ANN, INBOX, mail("new", 500), FLAGS, DATE))
    assert not any(b"Subject: new" in said for said in server.said)


def test_a_literal_that_is_not_asked_for_breaks_the_protocol() -> None:
    server = served({"literal": b"{tag} OK I have it already\r\n"}, capabilities=NO_LITERALS)
    with pytest.raises(Unavailable):
        ask(server, lambda connector: connector.append(ANN, INBOX, mail("new", 500), FLAGS, DATE))
