"""Who may do what: the table is complete, and every role gets from every route what the table says."""

from __future__ import annotations

import pytest
from tests.web.desk import PASSWORD, Desk

from clawback.engine import accounts
from clawback.response.people import PERMISSIONS, Permission, Role
from clawback.web.access import ROUTES, Open
from clawback.web.site import paths

SEER = "seer"
"""A reader who may see contents."""
CALLERS = (*(role.value for role in Role), SEER)
API = sorted(name for name in ROUTES if name.split()[1].startswith("/api/"))
FRAMEWORK = {"GET /api", "GET /api/{path}"}
"""Where the framework answers that there is nothing."""


@pytest.fixture(scope="module")
def sessions(shared_desk: Desk) -> dict[str, dict[str, str]]:
    """The headers of somebody of each role who signed in."""
    accounts.add_account(shared_desk.app.parts, SEER, Role.READER, "test", content=True, password=PASSWORD)
    return {name: shared_desk.signed_in(name) for name in CALLERS}


def permissions(name: str) -> frozenset[Permission]:
    if name == SEER:
        return PERMISSIONS[Role.READER] | {Permission.CONTENT}
    return PERMISSIONS[Role(name)]


def status(desk: Desk, operation: str, headers: dict[str, str]) -> int:
    """What an operation answers; it changes nothing, for its ids are nobody's and its body is empty."""
    method, path = operation.split()
    while "{" in path:
        before, _, rest = path.partition("{")
        path = f"{before}none{rest.partition('}')[2]}"
    body = b"{}" if method in ("POST", "PATCH") else None
    sent = {**headers, "Content-Type": "application/json", "If-Match": '"none"'}
    with desk.client.stream(method, path, headers=sent, content=body) as answer:
        return answer.status_code


def test_every_route_has_a_row_and_every_row_a_route(shared_desk: Desk) -> None:
    assert set(paths(shared_desk.site.inner)) - FRAMEWORK == set(ROUTES)


def test_every_operation_of_the_document_has_a_row(shared_desk: Desk) -> None:
    document = shared_desk.client.get("/api/openapi.json").json()
    described = {f"{method.upper()} {path}" for path, item in document["paths"].items() for method in item}
    assert described <= set(ROUTES)
    assert {name for name in API if name != "GET /api/openapi.json"} <= described


@pytest.mark.parametrize(
    ("operation", "caller"), [(operation, caller) for operation in API for caller in CALLERS]
)
def test_a_role_may_what_its_row_says_and_nothing_else(
    shared_desk: Desk, sessions: dict[str, dict[str, str]], operation: str, caller: str
) -> None:
    needs = ROUTES[operation].needs
    allowed = isinstance(needs, Open) or needs in permissions(caller)
    answered = status(shared_desk, operation, sessions[caller])
    assert answered < 500
    assert (answered not in (401, 403)) is allowed


@pytest.mark.parametrize("operation", API)
def test_nobody_may_what_is_not_for_anybody(shared_desk: Desk, operation: str) -> None:
    expected = isinstance(ROUTES[operation].needs, Open)
    assert (status(shared_desk, operation, {}) != 401) is expected


@pytest.mark.parametrize("operation", API)
def test_a_token_without_the_scope_may_not_though_its_account_may(shared_desk: Desk, operation: str) -> None:
    needs = ROUTES[operation].needs
    if isinstance(needs, Open) or needs is Permission.CONTENT:
        return
    others = sorted(p.value for p in PERMISSIONS[Role.ADMINISTRATOR] - {needs})
    assert status(shared_desk, operation, shared_desk.token("administrator", *others)) == 403


def test_metrics_ask_for_a_token_that_may_read_or_for_this_machine(shared_desk: Desk) -> None:
    get = shared_desk.client.get
    assert "clawback_messages 6" in get("/metrics").text
    assert get("/metrics", headers=shared_desk.token("administrator", "audit")).status_code == 403
    assert get("/metrics", headers={"Authorization": "Bearer clb_x"}).status_code == 401
