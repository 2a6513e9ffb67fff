"""The peers that clawback is measured beside: found, installed when asked, and timed on the same files.

    benchmarks/peers.py [--install]

Without an option it says which peers are here. `--install` takes them from Debian without letting any
package start a daemon. `benchmarks/ingest.py` runs the measurement. Different programs do different work:
rspamd scans and scores (as shipped with its DNS answered by a stub, and without its network modules),
notmuch parses and indexes the words, the standard library only parses and decodes.
"""

from __future__ import annotations

import argparse
import contextlib
import email
import email.policy
import os
import resource
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from email.message import Message
from functools import partial
from pathlib import Path

import rspamd_peer
from corpus import Corpus

PACKAGES = ("rspamd", "notmuch")
_POLICY = Path("/usr/sbin/policy-rc.d")


@dataclass(frozen=True, slots=True)
class Measured:
    """One run over the corpus: processor and wall-clock seconds, and what was refused."""

    name: str
    messages: int
    processor: float
    wall: float
    failures: int = 0
    note: str = ""


Contestant = Callable[[], Measured]


@contextlib.contextmanager
def pinned(core: int) -> Iterator[None]:
    """This process, and what it starts, on one core."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {core})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def contestants(corpus: Corpus, stack: contextlib.ExitStack, core: int) -> Iterator[tuple[str, Contestant]]:
    """The peers that are here, ready to run as often as one likes."""
    for policy in (email.policy.compat32, email.policy.default):
        name = "stdlib email, " + ("compat32" if policy is email.policy.compat32 else "policy.default")
        yield name, partial(_stdlib, name, corpus, policy, core)
    if program := shutil.which("notmuch"):
        yield "notmuch new", partial(_notmuch, program, corpus, core)
    if found := rspamd_peer.find():
        for name, on in (("rspamd, no network modules", False), ("rspamd, as shipped", True)):
            server = stack.enter_context(rspamd_peer.running(found, core, network_modules=on))
            server.scan(corpus.messages[0])
            yield name, partial(_rspamd, name, server, corpus)


def _stdlib(name: str, corpus: Corpus, policy: email.policy.Policy, core: int) -> Measured:
    failures = 0
    with pinned(core):
        wall, processor = time.perf_counter(), time.process_time()
        for raw in corpus.messages:
            try:
                _decode(email.message_from_bytes(raw, policy=policy))
            except (ValueError, LookupError, TypeError, AttributeError, IndexError, KeyError):
                failures += 1
        wall, processor = time.perf_counter() - wall, time.process_time() - processor
    return Measured(name, len(corpus.messages), processor, wall, failures, "parses and decodes only")


def _decode(message: Message) -> None:
    """Read every header and decode every part, as the simplest user of the library would."""
    for part in message.walk():
        for _, value in part.items():
            str(value)
        if not part.is_multipart():
            part.get_payload(decode=True)


def _notmuch(program: str, corpus: Corpus, core: int) -> Measured:
    with tempfile.TemporaryDirectory(prefix="notmuch-") as folder:
        corpus.write(Path(folder, "mail"))
        settings = Path(folder, "config")
        settings.write_text(
            f"[database]\npath={folder}/mail\n[user]\nname=Bench\nprimary_email=bench@bench.example\n"
            "[new]\ntags=new\n"
        )
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        wall = time.perf_counter()
        with pinned(core):
            subprocess.run(
                [program, "new", "--quiet", "--no-hooks"],
                env={**os.environ, "NOTMUCH_CONFIG": str(settings)},
                check=True,
                capture_output=True,
            )
        wall = time.perf_counter() - wall
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        count = [program, "count", "--output=files", "*"]
        known = subprocess.run(
            count, env={**os.environ, "NOTMUCH_CONFIG": str(settings)}, check=True, capture_output=True
        )
    processor = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    missing = len(corpus.messages) - int(known.stdout)
    return Measured(
        "notmuch new", len(corpus.messages), processor, wall, missing, "parses, indexes all words"
    )


def _rspamd(name: str, server: rspamd_peer.Rspamd, corpus: Corpus) -> Measured:
    wall, processor, asked = time.perf_counter(), server.seconds(), server.dns.questions
    failures = sum(not server.scan(raw) for raw in corpus.messages)
    wall, processor = time.perf_counter() - wall, server.seconds() - processor
    note = f"scans and scores; {server.dns.questions - asked:,} DNS questions, each NXDOMAIN at once"
    return Measured(name, len(corpus.messages), processor, wall, failures, note)


def missing() -> list[str]:
    """The peers that are not here."""
    return [name for name, program in _programs() if program is None]


def _programs() -> tuple[tuple[str, str | None], ...]:
    return ("rspamd", rspamd_peer.find()), ("notmuch", shutil.which("notmuch"))


def install() -> None:
    """Install the peers from Debian; no package may start a daemon while that goes on."""
    mine = not _POLICY.exists()
    if mine:
        _POLICY.write_text("#!/bin/sh\nexit 101\n")
        _POLICY.chmod(0o755)
    quiet = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    try:
        for command in (
            ["apt-get", "update", "-qq"],
            ["apt-get", "install", "-y", "-qq", "--no-install-recommends", *PACKAGES],
        ):
            subprocess.run(command, env=quiet, check=True, stdin=subprocess.DEVNULL)
    finally:
        if mine:
            _POLICY.unlink()


def main() -> None:
    """Say which peers are here; install them when asked."""
    parser = argparse.ArgumentParser(description="The peers that clawback is measured beside.")
    parser.add_argument("--install", action="store_true", help="install them from Debian (needs root)")
    if parser.parse_args().install:
        install()
    for name, program in _programs():
        print(f"{name}: {program or 'not installed (benchmarks/peers.py --install)'}")


if __name__ == "__main__":
    main()
