"""Finding copies: where the handle says, else by the message's id, else by size and bytes."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence

from clawback.errors import CapabilityMissing, MailboxError, Refused
from clawback.mailboxes.base import Failure, Wanted
from clawback.mailboxes.jmap.accounts import Account
from clawback.mailboxes.jmap.calls import Call, Group, Result, ask
from clawback.mailboxes.jmap.fetching import Fetcher
from clawback.mailboxes.jmap.looking import Looker, Seen
from clawback.mailboxes.jmap.naming import email_of
from clawback.mailboxes.jmap.shapes import EMAIL, Email, Got
from clawback.message.delivery import Observed

MOST_CANDIDATES = 4096
"""Messages of one size in one mailbox whose bytes are compared. Beyond that we do not say "nowhere"."""

Places = tuple[Observed, ...]
_Size = tuple[Account, int]


class Finder:
    """Finds many copies in many mailboxes at once."""

    def __init__(self, looker: Looker, fetcher: Fetcher) -> None:
        self._looker = looker
        self._fetcher = fetcher

    async def find(
        self, wanted: Sequence[Wanted], accounts: Mapping[str, Account | Failure]
    ) -> list[Places | Failure]:
        """Every place of each wanted copy, () for nowhere."""
        ids: dict[Account, dict[str, None]] = {}
        for each in wanted:
            account = accounts[each.handle.mailbox]
            if isinstance(account, Account):
                ids.setdefault(account, {})[email_of(each.handle)] = None
        seen = await self._looker.look({a: list(found) for a, found in ids.items()}, anew=True, must=True)
        answers: dict[int, Places | Failure] = {}
        lost: dict[int, Seen] = {}
        for index, each in enumerate(wanted):
            account = accounts[each.handle.mailbox]
            found = seen[account] if isinstance(account, Account) else account
            if not isinstance(found, Seen):
                answers[index] = found
            elif (email := found.emails.get(email_of(each.handle))) is not None:
                answers[index] = self._by_id(each, found, email)
            else:
                lost[index] = found
        answers |= await self._by_bytes({index: (wanted[index], found) for index, found in lost.items()})
        return [answers[index] for index in range(len(wanted))]

    def _by_id(self, wanted: Wanted, seen: Seen, email: Email) -> Places:
        places = self._looker.places(wanted.handle.mailbox, seen, email)
        there = tuple(place for place in places if place.handle.native_id == wanted.handle.native_id)
        return places if wanted.halfway or not there else there

    async def _by_bytes(self, lost: Mapping[int, tuple[Wanted, Seen]]) -> dict[int, Places | Failure]:
        """By size first, which a server can tell, then by the hash of all bytes."""
        sizes: list[_Size] = list({(s.account, max(0, wanted.size)): None for wanted, s in lost.values()})
        groups = [_group(account, size) for account, size in sizes]
        candidates: dict[_Size, list[Email] | Failure] = {}
        for key, answers in zip(sizes, await ask(self._looker.line, groups), strict=True):
            try:
                if isinstance(answers, MailboxError | Refused):
                    raise answers
                found = answers[1].read(Got).found
                candidates[key] = [email for email in found if email.size == key[1]]
            except (MailboxError, Refused) as error:
                candidates[key] = error
        looks = [
            self._compared(each, seen, candidates[seen.account, max(0, each.size)])
            for each, seen in lost.values()
        ]
        return dict(zip(lost, await asyncio.gather(*looks), strict=True))

    async def _compared(
        self, wanted: Wanted, seen: Seen, candidates: Sequence[Email] | Failure
    ) -> Places | Failure:
        if isinstance(candidates, MailboxError | Refused):
            return candidates
        found: list[Observed] = []
        for email in candidates:
            try:
                if await self._fetcher.sha256_of(seen, email) == wanted.raw_sha256:
                    found += self._looker.places(wanted.handle.mailbox, seen, email)
            except (MailboxError, Refused) as error:
                return error
        if not found and len(candidates) >= _most(seen.account):
            many = f"more than {len(candidates):,} messages of {wanted.size:,} bytes"
            return CapabilityMissing(f"{wanted.handle.mailbox} has {many}: too many to compare them")
        return tuple(found)


def _most(account: Account) -> int:
    return min(MOST_CANDIDATES, account.server.core.max_objects_in_get)


def _group(account: Account, size: int) -> Group:
    sizes = {"minSize": size, "maxSize": size + 1}
    calls: list[Call] = [
        ("Email/query", {"filter": sizes, "limit": _most(account)}),
        ("Email/get", {"#ids": Result(0, "/ids"), "properties": EMAIL}),
    ]
    return Group(account, calls, f"looking for a message in {account.mailbox}")
