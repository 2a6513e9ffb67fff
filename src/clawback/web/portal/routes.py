"""Every route of the portal, with what each needs; and the files that its pages load."""

from __future__ import annotations

from collections.abc import Mapping
from mimetypes import guess_type
from pathlib import Path
from typing import Any

from litestar import Response, get
from litestar.params import FromPath

from clawback.errors import NotFound
from clawback.web.portal import (
    actions,
    backtests,
    clusters,
    explorer,
    house,
    investigations,
    lists,
    messages,
    overview,
    policies,
    submissions,
    webhooks,
)

FILES = Path(__file__).parent.parent / "static"
_SERVED: Mapping[str, bytes] = {
    path.relative_to(FILES).as_posix(): path.read_bytes()
    for path in sorted(FILES.rglob("*"))
    if path.suffix in (".css", ".js", ".svg")
}
_AGE = "public, max-age=3600"


@get("/static/{name:path}", sync_to_thread=False, include_in_schema=False)
def static(name: FromPath[str]) -> Response[bytes]:
    """One of the files that come with the package; no other path leads anywhere."""
    known = name.lstrip("/")
    if known not in _SERVED:
        raise NotFound("there is no such file")
    kind = guess_type(known)[0] or "application/octet-stream"
    return Response(_SERVED[known], media_type=kind, headers={"cache-control": _AGE})


HANDLERS: tuple[Any, ...] = (
    static,
    *overview.HANDLERS,
    *investigations.HANDLERS,
    *actions.HANDLERS,
    *explorer.HANDLERS,
    *messages.HANDLERS,
    *clusters.HANDLERS,
    *submissions.HANDLERS,
    *lists.HANDLERS,
    *policies.HANDLERS,
    *backtests.HANDLERS,
    *house.HANDLERS,
    *webhooks.HANDLERS,
)
