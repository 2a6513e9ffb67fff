"""What `clawback up` says about how far behind it is."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from clawback.cli.up import lag
from clawback.engine.watch import Seen

NOW = datetime(2026, 11, 23, 9, tzinfo=UTC)


def test_before_the_first_sweep_has_ended_it_says_how_many_mailboxes_wait() -> None:
    assert lag(Seen(waiting=1_588), NOW, 0) == "first sweep, 1,588 mailboxes wait to be looked at"


def test_then_it_says_how_old_the_last_look_may_be_and_what_is_wrong() -> None:
    ended, took = NOW - timedelta(seconds=14), timedelta(seconds=6.2)
    seen = Seen(swept_at=ended, sweep=took, unreachable=3, stopped={"main": "no"})
    assert lag(seen, NOW, 12) == (
        "every mailbox was looked at in the last 20 s, the sweep took 6.2 s, 3 do not answer, "
        "stopped: main, 12 pieces of work wait"
    )
    assert lag(Seen(swept_at=NOW, sweep=took), NOW, 0) == (
        "every mailbox was looked at in the last 6 s, the sweep took 6.2 s"
    )
