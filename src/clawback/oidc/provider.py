"""An identity provider: its discovery document, its keys, and the exchange of a code for who somebody is.

Only the issuer's own host is asked, and hosts that the settings name beside it, whatever the discovery
document says. No redirect is followed; answers are bounded in size and time.
"""

from __future__ import annotations

import asyncio
import base64
import ssl
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

import aiohttp
from joserfc.jwk import Key

from clawback.errors import BadSettings, Forbidden, LoginFailed, ProtocolViolation, Unavailable
from clawback.loopback import is_loopback
from clawback.oidc.tokens import Expected, UnknownKey, keys_of, parsed, verified

SECONDS = 10.0
"""What one answer of the provider may take."""
MOST_BYTES = 512 * 1024
"""Bytes of one answer."""
KEPT_SECONDS = 3_600.0
"""How long the discovery document and the keys are used without being asked for anew."""
AGAIN_SECONDS = 30.0
"""How long a provider that does not answer, or that was asked for new keys, is not asked again."""
AT_ONCE = 8
"""Codes that are exchanged at once."""
_ENDPOINTS = ("authorization_endpoint", "token_endpoint", "jwks_uri")


@dataclass(frozen=True, slots=True)
class Relying:
    """How we stand with a provider. `hosts` may be asked beside its own; `secret` is read when needed."""

    issuer: str
    client_id: str
    secret: Callable[[], str] = field(repr=False)
    scopes: tuple[str, ...] = ("openid", "profile", "email")
    hosts: tuple[str, ...] = ()
    ca_file: Path | None = None


@dataclass(frozen=True, slots=True)
class Started:
    """What one sign-in was begun with, and where the provider sends the browser back to."""

    state: str
    nonce: str
    verifier: str
    back: str


@dataclass(slots=True)
class _Kept:
    """What was asked for, and when (seconds of the monotonic clock)."""

    content: dict[str, Any] = field(default_factory=dict)
    at: float = -KEPT_SECONDS
    failed_at: float = -AGAIN_SECONDS


