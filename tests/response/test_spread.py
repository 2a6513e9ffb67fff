"""How copies got where they are: by what letters and the hosts on their way say, as they really write it."""

from __future__ import annotations

from dataclasses import replace

import pytest
from tests.response.builders import delivery

from clawback.analysis.features import extract
from clawback.message.delivery import Delivery, DeliveryLocation
from clawback.message.message import Message
from clawback.message.parse import parse
from clawback.message.trace import Step
from clawback.response.spread import Origins, Own, Passage, Way, offer, passages, plain

OWN = Own.of(["ann@example.org", "ben@example.org", "Cat@Example.org"])
BODY = (
    "Dear colleague, your mailbox is almost full and will be closed tomorrow. Please sign in with your name "
    "and password at the page of the administrator to keep all messages that were sent to you this year."
)


def letter(
    number: int,
    *,
    sender: str = "eve@bad.example",
    to: str = "ann@example.org",
    subject: str = "Your mailbox",
    body: str = BODY,
    headers: str = "",
) -> bytes:
    head = f"From: X <{sender}>\nTo: {to}\nSubject: {subject}\nMessage-ID: <{number}@x.example>\n{headers}"
    text = f"{head}\n{body}\n"
    return text.replace("\n", "\r\n").encode()


def attached(
    number: int, inner: bytes, *, sender: str = "ann@example.org", to: str = "ben@example.org"
) -> bytes:
    head = letter(number, sender=sender, to=to, subject="look", body="").rstrip().decode()
    boundary = f"b{number}"
    parts = (
        f'\r\nContent-Type: multipart/mixed; boundary="{boundary}"\r\n\r\n'
        f"--{boundary}\r\n\r\nlook at this\r\n"
        f"--{boundary}\r\nContent-Type: message/rfc822\r\n\r\n"
    )
    return head.encode() + parts.encode() + inner + f"\r\n--{boundary}--\r\n".encode()


PHISH = letter(1)
QUOTING = f"Is this from you?\n\n-----Original Message-----\nFrom: X\nSent: Monday\n\n{BODY}"


def copy(message: Message, mailbox: str, *trace: Step, sent: bool = False, n: int = 1) -> Delivery:
    place = DeliveryLocation.SENT if sent else DeliveryLocation.INBOX
    one = delivery(n, place, mailbox=mailbox, folder="Sent" if sent else "INBOX")
    return replace(one, message_id=message.id, trace=trace)


def way(
    raw: bytes, mailbox: str, *trace: Step, sent: bool = False, others: tuple[bytes, ...] = (PHISH,)
) -> Passage:
    message = parse(raw)
    family = [parse(other) for other in others if other != raw]
    (one,) = passages([*family, message], [copy(message, mailbox, *trace, sent=sent)], OWN)
    return one


def test_a_copy_that_came_from_outside_for_its_mailbox_is_an_original() -> None:
    one = way(PHISH, "ann@example.org")
    assert (one.way, one.evidence, one.sent_on_by, one.sent_on_to) == (Way.ORIGINAL, (), "", ())


def test_a_blind_copy_is_an_original_too() -> None:
    assert way(letter(1, to="undisclosed-recipients:;"), "ben@example.org").way is Way.ORIGINAL
    assert way(letter(1, to="ann@example.org"), "ben@example.org").way is Way.ORIGINAL


def test_a_forward_as_attachment_says_what_it_holds_and_to_whom_it_went() -> None:
    raw = attached(2, PHISH, to="ben@example.org, dan@partner.example")
    one = way(raw, "ben@example.org")
    assert one.way is Way.FORWARD_ATTACHED
    assert one.evidence == (f"holds {parse(PHISH).id} (<1@x.example>) at 2",)
    assert (one.sent_on_by, one.outside) == ("ann@example.org", ("dan@partner.example",))
    assert one.sent_on_to == ("ben@example.org", "dan@partner.example")


