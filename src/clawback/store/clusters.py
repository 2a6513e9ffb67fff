"""Clusters, their members and the candidates below their line.

Members come with the reasons they first had, and only go when a cluster is cut again at a higher line.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Row,
    Select,
    Table,
    delete,
    exists,
    func,
    insert,
    literal,
    select,
    update,
)

from clawback.analysis.clusters import Cluster, Member
from clawback.analysis.entities import Reason
from clawback.errors import NotFound
from clawback.message.delivery import DeliveryLocation
from clawback.response.counts import Places
from clawback.store.columns import blob, integer, metadata, text_column
from clawback.store.conditions import Columns
from clawback.store.exclusions import outside_secops
from clawback.store.listings import Listing
from clawback.store.records import Codec
from clawback.store.repository import CHUNK, Repository, chunks
from clawback.store.schema import cluster_members, clusters, deliveries, messages
from clawback.store.submissions import kept
from clawback.store.text import armour, disarm, micros

_codec = Codec(Cluster)
_reasons: Codec[tuple[Reason, ...]] = Codec(tuple[Reason, ...])
_HEAD = ("record", "kind", "key_value", "verdict", "line", "asked_at")
_UPSERT = "ON CONFLICT (id) DO UPDATE SET " + ", ".join(f"{name} = excluded.{name}" for name in _HEAD)
_COLUMNS = ("cluster_no", "message_id", "seq", "reasons", "score")
_STAY = "ON CONFLICT (cluster_no, message_id) DO NOTHING"
_RISE = (
    "ON CONFLICT (cluster_no, message_id) DO UPDATE SET reasons = excluded.reasons, score = excluded.score"
)
_FINE = 10_000
"""Scores are kept as whole numbers of this part, so that a score is never beside the line by rounding."""
_DAY = timedelta(days=1) // timedelta(microseconds=1)

cluster_candidates = Table(
    "cluster_candidates",
    metadata,
    integer("cluster_no", primary_key=True),
    text_column("message_id", primary_key=True),
    integer("seq"),
    blob("reasons"),
    integer("score"),
)

SEARCHED: dict[str, ColumnElement[Any]] = {
    **{name: clusters.c[name] for name in ("id", "investigation_id", "kind", "verdict", "line", "asked_at")},
    "key": clusters.c.key_value.label("key"),
    "messages": (
        select(func.count(cluster_members.c.seq))
        .where(cluster_members.c.cluster_no == clusters.c.no)
        .scalar_subquery()
        .label("messages")
    ),
}
"""The columns that a search may ask about and sort by; of texts as the store has them."""
_OF_MEMBERS: dict[str, ColumnElement[Any]] = {
    name: cluster_members.c[name] for name in ("message_id", "seq", "score")
}
_OF_MESSAGES: dict[str, ColumnElement[Any]] = {
    "subject": func.coalesce(messages.c.subject, "").label("subject"),
    "sender": func.coalesce(messages.c.sender, "").label("sender"),
}
MEMBERS = {**_OF_MEMBERS, **_OF_MESSAGES}
"""As `SEARCHED`, of members: subject and sender are folded."""
_MEMBER = cluster_members.c.message_id.label("no")


class Clusters(Repository):
    """All clusters."""

    def save(self, cluster: Cluster, investigation_id: str) -> None:
        """Write a cluster. Members it has already stay, with their reasons; new ones join them.

        What was counted stays, and a line that it has already: members and candidates are parted by that.
        """
        known = self._connection.execute(select(clusters).where(clusters.c.id == armour(cluster.id))).first()
        line = cluster.line
        if known:
            old = _codec.decode(known.record)
            line, folded = old.line, tuple(dict.fromkeys((*old.folded, *cluster.folded)))
            cluster = replace(
                cluster, line=line, folded=folded, threats=old.threats, volume=cluster.volume or old.volume
            )
        row = (cluster.id, investigation_id, *_head(cluster))
        self._insert(clusters, ("id", "investigation_id", *_HEAD), [row], _UPSERT)
        no = self._row(cluster.id).no
        everyone = (*cluster.members, *cluster.candidates)
        self._join(no, [m for m in everyone if _fine(m.score) >= _fine(line)])
        self._put_below(no, [m for m in everyone if _fine(m.score) < _fine(line)])

    def restate(self, cluster: Cluster) -> None:
        """Write what is said of a cluster anew; its members stay as they are. Raises NotFound."""
        row = self._row(cluster.id)
        head = dict(zip(_HEAD, _head(cluster), strict=True))
        self._connection.execute(update(clusters).where(clusters.c.no == row.no).values(head))

    def recut(self, cluster_id: str, line: float) -> Cluster:
        """Move the line: members below it become candidates, candidates above it members.

        Answers the cluster without either. Two statements for each way, however many there are. Raises
        NotFound.
        """
        row = self._row(cluster_id)
        cut = replace(_codec.decode(row.record), line=line)
        down = (cluster_members.c.cluster_no == row.no) & (cluster_members.c.score < _fine(line))
        up = (cluster_candidates.c.cluster_no == row.no) & (cluster_candidates.c.score >= _fine(line))
        self._move(cluster_members, cluster_candidates, down)
        self._move(cluster_candidates, cluster_members, up)
        self.restate(cut)
        return cut

    def _move(self, source: Table, target: Table, which: ColumnElement[bool]) -> None:
        rows = select(*(source.c[name] for name in _COLUMNS)).where(which)
        self._connection.execute(insert(target).from_select(_COLUMNS, rows))
        self._connection.execute(delete(source).where(which))

    def put_below(self, cluster_id: str, candidates: Sequence[Member]) -> None:
        """Keep candidates below the line; those that are members already stay members. Raises NotFound."""
        self._put_below(self._row(cluster_id).no, candidates)

    def below(self, cluster_id: str, limit: int = CHUNK) -> tuple[Member, ...]:
        """The candidates below the line, those nearest to it first; raises NotFound."""
        table = cluster_candidates.c
        query = select(table.message_id, table.reasons, table.score)
        mine = query.where(table.cluster_no == self._row(cluster_id).no)
        rows = self._connection.execute(mine.order_by(table.score.desc(), table.seq).limit(limit))
        return tuple(_member(row) for row in rows)

    def count_below(self, cluster_id: str) -> int:
        """How many candidates are below the line; raises NotFound."""
        table = cluster_candidates.c
        query = select(func.count()).where(table.cluster_no == self._row(cluster_id).no)
        return self._connection.execute(query).scalar_one()

    def heads_of(self, investigation_id: str) -> tuple[Cluster, ...]:
        """The clusters of an investigation, oldest first, without their members."""
        query = select(clusters.c.record).where(clusters.c.investigation_id == armour(investigation_id))
        return tuple(
            _codec.decode(r) for r in self._connection.execute(query.order_by(clusters.c.no)).scalars()
        )

    def ends(self, cluster_id: str, most: int) -> tuple[str, ...]:
        """The ids of the first and the last members of a cluster, `most` in all; raises NotFound."""
        table, no = cluster_members.c, self._row(cluster_id).no
        mine = select(table.message_id).where(table.cluster_no == no)
        first = mine.order_by(table.seq, table.message_id).limit(most - most // 2)
        last = mine.order_by(table.seq.desc(), table.message_id.desc()).limit(most // 2)
        ids = [*self._connection.execute(first).scalars(), *self._connection.execute(last).scalars()]
        return tuple(dict.fromkeys(ids))

    def ages(self, cluster_id: str, now: datetime, days: int) -> dict[int, int]:
        """Members by how many whole days ago their first copy arrived, up to `days`; raises NotFound."""
        joined = cluster_members.join(deliveries, deliveries.c.message_id == cluster_members.c.message_id)
        arrived = func.min(deliveries.c.internal_date).label("arrived")
        mine = (
            select(arrived)
            .select_from(joined)
            .where(cluster_members.c.cluster_no == self._row(cluster_id).no)
        )
        since = micros(now) - (days + 1) * _DAY
        first = mine.group_by(cluster_members.c.message_id).subquery()
        age = ((literal(micros(now)) - first.c.arrived) // _DAY).label("age")
        recent = select(age, func.count().label("members")).where(
            first.c.arrived > since, first.c.arrived <= micros(now)
        )
        return {int(row.age): row.members for row in self._connection.execute(recent.group_by(age))}

    def get(self, cluster_id: str) -> Cluster:
        """The cluster with all its members, in the order in which they came; raises NotFound."""
        return self._whole(self._row(cluster_id))

    def head(self, cluster_id: str) -> Cluster:
        """The cluster without its members, who may be very many; raises NotFound."""
        return _codec.decode(self._row(cluster_id).record)

    def places(self, cluster_id: str) -> Places:
        """Where its members' copies were last seen, without users' reports and SecOps; raises NotFound."""
        joined = cluster_members.join(deliveries, deliveries.c.message_id == cluster_members.c.message_id)
        counts = select(deliveries.c.location, func.count()).select_from(joined)
        here = cluster_members.c.cluster_no == self._row(cluster_id).no
        mine = counts.where(here, ~kept(deliveries.c.id), outside_secops())
        rows = self._connection.execute(mine.group_by(deliveries.c.location))
        return Places.counted({DeliveryLocation(location): count for location, count in rows})

    def of_investigation(self, investigation_id: str) -> tuple[Cluster, ...]:
        """The clusters of an investigation, oldest first, with all their members."""
        query = select(clusters).where(clusters.c.investigation_id == armour(investigation_id))
        rows = self._connection.execute(query.order_by(clusters.c.no)).all()
        return tuple(self._whole(row) for row in rows)

    def list(self, *, limit: int = 100, cursor: str = "") -> tuple[tuple[Cluster, ...], str]:
        """A page, newest first, and the next cursor. Without members: see `sizes`."""
        rows, after = self._page(select(clusters), clusters.c.no, limit, cursor)
        return tuple(_codec.decode(row.record) for row in rows), after

    def search(self, listing: Listing) -> tuple[tuple[Cluster, ...], str]:
        """A page of those that meet the listing's conditions, in its order, and the next cursor.

        Columns: `SEARCHED`. Without members: see `sizes`. Raises BadQuery.
        """
        named = {order.column for order in listing.order}
        # How many members all have is counted only where that is the order.
        columns = {name: column for name, column in SEARCHED.items() if name in named or name != "messages"}
        query = select(clusters.c.no, clusters.c.record, *columns.values())
        rows, after = self._listing(query, columns, clusters.c.no, listing)
        return tuple(_codec.decode(row.record) for row in rows), after

    def count(self, listing: Listing) -> int:
        """How many `search` finds, on whatever page."""
        return self._count_listing(select(clusters.c.no), SEARCHED, listing)

    def search_members(self, cluster_id: str, listing: Listing) -> tuple[tuple[Member, ...], str]:
        """A page of a cluster's members, as `search`; columns: `MEMBERS`. Raises NotFound, BadQuery."""
        table = cluster_members.c
        query, columns = self._members(cluster_id, listing)
        rows, after = self._listing(query.add_columns(table.reasons), columns, table.message_id, listing)
        return tuple(_member(row) for row in rows), after

    def count_members(self, cluster_id: str, listing: Listing) -> int:
        """How many `search_members` finds, on whatever page; raises NotFound."""
        query, columns = self._members(cluster_id, replace(listing, order=()))
        return self._count_listing(query, columns, listing)

    def _members(self, cluster_id: str, listing: Listing) -> tuple[Select[Any], Columns]:
        """The members; with their messages only where those are asked about, for a cluster may be large."""
        mine = cluster_members.c.cluster_no == self._row(cluster_id).no
        if listing.where is None and not {order.column for order in listing.order} & _OF_MESSAGES.keys():
            return select(_MEMBER, *_OF_MEMBERS.values()).where(mine), _OF_MEMBERS
        joined = cluster_members.outerjoin(messages, messages.c.id == cluster_members.c.message_id)
        return select(_MEMBER, *MEMBERS.values()).select_from(joined).where(mine), MEMBERS

    def sizes(self, cluster_ids: Sequence[str]) -> dict[str, int]:
        """How many members each of these clusters has."""
        joined = clusters.outerjoin(cluster_members, clusters.c.no == cluster_members.c.cluster_no)
        query = select(clusters.c.id, func.count(cluster_members.c.seq).label("members")).select_from(joined)
        ids = [armour(cluster_id) for cluster_id in cluster_ids]
        mine = query.where(self._within(clusters.c.id, ids)).group_by(clusters.c.id)
        return {row.id: row.members for row in self._connection.execute(mine)}

    def messages_of(self, investigation_id: str) -> int:
        """How many messages the clusters of an investigation have, each counted once."""
        table, other = cluster_members.c, cluster_members.alias("other").c
        joined = clusters.join(cluster_members, clusters.c.no == table.cluster_no)
        sizes = select(clusters.c.no).select_from(joined).group_by(clusters.c.no).order_by(func.count())
        mine = sizes.where(clusters.c.investigation_id == armour(investigation_id))
        numbers, found = self._connection.execute(mine).scalars().all(), 0
        # Members of small clusters are looked for in larger ones: of the largest the index knows the number.
        for place, no in enumerate(numbers, 1):
            query = select(func.count()).where(table.cluster_no == no)
            if larger := numbers[place:]:
                again = exists().where(other.message_id == table.message_id)
                query = query.where(~again.where(self._within(other.cluster_no, larger)))
            found += self._connection.execute(query).scalar_one()
        return found

    def investigation_of(self, cluster_id: str) -> str:
        """The id of the investigation a cluster belongs to; raises NotFound."""
        query = select(clusters.c.investigation_id).where(clusters.c.id == armour(cluster_id))
        found: str | None = self._connection.execute(query).scalar()
        if found is None:
            raise NotFound(f"there is no cluster {cluster_id}")
        return found

    def with_message(self, message_id: str) -> tuple[str, ...]:
        """The ids of the clusters a message is a member of, oldest first."""
        joined = clusters.join(cluster_members, clusters.c.no == cluster_members.c.cluster_no)
        query = select(clusters.c.id).select_from(joined)
        mine = query.where(cluster_members.c.message_id == armour(message_id)).order_by(clusters.c.no)
        return tuple(self._connection.execute(mine).scalars())

    def with_messages(self, message_ids: Iterable[str]) -> tuple[str, ...]:
        """The ids of the clusters that any of these messages is a member of, oldest first."""
        found: dict[str, int] = {}
        joined = clusters.join(cluster_members, clusters.c.no == cluster_members.c.cluster_no)
        query = select(clusters.c.id, clusters.c.no).distinct().select_from(joined)
        for chunk in chunks(sorted({armour(message_id) for message_id in message_ids})):
            mine = query.where(self._within(cluster_members.c.message_id, chunk))
            found |= {row.id: row.no for row in self._connection.execute(mine)}
        return tuple(sorted(found, key=lambda cluster_id: found[cluster_id]))

    def join(self, cluster_id: str, members: Sequence[Member]) -> None:
        """Let messages join a cluster; those that are members already stay. Raises NotFound."""
        self._join(self._row(cluster_id).no, members)

    def members_among(self, cluster_id: str, message_ids: Sequence[str]) -> set[str]:
        """Which of these messages are members of a cluster; raises NotFound."""
        table, found = cluster_members.c, set[str]()
        query = select(table.message_id).where(table.cluster_no == self._row(cluster_id).no)
        for chunk in chunks([armour(message_id) for message_id in message_ids]):
            found.update(
                self._connection.execute(query.where(self._within(table.message_id, chunk))).scalars()
            )
        return found

    def _row(self, cluster_id: str) -> Row[Any]:
        found = self._connection.execute(select(clusters).where(clusters.c.id == armour(cluster_id))).first()
        if found is None:
            raise NotFound(f"there is no cluster {cluster_id}")
        return found

    def _join(self, no: int, members: Sequence[Member]) -> None:
        table = cluster_members.c
        last = select(func.coalesce(func.max(table.seq), 0)).where(table.cluster_no == no)
        first = self._connection.execute(last).scalar_one() + 1
        unique = {member.message_id: member for member in reversed(members)}
        ordered = [member for member in members if unique[member.message_id] is member]
        below = cluster_candidates.c
        for start in range(0, len(ordered), CHUNK):
            chunk = ordered[start : start + CHUNK]
            risen = self._within(below.message_id, [armour(m.message_id) for m in chunk])
            self._connection.execute(delete(cluster_candidates).where(below.cluster_no == no, risen))
            self._insert(cluster_members, _COLUMNS, _rows(no, chunk, first + start), _STAY)

    def _put_below(self, no: int, candidates: Sequence[Member]) -> None:
        for chunk in chunks(candidates):
            ids = [armour(m.message_id) for m in chunk]
            table = cluster_members.c
            inside = select(table.message_id).where(
                table.cluster_no == no, self._within(table.message_id, ids)
            )
            members = set(self._connection.execute(inside).scalars())
            rest = [m for m in chunk if m.message_id not in members]
            self._insert(cluster_candidates, _COLUMNS, _rows(no, rest, 1), _RISE)

    def _whole(self, row: Row[Any]) -> Cluster:
        table = cluster_members.c
        query = select(table.message_id, table.reasons, table.score).where(table.cluster_no == row.no)
        found = self._connection.execute(query.order_by(table.seq, table.message_id))
        return replace(_codec.decode(row.record), members=tuple(_member(one) for one in found))


def _head(cluster: Cluster) -> tuple[Any, ...]:
    """What stands in the columns of `_HEAD`."""
    return (
        _codec.encode(replace(cluster, members=(), candidates=())),
        cluster.kind.value,
        armour(cluster.key.value),
        cluster.verdict.value,
        _fine(cluster.line),
        micros(cluster.asked_at),
    )


def _fine(score: float) -> int:
    return round(score * _FINE)


def _rows(no: int, members: Sequence[Member], first: int) -> list[tuple[Any, ...]]:
    encode = _reasons.encode
    return [
        (no, armour(m.message_id), seq, encode(m.reasons), _fine(m.score))
        for seq, m in enumerate(members, first)
    ]


def _member(row: Any) -> Member:
    return Member(disarm(row.message_id), _reasons.decode(row.reasons), row.score / _FINE)
