"""Where in the portal each thing has its page."""

from __future__ import annotations

from urllib.parse import quote

from clawback.analysis.entities import EntityKind

_PAGES = {
    EntityKind.MESSAGE: "/messages/",
    EntityKind.CLUSTER: "/clusters/",
    EntityKind.MAILBOX: "/mailboxes/",
    EntityKind.SENDER: "/entities/sender/",
    EntityKind.DOMAIN: "/entities/domain/",
    EntityKind.HOST: "/entities/host/",
    EntityKind.URL: "/entities/url/",
    EntityKind.IP: "/entities/ip/",
    EntityKind.FILE: "/entities/file/",
}


def address_of(kind: EntityKind, value: str) -> str:
    """The page of an entity, "" for one that has none."""
    page = _PAGES.get(kind, "")
    return page + in_path(value) if page else ""


def in_path(value: str) -> str:
    """A value as one part of a page's path.

    It is quoted twice: servers undo it once, and what is then left must have no slash.
    """
    return quote(quote(value, safe=""), safe="")


def address_by_id(identifier: str) -> str:
    """The page of what has one of our ids, "" for others."""
    for prefix, page in (
        ("inv-", "/investigations/"),
        ("clu-", "/clusters/"),
        ("rem-", "/actions/"),
        ("msg-", "/messages/"),
        ("sub-", "/submissions/"),
    ):
        if identifier.startswith(prefix):
            return page + quote(identifier, safe="")
    return ""
