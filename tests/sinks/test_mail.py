"""Letters by SMTP: through a real Postfix, and what a server may do wrong."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from tests.servers import postfix as postfixes
from tests.servers.certificates import OPENSSL, Certificate, certificate
from tests.servers.postfix import Postfix, postfix
from tests.sinks.scripted_smtp import CLOSE, scripted_smtp

from clawback.errors import BadSettings, LoginFailed, MailboxError, ProtocolViolation, Unavailable
from clawback.response.feedback import Letter
from clawback.sinks.mail import Security, SmtpPostman, SmtpServer, written

LETTER = Letter(
    "<sub-1.feedback@example.org>",
    "soc@example.org",
    "ann@example.org",
    "Your report: spam",
    "Grüße,\nit is spam.\n",
    datetime(2026, 11, 24, 12, tzinfo=UTC),
)


def send(port: int, letter: Letter = LETTER, **options: object) -> str:
    told = {"security": Security.NONE, "seconds": 10.0} | options
    server = SmtpServer("127.0.0.1", port, **told)  # type: ignore[arg-type]
    return asyncio.run(SmtpPostman(server, "soc@example.org").send(letter))


@pytest.fixture(scope="module")
def tls(tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    if not OPENSSL:
        pytest.skip("openssl is not installed")
    return certificate(tmp_path_factory.mktemp("smtp") / "tls")


@pytest.fixture
def server_side(tls: Certificate) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tls.certificate, tls.key)
    return context


@pytest.fixture(scope="module")
def border(tls: Certificate) -> Iterator[Postfix]:
    """A real Postfix with TLS; what it takes stays in its queue, for nobody listens behind it."""
    if why := postfixes.missing():
        pytest.skip(why)
    settings = (
        f"smtpd_tls_security_level = may\nsmtpd_tls_cert_file = {tls.certificate}\n"
        f"smtpd_tls_key_file = {tls.key}\ntls_random_source = dev:/dev/urandom\n"
        "smtpd_recipient_restrictions = check_recipient_access inline:{ {gone@example.org = 550 nobody},"
        " {later@example.org = 450 come again} }, permit_mynetworks, reject\n"
    )
    with postfix(1, settings=settings) as running:
        yield running


def test_postfix_takes_a_letter_over_starttls(border: Postfix, tls: Certificate) -> None:
    assert send(border.port, security=Security.STARTTLS, ca_file=tls.authority) == ""
    assert LETTER.message_id in border.log.read_text()


def test_a_certificate_of_somebody_else_is_not_believed(border: Postfix) -> None:
    with pytest.raises(BadSettings, match="not believed"):
        send(border.port, security=Security.STARTTLS)


def test_a_recipient_that_postfix_refuses_for_good_is_told(border: Postfix) -> None:
    assert "550" in send(border.port, replace(LETTER, to="gone@example.org"))
    with pytest.raises(Unavailable, match="450"):
        send(border.port, replace(LETTER, to="later@example.org"))


def test_nothing_is_sent_in_the_clear_where_tls_is_asked_for() -> None:
    with scripted_smtp({}) as server:
        with pytest.raises(ProtocolViolation, match="STARTTLS"):
            send(server.port, security=Security.STARTTLS, user="soc", password=lambda: "secret")
        assert not [line for line in server.said if line.startswith(("AUTH", "MAIL"))]


def test_a_letter_goes_over_tls_with_a_login(server_side: ssl.SSLContext, tls: Certificate) -> None:
    answers = {"EHLO": "250-mail.example.org\r\n250 AUTH PLAIN"}
    with scripted_smtp(answers, server_side) as server:
        sent = send(
            server.port,
            security=Security.TLS,
            ca_file=tls.authority,
            user="soc",
            password=lambda: "secret",
        )
        assert sent == ""
        assert any(line.startswith("AUTH PLAIN") for line in server.said)
        assert f"Message-ID: {LETTER.message_id}" in server.said


def test_a_refused_login_is_told(server_side: ssl.SSLContext, tls: Certificate) -> None:
    answers = {"EHLO": "250-mail.example.org\r\n250 AUTH PLAIN", "AUTH": "535 no"}
    with scripted_smtp(answers, server_side) as server, pytest.raises(LoginFailed):
        send(server.port, security=Security.TLS, ca_file=tls.authority, user="soc", password=lambda: "x")


@pytest.mark.parametrize(
    ("answers", "wanted"),
    [
        ({"GREETING": "421 busy"}, Unavailable),
        ({"GREETING": CLOSE}, Unavailable),
        ({"EHLO": CLOSE}, Unavailable),
        ({"MAIL": "451 later"}, Unavailable),
        ({"RCPT": CLOSE}, Unavailable),
        ({"DATA": "451 later"}, Unavailable),
        ({".": "452 full"}, Unavailable),
        ({".": CLOSE}, Unavailable),
    ],
)
def test_what_may_heal_is_tried_again(answers: Mapping[str, str], wanted: type[MailboxError]) -> None:
    with scripted_smtp(answers) as server, pytest.raises(wanted):
        send(server.port)


@pytest.mark.parametrize("answers", [{"MAIL": "553 not you"}, {"RCPT": "550 nobody"}, {".": "554 spam"}])
def test_what_is_refused_for_good_is_told(answers: Mapping[str, str]) -> None:
    with scripted_smtp(answers) as server:
        assert "refuses" in send(server.port)


def test_nobody_there_is_unavailable() -> None:
    with scripted_smtp({}) as server:
        port = server.port
    with pytest.raises(Unavailable):
        send(port)


def test_a_missing_file_of_certificates_is_told(tmp_path: Path, server_side: ssl.SSLContext) -> None:
    with scripted_smtp({}, server_side) as server, pytest.raises(BadSettings):
        send(server.port, security=Security.TLS, ca_file=tmp_path / "none.pem")


def test_a_letter_is_a_mail_that_no_machine_answers() -> None:
    mail = written(LETTER)
    assert (mail["Auto-Submitted"], mail["Message-ID"]) == ("auto-generated", LETTER.message_id)
    assert mail.get_content().replace("\r\n", "\n") == LETTER.text


def test_a_password_is_not_shown() -> None:
    ask: Callable[[], str] = lambda: "secret"  # noqa: E731
    assert "secret" not in repr(SmtpServer("h", 25, password=ask))
