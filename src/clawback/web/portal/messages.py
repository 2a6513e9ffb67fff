"""One message: who sent it and how, what it carries, where every copy is; and its body for whoever may."""

from __future__ import annotations

import asyncio
import io
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import nh3
import pyzipper
from litestar import Response, post
from litestar.params import FromPath, URLEncodedBody
from litestar.response import Template

from clawback.engine.content import content_of
from clawback.errors import NotFound
from clawback.message.message import Message, Organisation
from clawback.message.parse import parse
from clawback.web.given import GivenParts
from clawback.web.portal.frame import GivenPage, page_at
from clawback.web.portal.message_facts import COPIES, FILES, LINKS, facts_of

HERE = "/messages"
SOURCE = 200_000
"""Characters of a message's source, text or HTML that are shown."""
HEADERS = 500
LONGEST_HEADER = 4_000
"""Characters of one header that are shown."""
ZIP_PASSWORD = b"infected"
"""The password that samples are handed around with, so that no scanner on the way opens them."""
_STRANGE = re.compile(r"[^A-Za-z0-9._-]+")
_TAGS = {
    "a", "abbr", "b", "blockquote", "br", "caption", "center", "code", "col", "colgroup", "dd", "del", "div",
    "dl", "dt", "em", "h1", "h2", "h3", "h4", "h5", "h6", "hr", "i", "li", "ol", "p", "pre", "s", "small",
    "span", "strong", "sub", "sup", "table", "tbody", "td", "tfoot", "th", "thead", "tr", "u", "ul",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class ViewForm:
    """Why the body is looked at."""

    csrf: str
    reason: str


@dataclass(frozen=True, slots=True)
class FileForm:
    """Which file is wanted, by its path in the message, and why."""

    csrf: str
    reason: str
    path: str


@dataclass(frozen=True, slots=True)
class HeaderShown:
    """One header as a person reads it, and as it was written."""

    name: str
    value: str
    raw: str


@page_at(HERE + "/{message_id:str}")
def shown(message_id: FromPath[str], page: GivenPage, parts: GivenParts) -> Template:
    """One message, without its body."""
    with parts.store.read() as unit:
        one = unit.messages.get(message_id)
        facts = facts_of(unit, one, parts.now())
    title = one.subject or "(no subject)"
    most = {"copies": COPIES, "links": LINKS, "files": FILES}
    return page.show("message.html", title, "/explorer", one=one, most=most, **facts)


@post(HERE + "/{message_id:str}/view", status_code=200, media_type="text/html", include_in_schema=False)
async def view(
    message_id: FromPath[str], page: GivenPage, parts: GivenParts, data: URLEncodedBody[ViewForm]
) -> Template:
    """The body, sanitised, as text, and as source. The look and its reason go into the audit log."""
    actor = page.ordered(data.csrf)
    raw = await content_of(parts, message_id, actor, data.reason)
    seen = await asyncio.to_thread(parse, raw, Organisation())
    return page.show(
        "message_body.html",
        seen.subject or "(no subject)",
        "/explorer",
        one=seen,
        known_id=message_id,
        headers=list(headers_of(seen, raw)),
        safe_html=sanitised(seen.html[:SOURCE]),
        text=seen.text[:SOURCE],
        source=raw[:SOURCE].decode("utf-8", "replace"),
        size=len(raw),
        files=seen.attachments[:FILES],
        most=SOURCE,
        reason=data.reason,
    )


def headers_of(seen: Message, raw: bytes) -> Iterator[HeaderShown]:
    """The headers of the message itself, in their order, each as it reads and as it stands in the source."""
    body = seen.parts[0].body_start if seen.parts else len(raw)
    fields = seen.headers[:HEADERS]
    ends = [*(field.offset for field in seen.headers[1 : HEADERS + 1]), body]
    for field, end in zip(fields, ends, strict=False):
        written = raw[field.offset : min(end, field.offset + LONGEST_HEADER)].decode("utf-8", "replace")
        yield HeaderShown(field.name[:200], field.value[:LONGEST_HEADER], written.strip("\r\n"))


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


@post(HERE + "/{message_id:str}/download", status_code=200, include_in_schema=False)
async def download(
    message_id: FromPath[str], page: GivenPage, parts: GivenParts, data: URLEncodedBody[ViewForm]
) -> Response[bytes]:
    """The message as it came, in a zip with the password ``infected``."""
    actor = page.ordered(data.csrf)
    raw = await content_of(parts, message_id, actor, data.reason)
    return await _packed(raw, "message.eml", message_id)


@post(HERE + "/{message_id:str}/file", status_code=200, include_in_schema=False)
async def download_file(
    message_id: FromPath[str], page: GivenPage, parts: GivenParts, data: URLEncodedBody[FileForm]
) -> Response[bytes]:
    """One file that the message carries, at whatever depth, in a zip with the password ``infected``."""
    actor = page.ordered(data.csrf)
    raw = await content_of(parts, message_id, actor, data.reason)
    seen = await asyncio.to_thread(parse, raw, Organisation())
    found = next((file for file in seen.attachments if file.path == data.path), None)
    if found is None:
        raise NotFound("the message carries no such file")
    return await _packed(found.content, member_name(found.name), found.sha256)


async def _packed(content: bytes, member: str, name: str) -> Response[bytes]:
    packed = await asyncio.to_thread(zipped, content, member)
    headers = {"Content-Disposition": f'attachment; filename="{member_name(name)}.zip"'}
    return Response(packed, media_type="application/zip", headers=headers)


def member_name(written: str) -> str:
    """A name that a stranger wrote, so that it leads out of no folder and nothing opens it by itself."""
    last = written.replace("\\", "/").rpartition("/")[2]
    return _STRANGE.sub("_", last).strip("._-")[-100:].lstrip("._-") or "file"


def zipped(content: bytes, name: str) -> bytes:
    """A zip with one member, encrypted (AES)."""
    target = io.BytesIO()
    with pyzipper.AESZipFile(
        target, "w", compression=pyzipper.ZIP_DEFLATED, encryption=pyzipper.WZ_AES
    ) as archive:
        archive.setpassword(ZIP_PASSWORD)
        archive.writestr(name, content)
    return target.getvalue()


HANDLERS: tuple[Any, ...] = (shown, view, download, download_file)
