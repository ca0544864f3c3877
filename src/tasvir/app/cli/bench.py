"""`tasvir bench`: suites x models x seeds, drawn and scored, resumed and amended in one folder."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tasvir.app.cli.opening import opens_models
from tasvir.app.cli.options import MAX_SEED, Json, Sampler, Scale, Size, Steps
from tasvir.errors import SettingError
from tasvir.models.opening import Opening

if TYPE_CHECKING:
    from tasvir.records import SuitePrompt

Metrics = Annotated[list[str] | None, typer.Option(help="What scores; see `tasvir list metrics`.")]
Batch = Annotated[int, typer.Option(min=1, help="Pictures drawn at once.")]


@opens_models
def bench(
    suites: Annotated[
        list[str] | None,
        typer.Argument(help="See `tasvir suites list`; left out where a run goes on.", show_default=False),
    ] = None,
    models: Annotated[
        list[str] | None,
        typer.Option(help="GENERATOR[+METHOD:GUIDE] or NAME=..., one or more.", show_default=False),
    ] = None,
    metrics: Metrics = None,
    seeds: Annotated[str | None, typer.Option(help="0-3 or 0,2,5.", show_default="0")] = None,
    sample: Annotated[str | None, typer.Option(help="A random sample: 2-per-category, or 50 of all.")] = None,
    sample_seed: Annotated[int, typer.Option(min=0, max=MAX_SEED, help="What the sample hangs on.")] = 0,
    limit: Annotated[
        int | None, typer.Option(min=1, help="Only so many, from the categories in turn.")
    ] = None,
    sweep: Annotated[
        list[str] | None, typer.Option(help="size=128,256 or steps=4,8; all with all.", show_default=False)
    ] = None,
    steps: Steps = None,
    scale: Scale = None,
    sampler: Sampler = None,
    size: Size = None,
    derived: Annotated[
        list[str] | None, typer.Option(help="NAME=OTHER: NAME was fine-tuned from OTHER.", show_default=False)
    ] = None,
    batch: Batch = 8,
    engine: Annotated[str, typer.Option(help="local, or ray: several processes or machines.")] = "local",
    address: Annotated[
        str | None, typer.Option(help="ray: of a running cluster; left out, one is started here.")
    ] = None,
    workers: Annotated[int | None, typer.Option(min=1, help="ray: how many draw at once.")] = None,
    gpus: Annotated[float | None, typer.Option(min=0, help="ray: GPUs for each worker, may be 0.5.")] = None,
    out: Annotated[str | None, typer.Option(help="Folder or URL.", show_default="out/bench-SUITES")] = None,
    as_json: Json = False,
    *,
    opening: Opening,
) -> None:
    """Draw suites of prompts by several models, score the pictures, and keep all of it in one folder.

    The same command goes on where it was stopped; asking for more in the same folder makes only what is new.
    """
    from tasvir.app.cli.bench_arguments import parse_models, parse_seeds, parse_sweeps
    from tasvir.app.cli.running import check_options, run_it
    from tasvir.bench.asked import Asked, begun
    from tasvir.bench.engines.choosing import open_engine
    from tasvir.bench.place import Place, masked
    from tasvir.bench.preparing import Request
    from tasvir.bench.running import DRAWN

    if out is None and not suites:
        raise SettingError("name a suite, or with --out the folder of a run that is to go on")
    place = Place(out or Path("out") / f"bench-{'-'.join(map(_word, suites or ()))}")
    folder = place.fetch()
    before = Asked.read(folder)
    chosen = [_suite(name, sample, sample_seed, limit) for name in suites or ()]
    asked = Asked(
        suites={label: tuple(prompt.id for prompt in prompts) for label, _, prompts in chosen},
        provenances={label: provenance for label, provenance, _ in chosen},
        models=parse_models(models or (), derived or (), before.models if before else {}, opening),
        seeds=None if seeds is None else parse_seeds(seeds),
        sweeps=parse_sweeps(sweep or ()),
        draw={"size": _square(size), "steps": steps, "scale": scale, "sampler": sampler},
    )
    prompts = {label: found for label, _, found in chosen}
    check_options(opening, asked, metrics or ())
    about = begun(masked(" ".join(["tasvir", *sys.argv[1:]])))
    request = Request(folder, opening, asked, prompts, tuple(metrics or ()), batch, about)
    drawing = open_engine(engine, folder / DRAWN, address=address, workers=workers, gpus=gpus)
    raise typer.Exit(run_it(request, drawing, place, as_json=as_json))


def _suite(
    name: str, sample: str | None, seed: int, limit: int | None
) -> tuple[str, dict[str, Any], list[SuitePrompt]]:
    """A suite's label, where it comes from, and the prompts of it that are asked for."""
    from tasvir import registry
    from tasvir.bench.base import Suite
    from tasvir.bench.sampling import choose

    suite = registry.create("suites", name, Suite)
    prompts = choose(suite.prompts(), sample, seed, limit)
    if not prompts:
        raise SettingError(f"suite {name!r} has no prompts: choose another, see `tasvir suites list`")
    return suite.label, suite.provenance, prompts


def _square(size: str | None) -> int | str | None:
    from tasvir.app.cli.bench_arguments import parse_side

    return None if size is None else parse_side(size)


def _word(suite: str) -> str:
    """A suite as a part of a folder's name."""
    return re.sub(r"[^\w.]+", "-", Path(suite).stem if "/" in suite else suite).strip("-.") or "suite"
