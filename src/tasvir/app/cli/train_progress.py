"""Shows a training while it runs: a live line on a terminal, else one line a report, or JSON."""

from __future__ import annotations

import json
from types import TracebackType
from typing import Any, Self

import typer

_HEAD = ("progress", "step", "pictures", "examples", "minutes")


class TrainProgress:
    """Takes the reports of a training.

    Args:
        model: What is trained, for the live line.
        as_json: One JSON object a report on stdout, whatever stdout is.
    """

    def __init__(self, model: str, *, as_json: bool = False) -> None:
        from rich.console import Console
        from rich.live import Live

        console = Console(highlight=False, markup=False, emoji=False)
        self._model, self._as_json = model, as_json
        self._live = None
        if console.is_terminal and not as_json:
            self._live = Live(f"{model}: loading", console=console, auto_refresh=False)

    def __enter__(self) -> Self:
        if self._live is not None:
            self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None
    ) -> None:
        if self._live is not None:
            self._live.stop()

    def __call__(self, row: dict[str, Any]) -> None:
        if self._as_json:
            typer.echo(json.dumps(row))
        elif "fitted" in row:
            self._say(f"began from {row['fitted']} of {row['of']} tensors; the others are fresh")
        elif self._live is None:
            typer.echo(f"{line(row)}  {losses(row)}")
        else:
            from rich.text import Text

            shown = Text.assemble((self._model, "bold"), f"  {line(row)}\n  {losses(row)}")
            self._live.update(shown, refresh=True)

    def _say(self, text: str) -> None:
        if self._live is None:
            typer.echo(text)
        else:
            self._live.console.print(text)


def line(row: dict[str, Any]) -> str:
    """Share of the budget, step, pictures (or other examples) seen and time left."""
    left = time_left(row["progress"], row["minutes"])
    what = "pictures" if "pictures" in row else "examples"
    return f"{row['progress']:.1%}  step {row['step']:,}  {row[what]:,} {what}  {left}"


def losses(row: dict[str, Any]) -> str:
    """The model's own figures, smoothed."""
    return "  ".join(f"{key} {value:.4g}" for key, value in row.items() if key not in _HEAD)


def time_left(progress: float, minutes: float) -> str:
    """What is left if it goes on as before: "done", "12 min left", "3.5 h left"."""
    if progress >= 1:
        return "done"
    if progress <= 0:
        return "time left not known yet"
    left = minutes * (1 - progress) / progress
    if left < 1:
        return "less than a minute left"
    return f"{left:.0f} min left" if left < 100 else f"{left / 60:.1f} h left"
