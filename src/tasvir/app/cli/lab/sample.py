"""`tasvir lab sample`: samples of a trained run, as one picture and as numbers."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tasvir.app.cli.lab.options import PlaceName, RunFolder, SamplerName, Threads, set_threads
from tasvir.app.cli.options import Json, Seed
from tasvir.errors import OutputError, SettingError

if TYPE_CHECKING:
    from PIL import Image

    from tasvir.lab.data.base import Kind
    from tasvir.lab.diffusion.sampling import Sampled

SHOWN = 400
"""Pictures in a grid at most; the file of numbers holds all."""


def sample(
    run: RunFolder,
    number: Annotated[
        int | None, typer.Option("-n", "--number", min=1, help="How many.", show_default="36; 5000 points")
    ] = None,
    seed: Seed = 0,
    sampler: SamplerName = None,
    steps: Annotated[int | None, typer.Option(help="Of the sampler; the method's own if left out.")] = None,
    nfe: Annotated[
        int | None, typer.Option(help="Budget of network evaluations, instead of --steps.")
    ] = None,
    labels: Annotated[
        str, typer.Option(help="Classes, in turn: 3, 0,1,2 or 0-9. For models trained with classes.")
    ] = "",
    guidance: Annotated[float, typer.Option(help="Classifier-free guidance scale; 1 = none.")] = 1.0,
    out: Annotated[
        Path | None,
        typer.Option(help="Folder for samples.png and samples.safetensors.", show_default="RUN/drawn"),
    ] = None,
    device: PlaceName = "auto",
    threads: Threads = None,
    as_json: Json = False,
) -> None:
    """Draw samples of a trained model: a picture of them, the numbers, and what they cost."""
    from tasvir.models.lab_drawing import Wish, draw
    from tasvir.models.lab_runs import open_run

    set_threads(threads)
    opened = open_run(run, device)
    count = number or (5000 if opened.config.facts.kind in ("points", "sphere") else 36)
    found = draw(opened.model, count, seed, Wish(sampler, steps, nfe, read_labels(labels), guidance))
    folder = out or run / "drawn"
    files = _write(found, opened.config.facts.kind, folder)
    told = {
        "run": str(run),
        "method": opened.config.method,
        "data": opened.config.data,
        "n": count,
        "seed": seed,
        "sampler": sampler,
        "evaluations": found.evaluations,
        "seconds": round(found.seconds, 4),
        "files": [str(path) for path in files],
    }
    if as_json:
        typer.echo(json.dumps(told, indent=2))
        return
    typer.echo(f"{count} samples, {found.evaluations} evaluations each, {found.seconds:.3g} s")
    for path in files:
        typer.echo(f"  {path}")


def read_labels(text: str) -> list[int]:
    """Classes of "3", "0,1,2" or "0-9".

    Raises:
        SettingError: Something else.
    """
    found: list[int] = []
    for part in filter(None, text.split(",")):
        match = re.fullmatch(r"\s*(\d{1,6})\s*(?:-\s*(\d{1,6})\s*)?", part)
        if match is None or int(match[2] or match[1]) < int(match[1]):
            raise SettingError(f"--labels {text!r}: give classes such as 3, 0,1,2 or 0-9")
        found += range(int(match[1]), int(match[2] or match[1]) + 1)
    return found


def _write(found: Sampled, kind: Kind, folder: Path) -> list[Path]:
    from safetensors.torch import save_file

    image = _picture(found, kind)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        files = [folder / "samples.safetensors"]
        save_file({"x": found.x.contiguous().cpu()}, files[0])
        if image is not None:
            files.insert(0, folder / "samples.png")
            image.save(files[0])
    except OSError as problem:
        raise OutputError(
            f"cannot write to {folder} ({problem.strerror or problem}): name another folder with --out"
        ) from problem
    return files


def _picture(found: Sampled, kind: Kind) -> Image.Image | None:
    """None where samples have no picture: tokens, points off the plane."""
    from tasvir.lab.data.showing import can_be_shown, pictured

    if not can_be_shown(kind, tuple(found.x.shape[1:])):
        return None
    return pictured(found.x if found.x.ndim == 2 else found.x[:SHOWN])
