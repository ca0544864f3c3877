"""`tasvir generate`: the whole loop on one prompt, shown while it runs and kept as a folder to look at."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tasvir.app.cli.options import (
    Budget,
    Compile,
    Concurrency,
    Device,
    DTypeName,
    GeneratorName,
    GuideName,
    Json,
    LayoutFile,
    LocalOnly,
    NoSafety,
    Number,
    OffloadName,
    Options,
    PerMinute,
    Prices,
    PromptText,
    Replay,
    Replies,
    Revision,
    Sampler,
    Scale,
    Seed,
    Size,
    Steps,
    Timeout,
    TrustRemoteCode,
)
from tasvir.app.cli.progress import Progress
from tasvir.errors import TasvirError

if TYPE_CHECKING:
    from tasvir.app.cli.models import Opening
    from tasvir.loop import Event
    from tasvir.records import Layout, Prompt, Trace
    from tasvir.report.traces import TraceFolder


def generate(
    prompt: PromptText,
    guide: GuideName = "embedded",
    judge: Annotated[str | None, typer.Option(help="Who judges; the guide if left out.")] = None,
    generator: GeneratorName = "embedded",
    rounds: Annotated[int, typer.Option(help="At most so many revisions and so many redesigns (K).")] = 5,
    good: Annotated[int, typer.Option(help="Stop at this score, 1 to 5.")] = 5,
    steps: Steps = None,
    scale: Scale = None,
    sampler: Sampler = None,
    number: Number = 1,
    seed: Seed = 0,
    size: Size = None,
    unguided: Annotated[bool, typer.Option("--unguided", help="Draw once from the text alone.")] = False,
    no_revise: Annotated[bool, typer.Option("--no-revise", help="Keep the first plan.")] = False,
    no_judge: Annotated[bool, typer.Option("--no-judge", help="Do not score pictures.")] = False,
    no_redesign: Annotated[bool, typer.Option("--no-redesign", help="One picture, no new layouts.")] = False,
    layout: LayoutFile = None,
    device: Device = "auto",
    dtype: DTypeName = "auto",
    offload: OffloadName = "none",
    compiled: Compile = False,
    revision: Revision = None,
    local_only: LocalOnly = False,
    trust_remote_code: TrustRemoteCode = False,
    no_safety_checker: NoSafety = False,
    options: Options = None,
    budget: Budget = None,
    replies: Replies = None,
    replay: Replay = False,
    concurrency: Concurrency = 8,
    per_minute: PerMinute = None,
    timeout: Timeout = 120.0,
    prices: Prices = None,
    out: Annotated[Path | None, typer.Option(help="Folder.", show_default="out/PROMPT-SEED")] = None,
    as_json: Json = False,
) -> None:
    """Draw a picture that keeps to the prompt: plan, draw, judge, redesign, keep the best."""
    from tasvir.app.cli.arguments import parse_size, slug
    from tasvir.app.cli.models import Opening, parse_options
    from tasvir.models.load import LoadSettings
    from tasvir.models.service import ServiceSettings
    from tasvir.records import Prompt

    asked = Prompt(prompt)
    settings: dict[str, Any] = {
        "rounds": rounds, "good": good, "steps": steps, "scale": scale, "sampler": sampler,
        "size": None if size is None else parse_size(size), "guided": not unguided, "revise": not no_revise,
        "judging": not no_judge, "redesign": not no_redesign,
        "layout": None if layout is None else _read_layout(layout),
    }  # fmt: skip
    opening = Opening(
        LoadSettings(
            device, dtype, offload, compiled, trust_remote_code, revision, local_only, not no_safety_checker
        ),
        ServiceSettings(budget, replies, replay, concurrency, per_minute, timeout, prices=prices),
        parse_options(options or []),
    )
    folder = out or Path("out") / f"{slug(prompt)}-{seed}"
    folders = {seed: folder} if number == 1 else {s: folder / f"seed-{s}" for s in range(seed, seed + number)}
    _check(settings, folders)
    models = {"guide": guide, "judge": judge, "generator": generator}
    traces = _run_all(asked, folders, models, settings, opening, Progress(to_stderr=as_json))
    _report(traces, folders, as_json)
    if traces[-1].finished == "interrupted":
        raise typer.Exit(130)


def _read_layout(path: Path) -> Layout:
    from tasvir.layout import read_layout

    layout, report = read_layout(path)
    for note in report.clipped:
        typer.secho(f"note: {path}: {note}", fg="yellow", err=True)
    return layout


def _check(settings: dict[str, Any], seeds: Iterable[int]) -> None:
    """Find wrong numbers before a folder is made or a model is loaded."""
    from tasvir.generate.base import DrawSettings
    from tasvir.loop import Switches

    for seed in seeds:
        Switches(settings["rounds"], settings["good"], seed)
    DrawSettings(steps=settings["steps"], scale=settings["scale"], sampler=settings["sampler"])


def _run_all(
    prompt: Prompt,
    folders: dict[int, Path],
    models: dict[str, str | None],
    settings: dict[str, Any],
    opening: Opening,
    progress: Progress,
) -> list[Trace]:
    """One trace a seed; the folders are tried before a model is loaded."""
    from tasvir.app.cli.models import open_models
    from tasvir.report.traces import TraceFolder

    kept = {seed: TraceFolder(path) for seed, path in folders.items()}
    traces: list[Trace] = []
    try:
        with progress:
            opened = open_models(models, settings, opening)
            for seed, folder in kept.items():
                traces.append(_run(prompt, seed, folder, {**opened, **settings}, progress))
                if traces[-1].finished == "interrupted":
                    break
    finally:
        for folder in kept.values():
            folder.abandon()
    return traces


def _run(
    prompt: Prompt, seed: int, folder: TraceFolder, settings: dict[str, Any], progress: Progress
) -> Trace:
    """Run the loop on one seed and save after every event, so that a kill leaves a valid trace."""
    from tasvir import pipeline
    from tasvir.records import Trace

    last = Trace(prompt, seed)

    def on_event(event: Event) -> None:
        nonlocal last
        last = event.trace
        folder.save(event.trace)
        progress(event)

    progress.start(prompt.text, seed)
    try:
        trace = pipeline.generate(prompt, seed=seed, on_event=on_event, **settings)
    except KeyboardInterrupt:
        trace = last
    except TasvirError:
        if last.attempts:
            typer.secho(f"what was drawn stays in {folder.path}", fg="yellow", err=True)
        raise
    folder.save(trace)
    return trace


def _report(traces: list[Trace], folders: dict[int, Path], as_json: bool) -> None:
    """Say where everything is."""
    paths = [folders[trace.seed] for trace in traces]
    if as_json:
        rows = [{**trace.to_dict(), "folder": str(path)} for trace, path in zip(traces, paths, strict=True)]
        typer.echo(json.dumps(rows[0] if len(folders) == 1 else rows, indent=2, ensure_ascii=False))
        return
    for trace, path in zip(traces, paths, strict=True):
        if not (trace.drafts or trace.attempts):
            typer.secho("stopped before anything was planned or drawn; nothing was written", err=True)
            continue
        if trace.finished == "interrupted":
            typer.secho(f"stopped; what was drawn stays in {path}", fg="yellow", err=True)
        if trace.attempts:
            typer.echo(f"picture  {path / 'picture.png'}")
            _tell_blocked(trace)
        typer.echo(f"story    {path / 'trace.html'}")


def _tell_blocked(trace: Trace) -> None:
    blocked = trace.best.picture.provenance.get("blocked")
    if blocked:
        typer.secho(f"blocked  {blocked}; --no-safety-checker leaves it out", fg="yellow", err=True)
