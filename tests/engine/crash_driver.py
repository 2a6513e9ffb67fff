"""Kills clawback at its steps, each in a world of its own, lets a new process recover, and looks.

Runs as a program of its own, single-threaded, so that each visit is a fork of a process with
everything imported. A step is a statement sent to the database or a file renamed, each before and
after it happens, or a commit. A kill is SIGKILL: nothing gets to clean up.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import sys
import threading
import time
import traceback
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import Any

from sqlalchemy import Engine, create_engine, event, text

from clawback.analysis.clusters import ClusterKind
from clawback.analysis.indicators import IndicatorKind, VerdictKind, indicator
from clawback.app import App, build
from clawback.cli.session import finish
from clawback.engine import commands
from clawback.engine.ingest import sync_all
from clawback.response.policy import Policy
from clawback.settings import Settings, SourceSettings, StoreSettings

MAILBOXES = 26
BAD_EACH = 20
CLEAN_EACH = 4
LATE = 30
RENAMING = os.path.join("maildir", "renaming.py")
URL = "https://login.evil.example/session"


@dataclass(slots=True)
class Steps:
    """Counts steps and dies at the one asked for (0: never)."""

    die_at: int
    kinds: list[str] = field(default_factory=list)

    def step(self, kind: str) -> None:
        self.kinds.append(kind)
        if len(self.kinds) == self.die_at:
            os.kill(os.getpid(), signal.SIGKILL)

    def watch(self) -> None:
        def before(_c: Any, _u: Any, statement: str, *_rest: Any) -> None:
            self.step(f"before {statement.split(None, 1)[0].upper()}")

        def after(_c: Any, _u: Any, statement: str, *_rest: Any) -> None:
            self.step(f"after {statement.split(None, 1)[0].upper()}")

        event.listen(Engine, "before_cursor_execute", before)
        event.listen(Engine, "after_cursor_execute", after)
        event.listen(Engine, "commit", lambda _c: self.step("before commit"))
        threading.settrace(self.trace)  # files are renamed in threads beside the event loop

    def trace(self, frame: FrameType, what: str, _arg: object) -> Any:
        if frame.f_code.co_name != "rename" or not frame.f_code.co_filename.endswith(RENAMING):
            return None
        self.step("before rename")
        frame.f_trace_lines = False
        return lambda _frame, happened, _arg: self.step("after rename") if happened == "return" else None


@dataclass(frozen=True, slots=True)
class World:
    """One copy of everything: Maildirs and store.

    `server` is the URL of a PostgreSQL with {} for the name of a database; both are "" for SQLite.
    """

    root: Path
    server: str = ""
    database: str = ""

    @property
    def settings(self) -> Settings:
        url = self.server.format(self.database) if self.server else ""
        options = {"root": str(self.root / "mail"), "layout": "{user}", "address": "{user}@example.org"}
        return Settings(
            home=str(self.root),
            store=StoreSettings(url=url),
            sources=(SourceSettings("main", "maildir", options),),
        )

    def app(self) -> App:
        return build(self.settings, inline=True)

    def copy(self, root: Path) -> World:
        """A world that starts where this one stands; mail is linked, not copied."""
        shutil.copytree(self.root / "mail", root / "mail", copy_function=os.link)
        shutil.copytree(self.root / "data", root / "data")
        if self.server:
            _sql(self.server, f'DROP DATABASE IF EXISTS "{root.name}" WITH (FORCE)')
            _sql(self.server, f'CREATE DATABASE "{root.name}" TEMPLATE "{self.database}"')
        return World(root, self.server, root.name if self.server else "")

    def remove(self) -> None:
        shutil.rmtree(self.root)
        if self.server:
            _sql(self.server, f'DROP DATABASE "{self.database}" WITH (FORCE)')


def _sql(server: str, statement: str) -> None:
    engine = create_engine(server.format("postgres"), isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(text(statement))
    engine.dispose()


def mail(n: int, body: str) -> bytes:
    return (
        f"From: Desk <desk@sender.example>\r\nTo: user@example.org\r\nSubject: Note {n}\r\n"
        f"Message-ID: <{n}@sender.example>\r\nDate: Mon, 23 Nov 2026 09:00:00 +0000\r\n\r\n{body}\r\n"
    ).encode()


def build_mail(root: Path) -> None:
    # Of this hour: what its owners have read and kept for days waits for a person.
    n, hour_ago = 0, time.time_ns() - 3_600_000_000_000
    for user in range(MAILBOXES):
        for folder in ("cur", "new", "tmp"):
            (root / f"user{user:02d}" / folder).mkdir(parents=True)
        for k in range(BAD_EACH + CLEAN_EACH):
            n += 1
            bad = k < BAD_EACH
            body = f"Dear {n}, see {URL} today" if bad else f"Minutes {n}, see https://intranet.example/{n}"
            folder, flags = ("new", "") if k % 3 == 0 else ("cur", ":2,S")
            path = root / f"user{user:02d}" / folder / f"17000{n:05d}.M1P1.host{'.bad' if bad else ''}{flags}"
            path.write_bytes(mail(n, body))
            os.utime(path, ns=(hour_ago + n, hour_ago + n))


def names(root: Path) -> list[str]:
    """Every mail file below a folder, relative to it, sorted."""
    return sorted(
        str(path.relative_to(root)) for path in root.rglob("*") if path.is_file() and ".M1P1." in path.name
    )


def in_child(work: Callable[[], None]) -> int:
    """Run in a fork; the wait status, 0 when it ended well."""
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            work()
            code = 0
        except BaseException:
            traceback.print_exc()
        finally:
            sys.stderr.flush()
            os._exit(code)
    return os.waitpid(pid, 0)[1]


def prepare(world: World, what: str) -> None:
    """Read the mail, turn automation on, list the URL; leave the work in the queue.

    For ``undo`` the removal is done and the undo ordered; for ``late`` it is done.
    """
    with world.app() as app:
        app.run(sync_all)
        commands.set_policy(app.parts, Policy(automatic=frozenset(ClusterKind)), "test")
        listed = indicator(
            IndicatorKind.URL, URL, verdict=VerdictKind.MALICIOUS, source="manual", added_at=app.parts.now()
        )
        commands.add_indicator(app.parts, listed, "test")
        if what == "remediate":
            return
        finish(app)
        with app.store.read() as unit:
            done = unit.remediations.list()[0][0]
        if what == "undo":
            commands.undo(app.parts, done.id, "test")


def deliver_late(root: Path) -> None:
    """New mail with the URL, and mail that is in the vault already, as from a backup."""
    kept = sorted(path for path in (root / ".clawback").rglob("*.bad*") if path.is_file())
    now = time.time_ns()
    for n in range(LATE):
        content = kept[n].read_bytes() if n % 3 == 0 else mail(10_000 + n, f"Dear {n}, late: {URL}")
        path = root / f"user{n % MAILBOXES:02d}" / "new" / f"18000{n:05d}.M1P1.host.bad"
        path.write_bytes(content)
        os.utime(path, ns=(now + n, now + n))


def work(world: World, what: str) -> None:
    with world.app() as app:
        if what == "late":
            app.run(sync_all)
        finish(app)


def killed_work(world: World, what: str, die_at: int, report: Path | None = None) -> None:
    steps = Steps(die_at)
    with world.app() as app:
        steps.watch()
        if what == "late":
            app.run(sync_all)
        finish(app)
    if report:
        report.write_text(json.dumps(steps.kinds))


def look(world: World, start: list[str], what: str) -> None:
    """Assert that the world ended as it must, whatever happened on the way."""
    bad = [name for name in start if ".bad" in name]
    clean = [name for name in start if ".bad" not in name]
    everywhere = names(world.root / "mail")
    assert sorted(Path(n).name for n in everywhere) == sorted(Path(n).name for n in start), "lost or doubled"
    undoing = what == "undo"
    if undoing:
        assert everywhere == start, "not everything is where it was"
    else:
        assert [n for n in everywhere if not n.startswith(".clawback/")] == clean, "not exactly the bad left"
        assert len([n for n in everywhere if n.startswith(".clawback/soft_deleted/")]) == len(bad)
    with world.app() as app, app.store.read() as unit:
        remediations = unit.remediations.list()[0]
        assert len(remediations) == (2 if undoing else 1), f"{len(remediations)} remediations"
        for remediation in remediations:
            t = remediation.tally
            assert t.found == t.removed + t.already_gone + t.failed + t.skipped == len(bad), t
            assert (t.removed, t.open, remediation.status.value) == (len(bad), 0, "completed"), remediation
            assert remediation.late == (LATE if what == "late" else 0), remediation
        investigation = unit.investigations.list()[0][0]
        assert investigation.status.value == ("threats_found" if undoing else "remediated"), investigation
        left = investigation.clusters[0].now.in_mailbox
        assert left == (len(bad) if undoing else 0), left
        assert unit.audit.verify().ok
        assert unit.jobs.waiting() == 0
        assert all(unit.standing.late(remediation.id) == () for remediation in remediations)
        assert unit.deliveries.count() == len(start)


def visit(world: World, here: Path, die_at: int, start: list[str], what: str) -> str:
    """One kill and its recovery; "" when all held."""
    copy = world.copy(here)
    status = in_child(lambda: killed_work(copy, what, die_at))
    if not os.WIFSIGNALED(status):
        return f"step {die_at}: the process was not killed ({status})"
    if in_child(lambda: work(copy, what)) or in_child(lambda: look(copy, start, what)):
        return f"step {die_at}: what was found after recovery is wrong"
    copy.remove()
    return ""


def main(folder: str, server: str, visits: int, what: str) -> None:
    base = World(Path(folder, "base"), server, "clawback_crash_base" if server else "")
    build_mail(base.root / "mail")
    if server:
        _sql(server, 'DROP DATABASE IF EXISTS "clawback_crash_base" WITH (FORCE)')
        _sql(server, 'CREATE DATABASE "clawback_crash_base"')
    start = names(base.root / "mail")
    assert in_child(lambda: prepare(base, what)) == 0
    if what == "late":
        deliver_late(base.root / "mail")
        start = sorted({*start, *(n for n in names(base.root / "mail") if "18000" in n)})
    report = Path(folder, "steps.json")
    rehearsal = base.copy(Path(folder, "crash_rehearsal"))
    assert in_child(lambda: killed_work(rehearsal, what, 0, report)) == 0
    assert in_child(lambda: look(rehearsal, start, what)) == 0
    rehearsal.remove()
    kinds: list[str] = json.loads(report.read_text())
    points = chosen(kinds, visits)
    failures = [f for n in points if (f := visit(base, Path(folder, f"crash_{n}"), n, start, what))]
    result = {
        "copies": len([n for n in start if ".bad" in n]),
        "steps": len(kinds),
        "visited": len(points),
        "kinds": Counter(kinds[n - 1] for n in points),
        "failures": failures,
    }
    print(json.dumps(result))


def chosen(kinds: list[str], visits: int) -> list[int]:
    """Steps (from 1) spread evenly, a third of them around renames, the rest around the database."""
    renames = [n for n, kind in enumerate(kinds, 1) if "rename" in kind]
    others = [n for n, kind in enumerate(kinds, 1) if "rename" not in kind]
    third = max(1, visits // 3)
    return sorted({*spread(renames, third), *spread(others, visits - third)})


def spread(points: list[int], count: int) -> list[int]:
    """So many of the points, evenly; all of them when more are asked for."""
    wanted = min(count, len(points))
    return [points[i * len(points) // wanted] for i in range(wanted)]


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]), sys.argv[4])
