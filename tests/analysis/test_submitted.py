"""Which of the messages we know a report is about: a table of ways, and what must not be taken for it."""

from __future__ import annotations

import pytest

from clawback.analysis.features import extract
from clawback.analysis.submitted import Found, FoundBy, Known, Reported, alike, find, reported
from clawback.message.address import Address
from clawback.message.message import Message

BODY = (
    "Dear customer, your account will be closed today unless you confirm your password on the page that you "
    "find behind this button. It takes only a minute, thank you for your patience."
)
OTHER = (
    "Hello everybody, here are the minutes of our meeting on Monday about the new coffee machine in the "
    "kitchen, which shall be red, and which everybody cleans after having used it."
)


def message(
    id: str = "msg-1", text: str = BODY, subject: str = "Your account", sender: str = "eve@bad.example"
) -> Message:
    return Message(
        id, "", 1, f"<{id}@bad.example>", subject, Address("", sender), text=text, to=(Address("", "a@b.c"),)
    )


def known(one: Message, *, received: bool = True) -> Known:
    return Known(one.slim(), extract(one).signature, received)


def forwarded(text: str = BODY, subject: str = "Your account", sender: str = "eve@bad.example") -> Reported:
    return reported(Message("", "", 0, "", subject, Address("", sender), text=text))


def test_the_same_content_is_it_whoever_got_it() -> None:
    found = find(reported(message()), [known(message("msg-2")), known(message(), received=False)])
    assert (found.message_id, found.by) == ("msg-1", FoundBy.SAME_CONTENT)


def test_a_message_id_is_believed_only_where_the_content_agrees() -> None:
    mine = known(message(), received=False)
    same = Reported("msg-9", "<msg-1@bad.example>", "eve@bad.example", "Your account", (), mine.signature)
    assert find(same, [mine]).by is FoundBy.INTERNET_MESSAGE_ID
    forged = reported(message("msg-9", OTHER))
    lying = Reported("", "<msg-1@bad.example>", forged.sender, forged.subject, (), forged.signature)
    assert find(lying, [mine]) == Found()
    headers = Reported("", "<msg-1@bad.example>", "eve@bad.example", "Re: Your account")
    assert find(headers, [mine]).by is FoundBy.INTERNET_MESSAGE_ID
    strange = Reported("", "<msg-1@bad.example>", "eve@bad.example", "Something else")
    assert find(strange, [mine]) == Found()


def test_of_several_with_one_message_id_the_one_that_the_reporter_got_is_it() -> None:
    theirs, mine = message("msg-1"), message("msg-2")
    shared = [
        Known(Message(m.id, "", 1, "<same@bad.example>", m.subject, m.sender), extract(m).signature, got)
        for m, got in ((theirs, False), (mine, True))
    ]
    one = Reported("", "<same@bad.example>", "eve@bad.example", "Your account", (), shared[0].signature)
    assert find(one, shared).message_id == "msg-2"


@pytest.mark.parametrize(
    ("text", "subject", "by"),
    [
        (BODY, "Your account", FoundBy.SIMILAR_BODY),
        (BODY, "whatever", FoundBy.SIMILAR_BODY),
        (
            BODY + " Sent from my phone while I was on the train to work",
            "Fwd: Your account",
            FoundBy.SIMILAR_BODY,
        ),
        (OTHER, "Your account", FoundBy.NOTHING),
        ("see it", "Your account", FoundBy.SENDER_AND_SUBJECT),
        ("see it", "Your invoice", FoundBy.NOTHING),
    ],
)
def test_where_headers_are_gone_the_body_tells(text: str, subject: str, by: FoundBy) -> None:
    assert find(forwarded(text, subject), [known(message())]).by is by


def test_what_somebody_else_got_is_not_found_by_its_body() -> None:
    assert find(forwarded(), [known(message(), received=False)]) == Found()


def test_half_alike_is_enough_only_under_the_same_subject() -> None:
    half = BODY + " " + OTHER[: len(OTHER) // 2]
    assert find(forwarded(half, "Your account"), [known(message())]).by is FoundBy.SIMILAR_BODY
    assert find(forwarded(half, "Other words"), [known(message())]) == Found()


def test_of_several_alike_the_most_alike_is_it() -> None:
    near = message("msg-3", BODY + " It ends soon for everybody else too.")
    assert find(forwarded(), [known(near), known(message())]).message_id == "msg-1"


def test_short_bodies_must_be_the_same_under_the_same_subject() -> None:
    short = message("msg-4", "see attached")
    assert find(forwarded("see attached"), [known(short)]).by is FoundBy.SIMILAR_BODY
    assert find(forwarded("see attached", "Other words", "x@y.z"), [known(short)]) == Found()


def test_alike_bodies_come_most_alike_first() -> None:
    signatures = {
        m.id: extract(m).signature for m in (message("msg-5", BODY + " And so on it goes."), message())
    }
    assert alike(signatures, extract(message()).signature, 0.8) == ("msg-1", "msg-5")
    assert alike(signatures, b"", 0.8) == ()
