"""The declaration of every list: its words, its order, its filters, its columns as a file.

`ALL` has them; the API, the pages, the files and the document are made from it. Docs: docs/ideas/web.md.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from enum import StrEnum
from itertools import islice
from typing import Any, TypeVar

from clawback.analysis.clusters import Cluster, ClusterKind, Member
from clawback.analysis.indicators import Indicator, IndicatorKind, VerdictKind
from clawback.engine.center import (
    HISTORY,
    HISTORY_COLUMNS,
    INVESTIGATION_COLUMNS,
    PENDING_COLUMNS,
    Row,
    history_rows,
    investigation_rows,
    pending_rows,
)
from clawback.engine.investigate import PENDING
from clawback.errors import BadQuery
from clawback.response.alerts import AlertKind
from clawback.response.investigation import Investigation, InvestigationStatus
from clawback.response.people import ApiToken
from clawback.response.plan import ActionKind, Remediation, RemediationStatus
from clawback.response.submissions import Submission, SubmissionState
from clawback.store import AuditRow, Unit
from clawback.store.conditions import Among, Both, Compare, Compared, Condition
from clawback.store.deliveries import KnownMailbox
from clawback.store.listings import Listing
from clawback.store.text import canonical_json
from clawback.web.cluster_heads import heads
from clawback.web.listed import (
    Asked,
    Declared,
    Filter,
    Table,
    cell,
    choice,
    contains,
    same,
    since,
    table,
    until,
)

T = TypeVar("T")
AT_ONCE = 200
"""Entries whose messages are looked up at once while a file is written."""


def _sorts(*names: str) -> dict[str, str]:
    return {name: name for name in names}


INVESTIGATIONS: Declared[Investigation] = Declared(
    "investigations",
    "/api/investigations",
    _sorts("title", "status", "kind", "threats", "actions", "created_at", "changed_at"),
    (
        contains("text", "Title contains", "title"),
        choice("status", "Status", InvestigationStatus),
        choice("kind", "Type", AlertKind),
        since("Created since", "created_at"),
        until("Created before", "created_at"),
    ),
    lambda unit, _, listing: unit.investigations.search(listing),
    lambda unit, _, listing: unit.investigations.count(listing),
    lambda _: Table(INVESTIGATION_COLUMNS, lambda _, found: investigation_rows(found)),
    "-created_at",
)


class _Truth(StrEnum):
    NO = "false"
    YES = "true"


def _history(values: Sequence[str]) -> Condition:
    if len(values) != 1 or values[0] not in list(_Truth):
        raise BadQuery("history is true or false")
    statuses = HISTORY if values[0] == _Truth.YES else PENDING
    return Among("status", frozenset(status.value for status in statuses))


def _action_table(asked: Asked) -> Table[Remediation]:
    """Defender's columns of what waits where only that is asked for, else those of its history."""
    words = {word for value in asked.values.get("status", ()) for word in value.split(",")}
    if (words and words <= PENDING) or asked.values.get("history") == (_Truth.NO.value,):
        return Table(PENDING_COLUMNS, pending_rows)
    return Table(HISTORY_COLUMNS, lambda _, found: history_rows(found))


ACTIONS: Declared[Remediation] = Declared(
    "actions",
    "/api/actions",
    _sorts("kind", "entity", "status", "decided_by", "decided_at", "made_at", "expires_at"),
    (
        contains("entity", "Entity contains"),
        choice("status", "Status", RemediationStatus),
        choice("kind", "Action", ActionKind),
        same("decided_by", "Decided by"),
        since("Made since", "made_at"),
        until("Made before", "made_at"),
        same("investigation_id", "Investigation", hidden=True),
        same("cluster_id", "Cluster", hidden=True),
        Filter("history", "History", _history, tuple(_Truth), hidden=True),
    ),
    lambda unit, _, listing: unit.remediations.search(listing),
    lambda unit, _, listing: unit.remediations.count(listing),
    _action_table,
    "-made_at",
)


