"""The border: what the refusals of HTTP and of JMAP mean for us, by their types and never by their text."""

from __future__ import annotations

import ssl
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

import aiohttp
import msgspec

from clawback.errors import (
    CapabilityMissing,
    ClawbackError,
    Gone,
    HandleStale,
    LoginFailed,
    MailboxError,
    OverQuota,
    ProtocolViolation,
    ReadOnly,
    Refused,
    Throttled,
    Unavailable,
)
from clawback.mailboxes.base import Failure
from clawback.mailboxes.jmap.shapes import Problem, SetError

PATIENCE = 10.0
"""Seconds to wait when a server names a limit without a time."""
LONGEST_PATIENCE = 3600.0
_SHOWN = 100
_LIMIT = "urn:ietf:params:jmap:error:limit"

_METHODS: Mapping[str, type[ClawbackError]] = {
    "serverUnavailable": Unavailable,
    "serverFail": Unavailable,
    "serverPartialFail": Unavailable,
    "accountNotFound": Gone,
    "accountNotSupportedByMethod": Gone,
    "accountReadOnly": ReadOnly,
    "forbidden": ReadOnly,
    "stateMismatch": HandleStale,
}
_OBJECTS: Mapping[str, type[ClawbackError]] = {
    "forbidden": ReadOnly,
    "overQuota": OverQuota,
    "tooLarge": CapabilityMissing,
    "tooManyKeywords": CapabilityMissing,
    "tooManyMailboxes": CapabilityMissing,
    "notFound": HandleStale,
    "serverFail": Unavailable,
    "serverUnavailable": Unavailable,
}


def failure_of_method(kind: str, what: str) -> Failure:
    """The error of a call that was not carried out (RFC 8620, section 3.6.2)."""
    if kind in {"rateLimit", "limit"}:
        return Throttled(f"{what}: the server says {_shown(kind)}", PATIENCE)
    return _failure(_METHODS.get(kind, ProtocolViolation), kind, what)


def failure_of_object(error: SetError, what: str) -> Failure:
    """The error of an object that was not changed (RFC 8620, section 5.3; RFC 8621)."""
    if error.type == "rateLimit":
        return Throttled(f"{what}: the server says rateLimit", PATIENCE)
    return _failure(_OBJECTS.get(error.type, ProtocolViolation), error.type, what)


def _failure(kind: type[ClawbackError], said: str, what: str) -> Failure:
    error = kind(f"{what}: the server says {_shown(said)}")
    assert isinstance(error, MailboxError | Refused)
    return error


def _shown(text: str) -> str:
    return "".join(c if c.isprintable() else "?" for c in text[:_SHOWN])


def failure_of_status(
    status: int, headers: Mapping[str, str], body: bytes, where: str, now: datetime
) -> Failure | None:
    """The error of an answer that is none, by its status; None for one that is (200 to 299)."""
    if 200 <= status < 300:
        return None
    said = f"{where} answers {status}"
    if status in {401, 403}:
        return LoginFailed(f"{said}: it does not take our credentials")
    patience = patience_of(headers.get("Retry-After", ""), now)
    if status == 429 or (status == 503 and patience is not None):
        return Throttled(said, PATIENCE if patience is None else patience)
    if status >= 500 or status == 408:
        return Unavailable(said)
    if status == 404:
        return HandleStale(said)
    if status == 413:
        return CapabilityMissing(f"{said}: too large for it")
    if _problem(body).type == _LIMIT:
        return Throttled(f"{said}: the limit {_shown(_problem(body).limit)}", PATIENCE)
    return ProtocolViolation(said)


def _problem(body: bytes) -> Problem:
    try:
        return msgspec.json.decode(body, type=Problem)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return Problem()


def patience_of(text: str, now: datetime) -> float | None:
    """The seconds that Retry-After asks for (RFC 9110, section 10.2.3), at most an hour; None without one."""
    text = text.strip()
    if text.isascii() and text.isdecimal() and len(text) < 10:
        return min(float(text), LONGEST_PATIENCE)
    try:
        until = parsedate_to_datetime(text)
    except ValueError:
        return None
    until = until if until.tzinfo else until.replace(tzinfo=UTC)
    return min(max((until - now).total_seconds(), 0.0), LONGEST_PATIENCE)


@contextmanager
def answering(where: str) -> Iterator[None]:
    """Map what the network, TLS and HTTP raise; `where` names the server."""
    try:
        yield
    except (aiohttp.ClientConnectorCertificateError, ssl.SSLCertVerificationError) as error:
        raise LoginFailed(f"the certificate of {where} is not trusted: {error}") from error
    except aiohttp.ClientSSLError as error:
        raise Unavailable(f"no TLS with {where}: {error}") from error
    except TimeoutError as error:
        raise Unavailable(f"{where} did not answer in time") from error
    except (aiohttp.ClientConnectionError, aiohttp.ClientPayloadError) as error:
        raise Unavailable(f"{where} does not answer: {error or type(error).__name__}") from error
    except aiohttp.ClientError as error:
        raise ProtocolViolation(f"{where} does not speak HTTP: {type(error).__name__}") from error
    except (OSError, EOFError) as error:
        raise Unavailable(f"{where} does not answer: {error or type(error).__name__}") from error
