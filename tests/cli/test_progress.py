"""The bar that long work has on a terminal."""

from __future__ import annotations

import io

import pytest

from clawback.cli.progress import Bar, Pacer


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture(autouse=True)
def plain_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "100")


def test_long_work_has_a_bar_that_goes_away_when_it_is_done() -> None:
    terminal = Terminal()
    with Bar(terminal, patience=0) as bar:
        bar("reading [bold]ann@example.org", 3, 10)
        bar("reading [bold]ann@example.org", 10, 10)
        shown = terminal.getvalue()
        assert "reading [bold]ann@example.org 3 of 10" in shown
        # The line is erased and the cursor is there again.
        assert shown.rstrip().endswith("\x1b[2K\x1b[?25h")


def test_it_says_how_fast_the_work_goes_and_how_long_it_takes_yet() -> None:
    terminal, now = Terminal(), 0.0
    with Bar(terminal, clock=lambda: now) as bar:
        for second in range(1, 41):
            bar("reading mailboxes", second * 10, 2_000, messages=second * 1_240)
            now += 1.0
    shown = terminal.getvalue()
    assert "reading mailboxes 400 of 2,000, 49,600 messages, 1,240/s, about 3 min left" in shown


@pytest.mark.parametrize(
    ("said", "text"),
    [
        (("importing indicators", 5_000, 0, 0), "importing indicators 5,000, 500/s"),
        (("moving copies", 20, 60, 0), "moving copies 20 of 60, 2/s, about 20 s left"),
        (("reading mailboxes", 0, 1, 30_000), "reading mailboxes 0 of 1, 30,000 messages, 3,000/s"),
        (("reading mailboxes", 1, 2_000, 0), "reading mailboxes 1 of 2,000, about 5.6 h left"),
    ],
)
def test_it_says_no_more_than_can_be_known(said: tuple[str, int, int, int], text: str) -> None:
    pacer = Pacer(0.0)
    pacer.see(10.0, said[1], said[3])
    assert pacer.say(*said, now=10.0) == text


def test_the_speed_is_that_of_late() -> None:
    pacer = Pacer(0.0)
    for second in range(1, 101):
        pacer.see(float(second), second * 100 if second < 60 else 6_000 + second, 0)
    assert ", 1/s," in pacer.say("reading", 6_100, 10_000, 0, now=100.0)


def test_what_is_done_at_once_has_none() -> None:
    terminal = Terminal()
    with Bar(terminal) as bar:
        bar("reading", 1, 2)
        bar("reading", 2, 2)
    assert terminal.getvalue() == ""


def test_a_pipe_gets_nothing() -> None:
    pipe = io.StringIO()
    with Bar(pipe, patience=0) as bar:
        bar("reading", 1, 2)
        bar("importing", 5, 0)
    assert pipe.getvalue() == ""


def test_an_error_on_the_way_leaves_the_terminal_as_it_was() -> None:
    terminal = Terminal()

    def work() -> None:
        with Bar(terminal, patience=0) as bar:
            bar("reading", 1, 2)
            raise ValueError("in mid work")

    with pytest.raises(ValueError, match="mid"):
        work()
    assert terminal.getvalue().count("\x1b[?25h") == 1
