"""Reading in workers: bounded and killable, whatever the process is like that starts them."""

from __future__ import annotations

import os
import signal
import threading

from tests.engine.world import mail

from clawback.engine.reading import PoolReader
from clawback.message.message import Organisation

BODY = " ".join(f"word{n}" for n in range(50))
NOBODY = Organisation(frozenset(), frozenset())


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
