"""`tasvir train`: train the embedded models from scratch, on the picture world alone."""

from __future__ import annotations

import shlex
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tasvir.app.cli.options import Json

if TYPE_CHECKING:
    from tasvir.models.embedded.training import TrainSettings

MODELS = {
    "autoencoder": "The small autoencoder whose latents the generator draws in.",
    "generator": "The layout-grounded latent diffusion model.",
    "recogniser": "The reader of pictures: what is where, in which attributes.",
    "inspector": "The second look at what the recogniser found: what is it?",
    "oracle": "The reader that scores the world suite; no guide may use it.",
    "encoder": "CLIP of the picture world: texts and pictures as vectors.",
    "answerer": "BLIP of the picture world: one-word answers to questions about a picture.",
    "captioner": "BLIP of the picture world: a caption for a picture.",
}

_SHOWN = (
    *("steps", "minutes", "seed", "device", "dtype", "threads"),
    *("vae", "pipeline", "recogniser", "clip", "background"),
)
"""Options that a run is gone on with as it was begun."""

STEPS = 100_000
INTERRUPTED = 130

app = typer.Typer(no_args_is_help=True, help="Train the embedded models from scratch; resumable.")


Vae = Annotated[
    Path | None,
    typer.Option(
        help="Folder of a trained autoencoder; the shipped one if left out. "
        "train autoencoder: keep its encoder, train the decoder on; from scratch if left out."
    ),
]
Pipeline = Annotated[
    Path | None, typer.Option(help="Folder of a trained generator; the shipped one if left out.")
]
Recogniser = Annotated[
    Path | None, typer.Option(help="Folder of a trained recogniser; the shipped one if left out.")
]
Clip = Annotated[
    Path | None, typer.Option(help="generator: folder of a CLIP whose frozen text tower reads the prompts.")
]


def _command(name: str) -> Callable[..., None]:
    def train(
        out: Annotated[Path | None, typer.Option(help="Folder for checkpoints and curves.")] = None,
        steps: Annotated[
            int, typer.Option(min=1, help="Optimiser steps, unless --minutes ends first.")
        ] = STEPS,
        batch: Annotated[
            int | None, typer.Option(min=1, help="Pictures a step; the recipe's if left out.")
        ] = None,
        lr: Annotated[
            float | None, typer.Option(min=0.0, help="Peak learning rate; the recipe's if left out.")
        ] = None,
        seed: Annotated[int, typer.Option(help="What all random draws come from.")] = 0,
        device: Annotated[str, typer.Option(help="auto, cpu, cuda or cuda:N.")] = "auto",
        dtype: Annotated[str, typer.Option(help="auto, float32 or bfloat16.")] = "auto",
        resume: Annotated[
            bool, typer.Option("--resume", help="Go on from the last checkpoint in --out.")
        ] = False,
        minutes: Annotated[float | None, typer.Option(min=0.0, help="Stop after so long.")] = None,
        threads: Annotated[int | None, typer.Option(min=1, help="CPU threads.")] = None,
        start: Annotated[
            Path | None, typer.Option(help="Begin from this weight file of an earlier run, or this pipeline.")
        ] = None,
        vae: Vae = None,
        pipeline: Pipeline = None,
        recogniser: Recogniser = None,
        clip: Clip = None,
        background: Annotated[
            str | None, typer.Option(help="generator: train on scenes before this background alone.")
        ] = None,
        as_json: Json = False,
    ) -> None:
        given = dict(locals())
        from tasvir.models.embedded import training

        asked = {option.name: given[option.name] for option in fields(training.TrainSettings)}
        settings = training.TrainSettings(**{**asked, "out": out or Path("runs") / name})
        _run(name, settings, as_json)

    return train


def _run(name: str, settings: TrainSettings, as_json: bool) -> None:
    from tasvir.app.cli.train_progress import TrainProgress
    from tasvir.models.embedded import training

    try:
        with TrainProgress(name, as_json=as_json) as progress:
            folder = training.run(name, settings, progress)
    except KeyboardInterrupt as problem:
        typer.secho(_how_to_go_on(name, settings), fg="yellow", err=True)
        raise typer.Exit(INTERRUPTED) from problem
    typer.echo(f"trained; the weights, their figures and the curve are in {folder}", err=as_json)


def _how_to_go_on(name: str, settings: TrainSettings) -> str:
    """What to type after Ctrl-C; batch and lr come from the checkpoint."""
    if not (settings.out / "state.json").exists():
        return "stopped before the first checkpoint: there is nothing to go on from"
    words = ["tasvir", "train", name, "--out", str(settings.out), "--resume"]
    plain = {"steps": STEPS, "seed": 0, "device": "auto", "dtype": "auto"}
    for option in _SHOWN:
        value = getattr(settings, option)
        if value != plain.get(option):
            words += [f"--{option}", str(value)]
    return f"stopped; the checkpoint is in {settings.out}. To go on: {shlex.join(words)}"


@app.command()
def ship(
    model: Annotated[
        str, typer.Argument(help="Any of the models above but the autoencoder.", show_default=False)
    ],
    run: Annotated[Path, typer.Argument(help="Folder of its finished training.", show_default=False)],
    weights: Annotated[
        Path | None,
        typer.Option(help="Folder of all weights; that of TASVIR_WEIGHTS or of the package if left out."),
    ] = None,
    autoencoder: Annotated[
        Path | None,
        typer.Option(help="generator: folder of an autoencoder's run; draw with the decoder trained there."),
    ] = None,
) -> None:
    """Put trained weights in, with their figures and hashes, in place of the ones that were there."""
    from tasvir.models.embedded import training

    folder = training.ship(model, run, weights, autoencoder)
    typer.echo(f"{folder} now holds the {model} of {run}")


for _name, _summary in MODELS.items():
    app.command(_name, help=_summary)(_command(_name))
