"""A small organisation of Maildirs with clawback on it, for the tests of the line."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from clawback.analysis.clusters import ClusterKind
from clawback.analysis.indicators import Indicator, IndicatorKind, Match, VerdictKind, indicator
from clawback.app import App, build
from clawback.cli.session import finish
from clawback.engine import commands
from clawback.engine.ingest import Synced, sync_all
from clawback.response.investigation import Investigation
from clawback.response.plan import Remediation
from clawback.response.policy import Policy
from clawback.settings import Settings, SourceSettings, StoreSettings

URL = "https://login.evil.example/session"
AUTOMATIC = Policy(automatic=frozenset(ClusterKind))


def mail(n: int, body: str, subject: str = "") -> bytes:
    """A plain message of its own."""
    return (
        f"From: Desk <desk@sender.example>\r\nTo: user@example.org\r\nSubject: {subject or f'Note {n}'}\r\n"
        f"Message-ID: <{n}@sender.example>\r\nDate: Mon, 23 Nov 2026 09:00:00 +0000\r\n\r\n{body}\r\n"
    ).encode()


@dataclass(slots=True)
class World:
    """Maildirs below `root`/mail, one for each user; deliver and act as users do, then ask clawback."""

    root: Path
    url: str
    bodies: str = "none"
    count: int = 0
    delivered: list[Path] = field(default_factory=list)

    def maildir(self, user: str, folder: str = "") -> Path:
        top = self.root / "mail" / user
        for path in (top, top / folder):
            for part in ("cur", "new", "tmp"):
                (path / part).mkdir(parents=True, exist_ok=True)
        return top / folder

    def deliver(
        self, user: str, body: str, *, folder: str = "", flags: str | None = None, raw: bytes | None = None
    ) -> Path:
        """A copy in new/, or in cur/ with these flags."""
        self.count += 1
        base = f"17000{self.count:05d}.M1P1.host"
        where = self.maildir(user, folder)
        path = where / "new" / base if flags is None else where / "cur" / f"{base}:2,{flags}"
        path.write_bytes(raw or mail(self.count, body))
        stamp = 1_763_888_000_000_000_000 + self.count * 1_000_000_007
        os.utime(path, ns=(stamp, stamp))
        self.delivered.append(path)
        return path

    def campaign(self, copies: int, clean: int = 3) -> list[Path]:
        """Bad copies over several users, some read, some filed; and clean ones beside them."""
        bad = []
        for n in range(copies):
            folder, flags = [("", None), ("", "S"), (".Archive", "FS"), (".Junk", "")][n % 4]
            body = f"Dear {n}, your account: {URL} now"
            bad.append(self.deliver(f"user{n % 5}", body, folder=folder, flags=flags))
        for n in range(clean):
            self.deliver(f"user{n % 5}", f"Minutes {n}: https://login.evil.example/other and intranet")
        return bad

    def snapshot(self) -> dict[str, tuple[str, int, int]]:
        """Every mail file outside the vault: bytes, time, mode."""
        mail_root = self.root / "mail"
        return {
            str(p.relative_to(mail_root)): (
                hashlib.sha256(p.read_bytes()).hexdigest(),
                p.stat().st_mtime_ns,
                p.stat().st_mode,
            )
            for p in sorted(mail_root.rglob("*"))
            if p.is_file() and ".M1P1." in p.name and ".clawback" not in p.parts
        }

    @property
    def settings(self) -> Settings:
        options = {"root": str(self.root / "mail"), "layout": "{user}", "address": "{user}@example.org"}
        return Settings(
            home=str(self.root),
            store=StoreSettings(url=self.url, bodies=self.bodies),
            sources=(SourceSettings("main", "maildir", options),),
        )

    @contextmanager
    def app(self) -> Iterator[App]:
        with build(self.settings, inline=True) as app:
            yield app


def read(app: App) -> Synced:
    """Read every mailbox and do what follows from it."""
    seen = app.run(sync_all)
    finish(app)
    return seen


def listed(
    app: App,
    value: str = URL,
    kind: IndicatorKind = IndicatorKind.URL,
    *,
    verdict: VerdictKind = VerdictKind.MALICIOUS,
    prefix: bool = False,
    source: str = "manual",
) -> Indicator:
    """An indicator, not yet listed."""
    return indicator(
        kind,
        value,
        match=Match.PREFIX if prefix else Match.EXACT,
        verdict=verdict,
        source=source,
        added_at=app.parts.now(),
    )


def turn(app: App, value: str = URL, kind: IndicatorKind = IndicatorKind.URL) -> Indicator:
    """Something turns malicious, and clawback does what follows."""
    bad = listed(app, value, kind)
    commands.add_indicator(app.parts, bad, "ann")
    finish(app)
    return bad


def actions(app: App) -> tuple[Remediation, ...]:
    """Every remediation, newest first."""
    with app.store.read() as unit:
        return unit.remediations.list()[0]


def investigations(app: App) -> tuple[Investigation, ...]:
    """Every investigation, newest first."""
    with app.store.read() as unit:
        return unit.investigations.list()[0]
