"""`tasvir report`: the study of a run, written up."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from tasvir.app.cli.options import Json


def report(
    run: Annotated[str, typer.Argument(help="Folder or URL of a `tasvir bench`.", show_default=False)],
    language: Annotated[str, typer.Option(help="en, tr or zh.")] = "en",
    title: Annotated[str, typer.Option(help="Of the study.", show_default="as the language has it")] = "",
    out: Annotated[
        Path | None, typer.Option(help="Folder.", show_default="RUN/report; out/report-RUN for a URL")
    ] = None,
    formats: Annotated[
        str, typer.Option("--format", help="Some of html, md, pdf, csv, tex, json, with commas.")
    ] = "html,md,csv,tex,json",
    embed: Annotated[
        str, typer.Option(help="thumbnails, or all: whole pictures in report.html.")
    ] = "thumbnails",
    as_json: Json = False,
) -> None:
    """Write a run up: pictures, scores, times, discussion; as HTML, Markdown, PDF and tables."""
    from tasvir.bench.place import Place
    from tasvir.bench.reading import load_results
    from tasvir.report.study.files import StudySettings, write_study
    from tasvir.score.comparing import compare

    wanted = tuple(name.strip() for name in formats.split(",") if name.strip())
    settings = StudySettings(language, title, wanted, embed)  # type: ignore[arg-type]
    folder = Place(run).fetch()
    results = load_results(folder)
    if out is None:
        out = folder / "report" if folder == Path(run) else Path("out") / f"report-{folder.name}"
    written = write_study(results, compare(results), folder, out, settings)
    if as_json:
        typer.echo(json.dumps({"files": [str(path) for path in written]}, indent=2))
        return
    for path in written:
        typer.echo(f"{path.stat().st_size / 2**20:8.2f} MiB  {path}")
