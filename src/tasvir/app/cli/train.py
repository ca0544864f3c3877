"""`tasvir train`: train the embedded models from scratch, on the picture world alone."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer

MODELS = {
    "autoencoder": "The small autoencoder whose latents the generator draws in.",
    "generator": "The layout-grounded latent diffusion model.",
    "recogniser": "The reader of pictures: what is where, in which attributes.",
    "oracle": "The reader that scores the world suite; shares nothing with the recogniser.",
}

app = typer.Typer(no_args_is_help=True, help="Train the embedded models from scratch; resumable.")


def _command(name: str) -> Callable[..., None]:
    def train(
        out: Annotated[Path | None, typer.Option(help="Folder for checkpoints and curves.")] = None,
        steps: Annotated[
            int, typer.Option(min=1, help="Optimiser steps, unless --minutes ends first.")
        ] = 100_000,
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
            Path | None, typer.Option(help="Begin from this weight file of an earlier run.")
        ] = None,
        vae: Annotated[
            Path | None, typer.Option(help="Folder of a trained autoencoder; the shipped one if left out.")
        ] = None,
        pipeline: Annotated[
            Path | None, typer.Option(help="Folder of a trained generator; the shipped one if left out.")
        ] = None,
    ) -> None:
        from tasvir.models.embedded import training

        settings = training.TrainSettings(
            out=out or Path("runs") / name,
            steps=steps,
            batch=batch,
            lr=lr,
            seed=seed,
            device=device,
            dtype=dtype,
            resume=resume,
            minutes=minutes,
            threads=threads,
            start=start,
            vae=vae,
            pipeline=pipeline,
        )
        folder = training.run(name, settings, _report)
        typer.echo(f"trained; the weights and the curve are in {folder}")

    return train


def _report(row: dict[str, Any]) -> None:
    """One line of the curve."""
    typer.echo(
        "  ".join(
            f"{key} {value:.4g}" if isinstance(value, float) else f"{key} {value}"
            for key, value in row.items()
        )
    )


for _name, _summary in MODELS.items():
    app.command(_name, help=_summary)(_command(_name))
