"""Shows the loop while it runs: one line for each step done, and what is being done now."""

from __future__ import annotations

from types import TracebackType
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from tasvir.loop import Event
    from tasvir.records import Trace

_NOW = {
    "plan": "planning where everything goes",
    "revise": "going over the plan",
    "draw": "drawing picture {number}",
    "judge": "judging picture {number}",
    "redesign": "thinking about a better layout",
}
_ENDINGS = {
    "good": "the judge is content",
    "rounds": "all rounds are used",
    "aligned": "nothing is left to change",
    "single": "one picture was asked for",
}


class Progress:
    """Prints what each step brought as soon as the next one begins.

    Args:
        to_stderr: Leave stdout to the JSON.
    """

    def __init__(self, *, to_stderr: bool = False) -> None:
        from rich.console import Console

        self._console = Console(stderr=to_stderr, highlight=False, markup=False, emoji=False)
        self._status = self._console.status("loading the models")
        self._before: Event | None = None
        self._now = ""

    def __enter__(self) -> Self:
        self._status.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None
    ) -> None:
        self._status.stop()

    def start(self, prompt: str, seed: int) -> None:
        """Begin with another prompt or seed."""
        from rich.text import Text

        self._before = None
        self._console.print(Text.assemble((prompt, "bold"), (f"  seed {seed}", "dim")))

    def __call__(self, event: Event) -> None:
        if event.step == "failed":
            return  # the step before brought nothing
        if self._before is not None:
            self._tell_result(self._before, event.trace)
        self._before = event
        if event.step == "finished":
            self._tell_end(event.trace)
        else:
            self._now = _NOW.get(event.step, event.step).format(number=event.index + 1)
            self._status.update(f"{self._now} ...")

    def tell_step(self, step: int, total: int, _latents: object) -> None:
        """Show how far a picture is; for a generator's ``on_step``."""
        self._status.update(f"{self._now}, step {step} of {total} ...")

    def _tell_result(self, done: Event, trace: Trace) -> None:
        if done.step == "plan":
            self._line("plan", _things(trace))
        elif done.step == "revise":
            self._line("revise", _revision(trace))
        elif done.step == "draw":
            self._tell_drawn(trace)
        elif done.step == "judge":
            verdict = trace.attempts[-1].verdict
            if verdict is not None:
                dots = "●" * verdict.score + "○" * (5 - verdict.score)
                self._line(
                    "judge",
                    f"{dots}  {verdict.score} of 5  {verdict.reason}",
                    "green" if verdict.score == 5 else "",
                )

    def _tell_drawn(self, trace: Trace) -> None:
        attempt = trace.attempts[-1]
        if attempt.index > 0:
            self._line("redesign", "; ".join(attempt.changes) or "a new layout")
        seconds = attempt.seconds.get("draw")
        took = "" if seconds is None else f" in {seconds:.1f} s"
        self._line("draw", f"picture {attempt.index + 1}{took}")
        unread = attempt.picture.provenance.get("unread")
        if unread:
            self._line("note", f"the generator does not read: {', '.join(map(str, unread))}", "yellow")

    def _tell_end(self, trace: Trace) -> None:
        ending = _ENDINGS.get(trace.finished, trace.finished)
        if trace.best_index is not None and len(trace.attempts) > 1:
            ending += f"; picture {trace.best_index + 1} of {len(trace.attempts)} is the best"
        self._line("done", ending, "bold")

    def _line(self, step: str, text: str, style: str = "") -> None:
        from rich.padding import Padding
        from rich.table import Table
        from rich.text import Text

        row = Table.grid(padding=(0, 2))
        row.add_column(width=8)
        row.add_column(overflow="fold")
        row.add_row(Text(step, style="cyan"), Text(text, style=style))
        self._console.print(Padding(row, (0, 0, 0, 2), expand=False))


def _things(trace: Trace) -> str:
    layout = trace.drafts[-1]
    phrases = ", ".join(thing.phrase for thing in layout.things) or "no things"
    return phrases if layout.background is None else f"{phrases}; background: {layout.background}"


def _revision(trace: Trace) -> str:
    from tasvir.layout import differences

    before, after = trace.drafts[-2:]
    return "; ".join(differences(before, after)) or "nothing to change"
