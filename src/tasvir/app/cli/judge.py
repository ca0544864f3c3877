"""`tasvir judge`: the judging step alone, picture + prompt -> score from 1 to 5 with a reason."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from tasvir.app.cli.models import open_guide
from tasvir.app.cli.opening import opens_models
from tasvir.app.cli.options import Json, PromptText, Seed
from tasvir.models.opening import Opening


@opens_models
def judge(
    picture: Annotated[Path, typer.Argument(help="A PNG, JPEG or WebP file.", show_default=False)],
    prompt: PromptText,
    judge: Annotated[str, typer.Option(help="Who judges; see `tasvir list guides`.")] = "embedded",
    seed: Seed = 0,
    as_json: Json = False,
    *,
    opening: Opening,
) -> None:
    """Judge how well a picture keeps to a prompt."""
    from tasvir.app.cli.arguments import read_picture
    from tasvir.records import Prompt

    asked = Prompt(prompt)
    shown = read_picture(picture)
    verdict = open_guide(judge, opening).judge(asked, shown, seed=seed)
    if as_json:
        typer.echo(json.dumps(asdict(verdict), indent=2, ensure_ascii=False))
        return
    typer.echo(f"{'●' * verdict.score}{'○' * (5 - verdict.score)}  {verdict.score} of 5  {verdict.reason}")
    for item in verdict.missing:
        typer.echo(f"  missing: {item}")
