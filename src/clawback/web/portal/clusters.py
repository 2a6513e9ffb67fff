"""Clusters: the list, and each with its members, why each is one, its line, and what moved on from it."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import islice
from typing import Any

from litestar.params import FromPath, URLEncodedBody
from litestar.response import Redirect, Template

from clawback.engine import commands
from clawback.engine.recut import recut
from clawback.engine.spread import may_be_removed, spread_of
from clawback.store import Unit
from clawback.web.cluster_heads import places_of
from clawback.web.given import GivenParts
from clawback.web.lists import CLUSTERS, MEMBERS
from clawback.web.portal.addresses import address_of
from clawback.web.portal.forms import Cursor, NoteForm, Word
from clawback.web.portal.frame import GivenPage, form_at, page_at
from clawback.web.portal.listing import Place, list_page

HERE = "/clusters"
PASSAGES = 200
"""Ways of copies that are shown; the export has them all."""
BELOW = 20
"""Candidates below the line that are shown, the nearest."""
SPREAD_LIMIT = 300
"""Members up to which it is worked out at once how each copy got there."""
TRACED = 5_000
"""Members up to which it is worked out when somebody asks for it and waits."""


@dataclass(frozen=True, slots=True)
class LineForm:
    """Where the line shall be."""

    csrf: str
    strictness: float


@page_at(HERE)
def listed(page: GivenPage, parts: GivenParts, cursor: Cursor = "") -> Template:
    """All clusters, newest first unless sorted otherwise."""
    with parts.store.read() as unit:
        rows, listing = list_page(CLUSTERS, page, unit, Place(HERE), cursor)
        sizes = unit.clusters.sizes([cluster.id for cluster in rows])
    return page.show("clusters.html", "Clusters", HERE, rows=rows, sizes=sizes, listing=listing)


@page_at(HERE + "/{cluster_id:str}")
def shown(
    cluster_id: FromPath[str], page: GivenPage, parts: GivenParts, trace: Word = "", cursor: Cursor = ""
) -> Template:
    """One cluster; with `trace` also how each of many copies got there."""
    with parts.store.read() as unit:
        one = unit.clusters.head(cluster_id)
        facts = _facts(unit, cluster_id, TRACED if trace else SPREAD_LIMIT)
        place = Place(f"{HERE}/{one.id}", one.id, kept={"trace": trace} if trace else {})
        members, listing = list_page(MEMBERS, page, unit, place, cursor)
        messages = unit.messages.get_many([member.message_id for member in members])
    where = address_of(one.key.kind, one.key.value)
    removable = may_be_removed(one)
    return page.show(
        "cluster.html",
        one.key.value,
        HERE,
        one=one,
        key_href=where,
        removable=removable,
        members=[(member, messages.get(member.message_id)) for member in members],
        listing=listing,
        **facts,
    )


def _facts(unit: Unit, cluster_id: str, traced: int) -> dict[str, Any]:
    size = unit.clusters.sizes([cluster_id])[cluster_id]
    spread = spread_of(unit, cluster_id) if size <= traced else None
    investigation_id = unit.clusters.investigation_of(cluster_id)
    places, counted_at = places_of(unit, cluster_id, size, investigation_id)
    return {
        "size": size,
        "below": unit.clusters.count_below(cluster_id),
        "nearest": unit.clusters.below(cluster_id, BELOW),
        "left_out": unit.exclusions.of_cluster(cluster_id, BELOW),
        "places": places,
        "counted_at": counted_at,
        "spread": spread,
        "traceable": size <= TRACED,
        "passages": list(islice(spread.passages, PASSAGES)) if spread else [],
        "actions": unit.remediations.of_cluster(cluster_id),
        "investigation": investigation_id,
    }


@form_at(HERE + "/{cluster_id:str}/recut")
def cut_again(
    cluster_id: FromPath[str], page: GivenPage, parts: GivenParts, data: URLEncodedBody[LineForm]
) -> Redirect:
    """Move the line, before anything of the cluster is approved."""
    actor = page.ordered(data.csrf)
    recut(parts, cluster_id, data.strictness, actor)
    return page.done(f"{HERE}/{cluster_id}", "recut")


@form_at(HERE + "/{cluster_id:str}/propose")
def propose(
    cluster_id: FromPath[str], page: GivenPage, parts: GivenParts, data: URLEncodedBody[NoteForm]
) -> Redirect:
    """Propose the removal of what moved on beyond the cluster's key."""
    actor = page.ordered(data.csrf)
    commands.take_up(parts, cluster_id, (), actor)
    return page.done(f"{HERE}/{cluster_id}", "proposed_offers")


HANDLERS: tuple[Any, ...] = (listed, shown, cut_again, propose)
