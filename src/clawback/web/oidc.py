"""Signing in by OpenID Connect: to the provider, back from it, and out there too."""

from __future__ import annotations

import asyncio
import logging
from datetime import datetime
from typing import Annotated, Any

from litestar import Request, Response, get
from litestar.datastructures import Cookie
from litestar.di import NamedDependency
from litestar.params import FromQuery, QueryParameter
from litestar.response import Redirect, Template

from clawback.engine.identities import Person, refuse_address, sign_in_failed, sign_in_person
from clawback.errors import (
    BadSettings,
    ClawbackError,
    Forbidden,
    MailboxError,
    NotFound,
    TriedTooOften,
    Unavailable,
)
from clawback.web.given import GivenParts
from clawback.web.oidc_flow import MINUTES, Oidc, Pending, begun, opened, person_of, sealed
from clawback.web.session import HOME, Door, address_of, form, local, session_cookie

CALLBACK = "/sign-in/oidc/callback"
LONGEST = 4_000
"""Characters of what the provider sends back by the browser."""

_log = logging.getLogger(__name__)
_OURS = "something is wrong between clawback and the identity provider: tell an administrator"
_SILENT = "the identity provider does not answer now: try again in a minute"
_REFUSED = "the identity provider did not let you in"
_Sent = Annotated[str, QueryParameter(max_length=LONGEST)]


@get("/sign-in/oidc", media_type="text/html", include_in_schema=False)
async def to_provider(
    request: Request[Any, Any, Any],
    parts: GivenParts,
    door: NamedDependency[Door],
    next: FromQuery[str] = HOME,
) -> Response[Any]:
    """Send the browser to the provider, with what this sign-in is known by later."""
    oidc, way = _oidc(door), local(next)
    back = f"{request.url.scheme}://{request.url.netloc}{CALLBACK}"
    pending = begun(back, way, parts.now())
    try:
        await asyncio.to_thread(refuse_address, parts, address_of(request))
        url = await oidc.provider.way_in(pending.started, pending.challenge)
    except ClawbackError as error:
        return _sorry(door, way, error)
    cookie = _kept(door, sealed(pending, oidc.key), MINUTES * 60)
    return Redirect(url, status_code=303, cookies=[cookie])


@get(CALLBACK, media_type="text/html", include_in_schema=False)
async def from_provider(
    request: Request[Any, Any, Any],
    parts: GivenParts,
    door: NamedDependency[Door],
    code: _Sent = "",
    mark: Annotated[str, QueryParameter(name="state", max_length=LONGEST)] = "",
    iss: _Sent = "",
    error: _Sent = "",
) -> Response[Any]:
    """Open a session for whom the provider says it is, or say why not."""
    oidc, address = _oidc(door), address_of(request)
    try:
        await asyncio.to_thread(refuse_address, parts, address)
        pending = opened(request.cookies.get(_name(door), ""), mark, oidc.key, parts.now())
    except ClawbackError as fault:
        # Not counted: any page of the world can make a browser come here without what we gave it.
        return _sorry(door, HOME, fault)
    if error or not code:
        _log.warning("the identity provider refused a sign-in: %r", error[:100])
        return _done(door, _sorry(door, pending.next, Forbidden(_REFUSED)))
    try:
        person = await _person(oidc, pending, code, iss, parts.now())
    except ClawbackError as fault:
        if isinstance(fault, Forbidden):  # the provider's own faults are nobody's tries
            await asyncio.to_thread(sign_in_failed, parts, oidc.issuer, address, str(fault))
        return _done(door, _sorry(door, pending.next, fault))
    try:
        secret = await asyncio.to_thread(sign_in_person, parts, person, oidc.admission, address)
    except (Forbidden, TriedTooOften) as refusal:
        return _done(door, _sorry(door, pending.next, refusal))
    answer = Redirect(pending.next, status_code=303, cookies=[session_cookie(door, secret)])
    return _done(door, answer)


async def _person(oidc: Oidc, pending: Pending, code: str, iss: str, now: datetime) -> Person:
    if iss and iss != oidc.issuer:
        raise Forbidden("the answer is of another identity provider: begin again")
    return person_of(await oidc.provider.claims(code, pending.started, now), oidc)


@get("/signed-out", media_type="text/html", include_in_schema=False)
async def signed_out(request: Request[Any, Any, Any], door: NamedDependency[Door]) -> Template:
    """Say that the session here has ended, and where the provider's own can be ended."""
    oidc = _oidc(door)
    try:
        out = await oidc.provider.way_out(f"{request.url.scheme}://{request.url.netloc}/sign-in")
    except (MailboxError, BadSettings) as error:
        _log.warning("the identity provider: %s", error)
        out = ""
    return Template("signed_out.html", context={"label": oidc.label, "out": out})


def _sorry(door: Door, way: str, error: ClawbackError) -> Template:
    """The page to sign in again, with what was wrong in words for the person before it."""
    said, status = str(error), 403
    if isinstance(error, TriedTooOften):
        status = 429
    elif isinstance(error, Unavailable):
        _log.warning("the identity provider: %s", error)
        said, status = _SILENT, 503
    elif not isinstance(error, Forbidden):
        _log.error("the identity provider: %s", error)
        said, status = _OURS, 502
    page = form(door, "", way, said)
    page.status_code = status
    return page


def _done(door: Door, answer: Response[Any]) -> Response[Any]:
    """The answer, after which the browser forgets what it kept: a sign-in is tried once."""
    answer.cookies = [*answer.cookies, _kept(door, "", 0)]
    return answer


def _kept(door: Door, value: str, seconds: int) -> Cookie:
    return Cookie(
        key=_name(door),
        value=value,
        path="/",
        secure=door.tls,
        httponly=True,
        samesite="lax",
        max_age=seconds,
    )


def _name(door: Door) -> str:
    return f"{door.cookie}-oidc"


def _oidc(door: Door) -> Oidc:
    if door.oidc is None:
        raise NotFound("nobody signs in by OpenID Connect here: see web.oidc in the settings")
    return door.oidc


HANDLERS: tuple[Any, ...] = (to_provider, from_provider, signed_out)
