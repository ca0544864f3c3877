"""`tasvir ask`: a free question to a guide, about a picture if one is given."""

from __future__ import annotations

import unicodedata
from pathlib import Path
from typing import Annotated

import typer

from tasvir.app.cli.models import open_guide
from tasvir.app.cli.opening import opens_models
from tasvir.app.cli.options import Seed
from tasvir.models.opening import Opening


@opens_models
def ask(
    question: Annotated[str, typer.Argument(help="What you want to know.", show_default=False)],
    picture: Annotated[
        Path | None, typer.Argument(help="A PNG, JPEG or WebP file.", show_default=False)
    ] = None,
    *,
    guide: Annotated[str, typer.Option(help="Who answers; see `tasvir list guides`.", show_default=False)],
    seed: Seed = 0,
    opening: Opening,
) -> None:
    """Ask a guide a question, about a picture or about none."""
    from tasvir.app.cli.arguments import read_picture

    shown = None if picture is None else read_picture(picture)
    answer = open_guide(guide, opening).ask(question, shown, seed=seed)
    # codes that command a terminal, and halves of letters, which cannot be written
    kept = (c for c in answer if c in "\n\t" or unicodedata.category(c) not in ("Cc", "Cs"))
    typer.echo("".join(kept))
