"""A small organisation with clawback's site before it: accounts of every role, and clients that come in."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import uvicorn
from tests.engine.world import World, read, turn

from clawback.app import App
from clawback.engine import accounts
from clawback.response.people import Role
from clawback.settings import Settings
from clawback.web.serve import Listener, configured
from clawback.web.site import Frame, Site, site

PASSWORD = "a long enough password"
PLAIN, DEFAULTS = Frame(), Settings()


@dataclass
class Desk:
    """The app, its site, and a client that knows nobody. `tokens` has one of each role, with all scopes."""

    app: App
    site: Site
    client: httpx.Client
    tokens: dict[str, str] = field(default_factory=dict)

    def token(self, name: str, *scopes: str) -> dict[str, str]:
        """The header of a new token of an account."""
        _, secret = accounts.new_token(self.app.parts, name, "test", scopes, 1, "test")
        return {"Authorization": f"Bearer {secret}"}

    def by(self, role: Role | str) -> dict[str, str]:
        """The header of a token of that role."""
        return {"Authorization": f"Bearer {self.tokens[str(role)]}"}

    def signed_in(self, name: str, password: str = PASSWORD, code: str = "") -> dict[str, str]:
        """Sign in; answers the headers with the cookie and what an order must send back."""
        form = {"name": name, "password": password, "code": code}
        answer = self.client.post("/sign-in", data=form, follow_redirects=False)
        assert answer.status_code == 303, answer.text
        cookie = f"clawback={answer.cookies['clawback']}"
        self.client.cookies.clear()
        who = self.client.get("/api/session", headers={"Cookie": cookie}).json()
        return {"Cookie": cookie, "X-CSRF-Token": who["csrf"]}


@contextmanager
def desk(
    root: Path,
    *,
    copies: int = 3,
    frame: Frame = PLAIN,
    settings: Settings = DEFAULTS,
    kind: type[World] = World,
) -> Iterator[Desk]:
    """A desk on a world in which a campaign has turned malicious and its removal waits for a decision."""
    world = kind(root, "")
    world.campaign(copies)
    with world.app() as app:
        read(app)
        turn(app)
        made = site(app.parts, frame)
        for role in Role:
            accounts.add_account(app.parts, role.value, role, "test", password=PASSWORD)
        client = httpx.Client(verify=False, timeout=60)
        with listening(made, settings) as address, client:
            client.base_url = httpx.URL(address)
            opened = Desk(app, made, client)
            for role in Role:
                header = opened.token(role.value)["Authorization"]
                opened.tokens[role.value] = header.removeprefix("Bearer ")
            yield opened


@contextmanager
def listening(made: Site, settings: Settings = DEFAULTS) -> Iterator[str]:
    """The site on a real socket of this machine; answers its address."""
    ready = threading.Event()
    config = configured(settings, made)
    config.port = 0
    server = Listener(config, made, ready.set)
    thread = threading.Thread(target=uvicorn.Server.run, args=(server,))
    thread.start()
    try:
        assert ready.wait(60)
        (listener,) = server.servers[0].sockets
        scheme = "https" if settings.web.certificate else "http"
        yield f"{scheme}://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        server.end()
        thread.join(60)
        assert not thread.is_alive()


def ok(answer: httpx.Response) -> Any:
    """What a good answer says."""
    assert answer.status_code < 300, answer.text
    return answer.json()
