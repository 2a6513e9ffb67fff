"""Signing in and out, and who one is."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import Any

from litestar import Request, Response, get, post
from litestar.datastructures import Cookie
from litestar.di import NamedDependency
from litestar.params import FromQuery, URLEncodedBody
from litestar.response import Redirect, Template

from clawback.engine.parts import Parts
from clawback.engine.sign_in import Caller, sign_in, sign_out
from clawback.errors import Forbidden, TriedTooOften
from clawback.response.people import Account, Permission
from clawback.web.answers import Answer
from clawback.web.callers import check_csrf
from clawback.web.given import GivenCaller, GivenParts
from clawback.web.oidc_flow import Oidc

HOME = "/"
LONGEST_NEXT = 2_000
SIGN_INS = 2
"""Sign-ins that are looked at at once."""


@dataclass(frozen=True, slots=True)
class Door:
    """How sessions are kept in browsers: the cookie's name, and whether it goes over TLS alone.

    `turns` lets few sign in at once: guesses side by side are counted as if they came one by one, and a
    flood of them takes no thread from those who are in. `oidc` is the other way in, if there is one.
    """

    cookie: str
    tls: bool
    oidc: Oidc | None = None
    turns: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(SIGN_INS))


@dataclass(frozen=True, slots=True)
class SignIn:
    """The form of the sign-in page."""

    name: str
    password: str
    code: str = ""
    next: str = HOME


@dataclass(frozen=True, slots=True)
class SignOut:
    """The form of the button."""

    csrf: str = ""


@dataclass(frozen=True, slots=True)
class Who:
    """The caller. `csrf` goes into the header X-CSRF-Token of each order from a page ("" by token)."""

    account: Account
    permissions: tuple[Permission, ...]
    csrf: str


@get("/sign-in", summary="The page to sign in", media_type="text/html", include_in_schema=False)
async def sign_in_page(door: NamedDependency[Door], next: FromQuery[str] = HOME) -> Template:
    """The form."""
    return form(door, "", local(next), "")


@post("/sign-in", status_code=200, media_type="text/html", include_in_schema=False)
async def sign_in_form(
    request: Request[Any, Any, Any],
    data: URLEncodedBody[SignIn],
    parts: GivenParts,
    door: NamedDependency[Door],
) -> Response[Any]:
    """Open a session, or say that something was wrong."""
    address = address_of(request)
    only = door.oidc.break_glass if door.oidc else ""
    try:
        async with door.turns:
            secret = await asyncio.to_thread(
                sign_in, parts, data.name, data.password, data.code, address, only=only
            )
    except (Forbidden, TriedTooOften) as error:
        late = isinstance(error, TriedTooOften)
        page = form(door, data.name[:64], local(data.next), str(error))
        page.status_code = 429 if late else 403
        return page
    return Redirect(local(data.next), status_code=303, cookies=[session_cookie(door, secret)])


@post("/sign-out", status_code=303, media_type="text/html", include_in_schema=False)
async def sign_out_form(
    request: Request[Any, Any, Any],
    data: URLEncodedBody[SignOut],
    parts: GivenParts,
    caller: GivenCaller,
    door: NamedDependency[Door],
) -> Redirect:
    """End the session; who came in by the identity provider is told that theirs there goes on."""
    check_csrf(caller, data.csrf)
    by_oidc = await asyncio.to_thread(_by_oidc, parts, caller)
    way = "/signed-out" if by_oidc and door.oidc is not None else "/sign-in"
    await asyncio.to_thread(sign_out, parts, request.cookies.get(door.cookie, ""))
    return Redirect(way, status_code=303, cookies=[session_cookie(door, "", max_age=0)])


def _by_oidc(parts: Parts, caller: Caller) -> bool:
    with parts.store.read() as unit:
        return unit.accounts.identity(caller.name) is not None


@get("/api/session", sync_to_thread=False, summary="Who I am and what I may do")
def session(caller: GivenCaller) -> Answer[Who]:
    """Also what a page must send back with each order."""
    return Answer(Who(caller.account, tuple(sorted(caller.permissions)), caller.csrf))


def local(path: str) -> str:
    """The path if it leads to a page of ours, else the first page: nobody is sent away from here."""
    strange = not path.isprintable() or "\\" in path or not path.isascii()
    if strange or len(path) > LONGEST_NEXT or not path.startswith("/") or path.startswith("//"):
        return HOME
    return path


def address_of(request: Request[Any, Any, Any]) -> str:
    """Where a request comes from, as the server or its proxy says."""
    return request.client.host if request.client else ""


def session_cookie(door: Door, secret: str, max_age: int | None = None) -> Cookie:
    """The session's cookie: no script sees it, and it goes when the browser ends."""
    return Cookie(
        key=door.cookie,
        value=secret,
        path="/",
        secure=door.tls,
        httponly=True,
        samesite="lax",
        max_age=max_age,
    )


def form(door: Door, name: str, way: str, said: str) -> Template:
    """The page to sign in, with what is to be said about the last try."""
    facts = {"name": name, "next": way, "said": said, "oidc": door.oidc}
    return Template("sign_in.html", context=facts)


HANDLERS: tuple[Any, ...] = (sign_in_page, sign_in_form, sign_out_form, session)