def _cluster_rows(unit: Unit, found: Iterable[Cluster]) -> Iterator[Row]:
    for some in _some(found):
        sizes = unit.clusters.sizes([one.id for one in some])
        for one in some:
            yield {
                "Cluster ID": one.id,
                "Type": one.kind.value,
                "Entity": one.key.value,
                "Verdict": one.verdict.value,
                "Threat": one.threat.value,
                "Messages": str(sizes[one.id]),
                "Line": f"{one.line:.4f}",
                "Asked": cell(one.asked_at),
                "Query": one.query,
            }


CLUSTERS: Declared[Cluster] = Declared(
    "clusters",
    "/api/clusters",
    {**_sorts("kind", "verdict", "messages", "line", "asked_at"), "entity": "key"},
    (
        contains("entity", "Entity contains", "key"),
        choice("kind", "Type", ClusterKind),
        choice("verdict", "Verdict", VerdictKind),
        since("Asked since", "asked_at"),
        until("Asked before", "asked_at"),
        same("investigation_id", "Investigation", hidden=True),
    ),
    lambda unit, _, listing: unit.clusters.search(listing),
    lambda unit, _, listing: unit.clusters.count(listing),
    lambda _: Table(
        ("Cluster ID", "Type", "Entity", "Verdict", "Threat", "Messages", "Line", "Asked", "Query"),
        _cluster_rows,
    ),
    "-asked_at",
    heads,
)


def _member_rows(unit: Unit, found: Iterable[Member]) -> Iterator[Row]:
    for some in _some(found):
        messages = unit.messages.get_many([one.message_id for one in some])
        for one in some:
            message = messages.get(one.message_id)
            yield {
                "Message ID": one.message_id,
                "Subject": message.subject if message else "",
                "From": message.sender.address if message else "",
                "Written": cell(message.date) if message else "",
                "Score": f"{one.score:.4f}",
                "Because": "; ".join(reason.text for reason in one.reasons),
            }


MEMBERS: Declared[Member] = Declared(
    "members",
    "/api/clusters/{cluster_id}/members",
    _sorts("seq", "subject", "sender", "score"),
    (contains("subject", "Subject contains"), contains("sender", "From contains")),
    lambda unit, of, listing: unit.clusters.search_members(of, listing),
    lambda unit, of, listing: unit.clusters.count_members(of, listing),
    lambda _: Table(("Message ID", "Subject", "From", "Written", "Score", "Because"), _member_rows),
    "seq",
)
SUBMISSIONS: Declared[Submission] = Declared(
    "submissions",
    "/api/submissions",
    {**_sorts("reporter", "reported_at"), "status": "state"},
    (
        same("reporter", "Reporter", lowered=True),
        choice("status", "State", SubmissionState, "state"),
        since("Reported since", "reported_at"),
        until("Reported before", "reported_at"),
    ),
    lambda unit, _, listing: unit.submissions.search(listing),
    lambda unit, _, listing: unit.submissions.count(listing),
    lambda _: table(
        Report_ID=lambda one: one.id,
        Subject=lambda one: one.subject,
        State=lambda one: one.state.value,
        Reported_as=lambda one: one.reported_as.value,
        Result=lambda one: one.result.value if one.result else None,
        Reporter=lambda one: one.reporter,
        Reported=lambda one: one.reported_at,
        Message_ID=lambda one: one.message_id,
        Investigation_ID=lambda one: one.investigation_id,
    ),
    "-reported_at",
)
INDICATORS: Declared[Indicator] = Declared(
    "indicators",
    "/api/indicators",
    _sorts("value", "kind", "verdict", "source", "confidence", "added_at", "expires_at"),
    (
        contains("value", "Value contains"),
        choice("kind", "Kind", IndicatorKind),
        choice("verdict", "Verdict", VerdictKind),
        same("source", "Source"),
    ),
    lambda unit, _, listing: unit.indicators.search(listing),
    lambda unit, _, listing: unit.indicators.count(listing),
    lambda _: table(
        ID=lambda one: one.id,
        Kind=lambda one: one.kind.value,
        Match=lambda one: one.match.value,
        Value=lambda one: one.value,
        Verdict=lambda one: one.verdict.value,
        Threat=lambda one: one.threat.value,
        Source=lambda one: one.source,
        Confidence=lambda one: one.confidence,
        Listed=lambda one: one.added_at,
        Expires=lambda one: one.expires_at,
        Note=lambda one: one.note,
    ),
    "-added_at",
)
MAILBOXES: Declared[KnownMailbox] = Declared(
    "mailboxes",
    "/api/mailboxes",
    _sorts("mailbox", "source", "copies"),
    (contains("mailbox", "Mailbox contains"), same("source", "Source")),
    lambda unit, _, listing: unit.deliveries.search_mailboxes(listing),
    lambda unit, _, listing: unit.deliveries.count_mailboxes(listing),
    lambda _: table(
        Source=lambda one: one.source, Mailbox=lambda one: one.mailbox, Copies=lambda one: one.copies
    ),
    "mailbox",
)


