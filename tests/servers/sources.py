"""What an administrator writes into clawback's settings for a server of the tests."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from tests.servers.dovecot import Dovecot

from clawback.settings import OrganisationSettings, Settings, SourceSettings, StoreSettings, WorkSettings

_NO_WORK = WorkSettings()


def imap_settings(
    server: Dovecot,
    home: Path,
    *,
    bodies: str = "none",
    work: WorkSettings = _NO_WORK,
    **options: Any,
) -> Settings:
    """One IMAP source with the server's master user; `options` are added to the source's own."""
    home.mkdir(exist_ok=True)
    secret = home / "master-password"
    secret.write_text(server.master_password)
    secret.chmod(0o600)
    told = {
        "host": "127.0.0.1",
        "port": server.port,
        "tls": "none",
        "user": server.master_user,
        "password_file": "master-password",
    }
    return Settings(
        home=str(home),
        organisation=OrganisationSettings(("example.org",)),
        store=StoreSettings(bodies=bodies),
        work=work,
        sources=(SourceSettings("mail", "imap", told | options),),
    )


def processor_seconds(server: Dovecot) -> float:
    """What the server's processes, and those of them that ended, have taken."""
    ticks = 0
    for pid in server.processes():
        try:
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue
        ticks += sum(int(field) for field in fields[11:15])
    return ticks / os.sysconf("SC_CLK_TCK")
