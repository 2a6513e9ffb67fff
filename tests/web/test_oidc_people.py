"""Who comes in by OpenID Connect, with which role, and what a provider's faults lead to."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from aiohttp import web
from tests.web.desk import PASSWORD
from tests.web.scripted_oidc import Claims
from tests.web.test_oidc import Gate, gate, opened

from clawback.engine import accounts
from clawback.engine.sign_in import TRIES
from clawback.errors import BadParameter, BadSettings
from clawback.oidc.provider import AGAIN_SECONDS, MOST_BYTES, Provider, Relying
from clawback.response.people import Role
from clawback.settings import load
from clawback.web.oidc_flow import Oidc, person_of

__all__ = ["opened"]
ROLES = {"soc": "approver", "soc-leads": "administrator", "staff": "reader"}


def test_unknown_people_are_refused_and_told_what_to_do(opened: Gate) -> None:
    opened.provider.claims = {"preferred_username": "eve", "sub": "eve-1"}
    answer = opened.come()
    assert answer.status_code == 403
    assert "no account here" in answer.text
    assert "with the name eve" in answer.text
    assert opened.refused() == [("unknown", "eve-1")]


@pytest.mark.parametrize("name", ["", "<b>", "x" * 65, None, 7, ["ann"]])
def test_a_name_that_no_account_may_have_is_refused(opened: Gate, name: object) -> None:
    opened.provider.claims = {"preferred_username": name}
    assert "tells no name" in opened.come().text


def test_a_local_account_is_not_taken_over_by_who_bears_its_name(opened: Gate) -> None:
    opened.provider.claims = {"preferred_username": "administrator"}
    answer = opened.come()
    assert answer.status_code == 403
    assert "comes in by its password" in answer.text
    accounts.set_oidc(opened.desk.app.parts, "administrator", "test")
    assert opened.come().status_code == 303
    assert opened.who()["role"] == "administrator"
    form = {"name": "administrator", "password": PASSWORD}
    assert opened.desk.client.post("/sign-in", data=form).status_code == 403
    accounts.set_password(opened.desk.app.parts, "administrator", "test", PASSWORD)
    assert opened.come().status_code == 403
    assert opened.desk.client.post("/sign-in", data=form).status_code == 303


def test_an_account_that_comes_so_has_neither_password_nor_code(opened: Gate) -> None:
    parts = opened.desk.app.parts
    for password in ("", "x", PASSWORD):
        form = {"name": "ann", "password": password}
        assert opened.desk.client.post("/sign-in", data=form).status_code in (400, 403)
    with pytest.raises(BadParameter):
        accounts.set_totp(parts, "ann", "test", on=True)
    with pytest.raises(BadParameter):
        accounts.add_account(parts, "ben", Role.READER, "test", password=PASSWORD, by_oidc=True)
    body = {"name": "ben", "role": "reader", "oidc": True}
    made = opened.desk.client.post("/api/accounts", json=body, headers=opened.desk.by("administrator"))
    assert (made.status_code, made.json()["password"]) == (201, "")
    opened.provider.claims = {"preferred_username": "ben"}
    assert opened.come().status_code == 303


def test_a_disabled_account_is_refused_before_and_after_it_was_bound(opened: Gate) -> None:
    parts = opened.desk.app.parts
    accounts.change_account(parts, "ann", "test", disabled=True)
    assert "disabled" in opened.come().text
    accounts.change_account(parts, "ann", "test", disabled=False)
    assert opened.come().status_code == 303
    accounts.change_account(parts, "ann", "test", disabled=True)
    assert opened.desk.client.get("/api/session").status_code == 401
    assert "disabled" in opened.come().text
    assert [reason for reason, _ in opened.refused()] == ["disabled", "disabled"]


def test_groups_give_roles_each_time_and_whoever_has_none_stays_out(tmp_path: Path) -> None:
    with gate(tmp_path, roles=ROLES, unknown="add") as opened:
        opened.provider.claims = {"preferred_username": "Eve@Example.org", "groups": ["staff", "soc", "x"]}
        assert opened.come().status_code == 303
        assert (opened.who()["name"], opened.who()["role"]) == ("eve@example.org", "approver")
        assert opened.who()["content"] is False
        opened.provider.claims["groups"] = "staff"
        assert opened.come().status_code == 303
        assert opened.who()["role"] == "reader"
        changes = [row.body["what"] for row in opened.rows("account_changed")]
        assert changes == ["role approver -> reader, by its groups"]
        for groups in ([], ["x"], None, {"soc": 1}, [["soc"]]):
            opened.provider.claims["groups"] = groups
            assert "none of your groups" in opened.come().text
        opened.provider.claims = {"preferred_username": "new", "sub": "new", "groups": ["x"]}
        assert opened.come().status_code == 403
        with opened.desk.app.store.read() as unit:
            assert unit.accounts.find("new") is None


def test_groups_do_not_take_the_last_administrator_away(tmp_path: Path) -> None:
    with gate(tmp_path, roles=ROLES) as opened:
        parts = opened.desk.app.parts
        opened.provider.claims["groups"] = ["soc-leads"]
        assert opened.come().status_code == 303
        accounts.change_account(parts, "administrator", "test", disabled=True)
        opened.provider.claims["groups"] = ["staff"]
        assert "break-glass" in opened.come().text
        accounts.change_account(parts, "administrator", "test", disabled=False)
        assert opened.come().status_code == 303


def test_only_the_break_glass_account_comes_in_by_password(tmp_path: Path) -> None:
    with gate(tmp_path, break_glass="Administrator") as opened:
        page = opened.desk.client.get("/sign-in").text
        assert "Break-glass account" in page
        assert "Sign in with single sign-on" in page
        form = {"name": "analyst", "password": PASSWORD}
        assert opened.desk.client.post("/sign-in", data=form).status_code == 403
        assert opened.desk.client.post("/sign-in", data={**form, "name": "administrator"}).status_code == 303


def test_a_person_who_is_refused_too_often_is_turned_away_for_a_while(opened: Gate) -> None:
    opened.provider.claims = {"preferred_username": "eve"}
    answers = [opened.come().status_code for _ in range(TRIES + 1)]
    assert answers == [403] * TRIES + [429]
    assert len(opened.rows("sign_in_blocked")) == 1
    opened.provider.claims = {"preferred_username": "ann", "sub": "ann-1"}
    assert opened.come().status_code == 303


def test_more_is_asked_of_the_provider_where_the_token_says_little(opened: Gate) -> None:
    opened.provider.claims = {"preferred_username": None}
    opened.provider.userinfo = {"sub": "subject-1", "preferred_username": "ann", "iss": "x"}
    opened.later[0] += 2 * AGAIN_SECONDS
    assert opened.come().status_code == 303
    opened.provider.userinfo = {"sub": "somebody", "preferred_username": "ann"}
    opened.provider.claims = {"preferred_username": None, "sub": "subject-9"}
    assert "tells no name" in opened.come().text


def test_the_secret_goes_in_the_form_where_the_provider_wants_it(opened: Gate) -> None:
    opened.provider.discovery = {"token_endpoint_auth_methods_supported": ["client_secret_post"]}
    assert opened.come().status_code == 303


def test_who_signs_out_is_led_to_the_provider_too(opened: Gate) -> None:
    assert opened.come().status_code == 303
    csrf = opened.desk.client.get("/api/session").json()["csrf"]
    out = opened.desk.client.post("/sign-out", data={"csrf": csrf})
    assert out.headers["location"] == "/signed-out"
    page = opened.desk.client.get("/signed-out").text
    assert f'href="{opened.provider.issuer}/logout?client_id=' in page
    assert "post_logout_redirect_uri=http" in page
    assert opened.desk.client.get("/api/session").status_code == 401


ELSEWHERE: dict[str, Claims] = {
    "another issuer": {"issuer": "https://evil.example"},
    "keys elsewhere": {"jwks_uri": "http://127.0.0.1:9/keys"},
    "codes elsewhere": {"token_endpoint": "https://169.254.169.254/latest"},
    "browsers elsewhere": {"authorization_endpoint": "https://evil.example/"},
    "a script": {"authorization_endpoint": "javascript:alert(1)"},
    "in the clear": {"token_endpoint": "http://example.org/token"},
    "by a name in it": {"token_endpoint": "https://a@example.org/token"},
    "a way out elsewhere": {"end_session_endpoint": "https://evil.example/"},
    "no keys": {"jwks_uri": None},
    "no address": {"jwks_uri": "http://[/"},
}


@pytest.mark.parametrize("case", ELSEWHERE)
def test_a_provider_that_leads_elsewhere_is_not_followed(opened: Gate, case: str) -> None:
    opened.provider.discovery = ELSEWHERE[case]
    answer = opened.desk.client.get("/sign-in/oidc")
    assert answer.status_code == 502
    assert "tell an administrator" in answer.text
    assert opened.provider.asked == ["/.well-known/openid-configuration"]


def redirected() -> web.StreamResponse:
    return web.Response(status=302, headers={"Location": "/elsewhere"}, text="{}")


def endless() -> web.StreamResponse:
    return web.Response(body=b'{"a": "' + b"x" * MOST_BYTES + b'"}')


def deep() -> web.StreamResponse:
    return web.Response(body=b"[" * 100_000)


def compressed() -> web.StreamResponse:
    answer = web.json_response({"issuer": "x" * 100_000})
    answer.enable_compression(web.ContentCoding.gzip)
    answer.headers["Content-Encoding"] = "gzip"
    return answer


def broken() -> web.StreamResponse:
    return web.Response(status=500)


FAULTS = (redirected, endless, deep, compressed, broken)
PATHS = ("/.well-known/openid-configuration", "/keys", "/token")


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("fault", FAULTS)
def test_a_provider_that_answers_badly_lets_nobody_in_and_costs_nobody_a_try(
    opened: Gate, path: str, fault: object
) -> None:
    opened.provider.answers[path] = fault  # type: ignore[assignment]
    begun = opened.desk.client.get("/sign-in/oidc")
    if begun.status_code == 303:
        begun = opened.back(opened.provider.consent(begun.headers["location"]))
    assert begun.status_code in (502, 503) or (fault, path) == (redirected, "/token")
    assert "/elsewhere" not in opened.provider.asked
    assert opened.desk.client.get("/api/session").status_code == 401
    asked = len(opened.provider.asked)
    if path == PATHS[0]:
        assert opened.desk.client.get("/sign-in/oidc").status_code == 503
        assert len(opened.provider.asked) == asked
        del opened.provider.answers[path]
        opened.later[0] += AGAIN_SECONDS
        assert opened.come().status_code == 303


def test_a_wrong_secret_of_ours_is_said_to_be_ours(opened: Gate, tmp_path: Path) -> None:
    (tmp_path / "gate" / "secret").write_text("wrong")
    answer = opened.come()
    assert answer.status_code == 502
    assert opened.rows("sign_in_refused") == []


def test_an_address_that_is_not_verified_names_nobody() -> None:
    provider = Provider(Relying("https://id.example.org", "c", lambda: ""))
    oidc = Oidc(provider, "x", "email", "realm_access.roles")
    told = {"sub": "1", "email": "ann@example.org", "realm_access": {"roles": ["soc", 7]}}
    for verified in ({}, {"email_verified": False}, {"email_verified": "true"}):
        with pytest.raises(Exception, match="not verified"):
            person_of({**told, **verified}, oidc)
    person = person_of({**told, "email_verified": True}, oidc)
    assert (person.name, person.groups) == ("ann@example.org", frozenset({"soc"}))


@pytest.mark.parametrize(
    "issuer",
    ["http://id.example.org", "id.example.org", "https://", "https://a@b", "ftp://x", "https://x/#y"],
)
def test_an_issuer_is_asked_by_tls_or_on_this_machine(issuer: str) -> None:
    with pytest.raises(BadSettings):
        Provider(Relying(issuer, "c", lambda: ""))


GOOD = {"issuer": "https://id.example.org", "client_id": "c", "client_secret_file": "s"}


@pytest.mark.parametrize(
    "wrong",
    [
        {"issuer": ""},
        {"client_id": ""},
        {"client_secret_file": ""},
        {"client_secret_command": "pass show x"},
        {"unknown": "add"},
        {"unknown": "maybe"},
        {"client_secret": "in the clear"},
    ],
)
def test_settings_that_cannot_be_meant_are_refused(tmp_path: Path, wrong: dict[str, str]) -> None:
    path = tmp_path / "clawback.toml"
    for settings, good in ((GOOD, True), ({**GOOD, **wrong}, False)):
        lines = "\n".join(f"{name} = {json.dumps(value)}" for name, value in settings.items())
        path.write_text(f"[web.oidc]\n{lines}\n")
        if good:
            assert load(path).web.oidc.client_id == "c"
        else:
            with pytest.raises(BadSettings):
                load(path)
    path.write_text(path.read_text() + '[web.oidc.roles]\nx = "owner"\n')
    with pytest.raises(BadSettings):
        load(path)
