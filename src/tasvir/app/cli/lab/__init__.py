"""`tasvir lab`: diffusion models of every kind, trained, sampled and measured; one file a command."""

from __future__ import annotations

import typer

from tasvir.app.cli.lab import compare, data, families, likelihood, sample, train
from tasvir.app.cli.spaced import SpacedCommand

app = typer.Typer(
    no_args_is_help=True, help="The diffusion laboratory: train a model, sample it, measure it against truth."
)
app.command("train")(train.train)
app.command("sample")(sample.sample)
app.command("likelihood")(likelihood.likelihood)
app.command("compare", cls=SpacedCommand)(compare.compare)
app.command("data")(data.data)
app.command("families")(families.families)
