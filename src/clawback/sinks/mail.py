"""Mail by SMTP (RFC 5321), over TLS unless the settings say otherwise; never less than they ask for."""

from __future__ import annotations

import asyncio
import smtplib
import ssl
from collections.abc import Callable
from dataclasses import dataclass, field
from email.message import EmailMessage
from email.policy import SMTP
from enum import StrEnum
from pathlib import Path

from clawback.errors import BadSettings, LoginFailed, ProtocolViolation, Unavailable
from clawback.response.feedback import Letter

_FOR_GOOD = 500


class Security(StrEnum):
    """How the connection is kept safe: by STARTTLS, by TLS from its first byte, or not at all."""

    STARTTLS = "starttls"
    TLS = "tls"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class SmtpServer:
    """Where letters are handed in. `ca_file` holds the only certificates believed, else the system's are.

    `password` answers the secret of `user`, asked for anew with each connection; no user, no login.
    """

    host: str
    port: int
    security: Security = Security.STARTTLS
    user: str = ""
    password: Callable[[], str] | None = field(default=None, repr=False)
    ca_file: Path | None = None
    seconds: float = 30.0


class SmtpPostman:
    """Hands letters to one SMTP server, each over a connection of its own."""

    def __init__(self, server: SmtpServer, sender: str) -> None:
        self._server = server
        self._sender = sender

    @property
    def sender(self) -> str:
        """The address that letters come from."""
        return self._sender

    async def send(self, letter: Letter) -> str:
        """Hand a letter over: "" once it was taken, or why it is refused for good."""
        return await asyncio.to_thread(self._send, letter)

    def _send(self, letter: Letter) -> str:
        try:
            with self._connected() as connection:
                self._log_in(connection)
                refused = connection.send_message(written(letter), letter.sender, [letter.to])
                return "; ".join(f"{code} {_text(said)}" for code, said in refused.values())
        except smtplib.SMTPRecipientsRefused as error:
            code, said = next(iter(error.recipients.values()), (0, b""))
            return self._refused(code, said, letter)
        except smtplib.SMTPAuthenticationError as error:
            raise LoginFailed(f"{self._where} refuses the login of {self._server.user}") from error
        except smtplib.SMTPNotSupportedError as error:
            raise ProtocolViolation(f"{self._where} does not offer what is needed: {error}") from error
        except smtplib.SMTPResponseException as error:
            return self._refused(error.smtp_code, error.smtp_error, letter)
        except ssl.SSLCertVerificationError as error:
            raise BadSettings(f"the certificate of {self._where} is not believed: {error.reason}") from error
        except (smtplib.SMTPException, OSError) as error:
            raise Unavailable(f"{self._where} does not answer: {error}") from error

    @property
    def _where(self) -> str:
        return f"{self._server.host}:{self._server.port}"

    def _connected(self) -> smtplib.SMTP:
        """A connection that is as safe as it must be."""
        server, name = self._server, self._sender.rpartition("@")[2]
        if server.security is Security.TLS:
            return smtplib.SMTP_SSL(
                server.host, server.port, name, timeout=server.seconds, context=self._context()
            )
        connection = smtplib.SMTP(server.host, server.port, name, timeout=server.seconds)
        if server.security is Security.STARTTLS:
            try:
                # Raises when the server does not offer it: what an attacker in between strikes out of the
                # greeting must not make us speak in the clear.
                connection.starttls(context=self._context())
            except BaseException:
                connection.close()
                raise
        return connection

    def _context(self) -> ssl.SSLContext:
        try:
            return ssl.create_default_context(cafile=self._server.ca_file)
        except OSError as error:
            raise BadSettings(
                f"the certificates in {self._server.ca_file} cannot be read: {error}"
            ) from error

    def _log_in(self, connection: smtplib.SMTP) -> None:
        if self._server.user and self._server.password is not None:
            connection.login(self._server.user, self._server.password())

    def _refused(self, code: int, said: bytes | str, letter: Letter) -> str:
        """Why a letter is refused for good; raises Unavailable when it is not for good."""
        why = f"{self._where} refuses mail to {letter.to}: {code} {_text(said)}"
        if code < _FOR_GOOD:
            raise Unavailable(why)
        return why


def _text(said: bytes | str) -> str:
    text = said.decode("utf-8", "replace") if isinstance(said, bytes) else said
    return " ".join(text.split())[:300]


def written(letter: Letter) -> EmailMessage:
    """A letter as a mail that no machine answers (RFC 3834)."""
    # Not every server takes 8-bit content (RFC 6152).
    mail = EmailMessage(policy=SMTP.clone(cte_type="7bit"))
    mail["From"] = letter.sender
    mail["To"] = letter.to
    mail["Subject"] = letter.subject
    mail["Date"] = letter.date
    mail["Message-ID"] = letter.message_id
    mail["Auto-Submitted"] = "auto-generated"
    mail["X-Auto-Response-Suppress"] = "All"
    mail.set_content(letter.text)
    return mail
