"""`tasvir lab families`: the generative families of chapter 2 fitted to the same data, side by side."""

from __future__ import annotations

import json
import shlex
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tasvir.app.cli.lab.options import DataFolder, Threads, lab_folder, read_values, set_threads
from tasvir.app.cli.options import Json, Seed
from tasvir.app.cli.train_progress import losses
from tasvir.errors import OutputError, SettingError

if TYPE_CHECKING:
    from tasvir.lab.data.base import Data
    from tasvir.lab.families.base import Family
    from tasvir.lab.families.comparing import Plan, Row
    from tasvir.lab.families.measuring import Eyes

MINUTES = {"points": 0.4, "images": 2.0}
NUMBER = {"points": 2000, "images": 500}
HELD_OUT = {"points": 500, "images": 100}
STEPS = 1_000_000
INTERRUPTED = 130


def families(
    data: Annotated[
        str, typer.Option("--data", help="2d:NAME, digits, mnist, fashion-mnist, idx:FOLDER.")
    ] = "2d:eight-gaussians",
    chosen: Annotated[
        str, typer.Option("--families", help="Names with commas between.", show_default="all installed")
    ] = "",
    options: Annotated[
        list[str] | None,
        typer.Option("--set", help="FAMILY.NAME=VALUE, an option of a family; may be repeated."),
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="Folder of fits and page.", show_default="runs/families-DATA")
    ] = None,
    minutes: Annotated[
        float | None,
        typer.Option(help="Of training for each fit.", show_default="0.4; 2 for pictures; none with --steps"),
    ] = None,
    steps: Annotated[
        int | None, typer.Option(min=1, help="Of training, so that figures repeat; the sooner ends it.")
    ] = None,
    seed: Seed = 0,
    seeds: Annotated[int, typer.Option(min=1, help="So many fits of each, with seeds that count up.")] = 1,
    number: Annotated[
        int | None, typer.Option("-n", "--number", help="Samples.", show_default="2000; 500 pictures")
    ] = None,
    held_out: Annotated[
        int | None, typer.Option(help="Examples whose likelihood is asked.", show_default="500; 100 pictures")
    ] = None,
    resume: Annotated[
        bool, typer.Option(help="Go on with what is in --out; finished fits are opened.")
    ] = True,
    threads: Threads = None,
    data_dir: DataFolder = None,
    as_json: Json = False,
) -> None:
    """Fit the families of chapter 2 to the same data and compare them: table, picture, page, JSON."""
    from tasvir.lab.data.opening import open_data
    from tasvir.lab.families.comparing import Plan

    set_threads(threads)
    opened, folder = open_data(data, lab_folder(data_dir)), out or _folder(data)
    if opened.kind not in MINUTES:
        raise SettingError(f"{data} are {opened.kind}: families are compared on points and pictures")
    plan = Plan(
        folder,
        MINUTES[opened.kind] if minutes is None and steps is None else minutes,
        steps or STEPS,
        tuple(range(seed, seed + seeds)),
        NUMBER[opened.kind] if number is None else number,
        HELD_OUT[opened.kind] if held_out is None else held_out,
        resume,
        threads,
    )
    try:
        _run(opened, _made(chosen, options or []), plan, lab_folder(data_dir), as_json)
    except KeyboardInterrupt as problem:
        words = ["tasvir", "lab", "families", "--data", data, "--out", folder]
        words += ["--families", chosen] if chosen else []
        again = shlex.join(map(str, words))
        typer.secho(
            f"stopped; the same command goes on: {again} and the options you gave", fg="yellow", err=True
        )
        raise typer.Exit(INTERRUPTED) from problem


def _made(chosen: str, options: list[str]) -> list[Family]:
    from tasvir import registry
    from tasvir.lab.families.base import Family

    names = [name.strip() for name in chosen.split(",") if name.strip()] or registry.names("lab.families")
    values: dict[str, dict[str, Any]] = {registry.split(name)[0]: {} for name in names}
    for key, value in read_values(options).items():
        family, dot, option = key.partition(".")
        if not dot or family not in values:
            raise SettingError(f"--set {key}: write FAMILY.NAME=VALUE, FAMILY one of {', '.join(values)}")
        values[family][option] = value
    return [
        registry.create("lab.families", name, Family, **values[registry.split(name)[0]]) for name in names
    ]


def _folder(data: str) -> Path:
    """runs/families-2d-moons; of a path its last part."""
    kind, _, rest = data.partition(":")
    return Path("runs") / "-".join(filter(None, ("families", kind, Path(rest).name)))


def _eyes(data: Data, kept: Path) -> Eyes:
    from tasvir.lab.classifier import classifier_of
    from tasvir.lab.families.measuring import Eyes

    return Eyes(data, classifier_of(data, kept / "classifiers") if data.kind == "images" else None)


def _run(data: Data, made: list[Family], plan: Plan, kept: Path, as_json: bool) -> None:
    import torch

    from tasvir.app.cli.lab.plots import check_plots, draw_families
    from tasvir.lab.families.comparing import SAMPLES, compare, folder_of
    from tasvir.lab.training.training_record import commit, versions
    from tasvir.report.families_page import page, plain, standings_of, table

    check_plots()
    eyes = _eyes(data, kept)
    rows = []
    for row in compare(made, data, eyes, plan, None if as_json else _Progress()):
        rows.append(row)
        typer.echo(_line(row), err=as_json)
    true_nats, looked = eyes.true_nats(plan.held_out), max(row.look.n if row.look else 0 for row in rows)
    truth = eyes.look(data.train[: looked or plan.number])
    told: dict[str, Any] = {
        "data": data.name,
        "minutes": plan.minutes,
        "steps": plan.steps,
        "seeds": plan.seeds,
        "held_out": min(plan.held_out, len(data.test)),
        "threads": torch.get_num_threads(),
        "accuracy": None if eyes.classifier is None else eyes.classifier.accuracy,
        "versions": versions(),
        "commit": commit(),
        "true_nats": true_nats,
        "training_examples": asdict(truth),
        "rows": [asdict(row) for row in rows],
    }
    _write(plan.out / "families.json", json.dumps(told, indent=2) + "\n")
    _write(plan.out / "families.md", page(told, rows, truth, true_nats))
    drawn = {
        row.family: folder_of(row.family, row.seed, plan.out) / SAMPLES
        for row in rows
        if row.seed == plan.seeds[0] and row.look is not None
    }
    draw_families(drawn, data.test, plan.out / "families.png")
    if as_json:
        typer.echo(json.dumps(told, indent=2))
        return
    for text in plain(table(standings_of(rows), truth, true_nats)):
        typer.echo(text)
    typer.echo(f"page, picture and numbers: {plan.out / 'families.md'}")


class _Progress:
    """A line for every quarter of a fit."""

    def __init__(self) -> None:
        self.told: tuple[str, int] = ("", 0)

    def __call__(self, name: str, row: dict[str, Any]) -> None:
        now = (name, int(4 * row["progress"]))
        if now != self.told and now[1] > 0:
            typer.echo(f"  {name}: {row['progress']:.0%}, step {row['step']:,}, {losses(row)}")
        self.told = now


def _line(row: Row) -> str:
    head = f"{row.family}, seed {row.seed}:"
    if row.failed is not None or row.cost is None:
        return f"{head} failed: {row.failed}"
    return f"{head} {row.cost.steps:,} steps in {row.cost.seconds:.0f} s; {row.evaluations} runs to sample"


def _write(file: Path, text: str) -> None:
    try:
        file.write_text(text, "utf-8")
    except OSError as problem:
        raise OutputError(f"cannot write to {file.parent} ({problem}): make room, then go on") from problem
