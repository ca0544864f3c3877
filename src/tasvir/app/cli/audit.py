"""`tasvir audit`: every metric and judge against pictures whose truth is known."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tasvir.app.cli.bench import Metrics
from tasvir.app.cli.opening import opens_models
from tasvir.app.cli.options import Json, Seed
from tasvir.errors import SettingError
from tasvir.models.opening import Opening

if TYPE_CHECKING:
    from tasvir.bench.auditing.running import AuditRequest, PartRun
    from tasvir.report.audit_page import Shade
    from tasvir.score.auditing import Audit

EMBEDDED = ("clip-score:embedded", "blip-clip:embedded", "b-vqa:embedded", "judge:embedded")
INTERRUPTED = 130
EXAMPLES = 8


@opens_models
def audit(
    metrics: Metrics = None,
    judges: Annotated[
        list[str] | None, typer.Option(help="Guides as judges, the same as --metrics judge:GUIDE.")
    ] = None,
    scenes: Annotated[int, typer.Option(min=1, help="Texts of each part.")] = 300,
    seed: Seed = 0,
    repeats: Annotated[int, typer.Option(min=1, help="How often judges are asked about a picture.")] = 3,
    pictures: Annotated[str, typer.Option(help="rendered, generated or both.")] = "both",
    models: Annotated[
        list[str] | None, typer.Option(help="Who draws the generated ones.", show_default="embedded")
    ] = None,
    noise: Annotated[
        float, typer.Option(min=0.0, help="Standard deviation of the raters' errors, in levels.")
    ] = 0.0,
    run: Annotated[
        Path | None,
        typer.Option(help="A run scored by `predicates`: audit what it holds; nothing is made."),
    ] = None,
    out: Annotated[Path, typer.Option(help="Folder.")] = Path("out/audit"),
    as_json: Json = False,
    *,
    opening: Opening,
) -> None:
    """Score pictures with known faults, and say which metrics and judges follow the truth, and where not.

    The same command goes on where it was stopped; with more metrics it asks only those.
    """
    from tasvir.app.cli.bench_arguments import parse_models
    from tasvir.app.cli.models import check_flags
    from tasvir.bench.asked import begun
    from tasvir.bench.auditing.running import GENERATED, AuditRequest, check_parts

    about = begun(" ".join(["tasvir", *sys.argv[1:]]))
    if run is not None:
        held = {GENERATED: (run, _held(run))}
        raise typer.Exit(_write(out, held, about, noise, seed, as_json=as_json))
    chosen = [*(metrics or ()), *(f"judge:{guide}" for guide in judges or ())] or list(EMBEDDED)
    parts = check_parts(pictures)
    drawn = parse_models(models or ("embedded",), (), {}, opening) if GENERATED in parts else {}
    check_flags(opening, [("metrics", name) for name in chosen])
    request = AuditRequest(
        out, tuple(dict.fromkeys(chosen)), opening, parts, scenes, seed, repeats, drawn, about
    )
    raise typer.Exit(_run(request, noise, as_json=as_json))


def _run(request: AuditRequest, noise: float, *, as_json: bool) -> int:
    from tasvir.app.cli.bench_progress import BenchProgress
    from tasvir.bench.auditing.running import run_part

    runs: dict[str, PartRun] = {}
    try:
        for part in request.parts:
            with BenchProgress() as progress:
                runs[part] = run_part(request, part, progress)
    except KeyboardInterrupt:
        typer.secho("stopped; the same command goes on from here", fg="yellow", err=True)
        return INTERRUPTED
    parts = {part: (request.folder / part, run) for part, run in runs.items()}
    return _write(request.folder, parts, request.about, noise, request.seed, as_json=as_json)


def _held(folder: Path) -> PartRun:
    """A run as it is.

    Raises:
        SettingError: The oracle has not read its pictures.
        RecordError: It cannot be read.
    """
    from tasvir.bench.auditing.running import PartRun
    from tasvir.bench.reading import load_results
    from tasvir.score.auditing.truth import ORACLE

    results = load_results(folder)
    if ORACLE not in [metric.name for metric in results.metrics]:
        raise SettingError(
            f"{folder} does not say what is true of its pictures: `tasvir score {folder} --metrics {ORACLE}`"
        )
    return PartRun(results, {}, {}, ())


def _write(
    out: Path,
    runs: Mapping[str, tuple[Path, PartRun]],
    about: Mapping[str, Any],
    noise: float,
    seed: int,
    *,
    as_json: bool,
) -> int:
    """Figures and pages of these parts, each in its folder; returns the exit code."""
    from tasvir.bench.lines import try_writing, writing
    from tasvir.report.audit_page import write_audit
    from tasvir.score.auditing import audit as hold_against

    try_writing(out)
    found = hold_against(
        {part: (run.results, run.again) for part, (_, run) in runs.items()}, noise=noise, seed=seed
    )
    examples = {part: _examples(folder, run) for part, (folder, run) in runs.items()}
    with writing(out):
        files = write_audit(out, found, about, examples)
    troubles = [f"{count} x {what}" for _, run in runs.values() for what, count in run.failures.items()]
    troubles += [reason for _, run in runs.values() for reason in run.stopped_by]
    for trouble in troubles:
        typer.secho(f"failed   {trouble.splitlines()[0]}", fg="red", err=True)
    if as_json:
        typer.echo((out / "audit.json").read_text("utf-8").rstrip())
    else:
        _show(found, files)
    return int(bool(troubles))


def _show(found: Audit, files: list[Path]) -> None:
    from rich.console import Console
    from rich.table import Table

    from tasvir.report.audit_tables import audit_tables, findings

    console = Console(highlight=False, markup=False, emoji=False)
    for part in found.parts:
        console.print(f"{part.name}: {part.n_pictures} pictures of {part.n_prompts} texts", style="bold")
        for table in audit_tables(part):
            grid = Table(title=table.caption, title_justify="left")
            for place, head in enumerate(table.head):
                grid.add_column(head, no_wrap=place == 0)
            for row in table.rows:
                grid.add_row(*("\n".join(filter(None, (entry.text, entry.small))) for entry in row))
            console.print(grid)
        for sentence in findings(part):
            console.print(sentence)
    for file in files:
        console.print(f"wrote    {file}", soft_wrap=True)


def _examples(folder: Path, run: PartRun) -> list[tuple[str, list[Shade]]]:
    """The first texts with all their pictures."""
    from tasvir.report.audit_page import Shade
    from tasvir.score.auditing.truth import ORACLE, known

    found: dict[str, list[Shade]] = {}
    for picture in known(run.results):
        cell = picture.cell
        text = run.results.prompts[cell.key].text
        if text not in found and len(found) == EXAMPLES:
            continue
        what = ", ".join(picture.faults) or "true" if picture.faults is not None else cell.model
        values = {name: score.value for name, score in cell.scores.items() if name != ORACLE}
        png = (folder / str(cell.path)).read_bytes()
        found.setdefault(text, []).append(Shade(what, picture.share, png, values))
    return list(found.items())
