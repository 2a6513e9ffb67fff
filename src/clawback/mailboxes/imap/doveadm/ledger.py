"""The answers of one request, as they come in."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import replace

from clawback.errors import HandleStale
from clawback.mailboxes.base import Failure
from clawback.mailboxes.imap.doveadm.answer import Copy
from clawback.mailboxes.imap.doveadm.parcels import Asked, FolderState, Parcel
from clawback.mailboxes.imap.hands import native_id
from clawback.message.delivery import DeliveryLocation, Handle, Observed

Place = Callable[[str, str], DeliveryLocation]
"""What kind of place a folder of a mailbox is."""


class Ledger:
    """What became of each copy, by its place in the request. An answer once given stays."""

    def __init__(self, source: str, location_of: Place) -> None:
        self._source = source
        self._location_of = location_of
        self._answers: dict[int, Observed | Failure] = {}

    def answer(self, place: int, answer: Observed | Failure) -> None:
        """Say what became of one copy."""
        self._answers.setdefault(place, answer)

    def answers(self, count: int) -> list[Observed | Failure]:
        """All of them, in the order of the request."""
        return [self._answers[place] for place in range(count)]

    def rest(self, parcel: Parcel) -> Parcel | None:
        """The copies of a parcel that have no answer yet."""
        copies = tuple(copy for copy in parcel.copies if copy.place not in self._answers)
        return replace(parcel, copies=copies) if copies else None

    def fail(self, parcel: Parcel, failure: Failure) -> None:
        """The same failure for all copies of a parcel that have no answer yet."""
        for copy in parcel.copies:
            self.answer(copy.place, failure)

    def stale(self, copy: Asked) -> None:
        """The copy was not where its handle says, and nothing was done."""
        handle = copy.handle
        self.answer(copy.place, HandleStale(f"the copy is no longer in {handle.folder} of {handle.mailbox}"))

    def stay(self, parcel: Parcel, state: FolderState, copies: Sequence[Copy]) -> None:
        """Copies that were to go to the folder in which they are."""
        there = {(copy.uid, copy.guid): copy for copy in copies}
        for copy in parcel.copies:
            if found := there.get((copy.uid, copy.guid)):
                self._observed(copy, state, found)
            else:
                self.stale(copy)

    def receive(
        self, parcel: Parcel, goal: FolderState, left: Collection[tuple[int, str]], new: Sequence[Copy]
    ) -> frozenset[str]:
        """The receipts of copies that left, by UID and GUID; answers the GUIDs of new copies that are over.

        Copies of one GUID arrive in the order in which they lay. `goal` is the folder before.
        """
        waiting: dict[str, list[Copy]] = {}
        for copy in sorted({copy.uid: copy for copy in new}.values(), key=lambda copy: copy.uid):
            if copy.folder_guid == goal.guid and copy.uid >= goal.uid_next:
                waiting.setdefault(copy.guid, []).append(copy)
        arrived = {key: waiting[key[1]].pop(0) for key in sorted(left) if waiting.get(key[1])}
        for asked in parcel.copies:
            if found := arrived.get((asked.uid, asked.guid)):
                self._observed(asked, goal, found)
        return frozenset(guid for guid, copies in waiting.items() if copies)

    def _observed(self, asked: Asked, state: FolderState, copy: Copy) -> None:
        mailbox, folder = asked.handle.mailbox, asked.folder
        handle = Handle(self._source, mailbox, folder, native_id(state.uid_validity, copy.uid), copy.guid)
        place = self._location_of(mailbox, folder)
        self.answer(asked.place, Observed(handle, place, copy.size, copy.flags, copy.internal_date))
