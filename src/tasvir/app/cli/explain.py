"""`tasvir explain`: one picture's way through a model, or through two, as pages to show."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tasvir.app.cli.options import (
    Device,
    DTypeName,
    Json,
    LayoutFile,
    LocalOnly,
    PromptText,
    Revision,
    Scale,
    Seed,
    Steps,
    TrustRemoteCode,
)
from tasvir.errors import SettingError

if TYPE_CHECKING:
    from tasvir.models.load import LoadSettings
    from tasvir.models.walk.record import Walk
    from tasvir.records import Layout

ModelName = Annotated[str, typer.Option(help="embedded, or diffusers:NAME as in `tasvir models list`.")]


def explain(
    prompt: PromptText,
    model: ModelName = "embedded",
    against: Annotated[str | None, typer.Option(help="A second model, to be held against the first.")] = None,
    seed: Seed = 0,
    steps: Steps = None,
    scale: Scale = None,
    show: Annotated[
        str | None, typer.Option(help="Steps to show, e.g. 1,5,16.", show_default="five of them")
    ] = None,
    language: Annotated[str, typer.Option(help="Of the page: en, tr or zh.")] = "en",
    layout: LayoutFile = None,
    device: Device = "auto",
    dtype: DTypeName = "auto",
    revision: Revision = None,
    local_only: LocalOnly = False,
    trust_remote_code: TrustRemoteCode = False,
    out: Annotated[Path | None, typer.Option(help="Folder.", show_default="out/explain-PROMPT-SEED")] = None,
    as_json: Json = False,
) -> None:
    """Show how a picture comes about: tokens, vectors, noise, steps, guidance, attention, decoder."""
    from tasvir.app.cli.arguments import read_layout_file
    from tasvir.generate.base import DrawSettings
    from tasvir.models.load import LoadSettings
    from tasvir.records import Prompt
    from tasvir.report.walk_files import save_walks, walk_folder
    from tasvir.report.walk_texts import texts

    names = [name for name in (model, against) if name is not None]
    for name in names:
        _check(name, layout)
    texts(language)
    DrawSettings(steps=steps, scale=scale)
    asked: dict[str, Any] = {
        "prompt": Prompt(prompt).text, "seed": seed, "steps": steps, "scale": scale,
        "show": None if show is None else parse_show(show),
    }  # fmt: skip
    read = None if layout is None else read_layout_file(layout)
    # every step is shown, which a safety checker of finished pictures would not see
    load = LoadSettings(device, dtype, "none", False, trust_remote_code, revision, local_only, False)
    with walk_folder(out or Path("out") / f"explain-{Prompt(prompt).slug}-{seed}") as folder:
        walks = [_walk(name, load, asked, read) for name in names]
        pages = save_walks(walks, folder, language)
    _report(walks, pages, as_json)


def parse_show(text: str) -> tuple[int, ...]:
    """Read step numbers, "1,5,16".

    Raises:
        SettingError: Not whole numbers from 1, joined by commas.
    """
    parts = [part.strip() for part in text.split(",")]
    if not all(part.isascii() and part.isdigit() and 0 < int(part) < 10_000 for part in parts):
        raise SettingError(f"--show {text!r}: expected step numbers from 1 with commas, e.g. 1,5,16")
    return tuple(sorted({int(part) for part in parts}))


def _check(name: str, layout: Path | None) -> None:
    """Find what cannot be done before a model is opened, which may take minutes."""
    plugin, _, model = name.partition(":")
    if name != "embedded" and not (plugin == "diffusers" and model):
        raise SettingError(
            f"model {name!r} cannot be walked through: expected embedded or diffusers:NAME, where "
            "NAME is one of `tasvir models list`, a hub id or a folder"
        )
    if layout is not None and name != "embedded":
        raise SettingError(f"{name} reads no layouts: leave --layout out, or walk through the embedded model")


def _walk(name: str, load: LoadSettings, asked: dict[str, Any], layout: Layout | None) -> Walk:
    """Open one model and walk through it; its card says what nobody else does."""
    from tasvir.generate.generators.embedded import EmbeddedGenerator, grounding_of
    from tasvir.models.hub.cards import find
    from tasvir.models.hub.loading import open_pipeline
    from tasvir.models.walk.walking import Asked, walk

    typer.echo(f"walking through {name} ...", err=True)
    asked = dict(asked)
    if name == "embedded":
        pipeline: Any = EmbeddedGenerator(device=load.device).pipeline
    else:
        card = find(name.partition(":")[2])
        pipeline = open_pipeline(card, load)
        asked["steps"] = asked["steps"] or card.steps
        asked["scale"] = card.scale if asked["scale"] is None else asked["scale"]
    return walk(pipeline, Asked(**asked, grounding=grounding_of(layout)), name)


def _report(walks: list[Walk], pages: list[Path], as_json: bool) -> None:
    if as_json:
        rows = {"pages": [str(page) for page in pages], "walks": [walk.to_dict() for walk in walks]}
        typer.echo(json.dumps(rows, indent=2, ensure_ascii=False))
        return
    for page in pages:
        typer.echo(f"page  {page}")
