"""``/api/actions/{id}/classes`` and ``/copies``: what became of an action's copies, by class."""

from __future__ import annotations

from typing import Annotated, Any

from litestar import Response, get
from litestar.params import FromPath, QueryParameter

from clawback.engine.result_export import export_results
from clawback.response.outcomes import ClassCount, CopyResult, ResultClass, class_of
from clawback.web.answers import Answer, Cursor, Limit, Page
from clawback.web.files import sent
from clawback.web.given import GivenParts

Key = Annotated[str, QueryParameter(max_length=4_000, description="The `key` of a class, or none for all.")]


@get("/api/actions/{action_id:str}/classes", sync_to_thread=True, summary="Results by class")
def classes(action_id: FromPath[str], parts: GivenParts) -> Answer[Page[ClassCount]]:
    """How many copies were removed, were gone already, failed by cause, or were left alone by reason."""
    with parts.store.read() as unit:
        return Answer(Page(unit.results.classes(action_id), ""))


@get("/api/actions/{action_id:str}/copies", sync_to_thread=True, summary="The copies of a class of results")
def copies(
    action_id: FromPath[str], parts: GivenParts, result: Key = "", limit: Limit = 100, cursor: Cursor = ""
) -> Answer[Page[CopyResult]]:
    """What became of each copy, those left alone too; of one class, or of all."""
    of = wanted(result)
    with parts.store.read() as unit:
        found, after = unit.results.copies(action_id, of, limit=limit, cursor=cursor)
    return Answer(Page(found, after))


@get(
    "/api/actions/{action_id:str}/copies/export",
    sync_to_thread=True,
    media_type="text/csv",
    summary="Export the copies of a class",
)
def export(action_id: FromPath[str], parts: GivenParts, result: Key = "") -> Response[Any]:
    """As CSV, of one class, or of all."""
    of = wanted(result)
    name = f"{of.outcome.value if of else 'copies'}.csv"
    return sent(lambda path: export_results(parts, path, action_id, of), name, "text/csv; charset=utf-8")


def wanted(key: str) -> ResultClass | None:
    """The class that is asked for, None for all; raises BadQuery for one that there is not."""
    return class_of(key) if key else None


HANDLERS: tuple[Any, ...] = (classes, copies, export)
