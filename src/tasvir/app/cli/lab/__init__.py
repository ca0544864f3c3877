"""`tasvir lab`: generative models of every kind, trained, sampled and measured; one file a command."""

from __future__ import annotations

import typer

from tasvir.app.cli.lab import compare, data, families, likelihood, multimodal, sample, train
from tasvir.app.cli.spaced import SpacedCommand

app = typer.Typer(
    no_args_is_help=True,
    help="The laboratory: diffusion models, families, multimodal VAEs; trained, sampled, measured.",
)
app.command("train")(train.train)
app.command("sample")(sample.sample)
app.command("likelihood")(likelihood.likelihood)
app.command("compare", cls=SpacedCommand)(compare.compare)
app.command("data")(data.data)
app.command("families")(families.families)
app.add_typer(multimodal.app, name="multimodal")
