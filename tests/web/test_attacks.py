"""What somebody may try who should not."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import httpx
import pytest
from tests.web.desk import PASSWORD, Desk, ok

from clawback.engine import accounts
from clawback.engine.sign_in import TRIES
from clawback.response.people import Role
from clawback.web.border import MOST_BYTES

ORDER = "/api/indicators"
BODY = {"value": "https://more.example/x"}


def raw(desk: Desk, request: bytes) -> bytes:
    """What the server says to bytes that no client would send."""
    with socket.create_connection(("127.0.0.1", desk.client.base_url.port or 0), 30) as connection:
        connection.sendall(request)
        return b"".join(iter(lambda: connection.recv(65_536), b""))


def sign_in(desk: Desk, name: str, password: str, **form: str) -> httpx.Response:
    sent = {"name": name, "password": password, **form}
    answer = desk.client.post("/sign-in", data=sent, follow_redirects=False)
    desk.client.cookies.clear()
    return answer


def test_a_cookie_alone_orders_nothing(shared_desk: Desk) -> None:
    desk, mine = shared_desk, shared_desk.signed_in("analyst")
    other = desk.signed_in("approver")
    cookie = {"Cookie": mine["Cookie"]}
    assert desk.client.post(ORDER, json=BODY, headers=cookie).status_code == 403
    stolen = {**cookie, "X-CSRF-Token": other["X-CSRF-Token"]}
    assert desk.client.post(ORDER, json=BODY, headers=stolen).status_code == 403
    assert desk.client.post(ORDER, json=BODY, headers={**cookie, "X-CSRF-Token": ""}).status_code == 403
    for headers in ({"Origin": "https://evil.example"}, {"Origin": "null"}, {"Sec-Fetch-Site": "cross-site"}):
        assert desk.client.post(ORDER, json=BODY, headers={**mine, **headers}).status_code == 403
    address = str(desk.client.base_url).rstrip("/")
    assert desk.client.post(ORDER, json=BODY, headers={**mine, "Origin": address}).status_code == 201


def test_a_page_elsewhere_signs_nobody_in_or_out(shared_desk: Desk) -> None:
    form = {"name": "analyst", "password": PASSWORD}
    foreign = {"Origin": "https://evil.example"}
    assert shared_desk.client.post("/sign-in", data=form, headers=foreign).status_code == 403
    mine = shared_desk.signed_in("analyst")
    cookie = {"Cookie": mine["Cookie"]}
    assert shared_desk.client.post("/sign-out", data={"csrf": "x"}, headers=cookie).status_code == 403
    assert shared_desk.client.get("/api/session", headers=cookie).status_code == 200
    out = shared_desk.client.post("/sign-out", data={"csrf": mine["X-CSRF-Token"]}, headers=cookie)
    assert (out.status_code, out.headers["location"]) == (303, "/sign-in")
    assert shared_desk.client.get("/api/session", headers=cookie).status_code == 401


def test_guessing_a_password_is_slowed_and_told(desk: Desk) -> None:
    answers = [sign_in(desk, "analyst", f"wrong {n}").status_code for n in range(TRIES)]
    assert answers == [403] * TRIES
    assert sign_in(desk, "analyst", PASSWORD).status_code == 429
    assert sign_in(desk, "approver", PASSWORD).status_code == 303
    with desk.app.store.write() as unit:
        told = [row.body["subject"] for row in unit.audit.list(types=["sign_in_blocked"])]
        unit.accounts.forgive("account analyst")
    assert told == ["account analyst"]
    assert sign_in(desk, "analyst", PASSWORD).status_code == 303


def test_a_wrong_name_and_a_wrong_password_are_answered_alike(shared_desk: Desk) -> None:
    unknown, wrong = sign_in(shared_desk, "nobody", "x"), sign_in(shared_desk, "analyst", "x")
    assert unknown.text.replace("nobody", "") == wrong.text.replace("analyst", "")
    assert unknown.status_code == wrong.status_code == 403


def test_the_token_of_another_is_neither_seen_nor_revoked(shared_desk: Desk) -> None:
    desk, reader = shared_desk, shared_desk.signed_in("reader")
    with desk.app.store.read() as unit:
        (theirs, *_), _ = unit.tokens.list(account="administrator")
    listed = ok(desk.client.get("/api/tokens", headers=reader))["items"]
    assert {token["account"] for token in listed} == {"reader"}
    assert desk.client.delete(f"/api/tokens/{theirs.id}", headers=reader).status_code == 404
    with desk.app.store.read() as unit:
        assert unit.tokens.get(theirs.id).revoked_at is None
    admin = desk.signed_in("administrator")
    assert ok(desk.client.delete(f"/api/tokens/{listed[0]['id']}", headers=admin))["revoked_at"]


def test_a_token_makes_no_token_and_none_may_more_than_its_account(shared_desk: Desk) -> None:
    desk, body = shared_desk, {"label": "more", "scopes": ["approve"]}
    admin = desk.token("administrator")
    assert desk.client.post("/api/tokens", json=body, headers=admin).status_code == 403
    analyst = desk.signed_in("analyst")
    assert desk.client.post("/api/tokens", json=body, headers=analyst).status_code == 403
    made = ok(desk.client.post("/api/tokens", json={"label": "mine"}, headers=analyst))
    assert made["token"]["scopes"] == ["analyse", "audit", "read"]
    who = ok(desk.client.get("/api/session", headers={"Authorization": f"Bearer {made['secret']}"}))
    assert who["account"]["name"] == "analyst"


def test_a_token_loses_what_its_account_loses(desk: Desk) -> None:
    headers = desk.token("approver")
    session = desk.signed_in("approver")
    accounts.change_account(desk.app.parts, "approver", "test", role=Role.READER)
    assert ok(desk.client.get("/api/session", headers=headers))["permissions"] == ["read"]
    assert desk.client.get("/api/session", headers=session).status_code == 401
    accounts.change_account(desk.app.parts, "approver", "test", disabled=True)
    assert desk.client.get("/api/session", headers=headers).status_code == 401
    assert sign_in(desk, "approver", PASSWORD).status_code == 403


@pytest.mark.parametrize(
    "way",
    ["https://evil.example/", "//evil.example", "/\\evil.example", "\\/evil.example", "javascript:alert(1)",
     "/\tevil", "/ok\r\nSet-Cookie: a=b", "", "evil", "/" + "x" * 3_000],
)  # fmt: skip
def test_signing_in_leads_nowhere_else(shared_desk: Desk, way: str) -> None:
    answer = sign_in(shared_desk, "reader", PASSWORD, next=way)
    assert (answer.status_code, answer.headers["location"]) == (303, "/")
    page = shared_desk.client.get(f"/sign-in?next={quote(way)}")
    assert 'name="next" value="/"' in page.text


def test_signing_in_leads_back_to_a_page_of_ours(shared_desk: Desk) -> None:
    answer = sign_in(shared_desk, "reader", PASSWORD, next="/actions?status=pending")
    assert answer.headers["location"] == "/actions?status=pending"
    cookie = answer.headers["set-cookie"].lower()
    assert "httponly" in cookie
    assert "samesite=lax" in cookie
    assert "domain" not in cookie


@pytest.mark.parametrize("host", ["evil.example", "", "127.0.0.1.evil.example", "[::2]", "localhost@evil"])
def test_a_strange_host_name_is_not_answered(shared_desk: Desk, host: str) -> None:
    for path in ("/", "/api/health", "/sign-in"):
        said = raw(shared_desk, f"GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode())
        assert said.startswith((b"HTTP/1.1 421 ", b"HTTP/1.1 400 "))
        assert b"evil" not in said


def test_names_and_keys_put_no_header_into_an_answer(shared_desk: Desk) -> None:
    desk = shared_desk
    for text in ("x\r\nInjected: yes", "x\nInjected: yes", 'x"; filename="evil.exe'):
        path = f"/api/clusters/{quote(text, safe='')}/export?form=csv"
        answer = desk.client.get(path, headers=desk.by(Role.ANALYST))
        assert answer.status_code == 404
        assert "injected" not in answer.headers
    request = (
        b"POST /api/indicators HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n"
        b"Authorization: Bearer %s\r\nIdempotency-Key: a\xffb\r\nContent-Length: 2\r\n\r\n{}"
    )
    assert raw(desk, request % desk.tokens["analyst"].encode()).startswith(b"HTTP/1.1 400 ")


@pytest.mark.parametrize("form", ["../../etc/passwd", "csv/../x", "%2e%2e", "exe", "CSV"])
def test_an_export_is_written_nowhere_else(shared_desk: Desk, form: str) -> None:
    with shared_desk.app.store.read() as unit:
        ((cluster, *_), _) = unit.clusters.list()
    url = f"/api/clusters/{cluster.id}/export"
    answer = shared_desk.client.get(url, params={"form": form}, headers=shared_desk.by(Role.ANALYST))
    assert answer.status_code == 400


@pytest.mark.parametrize(
    "path", ["/api/clusters/..%2f..%2fetc%2fpasswd", "/static/..%2f..%2fsite.py", "/static/../site.py",
             "/api/../../etc/passwd", "/%2e%2e/%2e%2e/etc/passwd", "/api/messages/%00"],
)  # fmt: skip
def test_a_path_leads_out_of_nothing(shared_desk: Desk, path: str) -> None:
    token = shared_desk.token("reader")["Authorization"]
    head = f"Host: 127.0.0.1\r\nAuthorization: {token}\r\nConnection: close"
    said = raw(shared_desk, f"GET {path} HTTP/1.1\r\n{head}\r\n\r\n".encode())
    assert said.startswith((b"HTTP/1.1 404 ", b"HTTP/1.1 400 ", b"HTTP/1.1 405 "))
    assert b"root:" not in said
    assert b"import" not in said


def test_a_body_without_end_is_refused(shared_desk: Desk) -> None:
    url, headers = "/api/indicators/import?source=big", shared_desk.by(Role.ANALYST)
    block = b"a.example\n" * 100_000

    def blocks() -> Iterator[bytes]:
        for _ in range(MOST_BYTES // len(block) + 2):
            yield block

    head = f"Host: 127.0.0.1\r\nConnection: close\r\nAuthorization: {headers['Authorization']}"
    told = f"POST {url} HTTP/1.1\r\n{head}\r\nContent-Length: {MOST_BYTES + 1}\r\n\r\n"
    assert raw(shared_desk, told.encode()).startswith(b"HTTP/1.1 413 ")
    with contextlib.suppress(httpx.TransportError):  # or it hangs up on us, which is as good
        assert shared_desk.client.post(url, headers=headers, content=blocks()).status_code == 413
    with shared_desk.app.store.read() as unit:
        assert unit.indicators.list(source="big") == ((), "")


def test_every_answer_has_the_headers_that_browsers_need(shared_desk: Desk) -> None:
    get = shared_desk.client.get
    answers = [get("/sign-in"), get("/api/health"), get("/nothing"), get("/api/nothing"), get("/api/audit")]
    answers.append(get("/api/health", headers={"Host": "evil.example"}))
    assert [answer.status_code for answer in answers] == [200, 200, 404, 404, 401, 421]
    for answer in answers:
        policy = answer.headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "frame-ancestors 'none'" in policy
        assert "unsafe" not in policy
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["cache-control"] == "no-store"
        assert "server" not in answer.headers


def test_no_secret_is_kept_or_logged(desk: Desk, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    session = desk.signed_in("analyst")
    secrets = [PASSWORD, desk.tokens["analyst"], session["Cookie"].partition("=")[2], session["X-CSRF-Token"]]
    sign_in(desk, "analyst", "my secret mistake")
    desk.client.get("/api/audit", headers={"Authorization": "Bearer clb_mistyped"})
    with desk.app.store.read() as unit:
        told = repr(list(unit.audit.export()))
    kept = b"".join(path.read_bytes() for path in (tmp_path / "data").rglob("*") if path.is_file())
    out = capfd.readouterr()
    for secret in [*secrets, "my secret mistake", "clb_mistyped"]:
        assert secret not in told
        assert secret.encode() not in kept
        assert secret not in out.out + out.err