class Provider:
    """The provider of the settings. Raises Unavailable, ProtocolViolation and LoginFailed for its faults."""

    def __init__(self, relying: Relying, clock: Callable[[], float] = time.monotonic) -> None:
        if not _may_ask(relying.issuer):
            raise BadSettings("web.oidc.issuer must begin with https:// (http:// only on this machine)")
        self.relying = relying
        self._clock = clock
        self._places = {_place(relying.issuer), *(_place(f"https://{host}") for host in relying.hosts)}
        self._metadata, self._keys = _Kept(), _Kept()
        self._lock, self._turns = asyncio.Lock(), asyncio.Semaphore(AT_ONCE)

    async def metadata(self) -> Mapping[str, Any]:
        """The discovery document, checked (OpenID Connect Discovery 4)."""
        url = f"{self.relying.issuer.rstrip('/')}/.well-known/openid-configuration"
        return await self._cached(self._metadata, url, self._check)

    async def check(self) -> None:
        """Ask for the discovery document and the keys; raises what is wrong with them."""
        if not await self._published():
            raise ProtocolViolation("the identity provider publishes no key that it could sign with")

    async def way_in(self, started: Started, challenge: str) -> str:
        """Where to send the browser."""
        query = {
            "response_type": "code",
            "client_id": self.relying.client_id,
            "redirect_uri": started.back,
            "scope": " ".join(dict.fromkeys(("openid", *self.relying.scopes))),
            "state": started.state,
            "nonce": started.nonce,
            "code_challenge": challenge,
            "code_challenge_method": "S256",
        }
        return _with((await self.metadata())["authorization_endpoint"], query)

    async def way_out(self, back: str) -> str:
        """Where one signs out at the provider itself, "" where it has no such place."""
        end = (await self.metadata()).get("end_session_endpoint")
        if not end:
            return ""
        return _with(end, {"client_id": self.relying.client_id, "post_logout_redirect_uri": back})

    async def claims(self, code: str, started: Started, now: datetime) -> dict[str, Any]:
        """Who somebody is, from the code that the browser brought back. Forbidden when it proves nothing."""
        async with self._turns:
            answer = await self._exchange(code, started)
            token, access = answer.get("id_token"), answer.get("access_token")
            if not isinstance(token, str):
                raise Forbidden("the identity provider sent no ID token: are the scopes right?")
            expected = Expected(self.relying.issuer, self.relying.client_id, started.nonce, now)
            try:
                claims = verified(token, await self._published(), expected)
            except UnknownKey:
                claims = verified(token, await self._published(anew=True), expected)
            return {**await self._more(access, claims["sub"]), **claims}

    async def _exchange(self, code: str, started: Started) -> dict[str, Any]:
        known = await self.metadata()
        relying = self.relying
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": started.back,
            "code_verifier": started.verifier,
        }
        methods = known.get("token_endpoint_auth_methods_supported") or ["client_secret_basic"]
        secret = await asyncio.to_thread(relying.secret)
        headers = {}
        if "client_secret_basic" in methods:
            pair = f"{quote(relying.client_id, safe='')}:{quote(secret, safe='')}"
            headers["Authorization"] = f"Basic {base64.b64encode(pair.encode()).decode()}"
        else:
            form |= {"client_id": relying.client_id, "client_secret": secret}
        status, answer = await self._ask("POST", known["token_endpoint"], headers, form)
        if status == 200:
            return answer
        if answer.get("error") == "invalid_client" or status == 401:
            raise LoginFailed("the identity provider refuses clawback's own client id or secret")
        raise Forbidden("the identity provider did not take the code: begin again")

    async def _more(self, access: object, subject: str) -> dict[str, Any]:
        """What the provider tells beside the ID token (Core 5.3), if it is about the same person."""
        url = (await self.metadata()).get("userinfo_endpoint")
        if not isinstance(access, str) or not access.isascii() or not access.isprintable() or not url:
            return {}
        if _place(url) not in self._places:
            return {}
        status, answer = await self._ask("GET", url, {"Authorization": f"Bearer {access}"})
        return answer if status == 200 and answer.get("sub") == subject else {}

    async def _published(self, *, anew: bool = False) -> tuple[Key, ...]:
        """The provider's keys; `anew` asks for them again if that was not done just now."""
        if anew and self._clock() - self._keys.at > AGAIN_SECONDS:
            self._keys.at = -KEPT_SECONDS
        url = (await self.metadata())["jwks_uri"]
        return keys_of(await self._cached(self._keys, url, lambda _: None))

    async def _cached(
        self, kept: _Kept, url: str, check: Callable[[Mapping[str, Any]], None]
    ) -> dict[str, Any]:
        async with self._lock:
            now = self._clock()
            if kept.content and now - kept.at < KEPT_SECONDS:
                return kept.content
            if now - kept.failed_at < AGAIN_SECONDS:
                raise Unavailable("the identity provider does not answer; try again in a minute")
            try:
                status, content = await self._ask("GET", url)
                if status != 200:
                    raise ProtocolViolation(f"the identity provider answers {status} to GET {url}")
                check(content)
            except (Unavailable, ProtocolViolation):
                kept.failed_at = now
                raise
            kept.content, kept.at = content, now
            return content

    def _check(self, content: Mapping[str, Any]) -> None:
        if content.get("issuer") != self.relying.issuer:
            raise ProtocolViolation(
                f"the identity provider calls itself {str(content.get('issuer'))!r:.200}, "
                f"not {self.relying.issuer!r} as web.oidc.issuer does"
            )
        for name in (*_ENDPOINTS, "end_session_endpoint"):
            url = content.get(name)
            if name not in _ENDPOINTS and url is None:
                continue
            if not isinstance(url, str) or not _may_ask(url):
                raise ProtocolViolation(f"the identity provider's {name} is no address to be asked")
            if _place(url) not in self._places:
                raise ProtocolViolation(
                    f"the identity provider's {name} is at {_place(url)[1]:.200}: "
                    "if that is right, name the host in web.oidc.hosts"
                )

    async def _ask(
        self, method: str, url: str, headers: Mapping[str, str] = {}, form: Mapping[str, str] | None = None
    ) -> tuple[int, dict[str, Any]]:
        """One answer: its status and the object in it, {} when an error has none."""
        asked = {"Accept": "application/json", "Accept-Encoding": "identity", **headers}
        try:
            connector = aiohttp.TCPConnector(ssl=self._tls(), force_close=True)
            timeout = aiohttp.ClientTimeout(total=SECONDS)
            async with (
                aiohttp.ClientSession(connector=connector, timeout=timeout, auto_decompress=False) as session,
                session.request(method, url, headers=asked, data=form, allow_redirects=False) as answer,
            ):
                content = bytearray()
                async for chunk in answer.content.iter_chunked(65_536):
                    content += chunk
                    if len(content) > MOST_BYTES:
                        raise ProtocolViolation(f"the identity provider's answer at {url} is too long")
                status = answer.status
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
            raise Unavailable(f"the identity provider does not answer at {_place(url)[1]}") from error
        if status >= 500:
            raise Unavailable(f"the identity provider answers {status} at {_place(url)[1]}")
        try:
            return status, parsed(bytes(content))
        except ValueError as error:
            if status != 200:
                return status, {}
            raise ProtocolViolation(f"the identity provider's answer at {url} is no JSON object") from error

    def _tls(self) -> ssl.SSLContext:
        try:
            return ssl.create_default_context(cafile=self.relying.ca_file)
        except (OSError, ssl.SSLError) as error:
            raise BadSettings(f"web.oidc.ca_file cannot be used: {error}") from error


def _place(url: str) -> tuple[str, str, int]:
    """Scheme, host and port; all empty for what is no address."""
    try:
        parts = urlsplit(url)
        return parts.scheme, parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80)
    except ValueError:
        return "", "", 0


def _may_ask(url: str) -> bool:
    """Whether an address may be asked: by TLS, or without it on this machine."""
    scheme, host, _ = _place(url)
    plain = url.isascii() and url.isprintable() and " " not in url and "\\" not in url and "#" not in url
    named = plain and bool(host) and "@" not in urlsplit(url).netloc
    return named and (scheme == "https" or (scheme == "http" and is_loopback(host)))


def _with(url: str, query: Mapping[str, str]) -> str:
    return f"{url}{'&' if '?' in url else '?'}{urlencode(query)}"
