"""`tasvir generate`: the whole loop on one prompt, shown while it runs and kept as a folder to look at."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from tasvir.loop import Event
    from tasvir.records import Trace
    from tasvir.report.traces import TraceFolder


def generate(
    prompt: Annotated[str, typer.Argument(help="What the picture shall show.", show_default=False)],
    guide: Annotated[
        str, typer.Option(help="Who plans and redesigns; see `tasvir list guides`.")
    ] = "embedded",
    judge: Annotated[str | None, typer.Option(help="Who judges; the guide if left out.")] = None,
    generator: Annotated[str, typer.Option(help="Who draws; see `tasvir list generators`.")] = "embedded",
    rounds: Annotated[int, typer.Option(help="At most so many revisions and so many redesigns (K).")] = 5,
    good: Annotated[int, typer.Option(help="Stop at this score, 1 to 5.")] = 5,
    steps: Annotated[
        int | None, typer.Option(help="Denoising steps; the generator's choice if left out.")
    ] = None,
    scale: Annotated[float | None, typer.Option(help="Classifier-free guidance scale.")] = None,
    sampler: Annotated[str | None, typer.Option(help="See `tasvir list samplers`.")] = None,
    number: Annotated[
        int, typer.Option("-n", "--number", min=1, help="So many, with seeds that count up.")
    ] = 1,
    seed: Annotated[int, typer.Option(help="What all random draws come from.")] = 0,
    size: Annotated[str, typer.Option(help="WIDTHxHEIGHT in pixels.")] = "128x128",
    unguided: Annotated[bool, typer.Option("--unguided", help="Draw once from the text alone.")] = False,
    no_revise: Annotated[bool, typer.Option("--no-revise", help="Keep the first plan.")] = False,
    no_judge: Annotated[bool, typer.Option("--no-judge", help="Do not score pictures.")] = False,
    no_redesign: Annotated[bool, typer.Option("--no-redesign", help="One picture, no new layouts.")] = False,
    layout: Annotated[
        Path | None, typer.Option(help="Draw from this layout file; see `tasvir plan --json`.")
    ] = None,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda or cuda:N.")] = "auto",
    out: Annotated[
        Path | None, typer.Option(help="Folder for the results.", show_default="out/PROMPT-SEED")
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="JSON on stdout (a list with -n); progress on stderr.")
    ] = False,
) -> None:
    """Draw a picture that keeps to the prompt: plan, draw, judge, redesign, keep the best."""
    from tasvir.app.cli.arguments import parse_size, slug
    from tasvir.generate.base import DrawSettings
    from tasvir.layout import read_layout
    from tasvir.loop import Switches
    from tasvir.records import Prompt

    settings: dict[str, Any] = {
        "rounds": rounds, "good": good, "steps": steps, "scale": scale, "sampler": sampler,
        "size": parse_size(size), "guided": not unguided, "revise": not no_revise,
        "judging": not no_judge, "redesign": not no_redesign,
    }  # fmt: skip
    asked = Prompt(prompt)
    if layout is not None:
        settings["layout"], report = read_layout(layout)
        for note in report.clipped:
            typer.secho(f"note: {layout}: {note}", fg="yellow", err=True)
    folder = out or Path("out") / f"{slug(prompt)}-{seed}"
    folders = {seed: folder} if number == 1 else {s: folder / f"seed-{s}" for s in range(seed, seed + number)}
    for each in folders:
        Switches(rounds, good, each)
    DrawSettings(settings["size"], steps, scale, sampler)
    models = {"guide": guide, "judge": judge, "generator": generator}
    traces = _run_all(asked, folders, models, settings, device, as_json)
    _report(traces, folders, as_json)
    if traces[-1].finished == "interrupted":
        raise typer.Exit(130)


def _run_all(
    prompt: Any,
    folders: dict[int, Path],
    models: dict[str, str | None],
    settings: dict[str, Any],
    device: str,
    quiet: bool,
) -> list[Trace]:
    """One trace a seed; the folders are tried before a model is loaded."""
    from tasvir.app.cli.models import open_models
    from tasvir.app.cli.progress import Progress
    from tasvir.report.traces import TraceFolder

    kept = {seed: TraceFolder(path) for seed, path in folders.items()}
    progress = Progress(to_stderr=quiet)
    traces: list[Trace] = []
    try:
        with progress:
            opened = open_models(models, settings, device, reuse=len(folders) > 1)
            for seed, folder in kept.items():
                traces.append(_run(prompt, seed, folder, {**opened, **settings}, progress))
                if traces[-1].finished == "interrupted":
                    break
    finally:
        for folder in kept.values():
            folder.abandon()
    return traces


def _run(prompt: Any, seed: int, folder: TraceFolder, settings: dict[str, Any], progress: Any) -> Trace:
    """Run the loop on one seed and save after every event, so that a kill leaves a valid trace."""
    from tasvir import pipeline
    from tasvir.records import Trace

    def on_event(event: Event) -> None:
        folder.save(event.trace)
        progress(event)

    progress.start(prompt.text, seed)
    try:
        trace = pipeline.generate(prompt, seed=seed, on_event=on_event, **settings)
    except KeyboardInterrupt:
        trace = Trace(prompt, seed)
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
        if trace.finished == "interrupted":
            typer.secho(f"stopped; what was drawn stays in {path}", fg="yellow", err=True)
        if trace.attempts:
            typer.echo(f"picture  {path / 'picture.png'}")
        typer.echo(f"story    {path / 'trace.html'}")
