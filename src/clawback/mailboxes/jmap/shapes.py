"""The JSON of JMAP, as far as we read it (RFC 8620, RFC 8621). Whatever else there is is passed over."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, TypeVar

import msgspec
from msgspec import Meta, Struct

from clawback.errors import ProtocolViolation

CORE = "urn:ietf:params:jmap:core"
MAIL = "urn:ietf:params:jmap:mail"
CYRUS_MAIL = "https://cyrusimap.org/ns/jmap/mail"

Id = Annotated[str, Meta(pattern=r"^[A-Za-z0-9_-]+\Z", max_length=255)]
"""RFC 8620, section 1.2. What is no such id could change the meaning of a path in a patch."""
State = Annotated[str, Meta(max_length=1024)]
Count = Annotated[int, Meta(ge=0, le=2**53)]
Name = Annotated[str, Meta(max_length=1024)]
Url = Annotated[str, Meta(max_length=4096)]
Moment = Annotated[datetime, Meta(tz=True)]

T = TypeVar("T")
Read = TypeVar("Read")


class Core(Struct, rename="camel", frozen=True):
    """What one request may hold."""

    max_size_upload: Count = 50_000_000
    max_concurrent_upload: Count = 4
    max_size_request: Count = 10_000_000
    max_concurrent_requests: Count = 4
    max_calls_in_request: Count = 16
    max_objects_in_get: Count = 500
    max_objects_in_set: Count = 500


class Account(Struct, rename="camel", frozen=True):
    """One account that a credential reaches."""

    name: Name
    is_personal: bool = False
    is_read_only: bool = False
    account_capabilities: dict[str, Any] | None = None

    @property
    def has_mail(self) -> bool:
        """Whether there is mail in it."""
        return MAIL in (self.account_capabilities or {})


class Session(Struct, rename="camel", frozen=True):
    """What a server offers to a credential (RFC 8620, section 2)."""

    capabilities: dict[str, Any]
    accounts: dict[str, Account]
    api_url: Url
    download_url: Url
    upload_url: Url
    event_source_url: Url = ""
    primary_accounts: dict[str, str] = {}
    username: Name = ""


class Response(Struct, rename="camel", frozen=True):
    """The answers to one request, in order: name, arguments, and the id of the call."""

    method_responses: list[tuple[str, msgspec.Raw, str]]


class MethodError(Struct, frozen=True):
    """A call that was not carried out (RFC 8620, section 3.6.2)."""

    type: Name


class SetError(Struct, rename="camel", frozen=True):
    """An object that was not changed (RFC 8620, section 5.3)."""

    type: Name
    properties: list[str] | None = None
    existing_id: Id | None = None


class Problem(Struct, frozen=True):
    """Why a whole request was refused (RFC 7807; RFC 8620, section 3.6.1)."""

    type: Name = ""
    limit: Name = ""


class Rights(Struct, rename="camel", frozen=True):
    """What our credential may do in a folder."""

    may_add_items: bool = True


class Mailbox(Struct, rename="camel", frozen=True):
    """A folder; JMAP calls it a mailbox."""

    id: Id
    name: Name
    parent_id: Id | None = None
    role: Name | None = None
    my_rights: Rights = Rights()
    is_seen_shared: bool | None = None


class Email(Struct, rename="camel", frozen=True):
    """A message in one or more folders of an account."""

    id: Id
    blob_id: Id
    mailbox_ids: dict[Id, bool]
    keywords: dict[Name, bool]
    size: Count
    received_at: Moment

    @property
    def folders(self) -> frozenset[str]:
        """The ids of the folders in which it is."""
        return frozenset(folder for folder, there in self.mailbox_ids.items() if there)


EMAIL = ("id", "blobId", "mailboxIds", "keywords", "size", "receivedAt")
MAILBOX = ("id", "name", "parentId", "role", "myRights")


class Got(Struct, rename="camel", frozen=True):
    """The answer to Email/get."""

    state: State
    found: list[Email] = msgspec.field(name="list")


class GotMailboxes(Struct, rename="camel", frozen=True):
    """The answer to Mailbox/get."""

    state: State
    found: list[Mailbox] = msgspec.field(name="list")


class Queried(Struct, rename="camel", frozen=True):
    """The answer to Email/query; `limit` is there when the server gives less at once than was asked for."""

    ids: list[Id]
    limit: Count | None = None


class Changed(Struct, rename="camel", frozen=True):
    """The answer to Email/changes."""

    new_state: State
    has_more_changes: bool
    created: list[Id]
    updated: list[Id]
    destroyed: list[Id]


class Created(Struct, rename="camel", frozen=True):
    """What a server tells of a new object."""

    id: Id


class Done(Struct, rename="camel", frozen=True):
    """The answer to Email/set, Mailbox/set and Email/import: what became of each object."""

    created: dict[str, Created] | None = None
    updated: dict[str, Any] | None = None
    destroyed: list[str] | None = None
    not_created: dict[str, SetError] | None = None
    not_updated: dict[str, SetError] | None = None
    not_destroyed: dict[str, SetError] | None = None


class Uploaded(Struct, rename="camel", frozen=True):
    """The answer to an upload."""

    blob_id: Id


class StateChange(Struct, frozen=True):
    """What a server pushes: the accounts in which something changed (RFC 8620, section 7.1)."""

    changed: dict[str, dict[str, Any]] = {}


def read(content: bytes | msgspec.Raw, kind: type[Read], what: str) -> Read:
    """Decode JSON into one of these. Raises ProtocolViolation when it is something else."""
    try:
        return msgspec.json.decode(content, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ProtocolViolation(f"{what} is not as RFC 8620 wants it: {error}") from error
