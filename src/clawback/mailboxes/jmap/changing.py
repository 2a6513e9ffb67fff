"""Moving and deleting: each change expects what was seen a moment before, and is looked at afterwards.

JMAP has no "move this if it is still there". So a look gives the state of the account, the change is only
carried out at that state (ifInState), and where the state has moved on, the look is repeated.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass

from clawback.errors import HandleStale, MailboxError, Refused, Unavailable
from clawback.mailboxes.base import Failure
from clawback.mailboxes.jmap.accounts import Account
from clawback.mailboxes.jmap.border import failure_of_object
from clawback.mailboxes.jmap.calls import Answers, Call, Group, ask
from clawback.mailboxes.jmap.looking import Looker, Seen
from clawback.mailboxes.jmap.making import Maker
from clawback.mailboxes.jmap.naming import email_of
from clawback.mailboxes.jmap.naming import folder_of as source_of
from clawback.mailboxes.jmap.planning import Change, Plan, plan
from clawback.mailboxes.jmap.shapes import EMAIL, Done, Email, Got, SetError
from clawback.message.delivery import Observed

TRIES = 6
"""Looks at an account that changes all the time, before it has to wait."""
MOST = 500
"""Messages of one account that are changed at once."""

Outcome = Observed | Failure


@dataclass(slots=True)
class _Work:
    """What is left to do in one account, by the index of the request, and how often it was tried in vain."""

    left: dict[int, Change]
    tries: int = 0

    def next(self, account: Account) -> dict[int, Change]:
        """As much as may be changed at once."""
        core = account.server.core
        most = max(1, min(MOST, core.max_objects_in_set, core.max_objects_in_get))
        return dict(list(self.left.items())[:most])


class Changer:
    """Carries out changes in many accounts at once, those of one account in their order."""

    def __init__(self, looker: Looker, maker: Maker) -> None:
        self._looker = looker
        self._maker = maker
        self._asked_to_share: set[tuple[str, str]] = set()

    async def change(
        self, changes: Sequence[Change], accounts: Mapping[str, Account | Failure]
    ) -> list[Outcome]:
        """One outcome for each change, in their order: the copy where it is now, or as it was last seen."""
        outcomes: dict[int, Outcome] = {}
        work: dict[Account, _Work] = {}
        for index, change in enumerate(changes):
            account = accounts[change.handle.mailbox]
            if isinstance(account, Account):
                work.setdefault(account, _Work({})).left[index] = change
            else:
                outcomes[index] = account
        first = True
        while work:
            await self._wave(work, outcomes, first)
            first = False
            work = {account: each for account, each in work.items() if each.left}
        return [outcomes[index] for index in range(len(changes))]

    async def _wave(self, work: Mapping[Account, _Work], outcomes: dict[int, Outcome], first: bool) -> None:
        """One look at every account that has work left, and what it allows. The first may raise."""
        now = {account: each.next(account) for account, each in work.items()}
        looks = {a: list({email_of(c.handle) for c in each.values()}) for a, each in now.items()}
        seen = await self._looker.look(looks, must=first)
        shared = await self._share(now, seen)
        settled: dict[int, Outcome] = {}
        plans: dict[Account, Plan] = {}
        for account, found in seen.items():
            if account in shared:
                continue
            if isinstance(found, Seen):
                plans[account] = plan(now[account], found, self._looker.atlas)
            else:
                settled |= dict.fromkeys(now[account], found)
        settled |= await self._make(plans, now)
        ready = {a: p for a, p in plans.items() if not p.missing}
        settled |= await self._carry_out(ready, now, {a: s for a, s in seen.items() if isinstance(s, Seen)})
        outcomes |= settled
        for each in work.values():
            left = {index: change for index, change in each.left.items() if index not in settled}
            each.tries = each.tries + 1 if len(left) == len(each.left) else 0
            each.left = left
            if each.tries >= TRIES and each.left:
                late = Unavailable("the mailbox changes while we reach for the copy")
                outcomes |= dict.fromkeys(each.left, late)
                each.left = {}

    async def _share(
        self, now: Mapping[Account, Mapping[int, Change]], seen: Mapping[Account, Seen | Failure]
    ) -> Set[Account]:
        """Let what was read be known to us, where we may; those accounts have to be looked at again."""
        if not self._looker.line.options.share_seen:
            return set()
        unshared: dict[Account, Set[str]] = {}
        for account, found in seen.items():
            if isinstance(found, Seen):
                paths = {change.handle.folder for change in now[account].values()} & found.folders.unshared
                paths -= {path for path in paths if (account.mailbox, path) in self._asked_to_share}
                if paths:
                    unshared[account] = paths
        if unshared:
            await self._maker.share_seen(unshared)
            # Once is enough: where it is not allowed, copies go without the marks.
            self._asked_to_share |= {(a.mailbox, path) for a, paths in unshared.items() for path in paths}
        return unshared.keys()

    async def _make(
        self, plans: Mapping[Account, Plan], now: Mapping[Account, Mapping[int, Change]]
    ) -> dict[int, Outcome]:
        """Make the folders that are missing; the copies for them wait for the next look, or fail."""
        missing = {account: each.missing for account, each in plans.items() if each.missing}
        failures = await self._maker.make(missing) if missing else {}
        settled: dict[int, Outcome] = {}
        for (account, path), why in failures.items():
            for index, change in now[account].items():
                if change.folder is not None and f"{path}/".startswith(f"{change.folder}/"):
                    settled[index] = why
        return settled

    async def _carry_out(
        self,
        plans: Mapping[Account, Plan],
        now: Mapping[Account, Mapping[int, Change]],
        seen: Mapping[Account, Seen],
    ) -> dict[int, Outcome]:
        settled: dict[int, Outcome] = {}
        groups: list[Group] = []
        for account, each in plans.items():
            settled |= each.refused
            if each.empty:
                settled |= self._unchanged(each, now[account], seen[account])
            else:
                groups.append(_group(account, each, seen[account], now[account]))
        for group, answers in zip(groups, await ask(self._looker.line, groups), strict=True):
            account = group.account
            judge = _Judge(self._looker, now[account], seen[account], plans[account])
            settled |= judge.outcomes(answers)
        return settled

    def _unchanged(self, made: Plan, now: Mapping[int, Change], seen: Seen) -> dict[int, Outcome]:
        """The copies that are where they should be already."""
        return {index: self._looker.at(now[index].handle, seen) for index in made.reached}


def _group(account: Account, made: Plan, seen: Seen, now: Mapping[int, Change]) -> Group:
    arguments = {"ifInState": seen.state, "update": made.updates, "destroy": made.destroyed}
    ids = sorted({email_of(change.handle) for change in now.values()})
    calls: list[Call] = [("Email/set", arguments), ("Email/get", {"ids": ids, "properties": EMAIL})]
    return Group(account, calls, f"changing {account.mailbox}")


class _Judge:
    """Says what became of the changes of one account."""

    def __init__(self, looker: Looker, now: Mapping[int, Change], seen: Seen, made: Plan) -> None:
        self._looker = looker
        self._now = now
        self._seen = seen
        self._made = made

    def outcomes(self, answers: Answers) -> dict[int, Outcome]:
        """The outcomes; those that have to be tried again are left out."""
        try:
            if isinstance(answers, MailboxError | Refused):
                raise answers
            if answers[0].error == "stateMismatch":
                return {}
            done = answers[0].read(Done)
            after = {email.id: email for email in answers[1].read(Got).found}
        except (MailboxError, Refused) as error:
            return dict.fromkeys(self._made.reached, error)
        errors = {**(done.not_updated or {}), **(done.not_destroyed or {})}
        found: dict[int, Outcome] = {}
        for index, folder in self._made.reached.items():
            key = email_of(self._now[index].handle)
            if key not in errors:
                found[index] = self._outcome(index, folder, after.get(key))
            elif not self._again(errors[key]):
                found[index] = failure_of_object(errors[key], f"changing {self._seen.account.mailbox}")
        return found

    def _again(self, error: SetError) -> bool:
        """Whether a folder that we knew is there no more, so that its successor has to be looked for."""
        if error.type != "invalidProperties" or not _about_folders(error.properties or ()):
            return False
        self._looker.atlas.forget(self._seen.account.mailbox)
        return True

    def _outcome(self, index: int, folder: str | None, email: Email | None) -> Outcome:
        """What the look afterwards shows: an answer that all is done proves nothing."""
        handle = self._now[index].handle
        ids = self._seen.folders.ids
        there = email.folders if email else frozenset()
        if folder is None:
            if source_of(handle) in there:
                return Unavailable(f"the copy is still in {handle.folder} of {handle.mailbox}")
            return self._looker.at(handle, self._seen)
        if email is None or ids[folder] not in there:
            return HandleStale(f"the copy did not stay in {folder} of {handle.mailbox}")
        return self._looker.observed(handle.mailbox, folder, ids[folder], email)


def _about_folders(properties: Iterable[str]) -> bool:
    return any(name.partition("/")[0] == "mailboxIds" for name in properties)
