"""`tasvir lab likelihood`: what a trained model says of examples that it has not seen."""

from __future__ import annotations

import json
from typing import Annotated, Any

import typer

from tasvir.app.cli.lab.options import DataFolder, PlaceName, RunFolder, Threads, lab_folder, set_threads
from tasvir.app.cli.options import Json, Seed


def likelihood(
    run: RunFolder,
    number: Annotated[int, typer.Option("-n", "--number", min=2, help="Examples held out, at most.")] = 256,
    seed: Seed = 0,
    device: PlaceName = "auto",
    threads: Threads = None,
    data_dir: DataFolder = None,
    as_json: Json = False,
) -> None:
    """Tell the log-likelihood of held-out examples in nats and bits per dimension, or a bound of it."""
    from tasvir.models.lab_likelihood import measure
    from tasvir.models.lab_runs import open_run

    set_threads(threads)
    told = measure(open_run(run, device), lab_folder(data_dir), number, seed)
    if as_json:
        typer.echo(json.dumps(told, indent=2))
        return
    for line in lines(told):
        typer.echo(line)


def lines(told: dict[str, Any]) -> list[str]:
    """For people."""
    kind = "log-likelihood" if told["exact"] else "at least (a lower bound of the log-likelihood)"
    mean = f"{told['nats']:.4f} ± {told['standard_error']:.4f} nats an example"
    found = [f"{kind}: {mean}, over {told['n']} held out"]
    if told["bits_per_dimension"] is not None:
        most = "" if told["exact"] else "at most "
        found.append(f"{most}{told['bits_per_dimension']:.4f} bits a dimension")
    if told["drawing_error"] is not None:
        found.append(f"of which by drawing at random: ± {told['drawing_error']:.4f} nats")
    if told["true_nats"] is not None:
        found.append(f"the law of the data themselves says {told['true_nats']:.4f} nats")
    return found
