"""`tasvir lab train`: a diffusion model of any method on small data, in minutes; resumable."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tasvir.app.cli.lab.options import DataFolder, DataName, PlaceName, Threads, lab_folder, read_values
from tasvir.app.cli.options import Json
from tasvir.errors import SettingError

if TYPE_CHECKING:
    from tasvir.models.lab_runs import LabSettings

INTERRUPTED = 130


def train(
    method: Annotated[str, typer.Argument(help="See `tasvir list lab.methods`.", show_default=False)],
    data: DataName = None,
    out: Annotated[
        Path | None, typer.Option(help="Folder of the run.", show_default="runs/lab-METHOD-DATA")
    ] = None,
    minutes: Annotated[
        float | None,
        typer.Option(help="Budget, resumptions included; 1 for points and 10 for pictures if none is given."),
    ] = None,
    steps: Annotated[int | None, typer.Option(help="Budget in steps; the sooner of the two ends it.")] = None,
    batch: Annotated[
        int | None, typer.Option(help="Examples a step; 512 points or 64 pictures if left out.")
    ] = None,
    lr: Annotated[float | None, typer.Option(help="Peak learning rate.", show_default="0.002")] = None,
    seed: Annotated[
        int | None, typer.Option(help="What all random draws come from.", show_default="0")
    ] = None,
    network: Annotated[
        str | None, typer.Option(help="mlp, unet or dit; the one that suits the data if left out.")
    ] = None,
    options: Annotated[
        list[str] | None,
        typer.Option("--set", help="NAME=VALUE, an option of the method or its network; may be repeated."),
    ] = None,
    teacher: Annotated[
        Path | None, typer.Option(help="Folder of a finished run, for methods that learn from one.")
    ] = None,
    size: Annotated[
        int | None, typer.Option(help="folder:FOLDER: side in pixels.", show_default="32")
    ] = None,
    average: Annotated[
        float | None, typer.Option(help="Decay of the averaged weights.", show_default="0.999")
    ] = None,
    decay_from: Annotated[
        float | None,
        typer.Option(help="Share of the budget from which on the rate falls.", show_default="0.4"),
    ] = None,
    samples_every: Annotated[
        float, typer.Option(min=0.0, help="Minutes between two pictures of samples; 0 = at the end alone.")
    ] = 2.0,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on from the last checkpoint in --out.")
    ] = False,
    device: PlaceName = "auto",
    dtype: Annotated[str, typer.Option(help="auto, float32 or bfloat16.")] = "auto",
    threads: Threads = None,
    data_dir: DataFolder = None,
    as_json: Json = False,
) -> None:
    """Train a diffusion model; weights, config, curve and samples come into one folder."""
    from tasvir.models.lab_runs import LabSettings

    values = read_values([*(options or ()), *([] if network in (None, "auto") else [f"name={network}"])])
    asked = LabSettings(
        method=method,
        out=out or _folder(method, data),
        data=data,
        size=size,
        options=values or None,
        teacher=teacher,
        steps=steps,
        minutes=minutes,
        batch=batch,
        lr=lr,
        seed=seed,
        average_decay=average,
        decay_from=decay_from,
        device=device,
        dtype=dtype,
        threads=threads,
        resume=resume,
        look_minutes=samples_every,
    )
    _run(asked, data_dir, as_json)


def _folder(method: str, data: str | None) -> Path:
    """runs/lab-edm-2d-moons; of a path its last part."""
    kind, _, rest = (data or "").partition(":")
    words = [kind, Path(rest).name] if rest else [kind]
    return Path("runs") / "-".join(word for word in ("lab", method, *words) if word)


def _run(asked: LabSettings, data_dir: Path | None, as_json: bool) -> None:
    from tasvir.app.cli.train_progress import TrainProgress
    from tasvir.models import lab_runs

    try:
        with TrainProgress(asked.method, as_json=as_json) as progress:
            folder = lab_runs.train(asked, lab_folder(data_dir), progress)
    except KeyboardInterrupt as problem:
        typer.secho(_how_to_go_on(asked, data_dir), fg="yellow", err=True)
        raise typer.Exit(INTERRUPTED) from problem
    typer.echo(f"trained; weights, config, curve and samples are in {folder}", err=as_json)
    _draw_curve(folder)


def _draw_curve(folder: Path) -> None:
    from tasvir.app.cli.lab.plots import draw_curve

    try:
        draw_curve(folder)
    except SettingError as problem:
        typer.secho(f"note: no curve.png beside curve.jsonl: {problem}", fg="yellow", err=True)


def _how_to_go_on(asked: LabSettings, data_dir: Path | None) -> str:
    """What to type after Ctrl-C; all but the budget comes from the run."""
    if not (asked.out / "state.json").exists():
        return "stopped before the first checkpoint: there is nothing to go on from"
    words: list[Any] = ["tasvir", "lab", "train", asked.method, "--out", asked.out, "--resume"]
    for option, value, plain in (
        ("--device", asked.device, "auto"),
        ("--dtype", asked.dtype, "auto"),
        ("--threads", asked.threads, None),
        ("--samples-every", asked.look_minutes, 2.0),
        ("--data-dir", data_dir, None),
    ):
        words += [] if value == plain else [option, value]
    return f"stopped; the checkpoint is in {asked.out}. To go on: {shlex.join(map(str, words))}"
