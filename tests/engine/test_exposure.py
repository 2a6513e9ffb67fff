"""The exposure clock on real stories: read before or after we came, answered, forwarded, clicked, removed."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from datetime import timedelta
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from pathlib import Path

import pytest
from tests.engine.memory_world import START, URL, USERS, Held, MemoryWorld
from tests.engine.world import mail

from clawback.engine import commands
from clawback.engine.center import HISTORY_COLUMNS, PENDING_COLUMNS, export_actions
from clawback.engine.exposure import exposure_of, exposure_since
from clawback.engine.refresh import queue
from clawback.errors import BadParameter
from clawback.response.exposure import Exposed, Exposure
from clawback.response.plan import Remediation

ANN, BEN, CAT = USERS
HOUR = timedelta(hours=1)


@pytest.fixture
def world(tmp_path: Path, store_url: str) -> Iterator[MemoryWorld]:
    made = MemoryWorld(tmp_path, store_url)
    yield made
    made.close()


def campaign(world: MemoryWorld) -> None:
    for user in USERS:
        world.deliver(user, f"see {URL}")
    world.read()


def flag(world: MemoryWorld, user: str, *flags: str) -> None:
    """A user does something with the bad copy, and we read the mailbox an hour later."""
    (copy,) = [held for held in world.visible(URL) if held.mailbox == user]
    world.mail.user_flags(copy.handle, flags)
    world.wait(HOUR)
    world.read()


def removed(world: MemoryWorld, by: str = "ann") -> Remediation:
    world.turn()
    waiting = world.actions()[0]
    if waiting.approval is None:
        world.wait(HOUR)
        commands.approve(world.parts, waiting.id, by)
        world.drain()
    return world.actions()[0]


def clocks(world: MemoryWorld, action: Remediation) -> tuple[Exposure, dict[str, Exposed]]:
    with world.store.read() as unit:
        found, copies = exposure_of(unit, action.id, world.clock)
    return found, {copy.mailbox: copy for copy in copies}


def test_what_owners_did_before_it_went_is_known(world: MemoryWorld) -> None:
    campaign(world)
    began = world.clock
    flag(world, ANN, "\\Seen")
    flag(world, BEN, "\\Seen", "\\Answered", "$Forwarded")
    action = removed(world)
    found, copies = clocks(world, action)
    assert (found.copies, found.removed, found.there, found.left) == (3, 3, 0, 0)
    assert (found.removed_unread, found.read, found.answered, found.forwarded) == (1, 2, 1, 1)
    ann, ben, cat = (copies[user].marks.read for user in USERS)
    assert ann is not None
    assert ben is not None
    assert began < ann < ben
    assert cat is None
    delivered = START - timedelta(days=1)
    lasted = [(world.clock - delivered).total_seconds() / 60] * 3
    assert found.minutes == pytest.approx(sum(lasted), abs=1)
    assert found.to_decide_by_people is not None
    assert found.to_decide_by_people >= HOUR
    assert found.to_decide_by_itself is None
    assert found.to_act is not None


def test_a_copy_that_was_marked_unread_again_was_read(world: MemoryWorld) -> None:
    campaign(world)
    flag(world, ANN, "\\Seen")
    flag(world, ANN)
    found, copies = clocks(world, removed(world))
    assert (found.read, found.removed_unread) == (1, 2)
    assert "\\Seen" not in held(world, ANN).flags
    assert copies[ANN].marks.read is not None


def held(world: MemoryWorld, user: str) -> Held:
    (one,) = [h for h in world.held() if h.mailbox == user]
    return one


def test_a_copy_that_was_read_before_we_first_saw_it_was_read(world: MemoryWorld) -> None:
    world.deliver(ANN, f"see {URL}", flags=["\\Seen"])
    world.deliver(BEN, f"see {URL}", flags=["\\Seen"])
    world.read()
    flag(world, BEN)  # unread again: only what we wrote down can tell
    found, copies = clocks(world, removed(world))
    assert (found.copies, found.read, found.removed_unread) == (2, 2, 0)
    with world.store.read() as unit:
        first = {d.handle.mailbox: d.first_seen for d in unit.deliveries.get_many(_ids(copies)).values()}
    assert {user: copy.marks.read for user, copy in copies.items()} == first


def _ids(copies: dict[str, Exposed]) -> list[str]:
    return [copy.delivery_id for copy in copies.values()]


def test_a_copy_that_was_read_while_nobody_looked_counts_as_read(world: MemoryWorld) -> None:
    campaign(world)
    world.turn()
    (copy,) = [h for h in world.visible(URL) if h.mailbox == ANN]
    world.mail.user_flags(copy.handle, ["\\Seen"])
    commands.approve(world.parts, world.actions()[0].id, "ann")
    world.drain()
    found, _ = clocks(world, world.actions()[0])
    assert (found.read, found.removed_unread) == (1, 2)


def test_what_is_done_after_an_undo_is_not_held_against_the_removal(world: MemoryWorld) -> None:
    campaign(world)
    action = removed(world)
    commands.undo(world.parts, action.id, "ann")
    world.drain()
    flag(world, ANN, "\\Seen")
    found, _ = clocks(world, action)
    assert (found.removed, found.read, found.removed_unread) == (3, 0, 3)


def test_what_its_owner_took_away_is_not_ours_and_what_waits_is_exposed_until_now(world: MemoryWorld) -> None:
    campaign(world)
    world.turn()
    (copy,) = [h for h in world.visible(URL) if h.mailbox == ANN]
    world.mail.user_deletes(copy.handle)
    world.wait(HOUR)
    world.read()
    waiting, _ = clocks(world, world.actions()[0])
    assert (waiting.copies, waiting.there, waiting.left, waiting.removed) == (3, 2, 1, 0)
    assert (waiting.unread_share, waiting.to_act) == (None, None)
    commands.approve(world.parts, world.actions()[0].id, "ann")
    world.drain()
    found, copies = clocks(world, world.actions()[0])
    assert (found.there, found.left, found.removed) == (0, 1, 2)
    assert copies[ANN].left is not None
    assert found.minutes >= waiting.minutes


def test_automation_waits_apart_from_people_and_late_copies_count(world: MemoryWorld) -> None:
    campaign(world)
    world.automate()
    action = removed(world)
    world.wait(HOUR)
    world.deliver(ANN, f"late {URL}")
    world.read()
    found, _ = clocks(world, action)
    assert found.copies == found.removed == 4
    assert found.to_decide_by_people is None
    assert found.to_decide_by_itself is not None
    assert found.to_decide_by_itself < timedelta(minutes=1)


def test_clicks_come_from_evidence(world: MemoryWorld) -> None:
    campaign(world)
    action = removed(world)
    _, copies = clocks(world, action)
    with world.store.write() as unit:
        unit.exposure.clicked(
            [(copies[ANN].delivery_id, START), (copies[BEN].delivery_id, world.clock + HOUR)]
        )
    found, copies = clocks(world, action)
    assert (found.clicked, copies[ANN].marks.clicked) == (1, START)


def test_a_forward_that_carries_it_tells_who_forwarded(world: MemoryWorld) -> None:
    origin = mail(1, f"see {URL}")
    world.again(ANN, origin)
    world.read()
    world.again(CAT, forward(origin, ANN, CAT))
    world.read()
    found, _ = clocks(world, removed(world))
    with world.store.read() as unit:
        copies = exposure_of(unit, world.actions()[0].id, world.clock)[1]
    forwarded = {copy.mailbox: copy.marks.forwarded is not None for copy in copies}
    assert (found.copies, found.forwarded, forwarded) == (2, 1, {ANN: True, CAT: False})


def forward(content: bytes, sender: str, to: str) -> bytes:
    letter = EmailMessage()
    letter["From"], letter["To"], letter["Subject"] = sender, to, "Fwd: strange"
    letter["Message-ID"] = "<forward@example.org>"
    letter.set_content("Is this real?")
    letter.add_attachment(message_from_bytes(content, policy=default))
    return letter.as_bytes()


def test_all_removals_since_a_moment_add_up_and_each_copy_counts_once(world: MemoryWorld) -> None:
    campaign(world)
    first = removed(world)
    commands.undo(world.parts, first.id, "ann")
    world.drain()
    world.wait(HOUR)
    between = world.clock
    commands.start(world.parts, URL, "ann")
    world.drain()
    commands.approve(world.parts, world.actions()[0].id, "ben")
    world.drain()
    with world.store.read() as unit:
        everything = exposure_since(unit, START, world.clock)
        later = exposure_since(unit, between, world.clock)
        nothing = exposure_since(unit, world.clock, world.clock)
    assert (everything.copies, everything.removed) == (3, 3)
    assert (later.copies, later.minutes) == (3, everything.minutes)
    assert nothing.copies == 0


def test_the_action_center_as_a_file_has_defenders_columns_and_both_counts(
    world: MemoryWorld, tmp_path: Path
) -> None:
    for n, user in enumerate(USERS):
        world.deliver(user, f"see {URL}", folder="Junk" if n else "INBOX")
    world.read()
    world.turn()
    (waiting,) = world.actions()
    (copy,) = [h for h in world.visible(URL) if h.mailbox == ANN]
    world.mail.user_deletes(copy.handle)
    queue(world.parts, [waiting.id])
    world.drain()
    path = tmp_path / "pending.csv"
    assert export_actions(world.parts, path, history=False) == 1
    (row,) = rows(path)
    assert tuple(row) == PENDING_COLUMNS
    assert PENDING_COLUMNS[:18] == DEFENDER
    wanted = {"Email count": "3", "Phish": "3", "Malware": "0", "Delivered": "1", "Junked": "2"}
    wanted |= {"Mailbox": "3", "Mailbox now": "2", "Not in mailbox": "0", "Not in mailbox now": "1"}
    wanted |= {"Entity type": "Email clusters", "Threat type": "Malicious URL", "Action ID": waiting.id}
    assert {name: row[name] for name in wanted} == wanted
    assert "(and 2 other messages)" in row["Subject"]
    commands.approve(world.parts, waiting.id, "ben", note="=a phish")
    world.drain()
    assert export_actions(world.parts, path, history=False) == 0
    assert export_actions(world.parts, path, history=True) == 1
    (done,) = rows(path)
    assert tuple(done) == HISTORY_COLUMNS
    assert (done["Action type"], done["Status"], done["Handled by"], done["Note"]) == (
        "Soft delete emails",
        "Completed",
        "ben",
        "'=a phish",
    )
    with pytest.raises(BadParameter, match=r"\.csv"):
        export_actions(world.parts, tmp_path / "pending.txt", history=False)


DEFENDER = (
    "Investigation ID", "First seen", "Details", "Email count", "Malware", "Phish", "High Confidence Phish",
    "Spam", "Delivered", "Junked", "Replaced", "Blocked", "Mailbox", "Not in mailbox", "On-prem/External",
    "Entity type", "Threat type", "Subject",
)  # fmt: skip


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8-sig") as file:
        return list(csv.DictReader(file))
