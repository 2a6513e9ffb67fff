"""The bar that long work has on a terminal."""

from __future__ import annotations

import io

import pytest

from clawback.cli.progress import Bar


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
        assert "reading [bold]ann@example.org" in shown
        assert "3/10" in shown
        # The line is erased and the cursor is there again.
        assert shown.rstrip().endswith("\x1b[2K\x1b[?25h")


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
