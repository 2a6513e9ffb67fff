"""One message: who sent it and how, what it carries, where every copy is; and its body for whoever may."""

from __future__ import annotations

import io
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import nh3
import pyzipper
from litestar import Response, post
from litestar.params import FromPath, URLEncodedBody
from litestar.response import Template

from clawback.analysis.detections import detect
from clawback.analysis.entities import EntityKind
from clawback.analysis.features import entities_of
from clawback.engine.content import content_of
from clawback.message.delivery import Delivery
from clawback.message.message import Message, Organisation
from clawback.message.parse import parse
from clawback.store import Unit
from clawback.web.given import GivenParts
from clawback.web.portal.addresses import address_of
from clawback.web.portal.frame import GivenPage, page_at

HERE = "/messages"
COPIES = 200
"""Copies of one message that are shown."""
LINKS = 200
SOURCE = 200_000
"""Characters of a message's source, text or HTML that are shown."""
_ID = re.compile(r"msg-[0-9a-f]{1,64}", re.ASCII)
ZIP_PASSWORD = b"infected"
"""The password that samples are handed around with, so that no scanner on the way opens them."""


@dataclass(frozen=True, slots=True)
class ViewForm:
    """Why the body is looked at."""

    csrf: str
    reason: str


@page_at(HERE + "/{message_id:str}")
def shown(message_id: FromPath[str], page: GivenPage, parts: GivenParts) -> Template:
    """One message, without its body."""
    with parts.store.read() as unit:
        one = unit.messages.get(message_id)
        facts = _facts(unit, one, parts.now())
    return page.show("message.html", one.subject or "(no subject)", "/explorer", one=one, **facts)


def _facts(unit: Unit, one: Message, now: datetime) -> dict[str, Any]:
    copies = unit.deliveries.of_messages([one.id])
    near = unit.indicators.matching(entities_of(one))
    verdicts = unit.detections.verdicts([one.id])
    return {
        "copies": copies[:COPIES],
        "copies_total": len(copies),
        "marks": unit.exposure.of([copy.id for copy in copies[:COPIES]]),
        "verdict": verdicts.get(one.id),
        "detections": detect(one, near, now),
        "clusters": [unit.clusters.head(cluster_id) for cluster_id in unit.clusters.with_message(one.id)],
        "submissions": unit.submissions.of_message(one.id),
        "links": [(link, address_of(EntityKind.URL, link.url)) for link in one.links[:LINKS]],
        "timeline": _timeline(one, copies),
    }


def _timeline(one: Message, copies: Sequence[Delivery]) -> list[tuple[Any, str]]:
    """What is known of its way, oldest first."""
    moments: list[tuple[Any, str]] = []
    if one.date:
        moments.append((one.date, "The sender says it was written"))
    for hop in reversed(one.hops):
        if hop.at:
            way = f"{hop.from_host or hop.from_ip or 'somebody'} gave it to {hop.by_host or 'a host'}"
            moments.append((hop.at, way))
    if copies:
        moments.append(
            (min(copy.internal_date for copy in copies), f"delivered; {len(copies)} copies are known")
        )
        moments.append((min(copy.first_seen for copy in copies), "first seen by clawback"))
        for copy in copies[:50]:
            if copy.location is not copy.original_location:
                place = copy.location.value.replace("_", " ")
                moments.append((copy.located_at, f"the copy of {copy.handle.mailbox} was found in {place}"))
    return sorted(moments, key=lambda item: str(item[0]))


@post(HERE + "/{message_id:str}/view", status_code=200, media_type="text/html", include_in_schema=False)
async def view(
    message_id: FromPath[str], page: GivenPage, parts: GivenParts, data: URLEncodedBody[ViewForm]
) -> Template:
    """The body, sanitised, as text, and as source. The look and its reason go into the audit log."""
    actor = page.ordered(data.csrf)
    raw = await content_of(parts, message_id, actor, data.reason)
    seen = parse(raw, Organisation())
    return page.show(
        "message_body.html",
        seen.subject or "(no subject)",
        "/explorer",
        one=seen,
        known_id=message_id,
        safe_html=sanitised(seen.html[:SOURCE]),
        text=seen.text[:SOURCE],
        source=raw[:SOURCE].decode("utf-8", "replace"),
        size=len(raw),
        reason=data.reason,
    )


def sanitised(html: str) -> str:
    """Mail HTML without scripts, styles, forms, images, and with links that lead nowhere.

    It is shown in a frame without any right, too: either alone would do.
    """
    return nh3.clean(
        html,
        tags=_TAGS,
        attributes={"*": {"dir", "align"}, "td": {"colspan", "rowspan"}, "th": {"colspan", "rowspan"}},
        clean_content_tags={"script", "style", "title", "template", "noscript"},
        strip_comments=True,
        link_rel=None,
        url_schemes=set(),
    )


_TAGS = {
    "a", "abbr", "b", "blockquote", "br", "caption", "center", "code", "col", "colgroup", "dd", "del", "div",
    "dl", "dt", "em", "h1", "h2", "h3", "h4", "h5", "h6", "hr", "i", "li", "ol", "p", "pre", "s", "small",
    "span", "strong", "sub", "sup", "table", "tbody", "td", "tfoot", "th", "thead", "tr", "u", "ul",
}  # fmt: skip


@post(HERE + "/{message_id:str}/download", status_code=200, include_in_schema=False)
async def download(
    message_id: FromPath[str], page: GivenPage, parts: GivenParts, data: URLEncodedBody[ViewForm]
) -> Response[bytes]:
    """The message as it came, in a zip with the password ``infected``."""
    actor = page.ordered(data.csrf)
    raw = await content_of(parts, message_id, actor, data.reason)
    name = (
        f"{message_id}.zip"
        if message_id.isalnum() or message_id.replace("-", "").isalnum()
        else "message.zip"
    )
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return Response(zipped(raw, "message.eml"), media_type="application/zip", headers=headers)


def zipped(content: bytes, name: str) -> bytes:
    """A zip with one member, encrypted (AES)."""
    target = io.BytesIO()
    with pyzipper.AESZipFile(
        target, "w", compression=pyzipper.ZIP_DEFLATED, encryption=pyzipper.WZ_AES
    ) as archive:
        archive.setpassword(ZIP_PASSWORD)
        archive.writestr(name, content)
    return target.getvalue()


HANDLERS: tuple[Any, ...] = (shown, view, download)
