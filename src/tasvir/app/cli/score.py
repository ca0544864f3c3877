"""`tasvir score`: a run's pictures, or pictures that others made, scored by more metrics; draws nothing."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tasvir.app.cli.bench import Metrics
from tasvir.app.cli.opening import opens_models
from tasvir.app.cli.options import Json
from tasvir.errors import SettingError
from tasvir.models.opening import Opening

if TYPE_CHECKING:
    from tasvir.bench.preparing import Request

RunFolder = Annotated[Path, typer.Argument(help="Folder of a run.", show_default=False)]


@opens_models
def score(
    run: RunFolder,
    metrics: Metrics = None,
    pictures: Annotated[
        Path | None, typer.Option(help="Folder of pictures that others made; goes into the run.")
    ] = None,
    suite: Annotated[str | None, typer.Option(help="Whose prompts they show.")] = None,
    name: Annotated[str | None, typer.Option(help="What tables call their model.")] = None,
    layout: Annotated[
        str, typer.Option("--as", help="auto, folder, t2i-compbench, geneval or evalscope.")
    ] = "auto",
    as_json: Json = False,
    *,
    opening: Opening,
) -> None:
    """Score what a run has, by its metrics and by more; nothing is scored twice.

    With --pictures pictures of others are put into the run first, which is made if it is not there.
    """
    from tasvir.app.cli.running import check_options, run_it
    from tasvir.bench.asked import Asked, begun
    from tasvir.bench.preparing import Request

    if pictures is None and (suite or name or layout != "auto"):
        raise SettingError("--suite, --name and --as say whose pictures --pictures names: give that too")
    if pictures is None and Asked.read(run) is None:
        raise SettingError(f"{run} holds no run: name the folder of a `tasvir bench`, or give --pictures")
    check_options(opening, Asked(), metrics or ())
    about = begun(" ".join(["tasvir", *sys.argv[1:]]))
    request = Request(run, opening, metrics=tuple(metrics or ()), about=about)
    if pictures is not None:
        request = _with_pictures(request, pictures, suite, name, layout)
    raise typer.Exit(run_it(request, None, as_json=as_json))


def _with_pictures(
    request: Request, pictures: Path, suite: str | None, name: str | None, layout: str
) -> Request:
    from dataclasses import replace

    from tasvir import registry
    from tasvir.bench import foreign
    from tasvir.bench.base import Suite
    from tasvir.bench.others import asked_for

    if suite is None or name is None:
        raise SettingError("--pictures needs --suite, whose prompts they show, and --name, what to call them")
    chosen = registry.create("suites", suite, Suite)
    prompts = chosen.prompts()
    read = foreign.read(pictures, prompts, layout)
    for line in read.unmatched:
        typer.secho(f"left out: {line}", fg="yellow", err=True)
    if read.missing:
        typer.secho(f"{len(read.missing)} prompts of {suite} have no picture", fg="yellow", err=True)
    more = asked_for(name, chosen, [found.prompt for found in read.found])
    return replace(request, more=more, prompts={chosen.label: prompts}, others={name: (chosen.label, read)})
