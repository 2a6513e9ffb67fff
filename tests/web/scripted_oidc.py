"""An identity provider that does as it is told: it signs, and lies, as each test wants it to."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlsplit

from aiohttp import web
from joserfc import jwt
from joserfc.jwk import ECKey, RSAKey

CLIENT = "clawback-test"
SECRET = "s3cret: with %"
Claims = dict[str, Any]


def rsa(name: str) -> RSAKey:
    """A new key of that name."""
    return RSAKey.generate_key(2048, {"kid": name, "use": "sig"})


@dataclass
class ScriptedProvider:
    """What the provider says; a test changes it. `asked` are the requests that it got, codes work once."""

    issuer: str = ""
    claims: Claims = field(default_factory=dict)
    userinfo: Claims | None = None
    key: RSAKey | ECKey = field(default_factory=lambda: rsa("one"))
    published: list[RSAKey | ECKey] = field(default_factory=list)
    sign: Callable[[ScriptedProvider, Claims], str] | None = None
    discovery: Claims = field(default_factory=dict)
    answers: dict[str, Callable[[], web.StreamResponse]] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    codes: dict[str, dict[str, str]] = field(default_factory=dict)

    def consent(self, way_in: str) -> str:
        """What the browser brings back from the authorization endpoint, as the query of the callback."""
        query = {name: values[0] for name, values in parse_qs(urlsplit(way_in).query).items()}
        assert query["response_type"] == "code"
        assert query["code_challenge_method"] == "S256"
        code = f"code-{len(self.codes)}-{len(self.asked)}"
        self.codes[code] = query
        return f"code={code}&state={query['state']}"

    def token(self, request: dict[str, str]) -> str:
        """The ID token for an authorization request."""
        now = int(time.time())
        claims: Claims = {
            "iss": self.issuer,
            "aud": CLIENT,
            "sub": "subject-1",
            "iat": now,
            "exp": now + 300,
            "nonce": request["nonce"],
            **self.claims,
        }
        claims = {name: value for name, value in claims.items() if value is not None}
        if self.sign is not None:
            return self.sign(self, claims)
        return signed(self.key, claims)

    async def answer(self, request: web.Request) -> web.StreamResponse:
        """One request of clawback's."""
        self.asked.append(request.path)
        if told := self.answers.get(request.path):
            return told()
        match request.path:
            case "/.well-known/openid-configuration":
                return web.json_response(self._discovery())
            case "/keys":
                keys = self.published or [self.key]
                return web.json_response({"keys": [key.as_dict(private=False) for key in keys]})
            case "/token":
                return await self._exchange(request)
            case "/userinfo":
                return web.json_response(self.userinfo or {})
        return web.json_response({}, status=404)

    def _discovery(self) -> Claims:
        own = {
            "issuer": self.issuer,
            "authorization_endpoint": f"{self.issuer}/authorize?tenant=1",
            "token_endpoint": f"{self.issuer}/token",
            "jwks_uri": f"{self.issuer}/keys",
            "end_session_endpoint": f"{self.issuer}/logout",
        }
        if self.userinfo is not None:
            own["userinfo_endpoint"] = f"{self.issuer}/userinfo"
        return {**own, **self.discovery}

    async def _exchange(self, request: web.Request) -> web.StreamResponse:
        form = await request.post()
        basic = base64.b64encode(f"{CLIENT}:s3cret%3A%20with%20%25".encode()).decode()
        posted = (form.get("client_id"), form.get("client_secret")) == (CLIENT, SECRET)
        if request.headers.get("Authorization") != f"Basic {basic}" and not posted:
            return web.json_response({"error": "invalid_client"}, status=401)
        begun = self.codes.pop(str(form["code"]), None)
        challenge = hashlib.sha256(str(form["code_verifier"]).encode()).digest()
        proof = base64.urlsafe_b64encode(challenge).rstrip(b"=").decode()
        known = begun is not None and begun["code_challenge"] == proof
        if begun is None or not known or begun["redirect_uri"] != form["redirect_uri"]:
            return web.json_response({"error": "invalid_grant"}, status=400)
        return web.json_response({"access_token": "access", "id_token": self.token(begun)})


def signed(key: RSAKey | ECKey, claims: Claims, **header: str) -> str:
    """A token signed by a key."""
    algorithm = "RS256" if isinstance(key, RSAKey) else "ES256"
    kid = {} if key.kid is None else {"kid": str(key.kid)}
    return jwt.encode({"alg": algorithm, **kid, **header}, claims, key)


def unsigned(header: Claims, claims: Claims, signature: bytes = b"") -> str:
    """A token made by hand."""
    parts = (json.dumps(header).encode(), json.dumps(claims).encode(), signature)
    return ".".join(base64.urlsafe_b64encode(part).rstrip(b"=").decode() for part in parts)


@contextmanager
def scripted() -> Iterator[ScriptedProvider]:
    """A provider on the loopback, in a thread of its own."""
    made, ready, ends = ScriptedProvider(), threading.Event(), threading.Event()

    async def serve() -> None:
        runner = web.ServerRunner(web.Server(made.answer))  # type: ignore[arg-type]
        await runner.setup()
        place = web.TCPSite(runner, "127.0.0.1", 0)
        await place.start()
        made.issuer = f"http://127.0.0.1:{runner.addresses[0][1]}"
        ready.set()
        await asyncio.to_thread(ends.wait)
        await runner.cleanup()

    thread = threading.Thread(target=lambda: asyncio.run(serve()))
    thread.start()
    try:
        assert ready.wait(30)
        yield made
    finally:
        ends.set()
        thread.join(30)
        assert not thread.is_alive()
