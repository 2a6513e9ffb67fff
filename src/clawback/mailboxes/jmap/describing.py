"""How an organisation's mailboxes will be handled by JMAP, and why: what an administrator wants to know."""

from __future__ import annotations

from collections.abc import Sequence

from clawback.mailboxes.jmap.accounts import Account, Accounts
from clawback.mailboxes.jmap.folders import Folders
from clawback.mailboxes.jmap.looking import Looker

SAMPLE = 50
"""Mailboxes whose folders are looked at before anything is said of them."""


async def describe(accounts: Accounts, looker: Looker) -> tuple[str, ...]:
    """Sentences for people. Raises what keeps us from all accounts."""
    mailboxes = await accounts.mailboxes()
    found = await accounts.find(mailboxes[:SAMPLE])
    reached = [account for account in found.values() if isinstance(account, Account)]
    await looker.learn(reached)
    known = {a.mailbox: folders for a in reached if (folders := looker.atlas.known(a.mailbox)) is not None}
    sentences = [
        _access(accounts, looker, len(mailboxes)),
        _requests(looker, reached),
        _places(looker, list(known.values()), len(found)),
        "what is equal to the last byte is one message to JMAP: two such copies in one folder move as one",
        _watching(looker, reached),
    ]
    unreached = len(found) - len(known)
    if unreached:
        sentences.append(f"{unreached} of the first {len(found)} mailboxes could not be looked at")
    unshared = sum(1 for folders in known.values() if folders.unshared)
    if accounts.user is not None and unshared:
        where = f"in {unshared} of {len(known)} mailboxes, Cyrus keeps what was read for each reader apart"
        shared = looker.line.options.share_seen
        then = "folders that copies are taken from will share it" if shared else "copies come back unread"
        sentences.append(f"{where}: {then}")
    return tuple(sentences)


def _access(accounts: Accounts, looker: Looker, number: int) -> str:
    url, options = accounts.url, looker.line.options
    trust = f"the authority {options.ca_file} alone" if options.ca_file else "the system's authorities"
    secrecy = f"over TLS (trusts {trust})" if url.scheme == "https" else "without TLS"
    if accounts.user is None:
        return f"speaks JMAP to {url.host} {secrecy}, with a login for each of {number:,} mailboxes"
    who = f"as {accounts.user}" if accounts.user else "with a token"
    return f"speaks JMAP to {url.host} {secrecy} {who}, who reaches {number:,} mailboxes"


def _requests(looker: Looker, reached: Sequence[Account]) -> str:
    calls = reached[0].server.core.max_calls_in_request if reached else 0
    at_once = f"{looker.line.options.requests} requests at once"
    return f"visits only mailboxes that hold a copy, with up to {calls} calls in a request, {at_once}"


def _places(looker: Looker, known: Sequence[Folders], looked_at: int) -> str:
    places = looker.line.options.places
    top = {places.quarantine.partition("/")[0], places.soft_deleted.partition("/")[0]}
    where = f"what is taken out goes to {places.soft_deleted} or {places.quarantine} of each mailbox"
    without = sum(1 for folders in known if not top <= folders.ids.keys())
    if not without:
        return f"{where}; whether owners can see these is the server's to say (JMAP cannot hide a folder)"
    if places.make:
        return f"{where}, made where it is missing ({without} of {looked_at}), and there owners see it"
    return f"{where}; {without} of {looked_at} mailboxes have none yet: there nothing can be taken out"


def _watching(looker: Looker, reached: Sequence[Account]) -> str:
    seconds = looker.line.options.poll
    said = f"asks every mailbox for news once in {seconds:g} s"
    pushes = any(account.server.session.event_source_url for account in reached)
    return f"{said}, and listens in case the server pushes them" if pushes else said
