"""Where the story of `clawback demo` is told: titles, sentences, and what must come of each step."""

from __future__ import annotations

import sys
import textwrap
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from rich.console import Console
from rich.text import Text

from clawback.cli.formatting import wrapped
from clawback.cli.printable import printable
from clawback.cli.tables import Column, table_of, width_of

T = TypeVar("T")
INDENT = "   "


@dataclass(frozen=True, slots=True)
class Outcome:
    """Something that must come of a step, and whether it did."""

    text: str
    held: bool


class Stage:
    """Says things to people and keeps what was checked."""

    def __init__(self) -> None:
        self._console = Console(highlight=False)
        self._steps = 0
        self.outcomes: list[Outcome] = []
        self.numbers: list[tuple[str, str]] = []

    @property
    def failed(self) -> int:
        """How many outcomes did not hold."""
        return sum(1 for outcome in self.outcomes if not outcome.held)

    def title(self, text: str) -> None:
        """Begin the next step."""
        self._steps += 1
        self.line()
        self._print(Text.assemble((f"{self._steps}. {text}", "bold")))

    def say(self, text: str, style: str = "") -> None:
        """One sentence, indented below its step."""
        width = width_of(sys.stdout)
        lines = wrapped(printable(text), width - len(INDENT)) if width else [printable(text)]
        self._print(Text("\n".join(INDENT + line for line in lines), style))

    def typed(self, command: str) -> None:
        """What a person would type for what happens now."""
        self._print(Text.assemble(("   $ ", "dim"), (printable(command), "cyan")))

    def table(self, records: Sequence[object], columns: Sequence[Column]) -> None:
        """Records as a table, set off by empty lines."""
        width = width_of(sys.stdout)
        table = table_of(records, columns, width and width - len(INDENT))
        self._print(Text(f"\n{textwrap.indent(table, INDENT)}"))

    def line(self) -> None:
        """An empty line."""
        self._console.print()

    def headline(self, number: str, text: str) -> None:
        """Keep a number for the end."""
        self.numbers.append((number, text))

    def check(self, text: str, held: bool) -> None:
        """Keep an outcome, and say at once if it did not hold."""
        self.outcomes.append(Outcome(text, held))
        if not held:
            self.say(f"FAILED: {text}", "bold red")

    def timed(self, work: Callable[[], T]) -> tuple[T, float]:
        """Do a piece of work; what came of it, and the seconds it took."""
        begun = time.perf_counter()
        done = work()
        return done, time.perf_counter() - begun

    def close(self, *, every: bool) -> None:
        """The numbers, then the outcomes: every one of them, or only how many held."""
        self.line()
        width = max((len(number) for number, _ in self.numbers), default=0)
        for number, text in self.numbers:
            self._print(Text.assemble((f"   {number:>{width}}", "bold green"), f"  {text}"))
        self.line()
        for outcome in self.outcomes if every else ():
            mark = ("   held    ", "green") if outcome.held else ("   FAILED  ", "bold red")
            self._print(Text.assemble(mark, outcome.text))
        held = f"{len(self.outcomes) - self.failed} of {len(self.outcomes)} outcomes held"
        self._print(Text(f"   {held}", "bold red" if self.failed else "bold green"))

    def _print(self, text: Text) -> None:
        self._console.print(text, soft_wrap=True)
