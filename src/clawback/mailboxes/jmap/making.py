"""Making folders where a copy is to go, with those above them."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence, Set
from typing import Any

from clawback.errors import CapabilityMissing, MailboxError, ReadOnly, Refused, Unavailable
from clawback.mailboxes.base import Failure
from clawback.mailboxes.jmap.accounts import Account
from clawback.mailboxes.jmap.border import failure_of_object
from clawback.mailboxes.jmap.calls import Answer, Answers, Call, Group, ask
from clawback.mailboxes.jmap.folders import Atlas, Folders
from clawback.mailboxes.jmap.looking import Looker, folders_call
from clawback.mailboxes.jmap.options import Places
from clawback.mailboxes.jmap.shapes import Done

Need = tuple[Account, str]
"""A folder that is missing in an account."""


class Maker:
    """Makes folders in many mailboxes at once."""

    def __init__(self, looker: Looker, places: Places) -> None:
        self._looker = looker
        self._places = places
        self._numbers = itertools.count(1)

    async def make(self, missing: Mapping[Account, Set[str]]) -> dict[Need, Failure]:
        """Make what is missing; answers why not for those that could not be made."""
        failures: dict[Need, Failure] = {}
        groups: list[Group] = []
        for account, paths in missing.items():
            folders = self._looker.atlas.known(account.mailbox)
            assert folders is not None
            allowed = {path for path in paths if self._allowed(path, folders)}
            failures |= {(account, path): _unmade(path, account) for path in paths - allowed}
            if allowed:
                calls = [*self._calls(allowed, folders, account.server.is_cyrus), folders_call(account)]
                groups.append(Group(account, calls, f"making folders in {account.mailbox}"))
        for group, answers in zip(groups, await ask(self._looker.line, groups), strict=True):
            paths = missing[group.account]
            failures |= {
                (group.account, path): why
                for path, why in self._judged(group.account, answers, paths).items()
                if (group.account, path) not in failures
            }
        return failures

    async def share_seen(self, unshared: Mapping[Account, Set[str]]) -> None:
        """Let the marks of what was read in these folders be their owner's for us too (Cyrus alone has that).

        Where that is not allowed, the folders stay as they are.
        """
        groups: list[Group] = []
        for account, paths in unshared.items():
            folders = self._looker.atlas.known(account.mailbox)
            assert folders is not None
            update = {folders.ids[path]: {"isSeenShared": True} for path in sorted(paths)}
            calls = [("Mailbox/set", {"update": update}), folders_call(account)]
            groups.append(Group(account, calls, f"sharing what was read in {account.mailbox}"))
        for group, answers in zip(groups, await ask(self._looker.line, groups), strict=True):
            if not isinstance(answers, MailboxError | Refused) and not answers[1].error:
                self._looker.folders(group.account, answers[1:])

    def _allowed(self, path: str, folders: Folders) -> bool:
        """Whether we may make it: the top of a hidden place would be for its owner to see."""
        atlas: Atlas = self._looker.atlas
        return atlas.hidden(path) is None or self._places.make or path.partition("/")[0] in folders.ids

    def _calls(self, paths: Set[str], folders: Folders, is_cyrus: bool) -> Iterator[Call]:
        """One call for each folder, those above before those below; each knows the one above by its id."""
        above: dict[str, str] = dict(folders.ids)
        levels = {level for path in paths for level in _levels(path)} - above.keys()
        for path in sorted(levels, key=lambda level: level.count("/")):
            parent, _, name = path.rpartition("/")
            key = f"k{next(self._numbers)}"
            wanted: dict[str, Any] = {"name": name, "parentId": above[parent] if parent else None}
            if is_cyrus and self._looker.atlas.hidden(path) is not None:
                wanted["isSeenShared"] = True
            yield ("Mailbox/set", {"create": {key: wanted}})
            above[path] = f"#{key}"

    def _judged(self, account: Account, answers: Answers, paths: Set[str]) -> dict[str, Failure]:
        if isinstance(answers, MailboxError | Refused):
            return dict.fromkeys(paths, answers)
        try:
            folders = self._looker.folders(account, answers[-1:])
            if all(path in folders.ids for path in paths):
                return {}
            why = _why(answers[:-1])
        except (MailboxError, Refused) as error:
            return dict.fromkeys(paths, error)
        return {path: why for path in paths if path not in folders.ids}


def _levels(path: str) -> Iterator[str]:
    names = path.split("/")
    return ("/".join(names[:i]) for i in range(1, len(names) + 1))


def _why(answers: Sequence[Answer]) -> Failure:
    """The first reason why a folder was not made.

    Cyrus calls the place invalid where we may make nothing, and the name where there is a folder already
    that we may not see.
    """
    for answer in answers:
        for error in (answer.read(Done).not_created or {}).values():
            if error.type == "invalidProperties" and {"parentId", "name"} & set(error.properties or ()):
                return ReadOnly("the folder for the copy may not be made, or may not be seen by us")
            return failure_of_object(error, "making a folder")
    return Unavailable("a folder that was made is not there")


def _unmade(path: str, account: Account) -> CapabilityMissing:
    top = path.partition("/")[0]
    return CapabilityMissing(
        f"{account.mailbox} has no folder {top}: let an administrator make one that its owner does not see"
    )
