"""What one change of a mailbox is to be: decided from what was seen, before anything is done."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from clawback.errors import HandleStale
from clawback.mailboxes.base import Failure
from clawback.mailboxes.jmap.folders import Atlas
from clawback.mailboxes.jmap.looking import Seen
from clawback.mailboxes.jmap.naming import email_of, folder_of
from clawback.message.delivery import Handle

MOST_BESIDE = 16
"""Copies of one message that may lie in a hidden place at once; servers let a message be in few folders."""


@dataclass(frozen=True, slots=True)
class Change:
    """Take a copy to a folder; or, without one, remove it for good."""

    handle: Handle
    folder: str | None


@dataclass(slots=True)
class Plan:
    """One Email/set: its arguments, and what is expected of each change that is part of it.

    `reached` are the changes, by their index, with the folder where the copy will be (None: nowhere);
    `refused` those that are not possible as things are; `missing` the folders that have to be made first.
    """

    updates: dict[str, dict[str, Any]] = field(default_factory=dict)
    destroyed: list[str] = field(default_factory=list)
    reached: dict[int, str | None] = field(default_factory=dict)
    refused: dict[int, Failure] = field(default_factory=dict)
    missing: set[str] = field(default_factory=set)

    @property
    def empty(self) -> bool:
        """Whether nothing has to be changed."""
        return not self.updates and not self.destroyed


def plan(changes: Mapping[int, Change], seen: Seen, atlas: Atlas) -> Plan:
    """Decide on all changes of one mailbox together. One message may be in several folders, each a copy."""
    made = Plan()
    by_email: dict[str, list[int]] = defaultdict(list)
    for index, change in changes.items():
        by_email[email_of(change.handle)].append(index)
    for email_id, indices in by_email.items():
        email = seen.emails.get(email_id)
        before = email.folders if email else frozenset()
        after = _after(made, changes, indices, before, seen, atlas)
        if after == before:
            continue
        if after:
            patch = {f"mailboxIds/{key}": None for key in sorted(before - after)}
            made.updates[email_id] = patch | {f"mailboxIds/{key}": True for key in sorted(after - before)}
        else:
            made.destroyed.append(email_id)
    return made


def _after(
    made: Plan,
    changes: Mapping[int, Change],
    indices: Sequence[int],
    before: frozenset[str],
    seen: Seen,
    atlas: Atlas,
) -> frozenset[str]:
    """The folders of one message after its changes, one after the other."""
    now = set(before)
    for index in indices:
        handle, folder = changes[index].handle, changes[index].folder
        source = folder_of(handle)
        if source not in now or seen.folders.ids.get(handle.folder) != source:
            made.refused[index] = HandleStale(f"the copy is no longer in {handle.folder} of {handle.mailbox}")
            continue
        if folder is None:
            now.discard(source)
            made.reached[index] = None
            continue
        target = folder if folder == handle.folder else _free(folder, now, seen, atlas)
        key = seen.folders.ids.get(target)
        if key is None:
            made.missing.add(target)
            continue
        now.discard(source)
        now.add(key)
        made.reached[index] = target
    return frozenset(now)


def _free(folder: str, now: set[str], seen: Seen, atlas: Atlas) -> str:
    """The folder, or one inside it where it is hidden and holds another copy of the message already.

    In one folder the two would become one for ever, and an undo could bring back only one of them.
    """
    if atlas.hidden(folder) is None:
        return folder
    names = [folder, *(atlas.beside(folder, number) for number in range(2, MOST_BESIDE + 1))]
    return next((name for name in names if seen.folders.ids.get(name) not in now), folder)
