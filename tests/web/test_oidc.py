"""OpenID Connect by attack: what a provider, a browser or somebody between them may send."""

from __future__ import annotations

import hashlib
import hmac
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from joserfc import jwt
from joserfc.jwk import ECKey, OctKey, RSAKey
from tests.web.desk import PLAIN, Desk, desk
from tests.web.scripted_oidc import CLIENT, SECRET, Claims, ScriptedProvider, rsa, scripted, signed, unsigned

from clawback.engine import accounts
from clawback.errors import Forbidden
from clawback.oidc.provider import AGAIN_SECONDS, Provider
from clawback.response.people import Role
from clawback.settings import OidcSettings, WebSettings
from clawback.store.audit import AuditRow
from clawback.web import oidc_flow
from clawback.web.serve import framed

BACK = "/sign-in/oidc/callback"
Sign = Callable[[ScriptedProvider, Claims], str]


@dataclass
class Gate:
    """A desk with a provider beside it. `later` holds the seconds by which clawback's own clock is ahead."""

    desk: Desk
    provider: ScriptedProvider
    later: list[float]

    def begin(self, way: str = "/") -> str:
        """Press the button; answers where the browser is sent."""
        answer = self.desk.client.get("/sign-in/oidc", params={"next": way})
        assert answer.status_code == 303, answer.text
        return answer.headers["location"]

    def come(self, way: str = "/") -> httpx.Response:
        """The whole way: button, consent, callback."""
        return self.back(self.provider.consent(self.begin(way)))

    def back(self, query: str) -> httpx.Response:
        """What the callback answers."""
        return self.desk.client.get(f"{BACK}?{query}")

    def refused(self) -> list[tuple[str, str]]:
        """The reasons and subjects of what was refused, oldest first."""
        return [(row.body["reason"], row.body["subject"]) for row in self.rows("sign_in_refused")]

    def rows(self, kind: str) -> list[AuditRow]:
        """What the audit log has of that kind."""
        with self.desk.app.store.read() as unit:
            return list(unit.audit.list(types=[kind]))

    def who(self) -> dict[str, object]:
        """Who is signed in now."""
        found: dict[str, object] = self.desk.client.get("/api/session").json()["account"]
        return found


@contextmanager
def gate(root: Path, **settings: object) -> Iterator[Gate]:
    """A desk whose people come in by the scripted provider; `ann` has an account that waits for her."""
    secret = root / "secret"
    root.mkdir(exist_ok=True)
    secret.write_text(f"{SECRET}\n")
    secret.chmod(0o600)
    with scripted() as provider:
        provider.claims = {"preferred_username": "Ann"}
        oidc = OidcSettings(provider.issuer, CLIENT, str(secret), **settings)  # type: ignore[arg-type]
        frame = framed(WebSettings(oidc=oidc), root)
        assert frame.oidc is not None
        later = [0.0]
        clocked = Provider(frame.oidc.provider.relying, lambda: time.monotonic() + later[0])
        known = replace(frame.oidc, provider=clocked)
        with desk(root / "desk", frame=replace(PLAIN, oidc=known)) as opened:
            accounts.add_account(opened.app.parts, "ann", Role.ANALYST, "test", by_oidc=True)
            yield Gate(opened, provider, later)


@pytest.fixture
def opened(tmp_path: Path) -> Iterator[Gate]:
    with gate(tmp_path / "gate") as found:
        yield found


def test_who_has_an_account_comes_in_and_it_is_theirs_from_then_on(opened: Gate) -> None:
    answer = opened.come("/actions?status=pending")
    assert (answer.status_code, answer.headers["location"]) == (303, "/actions?status=pending")
    assert (opened.who()["name"], opened.who()["role"]) == ("ann", "analyst")
    (came,) = opened.rows("signed_in")
    assert (came.body["issuer"], came.body["subject"]) == (opened.provider.issuer, "subject-1")
    assert len(opened.rows("identity_bound")) == 1
    opened.desk.client.cookies.clear()
    opened.provider.claims = {"preferred_username": "renamed"}
    assert opened.come().status_code == 303
    assert opened.who()["name"] == "ann"
    opened.provider.claims = {"preferred_username": "ann", "sub": "subject-2"}
    taken = opened.come()
    assert taken.status_code == 403
    assert "another person" in taken.text
    assert opened.refused() == [("somebody else", "subject-2")]