def _after(values: Sequence[str]) -> Condition:
    if len(values) != 1 or not (values[0].isascii() and values[0].isdigit() and len(values[0]) < 19):
        raise BadQuery("after is the number of a row")
    return Compare("seq", Compared.GT, int(values[0]))


AUDIT: Declared[AuditRow] = Declared(
    "audit",
    "/api/audit",
    _sorts("seq", "at", "actor", "type"),
    (
        same("actor", "Who"),
        same("type", "What"),
        since("Since", "at"),
        until("Before", "at"),
        Filter("after", "After row", _after, hidden=True),
    ),
    lambda unit, _, listing: unit.audit.search(listing),
    lambda unit, _, listing: unit.audit.count(listing),
    lambda _: table(
        Row=lambda one: one.seq,
        When=lambda one: one.at,
        Who=lambda one: one.actor,
        What=lambda one: one.type,
        Body=lambda one: canonical_json(one.body),
        Seal=lambda one: one.hash,
    ),
    "seq",
)


def _of_account(name: str, listing: Listing) -> Listing:
    """A listing of the tokens of one account, or of all for ""."""
    if not name:
        return listing
    mine: Condition = Compare("account", Compared.EQ, name)
    where = mine if listing.where is None else Both(mine, listing.where)
    return Listing(where, listing.order, listing.skip, listing.limit, listing.cursor)


TOKENS: Declared[ApiToken] = Declared(
    "tokens",
    "/api/tokens",
    _sorts("label", "account", "created_at", "used_at", "expires_at"),
    (contains("label", "Label contains"), same("account", "Account", hidden=True)),
    lambda unit, of, listing: unit.tokens.search(_of_account(of, listing)),
    lambda unit, of, listing: unit.tokens.count(_of_account(of, listing)),
    lambda _: table(
        ID=lambda one: one.id,
        Account=lambda one: one.account,
        Label=lambda one: one.label,
        May=lambda one: " ".join(sorted(scope.value for scope in one.scopes)),
        Made=lambda one: one.created_at,
        Used=lambda one: one.used_at,
        Expires=lambda one: one.expires_at,
        Revoked=lambda one: one.revoked_at,
    ),
    "-created_at",
)


def _some(found: Iterable[T]) -> Iterator[list[T]]:
    rest = iter(found)
    while some := list(islice(rest, AT_ONCE)):
        yield some


STORED: Mapping[str, Declared[Any]] = {
    one.name: one
    for one in (
        INVESTIGATIONS,
        ACTIONS,
        CLUSTERS,
        MEMBERS,
        SUBMISSIONS,
        INDICATORS,
        MAILBOXES,
        AUDIT,
        TOKENS,
    )
}
"""The lists that the store sorts and filters."""
