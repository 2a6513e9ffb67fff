"""``/api/accounts`` and ``/api/tokens``: who may come in."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any

from litestar import Request, delete, get, patch, post
from litestar.params import FromPath, JSONBody
from msgspec import Meta

from clawback.engine import accounts as orders
from clawback.engine.sign_in import Caller
from clawback.errors import Forbidden
from clawback.response.people import Account, ApiToken, Permission, Role
from clawback.web.answers import Answer, Cursor, Limit, Page
from clawback.web.given import GivenCaller, GivenParts
from clawback.web.listed import exported, page_of
from clawback.web.lists import TOKENS
from clawback.web.orders import GivenOrder

Name = Annotated[str, Meta(min_length=1, max_length=64)]
Password = Annotated[str, Meta(min_length=12, max_length=1_000)]


@dataclass(frozen=True, slots=True)
class NewAccount:
    """Somebody to let in. Without a password one is made; with `oidc` there is none."""

    name: Name
    role: Role
    content: bool = False
    password: Password | None = None
    oidc: bool = False


@dataclass(frozen=True, slots=True)
class MadeAccount:
    """The account, and its password: shown now and never again ("" when there is none)."""

    account: Account
    password: str


@dataclass(frozen=True, slots=True)
class ChangeAccount:
    """What to change; what is not given stays."""

    role: Role | None = None
    content: bool | None = None
    disabled: bool | None = None


@dataclass(frozen=True, slots=True)
class NewToken:
    """A token for oneself. Without scopes it may all that its account may."""

    label: Annotated[str, Meta(min_length=1, max_length=100)]
    scopes: Annotated[tuple[Permission, ...], Meta(max_length=20)] = ()
    days: Annotated[int, Meta(ge=1, le=orders.MOST_DAYS)] = 90


@dataclass(frozen=True, slots=True)
class MadeToken:
    """The token, and its secret: shown now and never again."""

    token: ApiToken
    secret: str


@get("/api/accounts", sync_to_thread=True, summary="List accounts")
def accounts(parts: GivenParts, limit: Limit = 100, cursor: Cursor = "") -> Answer[Page[Account]]:
    """Newest first."""
    with parts.store.read() as unit:
        found, after = unit.accounts.list(limit=limit, cursor=cursor)
    return Answer(Page(found, after))


@post("/api/accounts", sync_to_thread=True, status_code=201, summary="Let somebody in")
def add_account(data: JSONBody[NewAccount], order: GivenOrder) -> Answer[MadeAccount]:
    """Never answered twice: an Idempotency-Key is not looked at, for the password is kept nowhere."""
    account, password = orders.add_account(
        order.parts,
        data.name,
        data.role,
        order.actor,
        content=data.content,
        password=data.password,
        by_oidc=data.oidc,
    )
    return Answer(MadeAccount(account, password), status_code=201)


@patch("/api/accounts/{name:str}", sync_to_thread=True, summary="Change one account")
def change_account(name: FromPath[str], data: JSONBody[ChangeAccount], order: GivenOrder) -> Answer[Account]:
    """Its role, whether it may see contents, whether it is disabled. Its sessions end."""

    def work() -> Account:
        return orders.change_account(
            order.parts, name, order.actor, role=data.role, content=data.content, disabled=data.disabled
        )

    return order.once(work)


@get("/api/tokens", sync_to_thread=True, summary="List API tokens")
def tokens(
    request: Request[Any, Any, Any],
    parts: GivenParts,
    caller: GivenCaller,
    limit: Limit = 100,
    cursor: Cursor = "",
) -> Answer[Page[ApiToken]]:
    """One's own; an administrator sees all. Newest first, unless `sort` says otherwise."""
    return page_of(TOKENS, request, parts, limit, cursor, _whose(request, caller))


@post("/api/tokens", sync_to_thread=True, status_code=201, summary="Make an API token for oneself")
def new_token(data: JSONBody[NewToken], order: GivenOrder) -> Answer[MadeToken]:
    """Never answered twice, as an account. Only for who signed in: a token that leaks makes no more."""
    if order.caller.by_token:
        raise Forbidden("a token makes no tokens: sign in, or use `clawback tokens new`")
    allowed = order.caller.permissions
    scopes = data.scopes or tuple(sorted(allowed))
    if beyond := sorted(set(scopes) - allowed):
        raise Forbidden(f"you may not {beyond[0].value}, so no token of yours may")
    names = tuple(scope.value for scope in scopes)
    token, secret = orders.new_token(
        order.parts, order.caller.name, data.label, names, data.days, order.actor
    )
    return Answer(MadeToken(token, secret), status_code=201)


@delete("/api/tokens/{token_id:str}", sync_to_thread=True, status_code=200, summary="Revoke an API token")
def revoke_token(token_id: FromPath[str], order: GivenOrder) -> Answer[ApiToken]:
    """One's own; an administrator revokes any."""
    mine = None if _rules(order.caller) else order.caller.name
    return order.once(lambda: orders.revoke_token(order.parts, token_id, order.actor, of=mine))


def _rules(caller: Caller) -> bool:
    return Permission.ADMINISTER in caller.permissions


def _whose(_request: Request[Any, Any, Any], caller: Caller) -> str:
    """Whose tokens somebody sees: their own, or "" for those of all."""
    return "" if _rules(caller) else caller.name


HANDLERS: tuple[Any, ...] = (
    accounts,
    add_account,
    change_account,
    tokens,
    new_token,
    revoke_token,
    exported(TOKENS, _whose),
)
