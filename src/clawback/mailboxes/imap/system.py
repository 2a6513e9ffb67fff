"""The mail system behind the connector: who is there, how to open each mailbox, what the server can do."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager

from clawback.errors import BadSettings, Gone, LoginFailed, MailboxError, Unavailable, UserError
from clawback.mailboxes.commands import output_of
from clawback.mailboxes.imap import folders
from clawback.mailboxes.imap.border import failure_of
from clawback.mailboxes.imap.grammar import Row, listed
from clawback.mailboxes.imap.hands import native_id
from clawback.mailboxes.imap.naming import Names
from clawback.mailboxes.imap.options import Access, Options
from clawback.mailboxes.imap.pool import Pool
from clawback.mailboxes.imap.session import Session
from clawback.mailboxes.imap.wire import Command
from clawback.message.delivery import Handle, Observed

COMMAND_SECONDS = 30.0
_OUTPUT = 16 << 20
_NO_UID = 4_294_967_295


class System:
    """What all verbs share. `guid` is the name of what tells copies of one content apart, "" for nothing."""

    def __init__(self, name: str, options: Options) -> None:
        self.name = name
        self.options = options
        self.names = Names(options.login, options.naming)
        self.pool = Pool(options)
        self.guid = ""
        self.capabilities: frozenset[str] = frozenset()
        self._owners: dict[str, str] = {}
        self._asking = asyncio.Lock()
        self._asked = 0.0
        self._known: frozenset[str] = frozenset()

    @asynccontextmanager
    async def session(self, mailbox: str) -> AsyncIterator[Session]:
        """A session for a mailbox. Raises Gone when there is no such mailbox, LoginFailed otherwise."""
        user = self.names.user(mailbox)
        opened = False
        try:
            async with self.pool.session(mailbox, user) as session:
                opened = True
                if not self.capabilities:
                    await self._learn(session, mailbox)
                yield session
        except (LoginFailed, Unavailable):
            # A server may refuse a user that it does not know as it refuses a password, or hang up.
            if not opened and not await self._exists(mailbox):
                raise Gone(f"the mailbox {mailbox} does not exist") from None
            raise

    async def mailboxes(self) -> tuple[str, ...]:
        """Every mailbox, from the settings, a file, a command, or the server itself."""
        source = self.options.mailboxes
        if source.listed:
            users = list(source.listed)
        elif source.file:
            users = await asyncio.to_thread(self._filed)
        elif source.command:
            users = (await asyncio.to_thread(_output, source.command)).splitlines()
        elif self.options.login.access is Access.OWN:
            users = list(self.options.login.own)
        else:
            users = await self._listed()
        names = {user.strip() for user in users}
        found = {self.names.address(n) for n in names if n and not n.startswith("#")}
        self._check(found)
        self._owners = {m.lower(): m for m in found} | {self.names.user(m).lower(): m for m in found}
        return tuple(sorted(found))

    def _check(self, mailboxes: Iterable[str]) -> None:
        """Two mailboxes that are opened by one name are one, and each of its copies would count twice."""
        if self.options.login.access is Access.OWN:
            return
        by_name: dict[str, str] = {}
        for mailbox in mailboxes:
            other = by_name.setdefault(self.names.opened_as(mailbox).lower(), mailbox)
            if other != mailbox:
                raise BadSettings(
                    f"source {self.name!r}: {other} and {mailbox} are one mailbox on the server; "
                    "set login_name, or inbox and folder"
                )

    def mailbox_of(self, user: str) -> str | None:
        """The mailbox of a user or address as the server calls them; None for somebody unknown."""
        return self._owners.get(user.lower())

    def observed(self, mailbox: str, folder: str, validity: int, row: Row) -> Observed:
        """A copy as FETCH told of it."""
        handle = Handle(self.name, mailbox, folder, native_id(validity, row.uid), row.guid)
        return Observed(
            handle, self.names.location_of(mailbox, folder), row.size, row.flags, row.internal_date
        )

    @property
    def items(self) -> str:
        """What is fetched of every copy."""
        return f"UID FLAGS INTERNALDATE RFC822.SIZE {self.guid}".rstrip()

    async def _learn(self, session: Session, mailbox: str) -> None:
        """See what this server can do. Without a lock, for one mailbox that hangs must not stop others."""
        self.names.space = await folders.space_of(session)
        if "OBJECTID" in session.capabilities:
            self.guid = "EMAILID"
        else:
            # Dovecot does not announce X-GUID: whoever knows the word does not call the command bad.
            asked = f"UID FETCH {_NO_UID} (X-GUID)"
            examine = b"EXAMINE " + self.names.wire(mailbox, "INBOX")
            opened, fetched = await session.run(Command.of(examine), Command.of(asked))
            if not opened.ok:
                return
            self.guid = "X-GUID" if fetched.ok else ""
        self.capabilities = session.capabilities

    async def _exists(self, mailbox: str) -> bool:
        """Whether a mailbox may exist; an empty list, or none at all, proves nothing."""
        if self.options.login.access is Access.ADMIN:
            return True
        now = asyncio.get_running_loop().time
        failed_at = now()
        async with self._asking:
            # Many mailboxes fail at once when a server is down: one question answers for all that waited.
            if self._asked <= failed_at:
                self._asked = now()
                try:
                    self._known = frozenset(known.lower() for known in await self.mailboxes())
                except (MailboxError, UserError):
                    self._known = frozenset()
        return not self._known or mailbox.lower() in self._known

    def _filed(self) -> list[str]:
        file = self.options.mailboxes.file
        assert file
        try:
            return file.read_text("utf-8").splitlines()
        except (OSError, UnicodeDecodeError) as error:
            raise Unavailable(f"the list of mailboxes {file} cannot be read: {error}") from error

    async def _listed(self) -> list[str]:
        if self.options.login.access is not Access.ADMIN:
            raise BadSettings(
                f"source {self.name!r}: a master user cannot list the mailboxes; set "
                "`mailboxes`, `mailboxes_file` or `mailboxes_command`"
            )
        async with self.pool.session("", "") as session:
            (reply,) = await session.run(Command.of(b'LIST "" ' + self.names.every_inbox()))
            if not reply.ok:
                raise failure_of(reply, "listing the mailboxes")
        owners = (self.names.owner(folder.name) for folder in listed(reply))
        return [owner for owner in owners if owner]


def _output(command: tuple[str, ...]) -> str:
    """What a command prints, within bounds of size and time."""
    try:
        printed = output_of(command, None, most=_OUTPUT, seconds=COMMAND_SECONDS)
    except TimeoutError:
        raise Unavailable(f"{command[0]} did not end within {COMMAND_SECONDS:.0f} s") from None
    except (OSError, ValueError) as error:
        raise Unavailable(f"{command[0]} cannot be run: {error}") from error
    if printed.cut:
        raise Unavailable(f"{command[0]} prints more than {_OUTPUT:,} bytes")
    if printed.code:
        raise Unavailable(f"{command[0]} ended with {printed.code}")
    return printed.content.decode("utf-8", "replace")
