"""Reading in workers: bounded and killable, whatever the process is like that starts them."""

from __future__ import annotations

import mmap
import os
import signal
import threading

from tests.engine.world import mail

from clawback.engine.reading import MEMORY_LIMIT, PoolReader
from clawback.message.message import Organisation

BODY = "\r\n".join(f"these are the words of line {n}" for n in range(60_000))
NOBODY = Organisation(frozenset(), frozenset())


def test_a_large_parent_does_not_starve_its_workers() -> None:
    reader = PoolReader(NOBODY, 1)
    try:
        # Address space only: nothing of it is ever touched.
        with mmap.mmap(-1, MEMORY_LIMIT + (1 << 30), flags=mmap.MAP_PRIVATE, prot=mmap.PROT_READ):
            (reading,) = reader.read([mail(1, BODY)])
    finally:
        reader.close()
    assert reading.message.defects == ()
    assert reading.features.fingerprints


def test_a_signal_for_a_worker_is_not_for_its_parent() -> None:
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
