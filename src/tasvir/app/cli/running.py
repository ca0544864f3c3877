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
    from tasvir.bench.preparing import Request
    from tasvir.models.opening import Opening
    from tasvir.results import RunResults
    from tasvir.score.comparison import Comparison, Mean

INTERRUPTED = 130
DRAWS = 1000
"""Resamples of the intervals shown at the end; `tasvir compare` takes more."""


def check_options(opening: Opening, asked: Asked, metrics: Sequence[str]) -> None:
    """Refuse flags that none of the models and metrics has."""
    from tasvir.app.cli.models import check_flags
    from tasvir.bench.models import parse_spec

    plugins = [("metrics", name) for name in metrics]
    for model in asked.models.values():
        spec = parse_spec(model["spec"])
        plugins.append(("generators", spec.generator))
        if spec.guide is not None:
            plugins.append(("guides", spec.guide))
    check_flags(opening, plugins)


def run_it(request: Request, engine: Engine | None, *, as_json: bool) -> int:
    """Draw and score what is missing, and tell what the run has; returns the exit code.

    It is 0 where nothing is missing, 1 where something failed or the budget ran out, 130 on Ctrl-C.
    """
    from tasvir.app.cli.bench_progress import BenchProgress
    from tasvir.bench.preparing import prepared
    from tasvir.bench.reading import load_results

    code = 0
    progress = BenchProgress()
    with prepared(request, progress) as run:
        try:
            with progress:
                run.go(engine)
        except KeyboardInterrupt:
            typer.secho("stopped; the same command goes on from here", fg="yellow", err=True)
            code = INTERRUPTED
        code = code or int(bool(run.stopped_by))
    results = load_results(request.folder)
    failures = failed(results)
    if as_json:
        typer.echo(json.dumps(as_data(request.folder, results, failures), indent=2, ensure_ascii=False))
    else:
        show(request.folder, results, failures)
    return code or int(bool(failures))


def failed(results: RunResults) -> Counter[tuple[str, str]]:
    """How often each model lacks a picture, and each metric a score, for a reason that may pass; by name and
    reason."""
    found: Counter[tuple[str, str]] = Counter()
    for cell in results.cells:
        if cell.picture is None:
            found[cell.model, cell.reason] += 1
    return found
