"""A run over suites at work on the command line: progress, Ctrl-C, and what came of it."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

if TYPE_CHECKING:
    from tasvir.bench.asked import Asked
    from tasvir.bench.engines.base import Engine
    from tasvir.bench.place import Place
    from tasvir.bench.preparing import Request
    from tasvir.models.opening import Opening
    from tasvir.results import RunResults, Speed
    from tasvir.score.comparison import Mean, Table

    Failures = Counter[tuple[str, str]]

INTERRUPTED = 130


def check_options(opening: Opening, asked: Asked, metrics: Sequence[str]) -> None:
    """Refuse flags that none of the models and metrics has."""
    from tasvir.app.cli.models import check_flags
    from tasvir.bench.asked import OF_OTHERS
    from tasvir.bench.models import parse_spec

    plugins = [("metrics", name) for name in metrics]
    drawn_here = [model["spec"] for model in asked.models.values() if model["spec"] != OF_OTHERS]
    for spec in map(parse_spec, drawn_here):
        plugins.append(("generators", spec.generator))
        if spec.guide is not None:
            plugins.append(("guides", spec.guide))
    check_flags(opening, plugins)


def run_it(request: Request, engine: Engine | None, place: Place | None = None, *, as_json: bool) -> int:
    """Draw and score what is missing, in its place, and tell what the run has; returns the exit code.

    It is 0 where nothing is missing, 1 where something failed or the budget ran out, 130 on Ctrl-C.
    """
    from tasvir.app.cli.bench_progress import BenchProgress
    from tasvir.bench.place import Place
    from tasvir.bench.preparing import prepared
    from tasvir.bench.reading import load_results

    progress = BenchProgress()
    place = place or Place(request.folder)
    with progress, prepared(request, progress) as run, place.pushing(run.store):
        try:
            run.go(engine)
        except KeyboardInterrupt:
            typer.secho("stopped; the same command goes on from here", fg="yellow", err=True)
            return INTERRUPTED
        failures = run.failures()
    results = load_results(request.folder)
    if as_json:
        typer.echo(
            json.dumps(
                _as_data(request.folder, results, failures, run.stopped_by), indent=2, ensure_ascii=False
            )
        )
    else:
        _show(request.folder, results, failures, run.stopped_by)
    return int(bool(failures or run.stopped_by))


def _means(results: RunResults) -> list[tuple[Table, Mean]]:
    from tasvir.score.comparing import compare

    if not results.metrics:
        return []
    return [(table, mean) for table in compare(results).tables for mean in table.overall.means]


def _as_data(
    folder: Path, results: RunResults, failures: Failures, stopped_by: Sequence[str]
) -> dict[str, Any]:
    """What a script wants to know."""
    from dataclasses import asdict

    drawn = Counter(cell.model for cell in results.cells if cell.picture is not None)
    return {
        "folder": str(folder),
        "pictures": {model.name: drawn[model.name] for model in results.models},
        "means": [
            {"metric": table.metric, "suite": table.suite, "settings": table.settings, **asdict(mean)}
            for table, mean in _means(results)
        ],
        "sets": [asdict(figure) for figure in results.set_figures],
        "speeds": [asdict(speed) for speed in results.speeds],
        "failures": [
            {"what": what, "reason": reason, "count": count} for (what, reason), count in failures.items()
        ],
        "stopped": list(stopped_by),
    }


def _show(folder: Path, results: RunResults, failures: Failures, stopped_by: Sequence[str]) -> None:
    from tasvir.app.cli.comparison_tables import show_means, wide_console

    console = wide_console()
    show_means(console, _means(results), results.set_figures)
    for speed in results.speeds:
        console.print(_speed(speed), soft_wrap=True)
    for (whose, reason), count in failures.most_common():
        console.print(f"failed   {count} x {whose}: {reason.splitlines()[0]}", style="red", soft_wrap=True)
    for reason in stopped_by:
        console.print(f"stopped  {reason}", style="yellow", soft_wrap=True)
    drawn = sum(cell.picture is not None for cell in results.cells)
    console.print(f"pictures {drawn} of {len(results.cells)}", soft_wrap=True)
    console.print(f"run      {folder}", soft_wrap=True)
    if failures or stopped_by:
        console.print("the same command tries again what failed")
    console.print(f"next     tasvir compare {folder}, tasvir report {folder}", soft_wrap=True)


def _speed(speed: Speed) -> str:
    low, middle, high = speed.seconds
    rate = "" if speed.steps_per_second is None else f", {speed.steps_per_second:.1f} steps/s"
    words = f"{speed.model} {_words(speed.settings)}".strip()
    return (
        f"speed    {words}: {middle:.2f} s a picture ({low:.2f} to {high:.2f}, n {speed.n}){rate}, "
        f"{speed.batch} at once, {speed.device}"
    )


def _words(settings: dict[str, Any]) -> str:
    return ", ".join(f"{name} {value}" for name, value in settings.items())
