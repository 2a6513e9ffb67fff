"""Looking: what is in some folders of some mailboxes right now, by the ids of messages."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC

from clawback.errors import HandleStale, MailboxError, Refused
from clawback.mailboxes.base import Failure
from clawback.mailboxes.jmap.accounts import Account
from clawback.mailboxes.jmap.calls import Answer, Answers, Call, Group, ask
from clawback.mailboxes.jmap.folders import Atlas, Folders
from clawback.mailboxes.jmap.keywords import flags_of
from clawback.mailboxes.jmap.line import Line
from clawback.mailboxes.jmap.naming import email_of, folder_of, native_id
from clawback.mailboxes.jmap.shapes import EMAIL, MAILBOX, Email, Got, GotMailboxes
from clawback.message.delivery import Handle, Observed


@dataclass(frozen=True, slots=True)
class Seen:
    """Some messages of one mailbox at one state of it, and its folders."""

    account: Account
    state: str
    emails: Mapping[str, Email]
    folders: Folders


class Looker:
    """Looks at many mailboxes in few requests."""

    def __init__(self, name: str, line: Line, atlas: Atlas) -> None:
        self._name = name
        self.line = line
        self.atlas = atlas

    async def look(
        self, wanted: Mapping[Account, Sequence[str]], *, anew: bool = False, must: bool = False
    ) -> dict[Account, Seen | Failure]:
        """The messages with these ids in each account, those that are there.

        With `anew`, the folders are looked at even where they are known; `must` as for `ask`.
        """
        groups: list[Group] = []
        for account, ids in wanted.items():
            most = account.server.core.max_objects_in_get
            parts = [ids[i : i + most] for i in range(0, len(ids), most)] or [[]]
            groups += [self._group(account, part, anew) for part in parts]
        found: dict[Account, Seen | Failure] = {}
        for group, answers in zip(groups, await ask(self.line, groups, must=must), strict=True):
            found[group.account] = self._joined(group.account, answers, found.get(group.account))
        return await self._with_new_folders(found)

    async def _with_new_folders(self, found: dict[Account, Seen | Failure]) -> dict[Account, Seen | Failure]:
        """The same, after a look at the folders where a message is in one that we did not know."""
        behind = {a: seen for a, seen in found.items() if isinstance(seen, Seen) and _behind(seen)}
        if behind:
            await self.learn(behind)
            known = {account: self.atlas.known(account.mailbox) for account in behind}
            found |= {a: replace(seen, folders=known[a] or seen.folders) for a, seen in behind.items()}
        return found

    def _group(self, account: Account, ids: Sequence[str], anew: bool) -> Group:
        calls: list[Call] = [("Email/get", {"ids": ids, "properties": EMAIL})]
        if anew or self.atlas.known(account.mailbox) is None:
            calls.append(folders_call(account))
        return Group(account, calls, f"looking at {account.mailbox}")

    def _joined(self, account: Account, answers: Answers, before: Seen | Failure | None) -> Seen | Failure:
        """What one request saw, with what earlier ones saw of the same account; the oldest state counts."""
        if isinstance(answers, MailboxError | Refused):
            return answers
        if isinstance(before, MailboxError | Refused):
            return before
        try:
            got = answers[0].read(Got)
            folders = self.folders(account, answers[1:])
        except (MailboxError, Refused) as error:
            return error
        emails = {email.id: email for email in got.found}
        if before is None:
            return Seen(account, got.state, emails, folders)
        return Seen(account, before.state, {**before.emails, **emails}, folders)

    def folders(self, account: Account, answers: Sequence[Answer]) -> Folders:
        """The folders that an answer tells, if there is one, or that are known."""
        if answers:
            return self.atlas.learn(account.mailbox, answers[0].read(GotMailboxes).found)
        known = self.atlas.known(account.mailbox)
        assert known is not None
        return known

    async def learn(self, accounts: Iterable[Account]) -> None:
        """Look at the folders of accounts anew; what fails will fail again where it matters."""
        groups = [Group(a, [folders_call(a)], f"looking at the folders of {a.mailbox}") for a in accounts]
        for group, answers in zip(groups, await ask(self.line, groups), strict=True):
            if isinstance(answers, MailboxError | Refused) or answers[0].error:
                self.atlas.forget(group.account.mailbox)
            else:
                self.folders(group.account, answers)

    def observed(self, mailbox: str, folder: str, key: str, email: Email) -> Observed:
        """A copy as we see it: a message in one of its folders, by path and id."""
        return Observed(
            Handle(self._name, mailbox, folder, native_id(email.id, key), email.blob_id),
            self.atlas.location_of(mailbox, folder),
            email.size,
            flags_of(email.keywords),
            email.received_at.astimezone(UTC),
        )

    def places(self, mailbox: str, seen: Seen, email: Email) -> tuple[Observed, ...]:
        """Every copy that a message is."""
        there = sorted((seen.folders.paths[key], key) for key in email.folders if key in seen.folders.paths)
        return tuple(self.observed(mailbox, path, key, email) for path, key in there)

    def at(self, handle: Handle, seen: Seen) -> Observed:
        """The copy that a handle means. Raises HandleStale when it is not there any more."""
        email = seen.emails.get(email_of(handle))
        key = folder_of(handle)
        if email is None or key not in email.folders or seen.folders.ids.get(handle.folder) != key:
            raise HandleStale(f"the copy is no longer in {handle.folder} of {handle.mailbox}")
        return self.observed(handle.mailbox, handle.folder, key, email)


def folders_call(account: Account) -> Call:
    """The call that tells of all folders."""
    properties = (*MAILBOX, "isSeenShared") if account.server.is_cyrus else MAILBOX
    return ("Mailbox/get", {"ids": None, "properties": properties})


def _behind(seen: Seen) -> bool:
    return any(key not in seen.folders.paths for email in seen.emails.values() for key in email.folders)
