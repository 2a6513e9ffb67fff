"""What becomes of copies on a JMAP server while their owners and others do as they like."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime

import pytest
from tests.mailboxes.jmap_between import Stage, stage
from tests.mailboxes.jmap_world import JmapWorld
from tests.servers.cyrus import HIDDEN, Cyrus, cyrus

from clawback.errors import CapabilityMissing, Gone, HandleStale, OverQuota, Unavailable
from clawback.mailboxes.base import Move, Wanted
from clawback.mailboxes.jmap import JmapConnector, Places
from clawback.message.delivery import DeliveryLocation, Handle, Observed
from clawback.message.half_moves import Sought, Stand, stands
from clawback.testing.connector_contract import (
    ANN,
    BOB,
    DATE,
    FLAGS,
    INBOX,
    copies,
    listing,
    mail,
    moved,
    only,
    places,
    run,
    wanted,
)

SOFT = "Quarantine/Soft deleted"


@pytest.fixture(scope="module")
def server() -> Iterator[Cyrus]:
    with cyrus() as running:
        yield running


@pytest.fixture
def world(server: Cyrus) -> JmapWorld:
    return JmapWorld(server)


@pytest.fixture
def on(world: JmapWorld) -> Iterator[Stage]:
    with stage(world) as made:
        yield made


def put(world: JmapWorld, content: bytes, folder: str = INBOX, date: datetime = DATE) -> None:
    world.deliver(ANN, content, folder, FLAGS, date)


def test_a_message_in_two_folders_is_two_copies_and_an_undo_brings_both_back(on: Stage) -> None:
    put(on.world, mail("one"))
    on.world.copy(only(on.connector, ANN).handle, "Archive")
    before = on.world.state(ANN)
    found = {copy.handle.folder: copy for copy in copies(on.connector, ANN)}
    assert set(found) == {INBOX, "Archive"}
    answers = run(on.connector.move([Move(copy.handle, SOFT) for copy in found.values()]))
    taken = [answer for answer in answers if isinstance(answer, Observed)]
    assert [t.handle.folder for t in taken] == [SOFT, f"{SOFT}/2"]
    assert {t.location for t in taken} == {DeliveryLocation.SOFT_DELETED}
    assert {f for f, c in listing(on.connector, ANN).items() if c} == {SOFT, f"{SOFT}/2"}
    pairs = zip(taken, found.values(), strict=True)
    back = run(on.connector.move([Move(there.handle, here.handle.folder) for there, here in pairs]))
    assert list(back) == list(found.values())
    assert on.world.state(ANN) == before


def test_the_copies_of_one_message_can_be_taken_one_after_the_other(on: Stage) -> None:
    put(on.world, mail("one"))
    first = only(on.connector, ANN)
    on.world.copy(first.handle, "Archive")
    taken = moved(on.connector, first, SOFT)
    (second,) = listing(on.connector, ANN)["Archive"]
    other = moved(on.connector, second, SOFT)
    assert {taken.handle.folder, other.handle.folder} == {SOFT, f"{SOFT}/2"}
    assert len(copies(on.connector, ANN)) == 2


def test_deleting_one_copy_of_a_message_leaves_the_other(on: Stage) -> None:
    put(on.world, mail("one"))
    first = only(on.connector, ANN)
    on.world.copy(first.handle, "Archive")
    assert run(on.connector.delete([first.handle])) == [first]
    left = only(on.connector, ANN)
    assert (left.handle.folder, left.handle.version) == ("Archive", first.handle.version)
    assert run(on.connector.delete([left.handle])) == [left]
    assert copies(on.connector, ANN) == []


def test_a_copy_that_is_appended_beside_its_twin_elsewhere_is_one_in_both_folders(on: Stage) -> None:
    put(on.world, mail("one"), "Archive")
    back = run(on.connector.append(ANN, INBOX, mail("one"), FLAGS, DATE))
    assert back.handle.folder == INBOX
    assert {copy.handle.folder for copy in copies(on.connector, ANN)} == {INBOX, "Archive"}


def test_a_move_does_nothing_to_a_copy_that_its_owner_moves_at_that_moment(on: Stage) -> None:
    """Between the look and the change: the state of the account does not fit any more."""
    put(on.world, mail("one"))
    copy = only(on.connector, ANN)
    on.meanwhile("Email/set", lambda: on.world.move(copy.handle, "Archive"))
    (answer,) = run(on.connector.move([Move(copy.handle, "Junk")]))
    assert isinstance(answer, HandleStale)
    assert [c.handle.folder for c in copies(on.connector, ANN)] == ["Archive"]
    assert on.requests("Email/set") == 1


def test_a_move_is_done_although_other_mail_arrives_at_that_moment(on: Stage) -> None:
    put(on.world, mail("one"))
    copy = only(on.connector, ANN)
    on.meanwhile("Email/set", lambda: put(on.world, mail("other")))
    assert moved(on.connector, copy, "Junk").handle.folder == "Junk"
    assert on.requests("Email/set") == 2
    assert len(listing(on.connector, ANN)[INBOX]) == 1


def test_a_deletion_does_nothing_to_a_copy_that_its_owner_moves_at_that_moment(on: Stage) -> None:
    put(on.world, mail("one"))
    copy = only(on.connector, ANN)
    on.meanwhile("Email/set", lambda: on.world.move(copy.handle, "Archive"))
    (answer,) = run(on.connector.delete([copy.handle]))
    assert isinstance(answer, HandleStale)
    assert [c.handle.folder for c in copies(on.connector, ANN)] == ["Archive"]


def test_an_account_that_changes_without_end_has_to_wait(on: Stage) -> None:
    put(on.world, mail("one"))
    copy = only(on.connector, ANN)
    on.meanwhile("Email/set", lambda: put(on.world, mail("other")), times=1000)
    (answer,) = run(on.connector.move([Move(copy.handle, "Junk")]))
    assert isinstance(answer, Unavailable)
    assert copy in listing(on.connector, ANN)[INBOX]


def test_a_folder_that_went_away_since_we_saw_it_is_made_again(on: Stage) -> None:
    put(on.world, mail("one"))
    there = moved(on.connector, only(on.connector, ANN), SOFT)
    back = moved(on.connector, there, INBOX)
    with on.world.server.admin_client() as admin:
        assert admin.delete(f'"user/ann/{SOFT}"')[0] == "OK"
    again = moved(on.connector, back, SOFT)
    assert again.handle.folder == SOFT
    assert again.handle.native_id != there.handle.native_id
    assert only(on.connector, ANN) == again


def test_a_folder_that_was_renamed_since_we_saw_it_is_told_by_its_new_name(on: Stage) -> None:
    put(on.world, mail("one"), "Archive")
    copy = only(on.connector, ANN)
    with on.world.owner("ann") as client:
        client.rename_folder("Archive", "Attic")
    assert places(on.connector, copy, mail("one")) == ["Attic"]
    assert only(on.connector, ANN).handle == replace(copy.handle, folder="Attic")
    (answer,) = run(on.connector.move([Move(copy.handle, SOFT)]))
    assert isinstance(answer, HandleStale)
    assert [c.handle.folder for c in copies(on.connector, ANN)] == ["Attic"]


def test_a_mailbox_without_a_hidden_folder_keeps_its_copies(on: Stage) -> None:
    """What we made at the top would be for its owner to see, and nobody would know."""
    with on.world.server.admin_client() as admin:
        assert admin.delete(f"user/ann/{HIDDEN}")[0] == "OK"
    put(on.world, mail("one"))
    copy = only(on.connector, ANN)
    for folder in (SOFT, HIDDEN):
        (answer,) = run(on.connector.move([Move(copy.handle, folder)]))
        assert isinstance(answer, CapabilityMissing)
    assert only(on.connector, ANN) == copy
    assert moved(on.connector, copy, "Junk").location is DeliveryLocation.JUNK
    assert any("1 of 2 mailboxes have none yet" in said for said in run(on.connector.describe()))


def test_who_allows_it_has_a_visible_folder_made(world: JmapWorld) -> None:
    with world.server.admin_client() as admin:
        assert admin.delete(f"user/ann/{HIDDEN}")[0] == "OK"
    put(world, mail("one"))
    with stage(world, places=Places(make=True)) as on:
        assert moved(on.connector, only(on.connector, ANN), SOFT).location is DeliveryLocation.SOFT_DELETED
    with world.owner("ann") as client:
        assert {name for _, _, name in client.list_folders()} == {INBOX, HIDDEN, SOFT}


def test_a_copy_is_found_by_its_bytes_among_others_of_its_size(on: Stage) -> None:
    for number in range(5):
        put(on.world, mail(f"message {number}", 300), f"Folder {number}")
    found = {copy.handle.folder: copy for copy in copies(on.connector, ANN)}
    lost = replace(found["Folder 3"].handle, native_id="M0.f", folder="Nowhere")
    (answer,) = run(
        on.connector.find([replace(wanted(found["Folder 3"], mail("message 3", 300)), handle=lost)])
    )
    assert answer == (found["Folder 3"],)
    (nowhere,) = run(on.connector.find([Wanted(lost, "0" * 64, 300)]))
    assert nowhere == ()
    unsized = [Wanted(lost, "0" * 64, size) for size in (-1, 0, 2**40)]
    assert list(run(on.connector.find(unsized))) == [(), (), ()]


def test_a_move_that_may_have_been_cut_in_half_is_looked_for_everywhere(on: Stage) -> None:
    put(on.world, mail("one"))
    copy = only(on.connector, ANN)
    on.world.copy(copy.handle, "Archive")
    plain = wanted(copy, mail("one"))
    first, all_of_them = run(on.connector.find([plain, replace(plain, halfway=True)]))
    assert isinstance(first, tuple)
    assert isinstance(all_of_them, tuple)
    assert [place.handle.folder for place in first] == [INBOX]
    assert {place.handle.folder for place in all_of_them} == {INBOX, "Archive"}


def test_copies_of_one_message_are_told_apart_after_moves_whose_answers_were_lost(on: Stage) -> None:
    """Or one would be taken for the half of the other that its move had left behind, and be deleted."""
    put(on.world, mail("one"))
    on.world.copy(only(on.connector, ANN).handle, "Archive")
    before = {copy.handle.folder: copy for copy in copies(on.connector, ANN)}
    moved(on.connector, before[INBOX], SOFT)
    asked = [replace(wanted(copy, mail("one")), halfway=True) for copy in before.values()]
    found = [answer for answer in run(on.connector.find(asked)) if isinstance(answer, tuple)]
    sought = [Sought(c.handle, c.handle, SOFT, DATE, f) for c, f in zip(before.values(), found, strict=True)]
    stood = dict(zip(before, stands(sought, frozenset()), strict=True))
    (taken,) = listing(on.connector, ANN)[SOFT]
    assert stood == {INBOX: Stand(inside=taken), "Archive": Stand(outside=before["Archive"])}


def test_a_full_mailbox_lets_copies_go_and_come_back_but_takes_none_from_bytes(on: Stage) -> None:
    put(on.world, mail("one", 50_000))
    copy = only(on.connector, ANN)
    with on.world.server.admin_client() as admin:
        assert admin.setquota("user/ann", "(STORAGE 10)")[0] == "OK"
    taken = moved(on.connector, copy, SOFT)
    assert moved(on.connector, taken, INBOX) == copy
    with pytest.raises(OverQuota):
        run(on.connector.append(ANN, INBOX, mail("two", 50_000), FLAGS, DATE))
    assert only(on.connector, ANN) == copy


def test_an_account_that_is_new_is_found_and_one_that_is_gone_is_gone(on: Stage) -> None:
    assert run(on.connector.mailboxes()) == (ANN, BOB)
    on.world.server.renew("cyd")
    cyd = "cyd@example.org"
    assert {f.folder for f in run(on.connector.list(cyd, {}))} == {INBOX, HIDDEN}
    on.world.server.remove_user("cyd")
    with pytest.raises(Gone):
        run(on.connector.list(cyd, {}))
    assert run(on.connector.mailboxes()) == (ANN, BOB)
    (answer,) = run(on.connector.fetch([Handle("jmap", cyd, INBOX, "M0", "")]))
    assert isinstance(answer, Gone)


def test_what_cyrus_keeps_for_each_reader_is_shared_where_we_may() -> None:
    """Left as it is, Cyrus gives a copy back unread; with `share_seen` it comes back as it was."""
    with cyrus(shared_seen=False) as server:
        for share, comes_back in ((False, False), (True, True)):
            world = JmapWorld(server)
            put(world, mail("one"))
            before = world.state(ANN)
            with stage(world, share_seen=share) as on:
                said = " ".join(run(on.connector.describe()))
                assert "for each reader apart" in said
                taken = moved(on.connector, only(on.connector, ANN), SOFT)
                assert ("\\Seen" in taken.flags) is share
                moved(on.connector, taken, INBOX)
            assert (world.state(ANN) == before) is comes_back


def test_an_owner_reaches_her_own_mailbox_with_a_login_of_her_own(world: JmapWorld) -> None:
    put(world, mail("one"))
    connector = JmapConnector("jmap", world.own_options())
    try:
        assert run(connector.mailboxes()) == (ANN, BOB)
        copy = only(connector, ANN)
        assert moved(connector, moved(connector, copy, "Junk"), INBOX) == copy
        assert copies(connector, BOB) == []
        with pytest.raises(Gone):
            run(connector.list("eve@example.org", {}))
        assert any("a login for each of 2 mailboxes" in said for said in run(connector.describe()))
    finally:
        run(connector.close())