def test_the_cookies_are_hidden_and_short_and_the_request_says_no_more_than_it_must(opened: Gate) -> None:
    answer = opened.desk.client.get("/sign-in/oidc")
    cookie = answer.headers["set-cookie"]
    assert {"HttpOnly", "SameSite=lax", "Max-Age=600"} <= set(cookie.split("; "))
    query = parse_qs(urlsplit(answer.headers["location"]).query)
    assert query["tenant"] == ["1"]
    assert query["scope"] == ["openid profile email"]
    assert query["redirect_uri"] == [f"{opened.desk.client.base_url}{BACK}".replace(f"/{BACK}", BACK)]
    verifier = "verifier"
    assert verifier not in answer.headers["location"]
    done = opened.back(opened.provider.consent(answer.headers["location"]))
    assert any(line.startswith('clawback-oidc="";') for line in done.headers.get_list("set-cookie"))


@pytest.mark.parametrize(
    "way", ["https://evil.example", "//evil.example", "/\\evil.example", "javascript:alert(1)", "/\tx"]
)
def test_nobody_is_sent_away_after_it(opened: Gate, way: str) -> None:
    assert opened.come(way).headers["location"] == "/"


def test_a_state_that_is_not_of_this_browser_is_refused_and_asks_nobody(opened: Gate) -> None:
    query = opened.provider.consent(opened.begin())
    wrong = opened.back(query.replace("state=", "state=x"))
    assert wrong.status_code == 403
    assert "begin again" in wrong.text
    opened.desk.client.cookies.set("clawback-oidc", "e30.0")
    assert opened.back(query).status_code == 403
    opened.desk.client.cookies.clear()
    assert opened.back(query).status_code == 403
    assert "/token" not in opened.provider.asked
    assert opened.refused() == []


def test_a_code_works_once(opened: Gate) -> None:
    query = opened.provider.consent(opened.begin())
    kept = opened.desk.client.cookies.get("clawback-oidc")
    assert opened.back(query).status_code == 303
    assert opened.back(query).status_code == 403  # the browser forgot what it was begun with
    opened.desk.client.cookies.clear()
    opened.desk.client.cookies.set("clawback-oidc", str(kept))
    again = opened.back(query)
    assert again.status_code == 403
    assert "did not take the code" in again.text
    assert "clawback" not in opened.desk.client.cookies


def test_what_was_begun_long_ago_is_refused() -> None:
    now, key = datetime(2026, 11, 24, tzinfo=UTC), b"k" * 32
    pending = oidc_flow.begun("http://127.0.0.1/back", "/", now)
    kept = oidc_flow.sealed(pending, key)
    late = now + timedelta(minutes=oidc_flow.MINUTES)
    assert oidc_flow.opened(kept, pending.state, key, late - timedelta(seconds=1)) == pending
    for args in (
        (kept, pending.state, key, late),
        (kept, pending.state, b"x" * 32, now),
        (kept, "other", key, now),
        ("x" * 5_000, pending.state, key, now),
        ("ä.ö", pending.state, key, now),
    ):
        with pytest.raises(Forbidden):
            oidc_flow.opened(*args)


def none(_: ScriptedProvider, claims: Claims) -> str:
    return unsigned({"alg": "none"}, claims)


def none_with_name(provider: ScriptedProvider, claims: Claims) -> str:
    return unsigned({"alg": "none", "kid": str(provider.key.kid)}, claims)


def foreign_key(_: ScriptedProvider, claims: Claims) -> str:
    return signed(rsa("one"), claims)


def own_key_in_header(_: ScriptedProvider, claims: Claims) -> str:
    key = rsa("mine")
    header = {"alg": "RS256", "jwk": key.as_dict(private=False)}
    return jwt.encode(header, claims, key)


def shared_secret(_: ScriptedProvider, claims: Claims) -> str:
    return jwt.encode({"alg": "HS256"}, claims, OctKey.import_key(SECRET.ljust(32, "0")))


def public_key_as_secret(provider: ScriptedProvider, claims: Claims) -> str:
    assert isinstance(provider.key, RSAKey)
    token = unsigned({"alg": "HS256", "kid": "one"}, claims).rpartition(".")[0]
    seal = hmac.new(provider.key.as_pem(private=False), token.encode(), hashlib.sha256).digest()
    return f"{token}.{unsigned({}, {}, seal).rpartition('.')[2]}"


