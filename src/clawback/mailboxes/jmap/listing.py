"""Listing a mailbox: what changed since a cursor where the server can tell, or all of it.

A cursor is the id of the folder and the state of the account's messages (RFC 8620, section 1.5) before
which everything had been told.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from clawback.errors import ProtocolViolation, Unavailable
from clawback.mailboxes.base import FolderListing
from clawback.mailboxes.jmap.accounts import Account
from clawback.mailboxes.jmap.calls import Answer, Call, Group, Result, ask_one
from clawback.mailboxes.jmap.folders import Folders
from clawback.mailboxes.jmap.looking import Looker, folders_call
from clawback.mailboxes.jmap.naming import native_id
from clawback.mailboxes.jmap.shapes import EMAIL, Changed, Email, Got, Queried
from clawback.message.delivery import Observed

PAGE = 4096
"""Messages that are listed at once, where the server gives so many."""
MOST_CHANGES = 1024
"""Changes beyond which a whole listing is as good."""
_TRIES = 3
_UNTOLD = {"cannotCalculateChanges", "invalidArguments", "tooManyChanges"}
"""Errors of Email/changes that mean: ask for everything. Cyrus calls a state that it never had invalid."""


@dataclass(frozen=True, slots=True)
class _News:
    """What changed: the messages that are new or other, as they are now, and all that changed or went."""

    state: str
    emails: Sequence[Email]
    touched: frozenset[str]


class Lister:
    """Lists one mailbox at a time."""

    def __init__(self, looker: Looker) -> None:
        self._looker = looker

    async def folders(
        self, mailbox: str, account: Account, cursors: Mapping[str, str]
    ) -> tuple[FolderListing, ...]:
        """Every folder: unchanged, what changed, or whole. Raises Gone and what else keeps us from it."""
        since = _common_state(cursors)
        if since:
            folders, news = await self._news(account, since)
            if news is not None:
                return await self._partial(mailbox, account, cursors, since, folders, news)
        return await self._everything(mailbox, account)

    async def _everything(self, mailbox: str, account: Account) -> tuple[FolderListing, ...]:
        """Every folder whole: at the state before, and with the folders after all messages were listed."""
        begin: Call = ("Email/get", {"ids": [], "properties": EMAIL})
        page = _page(account, {}, None, 1)
        begun, queried, got, told = await self._ask(account, [begin, *page, folders_call(account)])
        state = begun.read(Got).state
        emails = got.read(Got).found
        if not _last(account, queried.read(Queried)):
            emails = await self._all(account, {})
            (told,) = await self._ask(account, [folders_call(account)])
        folders = self._looker.folders(account, [told])
        by_folder: dict[str, list[Email]] = defaultdict(list)
        for email in emails:
            for key in email.folders:
                by_folder[key].append(email)
        return tuple(
            FolderListing(path, _cursor(key, state), self._observed(mailbox, path, key, by_folder[key]))
            for path, key in sorted(folders.ids.items())
        )

    async def _news(self, account: Account, since: str) -> tuple[Folders, _News | None]:
        """The folders, and what changed since a state; None for the latter when that cannot be told."""
        core = account.server.core
        most = min(MOST_CHANGES, core.max_objects_in_get)
        calls: list[Call] = [
            folders_call(account),
            ("Email/changes", {"sinceState": since, "maxChanges": most}),
            ("Email/get", {"#ids": Result(1, "/created"), "properties": EMAIL}),
            ("Email/get", {"#ids": Result(1, "/updated"), "properties": EMAIL}),
        ]
        told, changes, *emails = await self._ask(account, calls)
        folders = self._looker.folders(account, [told])
        if changes.error in _UNTOLD:
            return folders, None
        changed = changes.read(Changed)
        if changed.has_more_changes:
            return folders, None
        found = [email for answer in emails for email in answer.read(Got).found]
        if any(key not in folders.paths for email in found for key in email.folders):
            # A folder came up between the calls of one request: the next look will know it.
            return folders, None
        touched = frozenset((*changed.created, *changed.updated, *changed.destroyed))
        if not touched and changed.new_state != since:
            # A server that was put back to an earlier day tells of no changes since a state it does not know.
            return folders, None
        return folders, _News(changed.new_state, found, touched)

    async def _partial(
        self,
        mailbox: str,
        account: Account,
        cursors: Mapping[str, str],
        since: str,
        folders: Folders,
        news: _News,
    ) -> tuple[FolderListing, ...]:
        listed: list[FolderListing] = []
        for path, key in sorted(folders.ids.items()):
            if cursors.get(path) != _cursor(key, since):
                emails = await self._all(account, {"filter": {"inMailbox": key}})
                copies = self._observed(mailbox, path, key, emails)
                listed.append(FolderListing(path, _cursor(key, news.state), copies))
            elif not news.touched:
                listed.append(FolderListing(path, _cursor(key, news.state), None))
            else:
                listed.append(self._changed(mailbox, path, key, news))
        return tuple(listed)

    def _changed(self, mailbox: str, path: str, key: str, news: _News) -> FolderListing:
        """What is new or other in one folder. Whatever changed and is not in it may have left it."""
        copies = self._observed(mailbox, path, key, news.emails)
        gone = news.touched - {email.id for email in news.emails if key in email.folders}
        vanished = frozenset(native_id(email, key) for email in gone)
        return FolderListing(path, _cursor(key, news.state), copies, vanished)

    def _observed(self, mailbox: str, path: str, key: str, emails: Sequence[Email]) -> tuple[Observed, ...]:
        return tuple(self._looker.observed(mailbox, path, key, e) for e in emails if key in e.folders)

    async def _all(self, account: Account, query: Mapping[str, object]) -> list[Email]:
        """Every message that a query finds, page by page; each page begins behind the last message seen.

        Pages by number would lose a message when another before it goes away meanwhile.
        """
        for _ in range(_TRIES):
            emails = await self._pages(account, query)
            if emails is not None:
                return emails
        raise Unavailable(f"the mailbox {account.mailbox} changes while it is listed")

    async def _pages(self, account: Account, query: Mapping[str, object]) -> list[Email] | None:
        """All pages; None when the last message seen went away, so that there is nowhere to go on from."""
        found: dict[str, Email] = {}
        anchor: str | None = None
        while True:
            answer, emails = await self._ask(account, _page(account, query, anchor, 0))
            if answer.error == "anchorNotFound":
                return None
            queried, known = answer.read(Queried), len(found)
            found.update((email.id, email) for email in emails.read(Got).found)
            if _last(account, queried):
                return list(found.values())
            if len(found) == known:
                raise ProtocolViolation(f"listing {account.mailbox}: the server gives the same page again")
            anchor = queried.ids[-1]

    async def _ask(self, account: Account, calls: Sequence[Call]) -> Sequence[Answer]:
        return await ask_one(self._looker.line, Group(account, calls, f"listing {account.mailbox}"))


def _page(account: Account, query: Mapping[str, object], anchor: str | None, first: int) -> list[Call]:
    """The two calls for the messages behind an anchor; `first` is which call of the group the query is."""
    page: dict[str, object] = {
        "sort": [{"property": "receivedAt", "isAscending": True}],
        "limit": _size(account),
    }
    if anchor is not None:
        page |= {"anchor": anchor, "anchorOffset": 1}
    emails = {"#ids": Result(first, "/ids"), "properties": EMAIL}
    return [("Email/query", {**query, **page}), ("Email/get", emails)]


def _size(account: Account) -> int:
    return max(1, min(PAGE, account.server.core.max_objects_in_get))


def _last(account: Account, page: Queried) -> bool:
    """Whether nothing comes after a page. Only a server with a limit of its own gives less than it has."""
    return not page.ids or (len(page.ids) < _size(account) and page.limit is None)


def _cursor(key: str, state: str) -> str:
    return f"{key} {state}"


def _common_state(cursors: Mapping[str, str]) -> str:
    """The state that most folders were told of; the others are told whole."""
    states = [cursor.partition(" ")[2] for cursor in cursors.values()]
    return max(sorted(set(states)), key=states.count, default="")