def test_the_forwarders_own_copy_is_a_sent_copy_with_the_same_evidence() -> None:
    one = way(attached(2, PHISH), "ann@example.org", sent=True)
    assert (one.way, one.sent_on_by, one.sent_on_to) == (
        Way.SENT_COPY,
        "ann@example.org",
        ("ben@example.org",),
    )
    assert one.evidence[0] == "in the folder Sent"
    assert "holds" in one.evidence[1]


def test_an_attached_copy_whose_content_was_written_anew_is_known_by_its_header_and_sender() -> None:
    anew = letter(1, body=f"{BODY}\n\n[checked by nobody]")
    assert way(attached(2, anew), "ben@example.org").way is Way.FORWARD_ATTACHED
    stolen = letter(1, sender="news@shop.example", body="a newsletter with the same id")
    assert way(attached(2, stolen), "ben@example.org").way is Way.ORIGINAL


@pytest.mark.parametrize(
    "header", ["In-Reply-To: <1@x.example>\n", "References: <0@x.example> <1@x.example>\n"]
)
def test_inline_forwards_and_answers_are_told_apart_by_where_they_go(header: str) -> None:
    fields = {"sender": "ann@example.org", "subject": "Re: Your mailbox", "headers": header, "body": QUOTING}
    forward = way(letter(2, to="ben@example.org", **fields), "ben@example.org")
    assert (forward.way, forward.sent_on_by) == (Way.FORWARD_INLINE, "ann@example.org")
    assert forward.evidence[0].startswith(header.partition(":")[0])
    answer = way(letter(2, to="eve@bad.example", **fields), "ann@example.org", sent=True)
    assert (answer.way, answer.outside) == (Way.SENT_COPY, ("eve@bad.example",))
    received = way(letter(2, to="eve@bad.example, ben@example.org", **fields), "ben@example.org")
    assert received.way is Way.REPLY


@pytest.mark.parametrize(
    "subject", ["Fwd: Your mailbox", "WG: Your mailbox", "[EXT] FW: your  Mailbox", "TR: Your mailbox"]
)
def test_an_inline_forward_without_references_is_known_by_its_subject(subject: str) -> None:
    one = way(letter(2, sender="ann@example.org", to="ben@example.org", subject=subject), "ben@example.org")
    assert one.way is Way.FORWARD_INLINE
    assert "subject" in one.evidence[0]


@pytest.mark.parametrize(
    "raw",
    [
        letter(2, subject="Fwd: Your mailbox"),
        letter(2, sender="ann@example.org", subject="Your mailbox"),
        letter(2, sender="ann@example.org", subject="Re: Your mailbox"),
        letter(2, sender="ann@example.org", subject="Fwd: Something else"),
        letter(2, headers="References: <1@x.example>\n"),
    ],
)
def test_what_others_write_or_our_people_write_anew_is_an_original(raw: bytes) -> None:
    assert way(raw, "ben@example.org").way is Way.ORIGINAL


def test_a_copy_redirected_by_a_script_or_an_address_says_by_whom() -> None:
    sieve = Step("x-sieve-redirected-from", "ann@example.org")
    one = way(PHISH, "ben@example.org", sieve, Step("received", "team@example.org"))
    assert (one.way, one.sent_on_by, one.sent_on_to) == (
        Way.REDIRECTED,
        "ann@example.org",
        ("ben@example.org",),
    )
    assert one.evidence == ("x-sieve-redirected-from: ann@example.org",)
    chained = way(PHISH, "ben@example.org", Step("delivered-to", "ann@example.org"))
    assert (chained.way, chained.sent_on_by) == (Way.REDIRECTED, "ann@example.org")
    resent = way(PHISH, "ben@example.org", Step("resent-from", "dan@partner.example"))
    assert (resent.way, resent.sent_on_by) == (Way.REDIRECTED, "dan@partner.example")