def changed(provider: ScriptedProvider, claims: Claims) -> str:
    head, _, seal = signed(provider.key, claims).split(".")
    return f"{head}.{unsigned({}, {**claims, 'preferred_username': 'bob'}).split('.')[1]}.{seal}"


def nonsense(_: ScriptedProvider, __: Claims) -> str:
    return "a.b.c"


def long(_: ScriptedProvider, __: Claims) -> str:
    return "a" * 70_000


SIGNED = (
    none,
    none_with_name,
    foreign_key,
    own_key_in_header,
    shared_secret,
    public_key_as_secret,
    changed,
    nonsense,
    long,
)
NOW = int(time.time())
CLAIMED: dict[str, Claims] = {
    "another nonce": {"nonce": "x"},
    "no nonce": {"nonce": None},
    "another audience": {"aud": "other"},
    "several audiences and no party": {"aud": [CLIENT, "other"]},
    "another party": {"azp": "other"},
    "another issuer": {"iss": "https://evil.example"},
    "expired": {"iat": NOW - 7_200, "exp": NOW - 3_600},
    "no end": {"exp": None},
    "an end that is none": {"exp": "never"},
    "no beginning": {"iat": None},
    "from the future": {"iat": NOW + 86_400, "exp": NOW + 90_000},
    "not yet": {"nbf": NOW + 86_400},
    "nobody": {"sub": ""},
    "no person": {"sub": 7},
    "a long name": {"sub": "x" * 300},
}


@pytest.fixture(scope="module")
def attacked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gate]:
    with gate(tmp_path_factory.mktemp("gate")) as found:
        yield found


def nobody_came(gate: Gate, answer: httpx.Response) -> None:
    assert answer.status_code == 403
    assert 'role="alert"' in answer.text
    assert "clawback" not in gate.desk.client.cookies
    assert gate.rows("signed_in") == []


@pytest.mark.parametrize("sign", SIGNED)
def test_a_token_that_the_provider_did_not_sign_opens_nothing(attacked: Gate, sign: Sign) -> None:
    attacked.provider.sign, attacked.provider.claims = sign, {"preferred_username": "ann"}
    before = len(attacked.refused())
    nobody_came(attacked, attacked.come())
    assert len(attacked.refused()) == before + 1


@pytest.mark.parametrize("case", CLAIMED)
def test_a_token_that_is_not_for_this_sign_in_opens_nothing(attacked: Gate, case: str) -> None:
    attacked.provider.sign, attacked.provider.claims = None, {"preferred_username": "ann", **CLAIMED[case]}
    nobody_came(attacked, attacked.come())


def test_several_audiences_with_us_as_the_party_are_fine(opened: Gate) -> None:
    opened.provider.claims |= {"aud": ["other", CLIENT], "azp": CLIENT}
    assert opened.come().status_code == 303


def test_the_answer_of_another_issuer_is_refused(opened: Gate) -> None:
    query = opened.provider.consent(opened.begin())
    assert opened.back(f"{query}&iss=https://evil.example").status_code == 403
    query = opened.provider.consent(opened.begin())
    assert opened.back(f"{query}&iss={opened.provider.issuer}").status_code == 303


def test_who_is_refused_by_the_provider_reads_so_and_nothing_of_theirs_is_shown(opened: Gate) -> None:
    state = opened.provider.consent(opened.begin()).partition("&")[2]
    answer = opened.back(f"error=access_denied&error_description=<script>alert(1)</script>&{state}")
    assert answer.status_code == 403
    assert "did not let you in" in answer.text
    assert "alert(1)" not in answer.text


def test_a_new_key_is_fetched_once_and_junk_names_do_not_make_us_ask_on(opened: Gate) -> None:
    assert opened.come().status_code == 303
    opened.provider.key = ECKey.generate_key("P-256", {"kid": "two"})
    opened.later[0] += AGAIN_SECONDS
    assert opened.come().status_code == 303
    assert opened.provider.asked.count("/keys") == 2
    opened.provider.published = [opened.provider.key]
    opened.provider.key = rsa("three")
    for _ in range(3):
        assert opened.come().status_code == 403
    assert opened.provider.asked.count("/keys") == 2
    assert opened.provider.asked.count("/.well-known/openid-configuration") == 1
