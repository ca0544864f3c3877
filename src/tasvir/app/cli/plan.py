"""`tasvir plan`: the planning step alone, prompt -> layout."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated

import typer

from tasvir.app.cli.models import open_guide
from tasvir.app.cli.opening import opens_models
from tasvir.app.cli.options import GuideName, PromptText, Seed
from tasvir.models.opening import Opening

if TYPE_CHECKING:
    from tasvir.records import Layout


@opens_models
def plan(
    prompt: PromptText,
    guide: GuideName = "embedded",
    seed: Seed = 0,
    rounds: Annotated[int, typer.Option(help="At most so many revisions; 0 for the first plan alone.")] = 5,
    as_json: Annotated[
        bool, typer.Option("--json", help="Write the layout as JSON, ready for --layout.")
    ] = False,
    *,
    opening: Opening,
) -> None:
    """Plan a layout and show it, without drawing."""
    from tasvir.errors import SettingError
    from tasvir.loop import attempt_seed
    from tasvir.records import Prompt

    if rounds < 0:
        raise SettingError(f"--rounds {rounds}: expected 0 or more revisions")
    asked = Prompt(prompt)
    planner = open_guide(guide, opening)
    layout = planner.plan(asked, seed=seed)
    revisions = 0
    while revisions < rounds:
        revised = planner.revise(asked, layout, seed=attempt_seed(seed, revisions + 1))
        if revised == layout:
            break
        layout, revisions = revised, revisions + 1
    if as_json:
        typer.echo(json.dumps(layout.to_dict(), indent=2, ensure_ascii=False))
    else:
        _show(layout, revisions)


def _show(layout: Layout, revisions: int) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table("", "thing", "x0", "y0", "x1", "y1", title=None, box=None, header_style="bold")
    for index, thing in enumerate(layout.things):
        table.add_row(str(index + 1), thing.phrase, *(f"{value:.2f}" for value in thing.box.as_tuple()))
    console = Console(highlight=False, markup=False)
    console.print(table)
    console.print(f"background: {layout.background or 'not said'}; back to front; revised {revisions} times")
