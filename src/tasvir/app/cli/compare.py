"""`tasvir compare`: which model is better, by how much, and what is within noise."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from tasvir.app.cli.options import Json, Seed

BY = ("category",)


def compare(
    run: Annotated[str, typer.Argument(help="Folder or URL of a `tasvir bench`.", show_default=False)],
    models: Annotated[list[str] | None, typer.Option(help="One or more; all, if left out.")] = None,
    metrics: Annotated[list[str] | None, typer.Option(help="One or more; all, if left out.")] = None,
    by: Annotated[str | None, typer.Option(help="category: the same for each category by itself.")] = None,
    draws: Annotated[int, typer.Option(min=100, help="Resamples behind intervals and tests.")] = 10_000,
    seed: Seed = 0,
    as_json: Json = False,
) -> None:
    """Compare a run's models: means and paired differences, with n, 95 % intervals and what could be missed.

    Differences are taken prompt by prompt and tested by flipping their signs; p is adjusted for the number
    of pairs (Holm). Shown to be better is who stays below 0.05; all else is within noise.
    """
    from tasvir.app.cli.comparison_tables import show
    from tasvir.bench.place import Place
    from tasvir.bench.reading import load_results
    from tasvir.errors import SettingError
    from tasvir.score.comparing import compare as compare_results

    if by is not None and by not in BY:
        raise SettingError(f"--by {by}: results can be told apart by {', '.join(BY)}")
    results = load_results(Place(run).fetch())
    comparison = compare_results(results, models=models or (), metrics=metrics or (), draws=draws, seed=seed)
    if as_json:
        typer.echo(json.dumps(comparison.to_dict(), indent=2, ensure_ascii=False, allow_nan=False))
    else:
        show(comparison, results.prompts, by_category=by == "category")
