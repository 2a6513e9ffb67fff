"""The server as it stands on a network: with TLS, behind a proxy, and with names that say nothing good."""

from __future__ import annotations

import socket
from dataclasses import replace
from pathlib import Path

import httpx
import pytest
from tests.servers.certificates import certificate
from tests.web.desk import PASSWORD, PLAIN, Desk, desk

from clawback.errors import BadSettings
from clawback.response.people import Role
from clawback.settings import Settings, WebSettings
from clawback.web.answers import encoded
from clawback.web.serve import bound_socket


def test_with_tls_the_cookie_and_the_browser_are_held_to_it(tmp_path: Path) -> None:
    made = certificate(tmp_path / "tls")
    web = WebSettings(certificate=str(made.certificate), key=str(made.key))
    with desk(tmp_path / "world", frame=replace(PLAIN, tls=True), settings=Settings(web=web)) as opened:
        answer = opened.client.post("/sign-in", data={"name": "reader", "password": PASSWORD})
        assert answer.history == []
        cookie = answer.headers["set-cookie"]
        assert cookie.startswith("__Host-clawback=")
        assert "Secure" in cookie
        assert "max-age" in answer.headers["strict-transport-security"]
        plain = str(opened.client.base_url).replace("https:", "http:")
        with pytest.raises(httpx.TransportError):
            httpx.get(plain, timeout=30)


def test_behind_a_proxy_the_address_of_the_person_counts_and_metrics_ask_for_a_token(tmp_path: Path) -> None:
    web = WebSettings(behind_proxy=True, names=("clawback.example.org",))
    frame = replace(PLAIN, proxied=True, tls=True, names=web.names)
    with desk(tmp_path, frame=frame, settings=Settings(web=web)) as opened:
        sent = {"X-Forwarded-For": "203.0.113.9", "X-Forwarded-Proto": "https"}
        headers = {"Host": "clawback.example.org", **sent}
        assert opened.client.get("/metrics", headers=headers).status_code == 401
        listed = opened.client.get("/api/air/investigations", headers={**headers, **opened.by(Role.READER)})
        assert listed.json()["@odata.context"].startswith("https://clawback.example.org/")
        opened.client.post("/sign-in", data={"name": "reader", "password": "x"}, headers=headers)
        with opened.app.store.read() as unit:
            early = opened.app.parts.now().replace(year=2000)
            tries, _ = unit.accounts.failures("address 203.0.113.9", early)
        assert tries == 1


def test_an_address_of_somebody_else_is_not_believed_without_a_proxy(shared_desk: Desk) -> None:
    headers = {"X-Forwarded-For": "203.0.113.9"}
    shared_desk.client.post("/sign-in", data={"name": "reader", "password": "x"}, headers=headers)
    with shared_desk.app.store.read() as unit:
        early = shared_desk.app.parts.now().replace(year=2000)
        assert unit.accounts.failures("address 203.0.113.9", early) == (0, None)
        assert unit.accounts.failures("address 127.0.0.1", early)[0] >= 1


@pytest.mark.parametrize("host", ["0.0.0.0", "192.0.2.1", "::", "clawback.example.org"])
def test_nobody_listens_to_others_in_the_clear(host: str) -> None:
    with pytest.raises(BadSettings, match="open to others"):
        bound_socket(WebSettings(host=host, port=0))


def test_a_name_that_is_no_text_is_answered_as_json() -> None:
    assert encoded({"name": "a\udc80b", "ok": "ü"}) == '{"name": "a?b", "ok": "ü"}'.encode()


def test_what_is_sent_is_sent_at_once() -> None:
    with bound_socket(WebSettings(port=0)) as listener:
        assert listener.proto == socket.IPPROTO_TCP  # asyncio sets TCP_NODELAY on no other
