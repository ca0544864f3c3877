"""What the laboratory's commands share: options, where data lie, values that are typed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from tasvir.app.cli.models import parse_options

RunFolder = Annotated[Path, typer.Argument(help="Folder of a finished run.", show_default=False)]
DataName = Annotated[
    str | None,
    typer.Option(
        "--data",
        help="2d:NAME, tokens:NAME, digits, mnist, fashion-mnist, cifar10, idx:FOLDER, folder:FOLDER.",
        show_default=False,
    ),
]
DataFolder = Annotated[
    Path | None,
    typer.Option(
        "--data-dir", help="Folder of downloaded data.", show_default="the user's data folder", dir_okay=True
    ),
]
SamplerName = Annotated[
    str | None, typer.Option(help="See `tasvir list lab.samplers`; the method's own if left out.")
]
PlaceName = Annotated[str, typer.Option("--device", help="auto, cpu, mps, cuda or cuda:N.")]
Threads = Annotated[int | None, typer.Option(min=1, help="CPU threads.")]


def lab_folder(given: Path | None) -> Path:
    """Where downloaded data lie: what was given, else "lab" in the user's data folder."""
    from tasvir.bench.suite_folder import data_folder

    return data_folder() / "lab" if given is None else given


def read_values(texts: list[str]) -> dict[str, Any]:
    """ "NAME=VALUE" as numbers, true, false, null, else words.

    Raises:
        SettingError: No "=" in one of them.
    """
    return {name: _value(text) for name, text in parse_options(texts).items()}


def _value(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text


def set_threads(threads: int | None) -> None:
    """Let torch use so many threads; None = its choice."""
    if threads is not None:
        import torch

        torch.set_num_threads(threads)
