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
Size = Annotated[
    str | None, typer.Option(help="WIDTHxHEIGHT in pixels; the generator's own size if left out.")
]
LayoutFile = Annotated[Path | None, typer.Option(help="Draw from this file; see `tasvir plan --json`.")]
Device = Annotated[str, typer.Option(help="auto, cpu, mps, cuda or cuda:N.", rich_help_panel="Loading")]
DTypeName = Annotated[
    str, typer.Option("--dtype", help="auto, float32, float16 or bfloat16.", rich_help_panel="Loading")
]
OffloadName = Annotated[
    str,
    typer.Option("--offload", help="none, model or sequential: less GPU memory.", rich_help_panel="Loading"),
]
Compile = Annotated[bool, typer.Option("--compile", help="Use torch.compile.", rich_help_panel="Loading")]
Revision = Annotated[
    str | None, typer.Option(help="Branch, tag or commit on the hub.", rich_help_panel="Loading")
]
LocalOnly = Annotated[
    bool, typer.Option("--local-only", help="Models from this disk alone.", rich_help_panel="Loading")
]
TrustRemoteCode = Annotated[
    bool,
    typer.Option(
        "--trust-remote-code",
        help="Run Python that comes with a model. It can do anything that you can.",
        rich_help_panel="Loading",
    ),
]
NoSafety = Annotated[
    bool,
    typer.Option(
        "--no-safety-checker", help="Load models without their safety checker.", rich_help_panel="Loading"
    ),
]
Options = Annotated[
    list[str] | None,
    typer.Option(
        "--set", help="NAME=VALUE, an option of a guide, generator or metric.", rich_help_panel="Loading"
    ),
]
Budget = Annotated[
    float | None,
    typer.Option(
        help="US dollars that this run may spend on calls; stops before more.", rich_help_panel="Services"
    ),
]
Replies = Annotated[
    Path | None,
    typer.Option(
        help="Folder that keeps every answer of a service.",
        show_default="the user's cache",
        rich_help_panel="Services",
    ),
]
Replay = Annotated[
    bool,
    typer.Option("--replay", help="Kept answers alone: no network, no key.", rich_help_panel="Services"),
]
Concurrency = Annotated[
    int, typer.Option(min=1, help="Calls on their way at once.", rich_help_panel="Services")
]
PerMinute = Annotated[float | None, typer.Option(help="Calls a minute at most.", rich_help_panel="Services")]
Timeout = Annotated[float, typer.Option(help="Seconds to wait for an answer.", rich_help_panel="Services")]
Retries = Annotated[
    int,
    typer.Option(min=0, help="Tries after a failure that may pass.", rich_help_panel="Services"),
]
Temperature = Annotated[
    float, typer.Option(min=0.0, help="Of the model's sampling.", rich_help_panel="Services")
]
MaxTokens = Annotated[int, typer.Option(min=1, help="Most tokens of an answer.", rich_help_panel="Services")]
Schema = Annotated[
    str,
    typer.Option(help="auto, native or text: how JSON is asked for.", rich_help_panel="Services"),
]
Prices = Annotated[
    Path | None,
    typer.Option(help="TOML with prices that stand before ours.", rich_help_panel="Services"),
]
Json = Annotated[bool, typer.Option("--json", help="JSON on stdout; messages on stderr.")]
