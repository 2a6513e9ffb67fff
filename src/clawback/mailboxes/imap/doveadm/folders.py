"""What is remembered of folders, so that a call need not ask first."""

from __future__ import annotations

from clawback.mailboxes.imap.doveadm.parcels import FolderState, Parcel

MOST = 100_000
"""Folders remembered; the one unused longest is forgotten first."""


class Folders:
    """The last seen state of folders by user and name.

    It may be old: a folder that was replaced has another GUID, and then nothing at all is moved.
    """

    def __init__(self, most: int = MOST) -> None:
        self._most = most
        self._states: dict[tuple[str, str], FolderState] = {}

    def keep(self, user: str, name: str, state: FolderState) -> None:
        """Remember a folder."""
        self._states.pop((user, name), None)
        self._states[user, name] = state
        if len(self._states) > self._most:
            del self._states[next(iter(self._states))]

    def get(self, user: str, name: str) -> FolderState | None:
        """The folder as last seen."""
        return self._states.get((user, name))

    def forget(self, parcel: Parcel) -> None:
        """Look anew at both folders of a parcel."""
        self._states.pop((parcel.user, parcel.origin), None)
        self._states.pop((parcel.user, parcel.goal), None)

    def suffice(self, parcel: Parcel) -> bool:
        """Whether both folders are known, and no handle speaks of another UIDVALIDITY."""
        origin = self.get(parcel.user, parcel.origin)
        if origin is None or self.get(parcel.user, parcel.goal) is None:
            return False
        return all(copy.uid_validity == origin.uid_validity for copy in parcel.copies)
