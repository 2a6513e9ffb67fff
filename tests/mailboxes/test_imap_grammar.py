"""What responses say, in every form that servers give them, and that no bytes do harm."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clawback.errors import HandleStale, ProtocolViolation
from clawback.mailboxes.imap import grammar
from clawback.mailboxes.imap.parsing import DEPTH, values_after
from clawback.mailboxes.imap.spelling import SET, name_of, quoted, raw_name, set_of, sets_of, uids_of
from clawback.mailboxes.imap.wire import Piece, Reply, Response, code_of

AT = datetime(2024, 2, 29, 12, 30, 15, tzinfo=UTC)


def reply(*responses: bytes | Response, code: bytes = b"", arguments: bytes = b"") -> Reply:
    untagged = tuple(r if isinstance(r, tuple) else (r,) for r in responses)
    return Reply(b"OK", code, arguments, b"", untagged)


def test_a_row_is_the_same_whatever_the_order_case_and_form_of_its_items() -> None:
    expected = grammar.Row(7, frozenset({"\\Seen", "$Forwarded", "NIL", "0123"}), AT, 200, "g,S=1", None)
    date = b'INTERNALDATE "29-Feb-2024 13:30:15 +0100"'
    usual = b"UID 7 FLAGS (\\Seen $Forwarded NIL 0123) %b RFC822.SIZE 200 X-GUID g,S=1" % date
    forms: list[tuple[bytes | Response, ...]] = [
        (b"* 3 FETCH (" + usual + b")",),
        (b"* 3 FETCH (X-GUID g,S=1 RFC822.SIZE 200 %b FLAGS (\\seen NIL $Forwarded 0123) UID 7)" % date,),
        (
            b'* 3 fetch (uid 7 flags (\\SEEN \\Recent nil $Forwarded 0123) %b rfc822.size 200 x-guid "g,S=1")'
            % date,
        ),
        (
            (
                (b"* 3 FETCH (UID 7 X-GUID {5}", b"g,S=1"),
                b" FLAGS (\\Seen $Forwarded NIL 0123) %b RFC822.SIZE 200)" % date,
            ),
        ),
        (b"* 3 FETCH (UID 7 MODSEQ (12))", b"* 9 EXISTS", b"* 3 FETCH (" + usual + b" MODSEQ (12))"),
        (b"* 3 FETCH (UID 7 FLAGS (old))", b"* 3 FETCH (" + usual + b")"),
        (
            b"* 3 FETCH (UID 7 RFC822.SIZE 200 X-GUID g,S=1)",
            b"* 3 FETCH (UID 7 %b FLAGS (\\Seen $Forwarded NIL 0123))" % date,
        ),
    ]
    for form in forms:
        assert grammar.rows(reply(*form)) == {7: expected}, form


def test_a_body_comes_as_a_literal_a_string_or_not_at_all() -> None:
    for pieces, content in (
        (((b"* 1 FETCH (UID 1 BODY[] {3}", b"a)b"), b")"), b"a)b"),
        (((b"* 1 FETCH (UID 1 BODY[] ~{3}", b"a\0b"), b" FLAGS (a[b))"), b"a\0b"),
        ((b'* 1 FETCH (UID 1 BODY[] "a\\"b")',), b'a"b'),
        ((b"* 1 FETCH (UID 1 BODY[] NIL)",), None),
        ((b'* 1 FETCH (UID 1 BODY[] "NIL")',), b"NIL"),
        (((b"* 1 FETCH (UID 1 BODY[] {0}", b""), b")"), b""),
    ):
        assert grammar.rows(reply(pieces))[1].content == content


@pytest.mark.parametrize(
    ("text", "at"),
    [
        (b" 1-Jan-2024 00:00:00 +0000", datetime(2024, 1, 1, tzinfo=UTC)),
        (b"01-jan-2024 05:30:00 +0530", datetime(2024, 1, 1, tzinfo=UTC)),
        (b"31-Dec-2023 16:00:00 -0800", datetime(2024, 1, 1, tzinfo=UTC)),
        (b"31-Dec-2016 23:59:60 +0000", datetime(2016, 12, 31, 23, 59, 59, tzinfo=UTC)),
        (b"01-Jan-0001 00:00:00 +1400", datetime(1970, 1, 1, tzinfo=UTC)),
        (b"30-Feb-2024 00:00:00 +0000", datetime(1970, 1, 1, tzinfo=UTC)),
        (b"01-Jan-2024 00:00:00 +9959", datetime(1970, 1, 1, tzinfo=UTC)),
        (b"what", datetime(1970, 1, 1, tzinfo=UTC)),
    ],
)
def test_a_date_is_a_moment_and_one_that_is_none_is_never(text: bytes, at: datetime) -> None:
    for form in (
        b'* 1 FETCH (UID 1 FLAGS () INTERNALDATE "%b" RFC822.SIZE 1)',
        b'* 1 FETCH (UID 1 INTERNALDATE "%b")',
    ):
        assert grammar.rows(reply(form % text))[1].internal_date == at


def test_a_guid_that_cannot_be_asked_for_again_is_none() -> None:
    for guid in (b'"a\r\nb"', b'"caf\xe9"', b'"' + b"x" * 256 + b'"', b"NIL", b"()", b"\x01"):
        assert grammar.rows(reply(b"* 1 FETCH (UID 1 X-GUID %b)" % guid))[1].guid == ""
        told = b'* 1 FETCH (UID 1 FLAGS () INTERNALDATE "29-Feb-2024 12:30:15 +0000" RFC822.SIZE 1 X-GUID %b)'
        assert grammar.rows(reply(told % guid))[1].guid == ""
    assert grammar.rows(reply(b"* 1 FETCH (UID 1 EMAILID (M1))"))[1].guid == "M1"


@pytest.mark.parametrize("name", ["a[b", "[x]", "a]b", "NIL", "2024", "0123", "{5}x", "#x", "a'b", "~t"])
def test_a_folder_is_listed_whatever_characters_its_name_has(name: str) -> None:
    raw = name.encode()
    for form in (raw, b'"' + raw + b'"', b"{%d}" % len(raw)):
        line: Piece = (
            (b'* LIST (\\HasNoChildren) "/" ' + form, raw)
            if form[:1] == b"{" and form != raw
            else (b'* LIST (\\HasNoChildren) "/" ' + form)
        )
        response: Response = (line, b"") if isinstance(line, tuple) else (line,)
        assert grammar.listed(reply(response)) == [
            grammar.Listed(frozenset({"\\hasnochildren"}), "/", name, raw)
        ]
    told = grammar.statuses(reply(b"* STATUS %b (MESSAGES 1 UIDNEXT 2 UIDVALIDITY 3 HIGHESTMODSEQ 4)" % raw))
    assert told == {raw: grammar.Status(1, 2, 3, 4)}


@pytest.mark.parametrize(
    "name", ["INBOX", "Müll & Söhne", "迷惑メール", 'a"b\\c', "A-Z/ä/ß", "&", "\U0001f4e7"]
)
def test_a_name_goes_to_the_wire_and_back(name: str) -> None:
    raw = quoted(name)
    (folder,) = grammar.listed(reply(b'* LIST () "/" ' + raw))
    assert folder.name == name


def test_a_name_that_is_spelled_wrongly_stays_as_it_is() -> None:
    for raw in (b"&bad", b"caf\xe9", b"&2AA-", b"&AGE-", b"x&"):
        assert name_of(raw) == raw.decode("ascii", "backslashreplace")
    assert raw_name(b"inbox") == b"INBOX"
    with pytest.raises(HandleStale):
        quoted("\ud800")
    with pytest.raises(ProtocolViolation):
        name_of(b"x" * 10_001)


def test_copyuid_pairs_the_copies_wherever_it_stands() -> None:
    told = b"* OK [COPYUID 77 4:2,9 10:12,20] x"
    pairs = {2: 10, 3: 11, 4: 12, 9: 20}
    assert grammar.copied(reply(told)) == (77, pairs)
    assert grammar.copied(reply(code=b"COPYUID", arguments=b"77 2:4,9 10:12,20")) == (77, pairs)
    assert grammar.copied(reply(told), reply(b"* OK [COPYUID 77 5 21] x", told)) == (77, {**pairs, 5: 21})
    assert grammar.copied(reply(b"* OK nothing")) == (0, {})


@given(st.sets(st.integers(1, 4_294_967_295), max_size=1_500))
def test_sets_name_what_they_were_made_of(uids: set[int]) -> None:
    found = [uid for text in sets_of(uids) for uid in uids_of(text.encode(), SET)]
    assert found == sorted(uids)
    assert all(len(text) < 8_000 for text in sets_of(uids))
    assert not uids or uids_of(set_of(uids).encode(), len(uids)) == sorted(uids)


def test_lists_may_not_be_deep() -> None:
    deep = b"* X " + b"(" * (DEPTH - 1) + b")" * (DEPTH - 1)
    assert values_after((deep,), 4)
    with pytest.raises(ProtocolViolation):
        values_after((b"* X " + b"(" * 1_000_000,), 4)


READERS: list[Callable[[Reply], object]] = [
    grammar.rows,
    grammar.vanished,
    grammar.expunged,
    grammar.listed,
    grammar.statuses,
    grammar.namespaces,
    grammar.selected,
    grammar.copied,
    grammar.searched,
    grammar.rights,
    lambda told: [code_of(response) for response in told.untagged],
]
_PARTS = (
    b"* 1 FETCH|(UID 1 |FLAGS (|\\Seen|RFC822.SIZE 5 |BODY[] |INTERNALDATE |X-GUID |EMAILID (|)|))|",
    b'"29-Feb-2024 12:30:15 +0000"|* LIST |() |"/" |INBOX|NIL|* STATUS |INBOX (MESSAGES 1 |UIDVALIDITY |',
    b'* NAMESPACE |(("" "/"))|* OK [COPYUID 1 |1:5|,|4294967295|* VANISHED |(EARLIER) |* SEARCH |',
    b'* MYRIGHTS |* 5 EXISTS|* OK [UIDVALIDITY |] |{5}|{99999}|"|\\|[|&|%|*|+ |\xff|\0|0|',
    b"99999999999999999999999| |&2AA-|* |*",
)
_WORDS = st.sampled_from(b"".join(_PARTS).split(b"|"))
_LINES = st.one_of(
    st.binary(max_size=80), st.lists(_WORDS | st.binary(max_size=4), max_size=14).map(b"".join)
).map(lambda line: line if line[:2] == b"* " else b"* " + line)
_RESPONSES = st.tuples(
    st.lists(st.tuples(_LINES.map(lambda line: line + b"{3}"), st.binary(max_size=5)), max_size=2), _LINES
).map(lambda parts: (*parts[0], parts[1]))


@settings(max_examples=1_500, deadline=None)
@given(
    st.lists(_RESPONSES, max_size=4),
    st.sampled_from([b"COPYUID", b"APPENDUID", b"X", b""]),
    st.binary(max_size=30),
)
def test_no_bytes_raise_anything_but_that_the_protocol_is_broken(
    responses: list[Response], code: bytes, arguments: bytes
) -> None:
    told = reply(*responses, code=code, arguments=arguments)
    for read in READERS:
        with contextlib.suppress(ProtocolViolation):
            read(told)
