"""Reports are read in workers too: what ends its worker says nothing, and the next one is read."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from tests.engine.report_world import ANN, PHISH, attached, inline
from tests.engine.test_reading import OURS, Traps
from tests.engine.world import mail

from clawback.analysis.submitted import Submitted
from clawback.engine.reading import InlineReader, PoolReader
from clawback.message.message import Organisation


@pytest.fixture
def pool() -> Iterator[PoolReader]:
    reader = PoolReader(Organisation(Traps({"example.org"})), 1, seconds=1.5)
    yield reader
    reader.close()


def test_a_worker_reads_a_report_as_this_process_does(pool: PoolReader) -> None:
    for report in (attached(mail(1, PHISH), ANN), inline(PHISH, ANN), b"", b"\x00" * 50):
        assert pool.read_report(report) == InlineReader(OURS).read_report(report)


@pytest.mark.parametrize("domain", ["dies.example", "hangs.example", "eats.example", "errs.example"])
def test_a_report_that_ends_its_worker_says_nothing(pool: PoolReader, domain: str) -> None:
    odd = mail(1, PHISH).replace(b"sender.example", domain.encode())
    assert pool.read_report(attached(odd, ANN)) == Submitted()
    assert pool.read_report(attached(mail(2, PHISH), ANN)).originals
