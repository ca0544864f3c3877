"""`tasvir world agreement`: does a person see what the oracle sees?"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from tasvir.app.cli.options import Json, Seed


def agreement(
    run: Annotated[Path, typer.Argument(help="Folder of `tasvir world evaluate --out`.", show_default=False)],
    sample: Annotated[
        int | None,
        typer.Option(min=1, help="Put so many of its pictures into --out, for a person to answer."),
    ] = None,
    seed: Seed = 0,
    arm: Annotated[
        list[str] | None, typer.Option(help="Sample only this arm; repeatable. All, if left out.")
    ] = None,
    out: Annotated[Path | None, typer.Option(help="Folder for the sample.")] = None,
    answers: Annotated[
        Path | None, typer.Option(help="The filled answers.csv: measure the agreement with the oracle.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Let a person answer a sample of evaluated pictures, and measure the oracle's agreement with them."""
    from tasvir.bench.agreement import draw_sample, measure_agreement
    from tasvir.bench.result import agreement_words
    from tasvir.errors import SettingError

    if (sample is None) == (answers is None) or (sample is not None and out is None):
        raise SettingError("give either --sample N with --out DIR, or --answers DIR/answers.csv")
    if answers is not None:
        figures = measure_agreement(run, answers)
        said = [f"agreement: {agreement_words(figures)}; {figures['unanswered']} not answered"]
        said += [f"{name}: {count}" for name, count in figures["confusion"].items()]
        typer.echo(json.dumps(figures, indent=2) if as_json else "\n".join(said))
    elif out is not None and sample is not None:
        paths = draw_sample(run, out, count=sample, seed=seed, arms=arm or ())
        form = out / "answers.csv"
        if as_json:
            typer.echo(json.dumps({"sheets": [str(path) for path in paths], "answers": str(form)}))
        else:
            typer.echo("\n".join(str(path) for path in paths))
            typer.echo(
                f"write yes or no for each picture into {form}: is all that its text claims true of it?"
            )
