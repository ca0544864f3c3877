"""`tasvir generate`: the whole loop on one prompt, shown while it runs and kept as a folder to look at."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tasvir.app.cli.opening import opens_models
from tasvir.app.cli.options import (
    GeneratorName,
    GuideName,
    Json,
    LayoutFile,
    Number,
    Sampler,
    Scale,
    Seed,
    Size,
    Steps,
)
from tasvir.app.cli.progress import Progress
from tasvir.errors import SettingError, TasvirError
from tasvir.models.opening import Opening

if TYPE_CHECKING:
    from tasvir.loop import Event
    from tasvir.records import Prompt, Trace
    from tasvir.report.traces import TraceFolder


@opens_models
def generate(
    prompt: Annotated[
        str | None, typer.Argument(help="What the picture shall show.", show_default=False)
    ] = None,
    prompts: Annotated[
        Path | None, typer.Option(help="A file of prompts instead: a line each, or .jsonl.")
    ] = None,
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
    batch: Annotated[int, typer.Option(min=1, help="Pictures drawn at once with --prompts.")] = 8,
    out: Annotated[Path | None, typer.Option(help="Folder.", show_default="out/PROMPT-SEED")] = None,
    as_json: Json = False,
    *,
    opening: Opening,
) -> None:
    """Draw a picture that keeps to the prompt: plan, draw, judge, redesign, keep the best."""
    from tasvir.app.cli.arguments import parse_size, read_layout_file
    from tasvir.records import Prompt

    settings: dict[str, Any] = {
        "rounds": rounds, "good": good, "steps": steps, "scale": scale, "sampler": sampler,
        "size": None if size is None else parse_size(size), "guided": not unguided, "revise": not no_revise,
        "judging": not no_judge, "redesign": not no_redesign,
        "layout": None if layout is None else read_layout_file(layout),
    }  # fmt: skip
    models = {"guide": guide, "judge": judge, "generator": generator}
    if prompts is not None:
        if prompt is not None or number != 1:
            raise SettingError("--prompts takes its prompts from the file: leave out PROMPT and --number")
        _check(settings, [seed])
        raise typer.Exit(_many(prompts, seed, out, models, settings, opening, batch, as_json))
    if prompt is None:
        raise SettingError("say what the picture shall show, or name a file with --prompts")
    asked = Prompt(prompt)
    folder = out or Path("out") / f"{asked.slug}-{seed}"
    folders = {seed: folder} if number == 1 else {s: folder / f"seed-{s}" for s in range(seed, seed + number)}
    _check(settings, folders)
    traces = _run_all(asked, folders, models, settings, opening, Progress(to_stderr=as_json))
    _report(traces, folders, as_json)
    if traces[-1].finished == "interrupted":
        raise typer.Exit(130)


def _many(
    file: Path,
    seed: int,
    out: Path | None,
    models: dict[str, str | None],
    settings: dict[str, Any],
    opening: Opening,
    batch: int,
    as_json: bool,
) -> int:
    """Every prompt of a file; returns the exit code."""
    from dataclasses import asdict

    from tasvir.app.cli.many import run_many
    from tasvir.bench.prompt_file import read_prompts
    from tasvir.bench.run_folder import ANYWHERE, RunFolder

    tasks = read_prompts(file, seed)
    layout = settings["layout"]
    arguments = {**models, **settings, "layout": None if layout is None else layout.to_dict()}
    load = {name: value for name, value in asdict(opening.load).items() if name not in ANYWHERE}
    arguments |= {"load": load, "options": dict(opening.options)}
    # what answers hang on; money and patience may change when a run goes on
    arguments |= {name: getattr(opening.service, name) for name in ("temperature", "max_tokens", "schema")}
    folder = RunFolder(out or Path("out") / file.stem, arguments)
    return run_many(tasks, folder, models, settings, opening, batch=batch, as_json=as_json)


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
            opened["generator"].on_step = progress.tell_step
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
