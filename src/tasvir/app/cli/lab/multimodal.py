"""`tasvir lab multimodal`: chapter 3's experiments, every model of a table trained at once; resumable."""

from __future__ import annotations

import json
import shlex
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tasvir.app.cli.lab import multimodal_report
from tasvir.app.cli.lab.options import DataFolder, PlaceName, Threads, lab_folder
from tasvir.app.cli.options import Json
from tasvir.app.cli.spaced import SpacedCommand

if TYPE_CHECKING:
    from tasvir.lab.multimodal.experiments.results import TableResults
    from tasvir.lab.multimodal.experiments.study import Plan
    from tasvir.lab.multimodal.objective import Objective

INTERRUPTED = 130
DATA, RULES = ("mnist",), ("poe", "moe")
"""Unless asked otherwise."""
Experts = Annotated[
    list[str] | None,
    typer.Option("--expert", help="One or more of `tasvir list lab.experts`.", show_default="poe moe"),
]
Weights = Annotated[
    list[str] | None,
    typer.Option(
        "--weights",
        help="One or more of `tasvir list lab.weightings`, such as fixed:1,2 or generating:strong; the first "
        "is what the others are compared with.",
        show_default="the rows of the thesis' tables",
    ),
]
Beta = Annotated[float, typer.Option(help="Weight of the divergences.")]
Unimodal = Annotated[float, typer.Option(help="Weight of the single modalities' ELBOs.")]
Subsets = Annotated[float, typer.Option(help="Weight of the ELBOs of sets between one and all.")]
Samples = Annotated[int, typer.Option(min=1, help="Codes per term; above 1 the importance-weighted bound.")]
Assigned = Annotated[str, typer.Option("--assignment", help="stratified, sampled or all: draws of mixtures.")]
Out = Annotated[Path, typer.Option(help="Folder of the study; each table comes into one of its own.")]

app = typer.Typer(
    no_args_is_help=True,
    help="Multimodal VAEs: how modalities are joined and weighted, with chapter 3 redone.",
)
app.command("report")(multimodal_report.report)


@app.command("image-label", cls=SpacedCommand)
def image_label(
    data: Annotated[
        list[str] | None,
        typer.Option(help="mnist, fashion-mnist, digits, idx:FOLDER; one or more.", show_default="mnist"),
    ] = None,
    expert: Experts = None,
    weights: Weights = None,
    seeds: Annotated[int, typer.Option(min=1, help="Training sets, each with its own models.")] = 10,
    examples: Annotated[int, typer.Option(min=1, help="Of each training set.")] = 1000,
    epochs: Annotated[int, typer.Option(min=1, help="Through a training set.")] = 150,
    batch: Annotated[int, typer.Option(min=1, help="Examples a step; all if there are fewer.")] = 100,
    lr: Annotated[float, typer.Option(help="Peak learning rate.")] = 2e-3,
    latent: Annotated[int, typer.Option(min=1, help="Numbers in a code.")] = 20,
    hidden: Annotated[int, typer.Option(min=1, help="Width of the image's hidden layers.")] = 128,
    label_hidden: Annotated[int, typer.Option(min=1, help="Width of the label's hidden layers.")] = 32,
    label_likelihood: Annotated[str, typer.Option(help="bernoulli or categorical.")] = "bernoulli",
    label_scale: Annotated[float, typer.Option(help="What its log-likelihood is multiplied by.")] = 1.0,
    beta: Beta = 1.0,
    unimodal: Unimodal = 1.0,
    subsets: Subsets = 0.0,
    samples: Samples = 1,
    assignment: Assigned = "stratified",
    out: Out = Path("runs/multimodal"),
    device: PlaceName = "auto",
    threads: Threads = None,
    data_dir: DataFolder = None,
    as_json: Json = False,
) -> None:
    """Image and label: six cross-entropies and coherence of every weighting, over many training sets."""
    from tasvir.lab.multimodal.experiments.image_label import ImageLabelSettings
    from tasvir.models import multimodal_runs as runs

    settings = ImageLabelSettings(examples, latent, hidden, label_hidden, label_likelihood, label_scale)
    training = runs.Training(
        epochs, batch, lr, seeds, objective_of(unimodal, subsets, beta, samples, assignment)
    )
    rules, root = expert or RULES, lab_folder(data_dir)
    plans = (
        runs.image_label(rule, one, root, settings, training, weights, device)
        for one in runs.opened(rules, data or DATA, root, examples)
        for rule in rules
    )
    run_plans(plans, out, threads, as_json)


