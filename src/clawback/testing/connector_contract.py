"""What every connector must do: subclass `ConnectorContract`, give it two fixtures, and run pytest.

::

    class TestMine(ConnectorContract):
        @pytest.fixture
        def world(self) -> World: ...          # what owners and administrators do, beside the connector

        @pytest.fixture
        def connector(self, world: World) -> Connector: ...
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping, Sequence

import pytest

from clawback.errors import Gone, HandleStale, MailboxError, ReadOnly, Refused
from clawback.mailboxes.base import Capability, Connector, FolderListing, Move, RawMessage
from clawback.message.delivery import DeliveryLocation, Handle, Observed
from clawback.testing.asking import (
    ANN,
    BOB,
    DATE,
    FLAGS,
    HANG,
    INBOX,
    NOBODY,
    after,
    alike,
    copies,
    folder_of,
    listing,
    mail,
    moved,
    only,
    places,
    run,
    soft_deleted,
    wanted,
)
from clawback.testing.cursor_contract import CursorContract
from clawback.testing.world import World

__all__ = [
    "ANN",
    "BOB",
    "DATE",
    "FLAGS",
    "HANG",
    "INBOX",
    "NOBODY",
    "ConnectorContract",
    "World",
    "after",
    "alike",
    "copies",
    "folder_of",
    "listing",
    "mail",
    "moved",
    "only",
    "places",
    "run",
    "soft_deleted",
    "wanted",
]


class ConnectorContract(CursorContract):
    """The tests. They name nothing that only one mail system has."""

    @pytest.fixture
    def world(self) -> World:
        """What happens beside the connector."""
        raise NotImplementedError

    @pytest.fixture
    def connector(self, world: World) -> Connector:
        """The connector, on that world."""
        raise NotImplementedError

    def put(self, world: World, content: bytes, folder: str = INBOX, flags: Collection[str] = ()) -> None:
        """Deliver to ANN."""
        world.deliver(ANN, content, folder, flags, DATE)

    def test_it_tells_its_mailboxes_in_order(self, connector: Connector) -> None:
        assert run(connector.mailboxes()) == (ANN, BOB)

    def test_it_describes_how_it_will_act(self, connector: Connector) -> None:
        sentences = run(connector.describe())
        assert sentences
        assert all(sentence == sentence.strip() != "" for sentence in sentences)

    def test_a_listing_shows_each_copy_with_its_flags_date_and_size(
        self, connector: Connector, world: World
    ) -> None:
        self.put(world, mail("one"), flags=FLAGS)
        copy = only(connector, ANN)
        assert (copy.handle.source, copy.handle.mailbox, copy.handle.folder) == (connector.name, ANN, INBOX)
        assert (copy.flags, copy.internal_date, copy.size) == (FLAGS, DATE, len(mail("one")))
        assert copy.location is DeliveryLocation.INBOX
        assert copies(connector, BOB) == []

    def test_folders_go_by_the_names_that_people_gave_them(self, connector: Connector, world: World) -> None:
        folders = ["Archive/2024", "Müll & Söhne", "迷惑メール", "A-Z/ä/ß"]
        for folder in folders:
            self.put(world, mail(folder), folder)
        found = listing(connector, ANN)
        assert {f: len(c) for f, c in found.items() if c} == dict.fromkeys(folders, 1)
        for folder in folders:
            back = moved(
                connector,
                moved(connector, found[folder][0], soft_deleted(connector, found[folder][0])),
                folder,
            )
            assert alike(connector, back, found[folder][0])

    def test_a_cursor_spares_a_folder_until_it_changes(self, connector: Connector, world: World) -> None:
        self.put(world, mail("one"))
        world.settle()
        first = run(connector.list(ANN, {}))
        again = run(connector.list(ANN, _cursors(first)))
        assert {f.folder: f.copies for f in again} == dict.fromkeys((f.folder for f in first), None)
        self.put(world, mail("two"))
        third = after(after({}, first), run(connector.list(ANN, _cursors(again))))
        assert len(third[INBOX]) == 2

    def test_a_cursor_never_hides_a_change_that_came_right_after_it(
        self, connector: Connector, world: World
    ) -> None:
        cursors: Mapping[str, str] = {}
        known: Mapping[str, tuple[Observed, ...]] = {}
        for number in range(1, 6):
            self.put(world, mail(str(number)))
            answer = run(connector.list(ANN, cursors))
            known = after(known, answer)
            assert len(known[INBOX]) == number
            cursors = _cursors(answer)

    def test_what_is_told_since_a_cursor_adds_up_to_what_is_there(
        self, connector: Connector, world: World
    ) -> None:
        for number in range(5):
            self.put(world, mail(str(number), 150 + number), "Archive" if number == 4 else INBOX)
        answer = run(connector.list(ANN, {}))
        known = after({}, answer)
        mine = _by_size(known[INBOX])
        world.move(mine[0].handle, "Archive")
        world.delete(mine[1].handle)
        world.flag(mine[2].handle, FLAGS)
        taken = moved(connector, mine[3], soft_deleted(connector, mine[3]))
        self.put(world, mail("new", 300))
        known = after(known, run(connector.list(ANN, _cursors(answer))))
        whole = listing(connector, ANN)
        assert {f: _by_size(c) for f, c in known.items()} == {f: _by_size(c) for f, c in whole.items()}
        assert taken in known[taken.handle.folder]

    def test_listing_a_mailbox_that_does_not_exist_says_gone(self, connector: Connector) -> None:
        with pytest.raises(Gone):
            run(connector.list(NOBODY, {}))

    def test_a_fetch_gives_the_bytes_in_the_order_of_the_request(
        self, connector: Connector, world: World
    ) -> None:
        texts = [mail(str(n), 150 + n) for n in range(5)]
        for text in texts:
            self.put(world, text)
        handles = [copy.handle for copy in sorted(copies(connector, ANN), key=lambda c: -c.size)]
        raws = run(connector.fetch(handles))
        assert [raw.content for raw in raws if isinstance(raw, RawMessage)] == texts[::-1]

    def test_a_copy_whose_flags_changed_is_still_fetched_and_moved(
        self, connector: Connector, world: World
    ) -> None:
        self.put(world, mail("one"))
        before = only(connector, ANN)
        world.flag(before.handle, FLAGS)
        (raw,) = run(connector.fetch([before.handle]))
        assert isinstance(raw, RawMessage)
        assert (raw.content, raw.observed.flags) == (mail("one"), FLAGS)
        assert moved(connector, before, soft_deleted(connector, before)).flags == FLAGS

    def test_a_move_keeps_bytes_flags_keywords_and_date(self, connector: Connector, world: World) -> None:
        self.put(world, mail("one"), flags=FLAGS)
        before = only(connector, ANN)
        after = moved(connector, before, soft_deleted(connector, before))
        assert (after.flags, after.internal_date, after.size) == (FLAGS, DATE, before.size)
        assert after.location is DeliveryLocation.SOFT_DELETED
        assert only(connector, ANN) == after
        (raw,) = run(connector.fetch([after.handle]))
        assert isinstance(raw, RawMessage)
        assert raw.content == mail("one")

    def test_a_move_between_the_owners_folders_keeps_keywords_by_name(
        self, connector: Connector, world: World
    ) -> None:
        self.put(world, mail("other"), "Junk", {"other", "another"})
        self.put(world, mail("one"), flags=FLAGS)
        before = listing(connector, ANN)[INBOX][0]
        after = moved(connector, before, "Junk")
        assert (after.flags, after.location) == (FLAGS, DeliveryLocation.JUNK)
        assert {c.flags for c in listing(connector, ANN)["Junk"]} == {FLAGS, frozenset({"other", "another"})}
        assert moved(connector, after, INBOX).flags == FLAGS

    def test_moving_back_leaves_everything_as_it_was(self, connector: Connector, world: World) -> None:
        self.put(world, mail("one"), flags=FLAGS)
        self.put(world, mail("two", 210), "Archive/2024", {"\\Answered", "Project-X"})
        self.put(world, mail("three", 220))
        before, seen = world.state(ANN), listing(connector, ANN)
        for copy in copies(connector, ANN):
            away = moved(connector, copy, soft_deleted(connector, copy))
            assert world.state(ANN) != before
            assert alike(connector, moved(connector, away, copy.handle.folder), copy)
        assert world.state(ANN) == before
        again = listing(connector, ANN)
        for folder in seen:
            pairs = zip(_by_size(seen[folder]), _by_size(again[folder]), strict=True)
            assert all(alike(connector, one, other) for one, other in pairs)

    def test_moving_a_copy_to_where_it_is_changes_nothing(self, connector: Connector, world: World) -> None:
        self.put(world, mail("one"), flags=FLAGS)
        before, copy = world.state(ANN), only(connector, ANN)
        assert moved(connector, copy, INBOX) == copy
        assert world.state(ANN) == before

    def test_the_owner_does_not_see_what_was_taken(self, connector: Connector, world: World) -> None:
        empty = world.state(ANN)
        self.put(world, mail("one"))
        copy = only(connector, ANN)
        for place in (DeliveryLocation.SOFT_DELETED, DeliveryLocation.QUARANTINE):
            copy = moved(connector, copy, folder_of(connector, ANN, place, copy.handle.folder))
            assert world.state(ANN) == empty
            assert connector.location_of(ANN, copy.handle.folder) is place

    def test_a_move_answers_stale_for_a_copy_that_left_the_folder(
        self, connector: Connector, world: World
    ) -> None:
        self.put(world, mail("one"))
        copy = only(connector, ANN)
        world.move(copy.handle, "Archive")
        (answer,) = run(connector.move([Move(copy.handle, soft_deleted(connector, copy))]))
        assert isinstance(answer, HandleStale)
        assert places(connector, copy, mail("one")) == ["Archive"]

    def test_a_copy_that_is_nowhere_has_no_places(self, connector: Connector, world: World) -> None:
        self.put(world, mail("one"))
        self.put(world, mail("two"))
        copy = copies(connector, ANN)[0]
        (raw,) = run(connector.fetch([copy.handle]))
        assert isinstance(raw, RawMessage)
        world.delete(copy.handle)
        assert places(connector, copy, raw.content) == []
        for answer in _all_verbs(connector, copy.handle):
            assert isinstance(answer, HandleStale | Gone)

    def test_a_mailbox_that_vanished_is_gone(self, connector: Connector, world: World) -> None:
        self.put(world, mail("one"))
        copy = only(connector, ANN)
        world.remove(ANN)
        for answer in _all_verbs(connector, copy.handle):
            assert isinstance(answer, Gone)

    def test_bulk_answers_each_item_in_its_order(self, connector: Connector, world: World) -> None:
        for number in range(6):
            self.put(world, mail(str(number), 150 + number), INBOX if number % 2 else "Archive")
        world.deliver(BOB, mail("bob", 300), INBOX, (), DATE)
        mine = sorted(copies(connector, ANN), key=lambda c: c.size)
        asked = [mine[4], only(connector, BOB), mine[1], mine[0], mine[5]]
        world.delete(mine[1].handle)
        moves = [Move(c.handle, soft_deleted(connector, c)) for c in asked]
        moves.insert(3, Move(Handle(connector.name, NOBODY, INBOX, "none", ""), INBOX))
        answers = run(connector.move(moves))
        sizes = [a.size if isinstance(a, Observed) else type(a) for a in answers]
        assert sizes == [154, 300, HandleStale, Gone, 150, 155]

    def test_a_copy_that_the_owner_moved_is_found_by_its_bytes(
        self, connector: Connector, world: World
    ) -> None:
        self.put(world, mail("one"), flags=FLAGS)
        self.put(world, mail("two"))
        found = {c.flags: c for c in copies(connector, ANN)}
        copy = found[FLAGS]
        world.move(copy.handle, "Müll")
        assert places(connector, copy, mail("one")) == ["Müll"]
        (answer,) = run(connector.find([wanted(copy, mail("one"))]))
        assert isinstance(answer, tuple)
        assert (answer[0].flags, answer[0].internal_date) == (FLAGS, DATE)

    def test_a_copy_in_the_vault_is_found_from_its_old_handle(
        self, connector: Connector, world: World
    ) -> None:
        self.put(world, mail("one"))
        copy = only(connector, ANN)
        after = moved(connector, copy, soft_deleted(connector, copy))
        assert places(connector, copy, mail("one")) == [after.handle.folder]
        assert places(connector, after, mail("one")) == [after.handle.folder]

    def test_two_equal_copies_are_two_copies(self, connector: Connector, world: World) -> None:
        self.put(world, mail("twin"))
        self.put(world, mail("twin"))
        first, second = copies(connector, ANN)
        assert first.handle != second.handle
        answers = run(connector.move([Move(c.handle, soft_deleted(connector, c)) for c in (first, second)]))
        assert len({a.handle for a in answers if isinstance(a, Observed)}) == 2
        assert len(copies(connector, ANN)) == 2
        back = run(connector.move([Move(a.handle, INBOX) for a in answers if isinstance(a, Observed)]))
        for one in (first, second):
            assert any(isinstance(b, Observed) and alike(connector, one, b) for b in back)

    def test_a_delete_is_for_good_and_tells_what_was_there(self, connector: Connector, world: World) -> None:
        self.put(world, mail("one"), flags=FLAGS)
        copy = only(connector, ANN)
        assert list(run(connector.delete([copy.handle]))) == [copy]
        assert copies(connector, ANN) == []
        assert places(connector, copy, mail("one")) == []

    def test_an_append_puts_a_copy_back_from_its_bytes(self, connector: Connector, world: World) -> None:
        self.put(world, mail("one"), flags=FLAGS)
        copy = only(connector, ANN)
        run(connector.delete([copy.handle]))
        back = run(connector.append(ANN, INBOX, mail("one"), copy.flags, copy.internal_date))
        assert (back.flags, back.internal_date, back.size) == (FLAGS, DATE, copy.size)
        assert only(connector, ANN) == back
        (raw,) = run(connector.fetch([back.handle]))
        assert isinstance(raw, RawMessage)
        assert raw.content == mail("one")

    def test_an_append_never_takes_the_place_of_another_copy(self, connector: Connector) -> None:
        for _ in range(20):
            run(connector.append(ANN, "New", mail("one"), frozenset({"\\Seen"}), DATE))
        assert len(copies(connector, ANN)) == 20

    def test_an_append_to_a_mailbox_that_does_not_exist_says_gone(self, connector: Connector) -> None:
        with pytest.raises(Gone):
            run(connector.append(NOBODY, INBOX, mail("one"), frozenset(), DATE))

    def test_a_read_only_mailbox_refuses_each_copy_by_name(self, connector: Connector, world: World) -> None:
        self.put(world, mail("one"))
        before, copy = world.state(ANN), only(connector, ANN)
        if not world.make_read_only(ANN):
            pytest.skip("this world has no read-only mailboxes")
        answers = [*run(connector.move([Move(copy.handle, soft_deleted(connector, copy))]))]
        answers += run(connector.delete([copy.handle]))
        assert [type(answer) for answer in answers] == [ReadOnly, ReadOnly]
        assert world.state(ANN) == before
        assert isinstance(run(connector.fetch([copy.handle]))[0], RawMessage)

    def test_places_that_are_no_folder_are_refused(self, connector: Connector) -> None:
        for place in (DeliveryLocation.DROPPED, DeliveryLocation.EXTERNAL, DeliveryLocation.HARD_DELETED):
            with pytest.raises(Refused):
                folder_of(connector, ANN, place, INBOX)

    def test_a_folder_that_is_there_is_taken_before_a_new_one(
        self, connector: Connector, world: World
    ) -> None:
        for folder in ("Papierkorb", "Spam", "Archive/Trash"):
            self.put(world, mail(folder), folder)
        assert folder_of(connector, ANN, DeliveryLocation.DELETED_ITEMS, INBOX) == "Papierkorb"
        assert folder_of(connector, ANN, DeliveryLocation.JUNK, INBOX) == "Spam"
        assert folder_of(connector, ANN, DeliveryLocation.INBOX, "Spam") == INBOX
        for place in (DeliveryLocation.JUNK, DeliveryLocation.DELETED_ITEMS, DeliveryLocation.SENT):
            assert connector.location_of(BOB, folder_of(connector, BOB, place, INBOX)) is place

    def test_a_watch_sees_a_delivery_and_ends_with_the_connector(
        self, connector: Connector, world: World
    ) -> None:
        if Capability.WATCH not in connector.capabilities():
            pytest.skip("this connector cannot watch")
        run(self._watch_a_delivery(connector, world))

    async def _watch_a_delivery(self, connector: Connector, world: World) -> None:
        watch = connector.watch()
        answer = asyncio.ensure_future(anext(watch))
        world.deliver(BOB, mail("one"), INBOX, (), DATE)
        seen = set(await answer)
        while BOB not in seen:
            seen |= await anext(watch)
        await connector.close()
        async for _ in watch:
            pass


def _cursors(answer: Sequence[FolderListing]) -> dict[str, str]:
    return {folder.folder: folder.cursor for folder in answer}


def _by_size(copies: Sequence[Observed]) -> list[Observed]:
    return sorted(copies, key=lambda copy: (copy.size, copy.handle.native_id))


def _all_verbs(connector: Connector, handle: Handle) -> list[object]:
    asked: list[object] = [*run(connector.fetch([handle]))]
    asked += run(connector.move([Move(handle, "Archive")]))
    asked += run(connector.delete([handle]))
    assert all(isinstance(answer, MailboxError) for answer in asked), asked
    return asked
