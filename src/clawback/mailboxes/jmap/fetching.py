"""Fetching bytes: each message's blob, several at once, never more than the limit."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from hashlib import sha256

from clawback.errors import CapabilityMissing, MailboxError, ProtocolViolation, Refused
from clawback.mailboxes.base import Failure, RawMessage
from clawback.mailboxes.jmap.accounts import Account
from clawback.mailboxes.jmap.looking import Looker, Seen
from clawback.mailboxes.jmap.naming import email_of
from clawback.mailboxes.jmap.shapes import Email
from clawback.message.delivery import Handle, Observed

_REMEMBERED = 10_000
_AT_ONCE = 16
"""Blobs in memory that wait for a turn on the line, at most."""


class Fetcher:
    """Fetches the bytes of copies and of messages."""

    def __init__(self, looker: Looker) -> None:
        self._looker = looker
        self._hashes: OrderedDict[str, str] = OrderedDict()

    async def fetch(
        self, handles: Sequence[Handle], accounts: Mapping[str, Account | Failure]
    ) -> list[RawMessage | Failure]:
        """The bytes of each copy, as it was looked at a moment before."""
        wanted: dict[Account, list[str]] = {}
        for handle in handles:
            account = accounts[handle.mailbox]
            if isinstance(account, Account):
                wanted.setdefault(account, []).append(email_of(handle))
        seen = await self._looker.look({a: list(dict.fromkeys(ids)) for a, ids in wanted.items()}, must=True)
        turns = asyncio.Semaphore(_AT_ONCE)

        async def one(handle: Handle) -> RawMessage | Failure:
            account = accounts[handle.mailbox]
            found = seen[account] if isinstance(account, Account) else account
            if not isinstance(found, Seen):
                return found
            try:
                observed = self._looker.at(handle, found)
                async with turns:
                    return await self._read(found, observed)
            except (MailboxError, Refused) as error:
                return error

        return list(await asyncio.gather(*(one(handle) for handle in handles)))

    async def sha256_of(self, seen: Seen, email: Email) -> str:
        """The hash of a message's bytes; blobs do not change, so each is read once."""
        key = f"{seen.account.mailbox} {email.blob_id}"
        if key not in self._hashes:
            self._hashes[key] = sha256(await self._blob(seen.account, email.blob_id, email.size)).hexdigest()
            while len(self._hashes) > _REMEMBERED:
                self._hashes.popitem(last=False)
        return self._hashes[key]

    async def _read(self, seen: Seen, observed: Observed) -> RawMessage:
        handle = observed.handle
        content = await self._blob(seen.account, handle.version, observed.size)
        return RawMessage(observed, content)

    async def _blob(self, account: Account, blob: str, size: int) -> bytes:
        line = self._looker.line
        if size > line.options.largest:
            raise CapabilityMissing(f"a message of {size:,} bytes is over the limit")
        server = account.server
        url = line.checked(
            server.url(
                server.session.download_url,
                accountId=account.id,
                blobId=blob,
                type="application/octet-stream",
                name="message.eml",
            )
        )
        content = await line.get(url, server.credential, size)
        if len(content) < size:
            raise ProtocolViolation(f"{account.mailbox}: of {size:,} bytes only {len(content):,} came")
        return content
