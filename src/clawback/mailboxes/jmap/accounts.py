"""Accounts: which mailboxes there are, and through which server and credential each is reached."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from urllib.parse import quote

import msgspec
from yarl import URL

from clawback.errors import BadSettings, Gone, LoginFailed, MailboxError, ProtocolViolation, Refused
from clawback.mailboxes.base import Failure
from clawback.mailboxes.jmap.line import Credential, Line
from clawback.mailboxes.jmap.shapes import CORE, CYRUS_MAIL, MAIL, Core, Session, read

_WELL_KNOWN = "/.well-known/jmap"


@dataclass(frozen=True, slots=True, eq=False)
class Server:
    """What one credential was offered, at `base`; the URLs are templates (RFC 6570, level 1)."""

    credential: Credential
    base: URL
    session: Session
    core: Core

    @property
    def is_cyrus(self) -> bool:
        """Whether it has Cyrus' own properties of folders."""
        return CYRUS_MAIL in self.session.capabilities

    def url(self, template: str, **values: str) -> URL:
        """An absolute URL from one of the session's templates."""
        for name, value in values.items():
            template = template.replace("{" + name + "}", quote(value, safe=""))
        try:
            return self.base.join(URL(template, encoded=True))
        except ValueError as error:
            raise ProtocolViolation(f"{self.base.host} names a URL that is none") from error


@dataclass(frozen=True, slots=True, eq=False)
class Account:
    """One mailbox, by its owner's address, and the account that it is on its server."""

    mailbox: str
    id: str
    server: Server


@dataclass(slots=True)
class _Reached:
    """One credential, and its accounts as last seen; `mailbox` is whose credential it is, "" for all."""

    credential: Credential
    mailbox: str = ""
    accounts: Mapping[str, Account] | None = None
    asking: asyncio.Task[Mapping[str, Account]] | None = field(default=None, repr=False)


class Accounts:
    """The directory. An administrator's accounts come from the server; owners' from their credentials."""

    def __init__(self, line: Line) -> None:
        options = line.options
        if (options.login is None) == (not options.own):
            raise BadSettings("JMAP needs the login of an administrator, or one for each mailbox")
        self._line = line
        self.url = line.checked(_session_url(options.url))
        self._admin = _Reached(Credential(options.login)) if options.login else None
        own = {name.lower(): login for name, login in options.own.items()}
        self._own = {name: _Reached(Credential(login), name) for name, login in own.items()}

    @property
    def user(self) -> str | None:
        """The administrator's name, "" for one with a token; None when every mailbox has its own login."""
        return self._admin.credential.user if self._admin else None

    async def mailboxes(self) -> tuple[str, ...]:
        """Every mailbox, sorted; for an administrator, the server is asked anew."""
        if self._admin is None:
            return tuple(sorted(self._own))
        return tuple(sorted(await self._look(self._admin)))

    async def find(self, mailboxes: Iterable[str]) -> dict[str, Account | Failure]:
        """The account of each mailbox; Gone for those that are none; the server is asked if need be.

        Raises what keeps the administrator from all of them.
        """
        wanted = list(dict.fromkeys(mailboxes))
        if self._admin is None:
            return dict(zip(wanted, await asyncio.gather(*map(self._own_account, wanted)), strict=True))
        known = self._admin.accounts
        if known is None or any(name not in known for name in wanted):
            known = await self._look(self._admin)
        return {name: known.get(name) or Gone(f"there is no mailbox {name}") for name in wanted}

    async def one(self, mailbox: str) -> Account:
        """The account of one mailbox. Raises Gone, or what keeps us from it."""
        found = (await self.find([mailbox]))[mailbox]
        if isinstance(found, Account):
            return found
        raise found

    def servers(self) -> Collection[Server]:
        """What each credential was offered, of those that were used so far."""
        reached = [self._admin] if self._admin else list(self._own.values())
        return [next(iter(each.accounts.values())).server for each in reached if each.accounts]

    def names(self, server: Server) -> Mapping[str, str]:
        """The mailbox of each account of a server."""
        reached = [self._admin] if self._admin else list(self._own.values())
        return {
            account.id: account.mailbox
            for each in reached
            if each.credential is server.credential
            for account in (each.accounts or {}).values()
        }

    async def _own_account(self, mailbox: str) -> Account | Failure:
        reached = self._own.get(mailbox.lower())
        if reached is None:
            return Gone(f"there is no credential for a mailbox {mailbox}")
        try:
            accounts = reached.accounts or await self._look(reached)
        except (MailboxError, Refused) as error:
            return error
        return accounts[reached.mailbox]

    async def _look(self, reached: _Reached) -> Mapping[str, Account]:
        """Ask for the session; those who want to know at the same time are answered by one look."""
        if reached.asking is None:
            reached.asking = asyncio.create_task(self._session(reached))
            reached.asking.add_done_callback(lambda _: setattr(reached, "asking", None))
        return await asyncio.shield(reached.asking)

    async def _session(self, reached: _Reached) -> Mapping[str, Account]:
        url, content = await self._line.discover(self.url, reached.credential)
        session = read(content, Session, "the session")
        try:
            core = msgspec.convert(session.capabilities.get(CORE, {}), Core)
        except msgspec.ValidationError as error:
            raise ProtocolViolation(f"{url.host} names limits that are none: {error}") from error
        server = Server(reached.credential, url, session, core)
        self._line.checked(server.url(session.api_url))
        if reached.mailbox:
            found = {reached.mailbox: Account(reached.mailbox, _own_id(session, reached.mailbox), server)}
        else:
            names = {key: account.name for key, account in session.accounts.items() if account.has_mail}
            addresses = {key: self._address(name) for key, name in names.items()}
            found = {address: Account(address, key, server) for key, address in addresses.items()}
        reached.accounts = found
        return found

    def _address(self, name: str) -> str:
        return name if "@" in name else self._line.options.address.format(user=name)


def _session_url(text: str) -> URL:
    try:
        url = URL(text)
    except ValueError as error:
        raise BadSettings(f"option 'url': {text!r} is no URL") from error
    return url if url.path.strip("/") else url.with_path(_WELL_KNOWN)


def _own_id(session: Session, mailbox: str) -> str:
    key = session.primary_accounts.get(MAIL, "")
    if key not in session.accounts:
        raise LoginFailed(f"the credential of {mailbox} has no account with mail")
    return key