@app.command("sensitivity", cls=SpacedCommand)
def sensitivity(
    data: Annotated[
        list[str] | None, typer.Option(help="One or more, as of image-label.", show_default="mnist")
    ] = None,
    expert: Experts = None,
    seeds: Annotated[int, typer.Option(min=1, help="Training sets.")] = 3,
    out: Out = Path("runs/multimodal"),
    device: PlaceName = "auto",
    threads: Threads = None,
    data_dir: DataFolder = None,
    as_json: Json = False,
) -> None:
    """Change one unknown detail of the image and label protocol at a time, and see what it does."""
    from tasvir.lab.multimodal.experiments.image_label import ImageLabelSettings
    from tasvir.lab.multimodal.experiments.sensitivity import CHANGES
    from tasvir.models import multimodal_runs as runs

    rules, root = expert or RULES, lab_folder(data_dir)
    for one in runs.opened(rules, data or DATA, root, ImageLabelSettings().examples):
        _say_left_out(one.name, runs.changes_of(one), CHANGES)
        for rule in rules:
            rows = runs.image_label_sensitivity(
                rule,
                one,
                root,
                out,
                seeds,
                lambda plan, folder: made(plan, folder, threads, as_json),
                device,
            )
            if as_json:
                typer.echo(json.dumps({"expert": rule, "data": one.name, "changes": rows}))
            else:
                _show_changes(rows, f"{rule}, {one.name}: means of equal weights over {seeds} seeds")


def _say_left_out(name: str, taken: Sequence[Mapping[str, Any]], whole: Sequence[Mapping[str, Any]]) -> None:
    """Changes that the data have too few examples for."""
    for one in whole:
        if one not in taken:
            typer.echo(f"{name}: left out, too few examples for {_words(one)}", err=True)


def _words(changed: Mapping[str, Any]) -> str:
    return " ".join(f"{key} {value}" for key, value in changed.items())


def _show_changes(rows: Sequence[dict[str, Any]], title: str) -> None:
    """A row a change, of the classical weights."""
    from rich.table import Table

    from tasvir.app.cli.comparison_tables import wide_console

    shown = [figure for figure in rows[0]["figures"] if "," not in figure]
    table = Table("changed", *shown, title=title)
    for row in rows:
        table.add_row(
            _words(row["changed"]) or "nothing", *(f"{row['figures'][figure]:.4f}" for figure in shown)
        )
    wide_console().print(table)


def objective_of(unimodal: float, subsets: float, beta: float, samples: int, assignment: Any) -> Objective:
    """What is maximised, of options."""
    from tasvir.lab.multimodal.objective import Objective

    return Objective(unimodal, subsets, beta, samples, assignment)


def run_plans(plans: Iterable[Plan], out: Path, threads: int | None, as_json: bool) -> None:
    """Make tables one after the other and print them."""
    for plan in plans:
        results = made(plan, out, threads, as_json)
        if as_json:
            typer.echo(json.dumps({"table": plan.name, **_figures(results)}))
        else:
            show(results, plan)
    if not as_json:
        typer.echo(f"figures of every model are in {out}; a page of them: tasvir lab multimodal report {out}")


def made(plan: Plan, out: Path, threads: int | None, quiet: bool) -> TableResults:
    """Make a table under a progress line; Ctrl-C says how to go on."""
    from tasvir.app.cli.train_progress import TrainProgress
    from tasvir.lab.multimodal.experiments.study import run_table

    def trained() -> None:
        count = len(plan.task.model)
        typer.echo(f"{plan.name}: {count} models are trained and now measured; a minute or so", err=True)

    try:
        with TrainProgress(plan.name, as_json=quiet) as progress:
            report = None if quiet else progress
            return run_table(plan, out, threads=threads, report=report, on_trained=trained)
    except KeyboardInterrupt as problem:
        again = shlex.join([Path(sys.argv[0]).name, *sys.argv[1:]])
        typer.secho(f"stopped; nothing is lost. To go on: {again}", fg="yellow", err=True)
        raise typer.Exit(INTERRUPTED) from problem


def _figures(results: TableResults) -> dict[str, Any]:
    """What is printed, for machines."""
    whole = asdict(results)
    return {key: value for key, value in whole.items() if key not in ("history", "curve")}


def show(results: TableResults, plan: Plan) -> None:
    """A table in the terminal: mean and deviation over seeds; of pairs such as "x1>x2" only their sums."""
    from rich.table import Table

    from tasvir.app.cli.comparison_tables import wide_console

    count, models = len(results.seeds), len(results.seeds) * len(results.weightings)
    minutes = sum(results.seconds.values()) / 60
    shown = [figure for figure in results.figures if ">" not in figure]
    table = Table(
        "weights",
        *shown,
        title=f"{plan.name}: mean ± deviation over {count} seeds ({models} models, {minutes:.1f} min)",
    )
    for place, name in enumerate(results.weightings):
        table.add_row(name, *(spread(results.figures[figure][place]) for figure in shown))
    wide_console().print(table)


def spread(values: Sequence[float]) -> str:
    """Mean and deviation (n - 1) of values; one value has no deviation."""
    from statistics import fmean, stdev

    return f"{fmean(values):.4f}" + (f" ± {stdev(values):.4f}" if len(values) > 1 else "")
