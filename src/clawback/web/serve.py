"""Serving: from the settings to a listening server, until it is told to end."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import signal
import socket
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path

import msgspec
import uvicorn

from clawback import app
from clawback.engine.accounts import first_administrator
from clawback.engine.identities import Admission
from clawback.engine.parts import Parts
from clawback.engine.sign_in import Lives
from clawback.errors import BadSettings
from clawback.loopback import is_loopback
from clawback.plugins import identity_provider
from clawback.response.people import Role
from clawback.settings import OidcSettings, Settings, WebSettings
from clawback.web.oidc_flow import Oidc
from clawback.web.patience import Patient
from clawback.web.site import Frame, Site, site

Say = Callable[[str], None]
GRACE_SECONDS = 5
"""How long answers that are being given may take when the server ends."""
MOST_CONNECTIONS = 1_000
THREADS = 6
"""Answers that are looked up at once; more wait, for more would only contend for the interpreter.

With 32 the slowest answers to 20 people at once take up to twice as long (`benchmarks/web_pages.py`).
"""
_NAMELESS = ("0.0.0.0", "::", "")  # noqa: S104


def serve(settings: Settings, say: Say, *, bound: bool = False) -> None:
    """Serve the portal and the API until a signal ends it; `say` is told what a person must know.

    With `bound` it also ends when its standard input does, as that of a child whose parent has died.
    """
    logging.getLogger("clawback.web").addHandler(logging.StreamHandler(sys.stderr))
    web = settings.web
    with app.build(settings) as built, bound_socket(web) as listener:
        _welcome(built.parts, say)
        scheme = "https" if web.certificate else "http"
        address = f"{scheme}://{_shown(web.host)}:{listener.getsockname()[1]}"
        frame = framed(web, Path(settings.home))
        made = site(built.parts, frame)
        server = Listener(configured(settings, made), made, lambda: say(f"portal and API at {address}"))
        asyncio.run(server.listen(listener, bound))


class Listener(uvicorn.Server):
    """A server that lets go of streams before it ends, and tells when it answers."""

    def __init__(self, config: uvicorn.Config, made: Site, ready: Callable[[], None]) -> None:
        super().__init__(config)
        self._made = made
        self._ready = ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Begin to answer."""
        await super().startup(sockets)
        if self.started:
            self._ready()

    async def listen(self, listener: socket.socket, bound: bool) -> None:
        """Serve on a listening socket until told to end."""
        loop = asyncio.get_running_loop()
        loop.set_default_executor(ThreadPoolExecutor(THREADS, "clawback-web"))
        for name in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(name, self.end)
        if bound:
            threading.Thread(target=self._end_with_input, args=(loop,), daemon=True).start()
        await self._serve([listener])

    def end(self) -> None:
        """Let go of streams, then end."""
        self.should_exit = True
        self._made.streams.ending.set()

    def _end_with_input(self, loop: asyncio.AbstractEventLoop) -> None:
        with contextlib.suppress(OSError, ValueError):
            while sys.stdin.buffer.read(1):
                pass
        with contextlib.suppress(RuntimeError):  # it has ended already
            loop.call_soon_threadsafe(self.end)


def _welcome(parts: Parts, say: Say) -> None:
    made = first_administrator(parts)
    if made is not None:
        account, password = made
        say(f"first start: sign in as {account.name} with the password {password} (shown this once)")


def framed(web: WebSettings, home: Path) -> Frame:
    """How the site stands in the world, by the settings."""
    names = {*web.names, web.host} - set(_NAMELESS)
    lives = Lives(timedelta(minutes=web.idle_minutes), timedelta(hours=web.session_hours))
    tls = bool(web.certificate) or web.behind_proxy
    return Frame(tuple(sorted(names)), tls, web.behind_proxy, lives, _oidc(web.oidc, home))


def _oidc(settings: OidcSettings, home: Path) -> Oidc | None:
    if not settings.issuer:
        return None
    roles = {group: Role(name) for group, name in settings.roles.items()}
    return Oidc(
        identity_provider(msgspec.structs.asdict(settings), home),
        settings.label,
        settings.name_claim,
        settings.roles_claim,
        Admission(roles, settings.unknown == "add"),
        settings.break_glass.strip().lower(),
    )


def configured(settings: Settings, made: Site) -> uvicorn.Config:
    """How uvicorn serves the site."""
    web, home = settings.web, Path(settings.home)
    return uvicorn.Config(
        made.asgi,
        http=Patient,
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=web.behind_proxy,
        forwarded_allow_ips="127.0.0.1,::1",
        ssl_certfile=str(home / web.certificate) if web.certificate else None,
        ssl_keyfile=str(home / web.key) if web.key else None,
        limit_concurrency=MOST_CONNECTIONS,
        h11_max_incomplete_event_size=64 * 1024,
        timeout_graceful_shutdown=GRACE_SECONDS,
        lifespan="on",
        ws="none",
    )


def bound_socket(web: WebSettings) -> socket.socket:
    """The listening socket; BadSettings says what to change when there can be none."""
    if not is_loopback(web.host) and not web.certificate and not web.behind_proxy:
        raise BadSettings(
            f"web.host {web.host!r} is open to others: set web.certificate and web.key, or web.behind_proxy"
        )
    family = socket.AF_INET6 if ":" in web.host else socket.AF_INET
    # Named as TCP, for only then does asyncio send at once what is to be sent: else 40 ms for a long answer.
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((web.host, web.port))
        listener.listen(256)
    except OSError as error:
        listener.close()
        raise BadSettings(
            f"the portal cannot listen at {_shown(web.host)}:{web.port}: {error.strerror}; set web.port"
        ) from None
    return listener


def _shown(host: str) -> str:
    return f"[{host}]" if ":" in host else host
