"""Putting a copy back from its bytes: upload, then import with flags and time."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from clawback.errors import CapabilityMissing, MailboxError, ProtocolViolation, ReadOnly, Refused
from clawback.mailboxes.jmap.accounts import Account
from clawback.mailboxes.jmap.border import failure_of_object
from clawback.mailboxes.jmap.calls import Answer, Call, Group, ask_one
from clawback.mailboxes.jmap.folders import Folders
from clawback.mailboxes.jmap.keywords import keywords_of
from clawback.mailboxes.jmap.looking import Looker, Seen
from clawback.mailboxes.jmap.making import Maker
from clawback.mailboxes.jmap.shapes import Done, SetError, Uploaded, read
from clawback.message.delivery import Observed

_KEY = "k"


class Appender:
    """Puts one copy back at a time."""

    def __init__(self, looker: Looker, maker: Maker) -> None:
        self._looker = looker
        self._maker = maker

    async def append(
        self,
        mailbox: str,
        account: Account,
        folder: str,
        content: bytes,
        flags: frozenset[str],
        internal_date: datetime,
    ) -> Observed:
        """The copy, new in its folder.

        JMAP lets a server keep equal bytes only once in an account (RFC 8621, section 4.8: alreadyExists).
        Then the message that is there is put into the folder too, with the flags and the time that it has;
        in a folder that holds it already, it is the answer.
        """
        folders = await self._folders(account, folder)
        key = folders.ids[folder]
        if folder in folders.closed:
            raise ReadOnly(f"nothing may be put into {folder} of {mailbox}")
        blob = await self._upload(account, content)
        wanted = {
            "blobId": blob,
            "mailboxIds": {key: True},
            "keywords": keywords_of(flags),
            "receivedAt": internal_date.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        }
        (answer,) = await self._ask(account, [("Email/import", {"emails": {_KEY: wanted}})])
        done = answer.read(Done)
        error = (done.not_created or {}).get(_KEY)
        if error is not None:
            email_id = await self._beside(account, error, key)
        else:
            email_id = _created(done, account)
        return await self._look(mailbox, account, folder, email_id)

    async def _folders(self, account: Account, folder: str) -> Folders:
        """The folders, with the one that is wanted, made where it is missing."""
        await self._looker.learn([account])
        seen = self._looker.atlas.known(account.mailbox)
        if seen is None or folder not in seen.ids:
            if seen is None:
                await self._look_once(account, [])
            failures = await self._maker.make({account: {folder}})
            for why in failures.values():
                raise why
        known = self._looker.atlas.known(account.mailbox)
        if known is None or folder not in known.ids:
            raise ProtocolViolation(f"{account.mailbox}: the folder {folder} was made and is not there")
        return known

    async def _upload(self, account: Account, content: bytes) -> str:
        server, line = account.server, self._looker.line
        if len(content) > server.core.max_size_upload:
            raise CapabilityMissing(f"the server takes no message of {len(content):,} bytes")
        url = line.checked(server.url(server.session.upload_url, accountId=account.id))
        said = await line.post(url, server.credential, content, "message/rfc822")
        return read(said, Uploaded, "the answer to an upload").blob_id

    async def _beside(self, account: Account, error: SetError, key: str) -> str:
        """The message that is there already, now in the folder too."""
        if error.type != "alreadyExists" or error.existing_id is None:
            raise failure_of_object(error, f"putting a copy back into {account.mailbox}")
        patch = {error.existing_id: {f"mailboxIds/{key}": True}}
        (answer,) = await self._ask(account, [("Email/set", {"update": patch})])
        refused = (answer.read(Done).not_updated or {}).get(error.existing_id)
        if refused is not None:
            raise failure_of_object(refused, f"putting a copy back into {account.mailbox}")
        return error.existing_id

    async def _look(self, mailbox: str, account: Account, folder: str, email_id: str) -> Observed:
        seen = await self._look_once(account, [email_id])
        email = seen.emails.get(email_id)
        key = seen.folders.ids.get(folder)
        if email is None or key is None or key not in email.folders:
            raise ProtocolViolation(f"{mailbox}: what was put back into {folder} is not there")
        return self._looker.observed(mailbox, folder, key, email)

    async def _look_once(self, account: Account, ids: Sequence[str]) -> Seen:
        found = (await self._looker.look({account: ids}))[account]
        if isinstance(found, MailboxError | Refused):
            raise found
        return found

    async def _ask(self, account: Account, calls: Sequence[Call]) -> Sequence[Answer]:
        return await ask_one(self._looker.line, Group(account, calls, f"putting back into {account.mailbox}"))


def _created(done: Done, account: Account) -> str:
    made = (done.created or {}).get(_KEY)
    if made is None:
        raise ProtocolViolation(f"{account.mailbox}: a message was neither put back nor refused")
    return made.id
