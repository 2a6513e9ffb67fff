"""Passwords, codes and secrets: made, hashed and checked."""

from __future__ import annotations

import hashlib
import hmac
import secrets
import threading
from datetime import datetime

import argon2
import pyotp

from clawback.errors import BadParameter

LEAST_LENGTH = 12
MOST_LENGTH = 1_000
TOKEN_MARK = "clb_"  # noqa: S105
"""How every API token begins, so that whoever scans for lost secrets knows one."""
_STEP = 30
_AT_ONCE = threading.Semaphore(2)
"""Each hash takes 64 MiB and a core for a while: a flood of sign-ins must not take the machine."""

_hasher = argon2.PasswordHasher()
_NOBODY = _hasher.hash(secrets.token_urlsafe(16))


def new_password() -> str:
    """A random password of 120 bits, easy to read out."""
    alphabet = "abcdefghijkmnpqrstuvwxyz23456789"
    groups = ("".join(secrets.choice(alphabet) for _ in range(6)) for _ in range(4))
    return "-".join(groups)


def new_token() -> str:
    """The secret of an API token: 256 random bits behind a mark."""
    return TOKEN_MARK + secrets.token_urlsafe(32)


def new_session() -> str:
    """The secret of a session: 256 random bits."""
    return secrets.token_urlsafe(32)


def sealed(secret: str) -> str:
    """The SHA-256 of a random secret; enough for 256 bits of chance, far too little for a password."""
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()


def csrf_of(session: str) -> str:
    """What a form of that session must carry: it cannot be guessed without the cookie, nor give it away."""
    return hmac.new(session.encode(), b"csrf", hashlib.sha256).hexdigest()


def same(one: str, other: str) -> bool:
    """Whether two secrets are the same, in a time that tells nothing."""
    return hmac.compare_digest(one.encode("utf-8", "replace"), other.encode("utf-8", "replace"))


def hashed(password: str) -> str:
    """The argon2id hash (BadParameter when the password is too short or too long)."""
    if not LEAST_LENGTH <= len(password) <= MOST_LENGTH:
        raise BadParameter(f"a password has {LEAST_LENGTH} to {MOST_LENGTH:,} characters")
    with _AT_ONCE:
        return _hasher.hash(password.encode("utf-8", "surrogatepass"))


def matches(password: str, kept: str) -> bool:
    """Whether the password has that hash. For "" (nobody) it takes as long and says no."""
    if len(password) > MOST_LENGTH:
        return False
    with _AT_ONCE:
        try:
            _hasher.verify(kept or _NOBODY, password.encode("utf-8", "surrogatepass"))
        except (argon2.exceptions.VerifyMismatchError, argon2.exceptions.InvalidHashError):
            return False
    return bool(kept)


def new_totp() -> str:
    """A secret for an authenticator app."""
    return pyotp.random_base32()


def totp_uri(secret: str, name: str) -> str:
    """What the app reads, as text or as a QR code."""
    return pyotp.TOTP(secret).provisioning_uri(name=name, issuer_name="clawback")


def totp_step(secret: str, code: str, now: datetime) -> int | None:
    """The step whose code it is, now or one before or after; None for a wrong one."""
    given = "".join(code.split())
    if len(given) != 6 or not given.isdecimal():
        return None
    step = int(now.timestamp()) // _STEP
    app = pyotp.TOTP(secret)
    return next((s for s in (step, step - 1, step + 1) if same(app.at(s * _STEP), given)), None)
