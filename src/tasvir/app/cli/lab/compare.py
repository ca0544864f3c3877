"""`tasvir lab compare`: samplers side by side on a trained run, or on an oracle whose truth is exact."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tasvir.app.cli.lab.options import DataFolder, PlaceName, Threads, lab_folder, set_threads
from tasvir.app.cli.options import Json, Seed
from tasvir.errors import SettingError

if TYPE_CHECKING:
    from tasvir.models.lab_compare import Cell, Field

NUMBER = {"points": 1000, "images": 200, "tokens": 200, "sphere": 1000}


def compare(
    run: Annotated[
        Path | None, typer.Argument(help="Folder of a finished run; or give --oracle.", show_default=False)
    ] = None,
    oracle: Annotated[
        str | None, typer.Option(help="Compare on this oracle: line, correlated, ring, scales, ...")
    ] = None,
    samplers: Annotated[
        list[str] | None, typer.Option(help="One or more of `tasvir list lab.samplers`.", show_default=False)
    ] = None,
    nfe: Annotated[str, typer.Option(help="Budgets of evaluations.")] = "5,10,20,50",
    number: Annotated[
        int | None, typer.Option("-n", "--number", help="Samples.", show_default="1000; 200 pictures")
    ] = None,
    distance: Annotated[str, typer.Option(help="energy, mmd or sliced-wasserstein.")] = "energy",
    schedule: Annotated[str, typer.Option(help="With --oracle: karras or linear.")] = "karras",
    seed: Seed = 0,
    plot: Annotated[Path | None, typer.Option(help="Draw the table into this picture, too.")] = None,
    device: PlaceName = "auto",
    threads: Threads = None,
    data_dir: DataFolder = None,
    as_json: Json = False,
) -> None:
    """Compare samplers at equal numbers of evaluations: distance to held-out data, or to the exact truth."""
    from tasvir.models import lab_compare

    set_threads(threads)
    if (run is None) == (oracle is None):
        raise SettingError("give the folder of a run, or --oracle NAME")
    chosen, budgets = lab_compare.made(samplers or ()), read_budgets(nfe)
    if plot is not None:
        from tasvir.app.cli.lab.plots import check_plots

        check_plots()
    if run is not None:
        from tasvir.models.lab_runs import open_run

        opened = open_run(run, device)
        count = NUMBER[opened.config.facts.kind] if number is None else number
        field = lab_compare.of_run(opened, lab_folder(data_dir), count, seed, distance)
    else:
        count = NUMBER["points"] if number is None else number
        field = lab_compare.of_oracle(str(oracle), schedule, count, seed, distance)
    cells = []
    for cell in lab_compare.compare(field, chosen, budgets, distance):
        cells.append(cell)
        if not as_json:
            typer.echo(line(cell))
    _end(field, cells, distance, plot, as_json)


def _end(field: Field, cells: list[Cell], distance: str, plot: Path | None, as_json: bool) -> None:
    if plot is not None:
        from tasvir.app.cli.lab.plots import draw_comparison

        draw_comparison(field, cells, distance, plot)
    if as_json:
        told = {
            "on": field.name,
            "distance": distance,
            "n": len(field.reference),
            "floor": field.floor.value,
            "floor_error": field.floor.error,
            "cells": [asdict(cell) for cell in cells],
        }
        typer.echo(json.dumps(told, indent=2))
        return
    typer.echo(
        f"{distance} distance over {len(field.reference)} samples; as many true ones are at "
        f"{field.floor.value:.3g} ± {field.floor.error:.2g}"
    )


def line(cell: Cell) -> str:
    """A cell for people."""
    head = f"{cell.sampler:<22} NFE {cell.budget:>4}"
    if cell.failed is not None or cell.distance is None or cell.error is None:
        return f"{head}  failed: {cell.failed}"
    off = "" if cell.flow_error is None else f"  off the exact flow {cell.flow_error:.3g}"
    used = "" if cell.evaluations == cell.budget else f"  (took {cell.evaluations})"
    return f"{head}  distance {cell.distance:.4g} ± {cell.error:.2g}{off}{used}"


def read_budgets(text: str) -> list[int]:
    """Whole numbers from 1 on with commas between, rising.

    Raises:
        SettingError: Something else.
    """
    parts = [part.strip() for part in text.split(",")]
    if not all(part.isdecimal() and int(part) > 0 for part in parts):
        raise SettingError(f"--nfe {text!r}: give numbers of evaluations, 1 or more, such as 5,10,20,50")
    return sorted({int(part) for part in parts})
