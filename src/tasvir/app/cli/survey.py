"""`tasvir survey`: the literature of diffusion models by category; what of it is implemented here."""

from __future__ import annotations

import json
import re
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from tasvir.app.cli.options import Json

if TYPE_CHECKING:
    from tasvir.lab.survey import Figure, Work

NOT_HERE = "not implemented"
ABOUT = """Figures are those that the works report, each measured in its authors' own way (tables 4.5 to 4.7
of the thesis): rows are not comparable to the last digit. FID and NLL (bits a dimension): lower is
better."""
_YEARS = re.compile(r"(\d{4})?(-)?(\d{4})?")


def survey(
    dataset: Annotated[
        str | None,
        typer.Argument(help="cifar10, celeba64 or imagenet64: published figures; left out: the works."),
    ] = None,
    category: Annotated[
        str | None, typer.Option(help='Such as "space projection", or training-based, training-free.')
    ] = None,
    year: Annotated[str | None, typer.Option(help="2022, 2020-2022, 2022- or -2020.")] = None,
    text: Annotated[str, typer.Option(help="Letters in name, title, authors or idea.")] = "",
    implemented: Annotated[
        bool | None, typer.Option("--implemented/--not-implemented", help="Only what is, or is not, here.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Search the survey of diffusion models: its works by category, or their published figures."""
    from tasvir.lab.survey import Wanted, find_figures, find_works

    wanted = Wanted(category, None if year is None else _years(year), text, implemented)
    if dataset is None:
        works = find_works(wanted)
        if as_json:
            typer.echo(json.dumps([asdict(work) for work in works], indent=2, ensure_ascii=False))
            return
        _show_works(works)
        return
    rows = find_figures(dataset, wanted)
    if as_json:
        told = [{**asdict(figure), "work": asdict(work)} for figure, work in rows]
        typer.echo(json.dumps(told, indent=2, ensure_ascii=False))
        return
    _show_figures(rows)


def _years(text: str) -> tuple[int, int]:
    """First and last year of "2022", "2020-2022", "2022-", "-2020".

    Raises:
        SettingError: It is none of them.
    """
    from tasvir.errors import SettingError

    found = _YEARS.fullmatch(text.strip())
    if found is None or not (found[1] or found[3]):
        raise SettingError(f"--year {text!r}: write 2022, 2020-2022, 2022- or -2020")
    first, dash, last = found.groups()
    if dash is None:
        return int(first), int(first)
    span = int(first or 0), int(last or 9999)
    if span[0] > span[1]:
        raise SettingError(f"--year {text!r}: the first year is after the last one")
    return span


def _show_works(works: list[Work]) -> None:
    from rich.table import Table

    from tasvir.app.cli.comparison_tables import wide_console

    console = wide_console()
    grid = Table("category", "name", "authors", "year", "idea", "here", box=None, header_style="bold")
    last = ""
    for work in works:
        shown = "" if work.category == last else work.category
        last = work.category
        here = work.implemented or NOT_HERE
        grid.add_row(shown, work.name, work.authors, str(work.year), work.idea, here)
    console.print(grid)
    done = sum(work.implemented is not None for work in works)
    console.print(f"\n{len(works)} works, {done} of them implemented here")


def _show_figures(rows: list[tuple[Figure, Work]]) -> None:
    from rich.table import Table

    from tasvir.app.cli.comparison_tables import wide_console

    console = wide_console()
    grid = Table("model", "FID", "IS", "NLL", "classes", "category", "year", "here", box=None)
    grid.header_style = "bold"
    for figure, work in rows:
        values = [_told(value) for value in (figure.fid, figure.inception_score, figure.nll)]
        given = "given" if figure.conditional else ""
        here = work.implemented or NOT_HERE
        grid.add_row(figure.model, *values, given, work.category, str(work.year), here)
    console.print(grid)
    for figure, _ in rows:
        if figure.note:
            console.print(f"{figure.model}: {figure.note}")
    console.print(f"\n{len(rows)} rows. {' '.join(ABOUT.split())}")


def _told(value: float | None) -> str:
    return "-" if value is None else f"{value:g}"
