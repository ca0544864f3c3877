"""`tasvir world`: look into the picture world, and how well the loop does on its prompts."""

from __future__ import annotations

import json
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tasvir.app.cli.agreement import agreement
from tasvir.app.cli.options import MAX_SEED, Json, Seed

if TYPE_CHECKING:
    from tasvir.bench.result import Result
    from tasvir.world.scene import Scene

app = typer.Typer(no_args_is_help=True, help="The picture world whose truth is known: scenes, evaluation.")


class Split(StrEnum):
    """Which scenes: those that models may learn from, those that they never see, or all."""

    TRAIN = "train"
    HELDOUT = "heldout"
    ANY = "any"


@app.command()
def render(
    out: Annotated[Path, typer.Option(help="Folder for the pictures.")] = Path("out/world"),
    number: Annotated[int, typer.Option("-n", "--number", min=1, help="How many scenes.")] = 12,
    seed: Annotated[
        int, typer.Option(min=0, max=MAX_SEED, help="Seed of the first scene; the next ones count up.")
    ] = 0,
    split: Annotated[Split, typer.Option(help="Pairings seen in training, held out, or any.")] = Split.ANY,
    size: Annotated[str, typer.Option(help="WIDTHxHEIGHT in pixels.")] = "256x256",
) -> None:
    """Render scenes of the world, each with a caption that is true of it."""
    import numpy as np

    from tasvir.app.cli.arguments import parse_size
    from tasvir.errors import OutputError
    from tasvir.world.captions import caption
    from tasvir.world.sampler import sample_scene

    pixels = parse_size(size)
    try:
        out.mkdir(parents=True, exist_ok=True)
        for index in range(seed, seed + number):
            rng = np.random.default_rng(index)
            scene = sample_scene(rng, split=split.value)
            text, _ = caption(scene, rng)
            _save_scene(scene, pixels, out / f"scene-{index}.png", text)
            typer.echo(f"scene-{index}.png  {text}")
    except OSError as problem:
        raise OutputError(f"cannot write to the folder {out}: {problem.strerror or problem}") from problem


def _save_scene(scene: Scene, size: tuple[int, int], path: Path, text: str) -> None:
    from PIL import Image, PngImagePlugin

    from tasvir.world.render import render as render_scene

    info = PngImagePlugin.PngInfo()
    info.add_itxt("prompt", text)
    Image.fromarray(render_scene(scene, size=size)).save(path, pnginfo=info)


@app.command()
def evaluate(
    guided: Annotated[bool, typer.Option("--guided", help="The full loop.")] = False,
    unguided: Annotated[bool, typer.Option("--unguided", help="One plain picture a prompt.")] = False,
    both: Annotated[bool, typer.Option("--both", help="Both, and the difference (the default).")] = False,
    arm: Annotated[
        list[str] | None,
        typer.Option(help="Also this arm of the ablation, e.g. layout, best-of-n or best-of-6; repeatable."),
    ] = None,
    limit: Annotated[
        int | None, typer.Option(min=1, help="So many prompts, spread over the categories.")
    ] = None,
    part: Annotated[str, typer.Option(help="I/N: the I-th of N shares of the prompts, from 0.")] = "0/1",
    seed: Seed = 0,
    out: Annotated[Path | None, typer.Option(help="Keep pictures and results here, to go on later.")] = None,
    rescore: Annotated[
        bool, typer.Option("--rescore", help="Draw nothing: score all the pictures kept in --out anew.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Draw the suite's prompts and score every picture by the truth, as the oracle reads it."""
    from tasvir.app.cli.arguments import parse_part
    from tasvir.bench.evaluation import evaluate_world

    if rescore:
        _rescore(out, as_json)
        return
    default = not (guided or unguided or arm)
    chosen = ["unguided"] * (unguided or both or default) + ["loop"] * (guided or both or default)
    result = evaluate_world(
        list(dict.fromkeys([*chosen, *(arm or [])])),
        limit=limit,
        seed=seed,
        out=out,
        part=parse_part(part),
        on_progress=lambda text: typer.echo(text, err=True),
    )
    _show(result, as_json)


def _rescore(out: Path | None, as_json: bool) -> None:
    from tasvir.bench import evaluation
    from tasvir.errors import SettingError

    if out is None:
        raise SettingError("--rescore scores kept pictures: name their folder with --out")
    _show(evaluation.rescore(out, on_progress=lambda text: typer.echo(text, err=True)), as_json)


def _show(result: Result, as_json: bool) -> None:
    typer.echo(json.dumps(result.to_dict(), indent=2, ensure_ascii=False) if as_json else result.to_text())


app.command()(agreement)
