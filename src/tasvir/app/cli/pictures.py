"""`tasvir pictures`: a run's pictures in the layouts that other programs score."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from tasvir.app.cli.options import Json
from tasvir.errors import SettingError

app = typer.Typer(no_args_is_help=True, help="A run's pictures for other programs.")


@app.command("export")
def export(
    run: Annotated[Path, typer.Argument(help="Folder of a run.", show_default=False)],
    layout: Annotated[str, typer.Option("--as", help="folder, t2i-compbench, geneval or evalscope.")],
    out: Annotated[Path, typer.Option(help="A new folder.")],
    suite: Annotated[str | None, typer.Option(help="Of which suite, where the run has several.")] = None,
    model: Annotated[str | None, typer.Option(help="Of which model, likewise.")] = None,
    sweep: Annotated[
        list[str] | None, typer.Option(help="Under which setting: steps=4.", show_default=False)
    ] = None,
    as_json: Json = False,
) -> None:
    """Copy one model's pictures of one suite into another program's layout."""
    from tasvir.app.cli.bench_arguments import parse_sweeps
    from tasvir.bench.foreign_writing import of_run, write
    from tasvir.bench.reading import load_results

    results = load_results(run)
    chosen = _only("suite", suite, list(results.suites))
    name = _only("model", model, [one.name for one in results.models])
    settings = parse_sweeps(sweep or ())
    if settings is not None and len(settings) > 1:
        raise SettingError("--sweep: name one setting, such as steps=4")
    pictures = of_run(results, run, suite=chosen, model=name, settings=settings[0] if settings else None)
    count = write(layout, pictures, out)
    told = {"folder": str(out), "pictures": count, "suite": chosen, "model": name}
    typer.echo(json.dumps(told) if as_json else f"{count} pictures of {name} on {chosen} in {out}")


def _only(what: str, given: str | None, there: list[str]) -> str:
    if given is not None:
        return given
    if len(there) != 1:
        raise SettingError(f"the run has {len(there)} {what}s ({', '.join(there)}): name one with --{what}")
    return there[0]
