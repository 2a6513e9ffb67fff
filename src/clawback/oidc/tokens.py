"""ID tokens: whether a provider signed one, for us, for this sign-in, and not too long ago."""

from __future__ import annotations

import hmac
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from joserfc import jws, jwt
from joserfc.errors import JoseError
from joserfc.jwk import JWKRegistry, Key

from clawback.errors import Forbidden

ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512")
"""Signatures that are believed: made with a private key. Never ``none``, and never a shared secret."""
LEEWAY = 60
"""Seconds that the provider's clock may be apart from ours."""
LONGEST_TOKEN = 64 * 1024
LONGEST_SUBJECT = 255
MOST_KEYS = 100
_KINDS = ("RSA", "EC")


class UnknownKey(Forbidden):
    """The token was signed by a key that is not among those known: they may be old."""


@dataclass(frozen=True, slots=True)
class Expected:
    """What an ID token must say to be for us and for this sign-in."""

    issuer: str
    client_id: str
    nonce: str
    now: datetime


def keys_of(document: Mapping[str, Any]) -> tuple[Key, ...]:
    """The public keys in a JWKS that may sign; what cannot be read is left out."""
    listed = document.get("keys")
    found = []
    for entry in listed[:MOST_KEYS] if isinstance(listed, list) else ():
        if not isinstance(entry, dict) or entry.get("kty") not in _KINDS or entry.get("use", "sig") != "sig":
            continue
        try:
            found.append(JWKRegistry.import_key(entry))
        except (JoseError, ValueError, TypeError, KeyError):
            continue
    return tuple(found)


def verified(token: str, keys: tuple[Key, ...], expected: Expected) -> dict[str, Any]:
    """The claims of an ID token (OpenID Connect Core 3.1.3.7).

    Raises UnknownKey when no key of ours is the one that it names, Forbidden for all else.
    """
    if len(token) > LONGEST_TOKEN:
        raise Forbidden("the identity provider sent a token that is too long")
    try:
        header = jws.extract_compact(token.encode("ascii")).headers()
        algorithm = header.get("alg")
        if algorithm not in ALGORITHMS:
            raise Forbidden("the identity provider's token is not signed as it must be")
        key = _key(keys, header.get("kid"), str(algorithm))
        claims = jwt.decode(token, key, algorithms=[str(algorithm)]).claims
    except (JoseError, UnicodeError, ValueError, TypeError) as error:
        raise Forbidden("the identity provider's token cannot be believed") from error
    _check(claims, expected)
    return dict(claims)


def _key(keys: tuple[Key, ...], name: object, algorithm: str) -> Key:
    """The one key that can have signed it; without a name only if there is no other."""
    kind = "EC" if algorithm.startswith("ES") else "RSA"
    fit = [key for key in keys if key.key_type == kind and key.get("alg", algorithm) == algorithm]
    named = [key for key in fit if key.kid == name] if name is not None else fit
    if len(named) != 1:
        raise UnknownKey("the identity provider's token is signed by a key that it does not publish")
    return named[0]


def _check(claims: Mapping[str, Any], expected: Expected) -> None:
    now, subject = expected.now.timestamp(), claims.get("sub")
    audience = claims.get("aud")
    audiences = audience if isinstance(audience, list) else [audience]
    party = claims.get("azp")
    if claims.get("iss") != expected.issuer:
        raise Forbidden("the token is of another identity provider")
    for_us = expected.client_id in audiences and party in (None, expected.client_id)
    if not for_us or (len(audiences) > 1 and party is None):
        raise Forbidden("the identity provider's token is for somebody else than clawback")
    ends, made, begins = (_seconds(claims.get(name)) for name in ("exp", "iat", "nbf"))
    if ends is None or made is None or now >= ends + LEEWAY:
        raise Forbidden("the identity provider's token has expired: sign in again")
    if made > now + LEEWAY or (begins is not None and begins > now + LEEWAY):
        raise Forbidden("the identity provider's token is from the future: its clock or ours is wrong")
    nonce = claims.get("nonce")
    if not isinstance(nonce, str) or not hmac.compare_digest(nonce.encode(), expected.nonce.encode()):
        raise Forbidden("the identity provider's token is not for this sign-in: begin again")
    if not isinstance(subject, str) or not 0 < len(subject) <= LONGEST_SUBJECT:
        raise Forbidden("the identity provider does not say who it is")


def _seconds(value: object) -> float | None:
    """A NumericDate, None for what is none."""
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


def parsed(content: bytes) -> dict[str, Any]:
    """A JSON object (ValueError for anything else, however deep it is nested)."""
    try:
        found = json.loads(content)
    except RecursionError:
        raise ValueError("nested too deep") from None
    if not isinstance(found, dict):
        raise ValueError("no object")
    return found
