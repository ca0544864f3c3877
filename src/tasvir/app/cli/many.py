"""`tasvir generate --prompts FILE`: many prompts, a folder each, resumable; waiting overlaps with drawing."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import typer

if TYPE_CHECKING:
    from rich.progress import Progress

    from tasvir.bench.run_folder import RunFolder
    from tasvir.bench.runner import Ended, Task
    from tasvir.loop import Event
    from tasvir.models.opening import Opening
    from tasvir.records import Trace
    from tasvir.report.traces import TraceFolder


def run_many(
    tasks: list[Task],
    folder: RunFolder,
    models: dict[str, str | None],
    settings: dict[str, Any],
    opening: Opening,
    *,
    batch: int,
    as_json: bool,
) -> int:
    """Run what is not done yet; returns the exit code.

    It is 0 where every prompt has its picture, 1 where some failed or the budget ran out, 130 on Ctrl-C.
    """
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    from tasvir.app.cli.models import open_models

    before = folder.rows()
    todo = [task for task in tasks if not folder.is_done(task, before.get(task.id))]
    console = Console(stderr=True, highlight=False, markup=False, emoji=False)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    code = 0
    if todo:
        opened = open_models(models, settings, opening)
        with folder.at_work(), Progress(*columns, console=console) as bar:
            code = _run(todo, len(tasks), folder, {**opened, "settings": settings}, opening, batch, bar)
    after = folder.rows()
    rows = [after[task.id] for task in tasks if task.id in after]
    failed = [row for row in rows if row["error"]]
    if all(folder.is_done(task, after.get(task.id)) for task in tasks):
        folder.clear()
    if as_json:
        typer.echo(json.dumps({"folder": str(folder.path), "results": rows}, indent=2, ensure_ascii=False))
    else:
        _summarise(rows, failed, len(tasks), folder)
    return code or int(bool(failed) or len(rows) < len(tasks))


def _run(
    todo: list[Task],
    total: int,
    folder: RunFolder,
    models: dict[str, Any],
    opening: Opening,
    batch: int,
    bar: Progress,
) -> int:
    from tasvir import registry
    from tasvir.bench.runner import PromptRunner
    from tasvir.generate.base import Generator
    from tasvir.guide.base import Guide
    from tasvir.report.traces import TraceFolder

    traces: dict[str, TraceFolder] = {}
    line = bar.add_task("prompts", total=total, completed=total - len(todo))

    def on_event(task: Task, event: Event) -> None:
        if task.id not in traces:
            traces[task.id] = TraceFolder(folder.path / task.id)
        traces[task.id].save(event.trace)

    def on_ended(ended: Ended) -> None:
        if ended.trace is not None and ended.task.id in traces:
            traces[ended.task.id].save(ended.trace)
        row = folder.append(ended)
        bar.console.print(_told(row, ended.trace), soft_wrap=True)
        bar.advance(line)

    waits = [isinstance(models[role], Guide) and models[role].waits for role in ("guide", "judge")]
    generator = registry.create("generators", models["generator"], Generator)
    generator.on_step = lambda step, total, _: bar.update(
        line, description=f"prompts (drawing, step {step} of {total})"
    )
    runner = PromptRunner(
        models["guide"],
        models["judge"],
        generator,
        models["settings"],
        at_once=2 * opening.service.concurrency if any(waits) else 1,
        batch=batch,
        keep=folder.drawn,
    )

    def on_stopping() -> None:
        told = "stopping: calls on their way are paid for and waited for; Ctrl-C again leaves them"
        bar.console.print(told, style="yellow", soft_wrap=True)

    try:
        stopped_by = runner.run(todo, on_ended, on_event, on_stopping)
    except KeyboardInterrupt:
        typer.secho("stopped; the same command goes on from here", fg="yellow", err=True)
        return 130
    if stopped_by is not None:
        typer.secho(f"{stopped_by}", fg="yellow", err=True)
    return int(stopped_by is not None)


def _told(row: dict[str, Any], trace: Trace | None) -> str:
    """A line for people about an ended prompt."""
    if row["error"]:
        return f"{row['id']}  failed: {row['error'].splitlines()[0]}"
    score = "" if row["score"] is None else f"  {row['score']} of 5"
    money = "" if trace is None or not trace.usage.money else f"  ${trace.usage.money:.4f}"
    return f"{row['id']}{score}  {row['pictures']} pictures  {row['finished']}{money}"


def _summarise(
    rows: list[dict[str, Any]], failed: list[dict[str, Any]], total: int, folder: RunFolder
) -> None:
    done = sum(1 for row in rows if row["finished"] not in (None, "interrupted"))
    usages = folder.usages()
    calls = sum(usage["calls"] for usage in usages)
    typer.echo(f"{done} of {total} prompts done, {len(failed)} failed")
    if calls:
        known = [usage["money"] for usage in usages if usage["money"] is not None]
        money = f"${sum(known):.4f}" + (
            "" if len(known) == len(usages) else " and calls whose price is not known"
        )
        replayed = sum(usage["replayed"] for usage in usages)
        typer.echo(f"{calls} calls, {replayed} of them from kept replies, {money}")
    typer.echo(f"folder   {folder.path}")
    if failed:
        typer.echo("the same command tries the failed ones again")
