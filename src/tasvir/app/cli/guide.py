"""`tasvir guide`: what guides are asked with, to be looked at and changed."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(no_args_is_help=True, help="The words that guides are asked with.")


@app.callback()
def options() -> None:
    """The words that guides are asked with."""


@app.command("copy")
def copy(folder: Annotated[Path, typer.Argument(help="Where to.", show_default=False)]) -> None:
    """Copy the prompt templates and the examples into a folder, to be changed there."""
    from tasvir.guide.mllm import examples, templates

    for name, ours, ending in (("templates", templates.OURS, "md"), ("examples", examples.OURS, "json")):
        sources = sorted(ours.glob(f"*.{ending}"))
        templates.copy_ours(folder / name, sources)
        typer.echo(f"{folder / name}  {len(sources)} files; use them with --set {name}={folder / name}")
