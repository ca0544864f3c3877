"""`tasvir lab multimodal report`: tables beside the thesis', tests, claims and pictures as a page."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from tasvir.app.cli.options import Json


def report(
    folder: Annotated[
        Path, typer.Argument(help="Folder of finished tables, or of one table.", show_default=False)
    ],
    languages: Annotated[str, typer.Option("--language", help="en, tr or both, with a comma.")] = "en,tr",
    out: Annotated[Path | None, typer.Option(help="Folder.", show_default="FOLDER/report")] = None,
    as_json: Json = False,
) -> None:
    """Write a study up: printed and measured tables, paired tests, verdicts on claims, pictures."""
    from tasvir.report.multimodal.files import write_multimodal

    spoken = [one.strip() for one in languages.split(",") if one.strip()]
    written = write_multimodal(folder, spoken, folder / "report" if out is None else out)
    if as_json:
        typer.echo(json.dumps({"files": [str(path) for path in written]}, indent=2))
        return
    for path in written:
        typer.echo(f"{path.stat().st_size / 2**20:8.2f} MiB  {path}")
