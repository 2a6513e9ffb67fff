"""The border: what a server's refusals mean for us, by their response codes and never by their text."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from contextlib import contextmanager

from clawback.errors import (
    CapabilityMissing,
    HandleStale,
    LoginFailed,
    OverQuota,
    ProtocolViolation,
    ReadOnly,
    Throttled,
    Unavailable,
)
from clawback.mailboxes.base import Failure
from clawback.mailboxes.imap.wire import Reply

PATIENCE = 10.0
"""Seconds to wait when a server names a limit without a time."""
_SHOWN = 200


class Lost(Unavailable):
    """The connection broke off. What was asked for may be done, and may be what broke it."""


_CODES: dict[bytes, type[Failure]] = {
    b"NOPERM": ReadOnly,
    b"READ-ONLY": ReadOnly,
    b"OVERQUOTA": OverQuota,
    b"TRYCREATE": HandleStale,
    b"NONEXISTENT": HandleStale,
    b"EXPUNGEISSUED": HandleStale,
    b"UIDNOTSTICKY": CapabilityMissing,
    b"CANNOT": CapabilityMissing,
    b"TOOBIG": CapabilityMissing,
    b"NOTSAVED": HandleStale,
    b"AUTHENTICATIONFAILED": LoginFailed,
    b"AUTHORIZATIONFAILED": LoginFailed,
    b"EXPIRED": LoginFailed,
    b"PRIVACYREQUIRED": LoginFailed,
    b"CONTACTADMIN": LoginFailed,
    b"CLIENTBUG": ProtocolViolation,
}


def failure_of(reply: Reply, what: str) -> Failure:
    """The error of a command that was not done (RFC 5530). `what` is what was tried, in a few words.

    A NO without a code may heal, so it is Unavailable; a BAD never does.
    """
    said = reply.text.decode("utf-8", "replace")[:_SHOWN].strip() or reply.status.decode()
    sentence = f"{what}: the server says {said!r}"
    if reply.status == b"BAD":
        return ProtocolViolation(sentence)
    if reply.code == b"LIMIT":
        return Throttled(sentence, PATIENCE)
    kind = _CODES.get(reply.code)
    return kind(sentence) if kind else Unavailable(sentence)


@contextmanager
def answering(where: str) -> Iterator[None]:
    """Map what the network and the system raise; `where` names the server."""
    try:
        yield
    except ssl.SSLCertVerificationError as error:
        raise LoginFailed(
            f"the certificate of {where} is not trusted ({error.verify_message}); "
            "if it is one of your own, name its authority in ca_file"
        ) from error
    except TimeoutError as error:
        raise Unavailable(f"{where} did not answer in time") from error
    except (OSError, EOFError) as error:
        raise Lost(f"{where} does not answer: {error or type(error).__name__}") from error


def untried(error: Failure) -> Failure:
    """The answer for copies that come after those at which a session broke off: nothing was done to them."""
    return error if isinstance(error, Unavailable) else Unavailable(str(error))
