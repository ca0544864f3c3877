"""Options that several commands share, so that they read the same everywhere."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

PromptText = Annotated[str, typer.Argument(help="What the picture shall show.", show_default=False)]
MAX_SEED = 2**32 - 1
Seed = Annotated[int, typer.Option(min=0, max=MAX_SEED, help="What all random draws come from.")]
GuideName = Annotated[str, typer.Option(help="Who plans and redesigns; see `tasvir list guides`.")]
GeneratorName = Annotated[str, typer.Option(help="Who draws; see `tasvir list generators`.")]
Steps = Annotated[int | None, typer.Option(help="Denoising steps; the generator's choice if left out.")]
Scale = Annotated[float | None, typer.Option(help="Classifier-free guidance scale.")]
Sampler = Annotated[str | None, typer.Option(help="See `tasvir list samplers`.")]
Number = Annotated[int, typer.Option("-n", "--number", min=1, help="So many, with seeds that count up.")]
Size = Annotated[str, typer.Option(help="WIDTHxHEIGHT in pixels.")]
LayoutFile = Annotated[Path | None, typer.Option(help="Draw from this file; see `tasvir plan --json`.")]
Device = Annotated[str, typer.Option(help="auto, cpu, mps, cuda or cuda:N.")]
Json = Annotated[bool, typer.Option("--json", help="JSON on stdout; messages on stderr.")]
