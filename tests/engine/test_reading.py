"""Reading in workers: bounded and killable, whatever the process is like that starts them."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Iterator
from hashlib import sha256

import pytest
from tests.engine.world import mail

from clawback.engine.reading import InlineReader, PoolReader, Reading
from clawback.message.message import Organisation

BODY = " ".join(f"word{n}" for n in range(50))
NOBODY = Organisation(frozenset(), frozenset())
OURS = Organisation(frozenset({"example.org"}))


class Traps(frozenset[str]):
    """Domains of an organisation; looking up some of them does what a hostile message might do."""

    def __contains__(self, domain: object) -> bool:
        match str(domain):
            case "dies.example":
                os.kill(os.getpid(), signal.SIGKILL)
            case "leaves.example":
                os._exit(3)
            case "hangs.example":
                time.sleep(120)
            case "eats.example":
                bytearray(64 << 30)
            case "errs.example":
                raise LookupError("a mistake in the parser")
        return super().__contains__(domain)


def hostile(domain: str) -> bytes:
    return mail(7, BODY).replace(b"sender.example", domain.encode())


def nasty() -> list[bytes]:
    """Mail of all sorts, also what is hardly any."""
    odd = [b"", b"\r\n", b"\x00" * 50, b"Subject: =?utf-8?b?/////w==?=\n\nx", bytes(range(256)) * 4]
    odd.append(b"Content-Type: multipart/mixed; boundary=a\n\n" + b"--a\n" * 400)
    return [*odd, *(mail(n, f"see https://evil.example/{n} {BODY}") for n in range(70))]


@pytest.fixture
def pool() -> Iterator[PoolReader]:
    reader = PoolReader(Organisation(Traps({"example.org"})), 2, seconds=1.5)
    yield reader
    reader.close()


def defects(reading: Reading) -> list[tuple[str, str]]:
    return [(defect.code, defect.detail) for defect in reading.message.defects]


def test_workers_read_as_this_process_does_and_in_order(pool: PoolReader) -> None:
    raws = nasty()
    assert pool.read(raws) == InlineReader(OURS).read(raws)
    assert pool.read([]) == []


@pytest.mark.parametrize(
    ("domain", "why"),
    [
        ("dies.example", "ProcessExpired"),
        ("leaves.example", "ProcessExpired"),
        ("hangs.example", "TimeoutError"),
        ("eats.example", "MemoryError"),
        ("errs.example", "LookupError"),
    ],
)
def test_a_message_that_ends_its_reader_is_kept_alone_with_a_defect(
    pool: PoolReader, domain: str, why: str
) -> None:
    raws = [mail(1, BODY), hostile(domain), mail(2, BODY)]
    before, odd, after = pool.read(raws)
    assert [before, after] == InlineReader(OURS).read([raws[0], raws[2]])
    assert defects(odd) == [("reader_killed", f"reading was stopped: {why}")]
    assert (odd.message.raw_sha256, odd.message.size) == (sha256(raws[1]).hexdigest(), len(raws[1]))
    assert odd.message.id.startswith("msg-")
    assert odd.features.entities == frozenset()
    assert defects(pool.read([mail(3, BODY)])[0]) == []


def test_closing_ends_the_workers() -> None:
    reader = PoolReader(NOBODY, 2)
    reader.close()
    reader.read([mail(1, BODY)])
    workers = list(reader._pool._pool_manager.worker_manager.workers.values())
    assert workers
    reader.close()
    assert not any(worker.is_alive() for worker in workers)
    reader.close()


def test_a_worker_that_somebody_kills_is_replaced() -> None:
    told = threading.Event()
    before = signal.signal(signal.SIGTERM, lambda *_: told.set())
    reader = PoolReader(NOBODY, 1)
    try:
        assert reader.read([mail(1, BODY)])
        (worker,) = reader._pool._pool_manager.worker_manager.workers.values()
        assert worker.pid
        os.kill(worker.pid, signal.SIGTERM)
        worker.join(20)
        assert not worker.is_alive()
        assert reader.read([mail(2, BODY)])[0].message.subject == "Note 2"
    finally:
        reader.close()
        signal.signal(signal.SIGTERM, before)
    assert not told.is_set()