def test_a_copy_by_a_list_or_an_alias_says_by_which() -> None:
    team = letter(1, to="team@example.org")
    by_list = way(team, "ben@example.org", Step("list-id", "team.example.org"))
    assert (by_list.way, by_list.evidence) == (Way.BY_LIST, ("list-id: team.example.org",))
    by_hop = way(
        letter(1, to="undisclosed-recipients:;"), "ben@example.org", Step("received", "team@example.org")
    )
    assert (by_hop.way, by_hop.evidence) == (Way.BY_ALIAS, ("received: team@example.org",))
    by_header = way(team, "ben@example.org")
    assert (by_header.way, by_header.evidence) == (
        Way.BY_ALIAS,
        ("to team@example.org, which is no mailbox",),
    )


def test_a_list_header_in_what_is_addressed_to_the_mailbox_proves_nothing() -> None:
    assert way(PHISH, "ann@example.org", Step("list-id", "shop.bad.example")).way is Way.ORIGINAL


def test_a_detail_in_the_address_is_still_the_same_mailbox() -> None:
    tagged = letter(1, to="ann+shop@example.org")
    assert way(tagged, "ann@example.org", Step("x-original-to", "ann+shop@example.org")).way is Way.ORIGINAL
    assert plain("Ann+Shop@Example.org") == "ann@example.org"


def test_each_copy_of_one_message_has_its_own_way() -> None:
    message = parse(PHISH)
    copies = [
        copy(message, "ann@example.org", n=1),
        copy(message, "ben@example.org", Step("x-sieve-redirected-from", "ann@example.org"), n=2),
        copy(message, "cat@example.org", Step("x-original-to", "all@example.org"), n=3),
        replace(copy(message, "ann@example.org", n=4), message_id="msg-unknown"),
    ]
    found = passages([message], copies, OWN)
    assert [(p.delivery_id, p.way) for p in found] == [
        ("dlv-0001", Way.ORIGINAL),
        ("dlv-0002", Way.REDIRECTED),
        ("dlv-0003", Way.BY_ALIAS),
    ]


def offered(*raws: bytes, members: tuple[bytes, ...] = (PHISH,)) -> list[str]:
    """The code by which each of these is offered, "" for those that are not."""
    known = [parse(raw) for raw in members]
    messages = [parse(raw) for raw in raws]
    signatures = {m.id: extract(m).signature for m in (*known, *messages)}
    reasons = [offer(m, Origins(known), signatures) for m in messages]
    return [reason.code if reason else "" for reason in reasons]


def test_what_holds_a_member_or_quotes_the_one_it_refers_to_is_offered() -> None:
    quoting = letter(3, sender="ann@example.org", headers="References: <1@x.example>\n", body=QUOTING)
    assert offered(attached(2, PHISH), quoting) == ["holds_member", "quotes_member"]
    message = parse(attached(2, PHISH))
    reason = offer(message, Origins([parse(PHISH)]), {})
    assert reason is not None
    assert (reason.entity.value, reason.where) == (parse(PHISH).id, "attachment 2")
    assert reason.text.startswith(f"This is a forward as attachment of {parse(PHISH).id}: holds ")


def test_what_only_refers_to_a_member_is_not_offered() -> None:
    """Whoever wrote the member can have taken the Message-ID of an honest thread."""
    honest = (
        "Thanks for the minutes. I will bring the numbers of the third quarter to the next meeting on Monday."
    )
    thread = letter(3, sender="ann@example.org", headers="References: <1@x.example>\n", body=honest)
    assert offered(thread, letter(4, body=QUOTING)) == ["", ""]


def test_where_a_body_is_too_short_to_compare_the_subject_decides() -> None:
    short = letter(1, body="see https://bad.example/x")
    same = letter(3, subject="Fwd: Your mailbox", headers="References: <1@x.example>\n", body="see this")
    other = letter(4, subject="Lunch", headers="References: <1@x.example>\n", body="at noon")
    assert offered(same, other, members=(short,)) == ["quotes_member", ""]


def test_a_member_is_not_offered_for_itself() -> None:
    itself = letter(1, headers="References: <1@x.example>\n")
    assert offered(itself, members=(itself,)) == [""]
