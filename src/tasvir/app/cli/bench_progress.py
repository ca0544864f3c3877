"""Shows how far a run over suites is: a line a model, a line a metric."""

from __future__ import annotations

from collections import Counter
from types import TracebackType
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from rich.progress import TaskID

MOST_SAID = 5
"""Lines that begin alike are shown so often; all stand in the run."""


class BenchProgress:
    """Lines of progress on stderr; safe over threads."""

    def __init__(self) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

        self.console = Console(stderr=True, highlight=False, markup=False, emoji=False)
        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
        last = (TimeRemainingColumn(elapsed_when_finished=True), TextColumn("{task.fields[now]}"))
        self._bars = Progress(*columns, *last, console=self.console)
        self._lines: dict[str, tuple[TaskID, int]] = {}
        self._said: Counter[str] = Counter()

    def __enter__(self) -> Self:
        self._bars.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None
    ) -> None:
        for line, _ in self._lines.values():
            self._bars.update(line, now="")
        self._bars.stop()

    def expect(self, name: str, total: int, done: int) -> None:
        """More of a model or a metric."""
        if name not in self._lines:
            self._lines[name] = self._bars.add_task(name, total=0, now=""), 0
        line, before = self._lines[name]
        self._lines[name] = line, before + total
        self._bars.update(line, total=before + total, advance=done)

    def advance(self, name: str, count: int) -> None:
        """So much more is done."""
        self._bars.update(self._lines[name][0], advance=count)

    def doing(self, name: str, what: str) -> None:
        """What happens with a model now; with the others nothing does."""
        for other, (line, _) in self._lines.items():
            self._bars.update(line, now=what if other == name else "")

    def say(self, text: str) -> None:
        """A line above the bars; of lines about the same only the first few."""
        about = text.partition(": ")[0]
        self._said[about] += 1
        if self._said[about] <= MOST_SAID:
            self.console.print(text.splitlines()[0], style="yellow", soft_wrap=True)
        elif self._said[about] == MOST_SAID + 1:
            self.console.print(f"{about}: more of the kind; all are told at the end", style="yellow")
