"""`tasvir query`: SQL over a run, and its tables as Parquet."""

from __future__ import annotations

import json
import math
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tasvir.app.cli.options import Json

if TYPE_CHECKING:
    from tasvir.bench.query import Answer


def query(
    run: Annotated[str, typer.Argument(help="Folder or URL of a `tasvir bench`.", show_default=False)],
    sql: Annotated[
        str | None,
        typer.Argument(
            help="DuckDB's SQL over results (a row a picture and metric), cells, pictures, scores, failures, "
            "set_scores, speeds, ratings, prompts, suites, models, metrics, recipes.",
            show_default=False,
        ),
    ] = None,
    parquet: Annotated[
        Path | None, typer.Option(help="Write each table to a Parquet file in this folder.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Ask a run in SQL, or write its tables as Parquet. Needs the extra duckdb."""
    from tasvir.bench.place import Place
    from tasvir.bench.query import export_parquet, query_run
    from tasvir.errors import SettingError

    if (sql is None) == (parquet is None):
        raise SettingError('give either a query, "SELECT * FROM results LIMIT 5", or --parquet DIR')
    folder = Place(run).fetch()
    if parquet is not None:
        paths = [str(path) for path in export_parquet(folder, parquet)]
        typer.echo(json.dumps(paths) if as_json else "\n".join(paths))
    elif sql is not None:
        answer = query_run(folder, sql)
        typer.echo(_as_json(answer) if as_json else _as_text(answer))


def _as_json(answer: Answer) -> str:
    rows = [dict(zip(answer.columns, map(_finite, row), strict=True)) for row in answer.rows]
    return json.dumps(rows, indent=2, ensure_ascii=False, default=_plain)


def _finite(value: Any) -> Any:
    """JSON knows no value that is not a number: none stands for it."""
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _plain(value: Any) -> Any:
    return float(value) if isinstance(value, Decimal) else str(value)


def _as_text(answer: Answer) -> str:
    """Columns in line, figures to the right; as wide as they are, so that a shell can cut them."""
    table = [answer.columns, *([_cell(value) for value in row] for row in answer.rows)]
    widths = [max(len(row[index]) for row in table) for index in range(len(answer.columns))]
    right = [
        all(isinstance(row[index], int | float | Decimal | None) for row in answer.rows)
        for index in range(len(answer.columns))
    ]
    lines = [
        "  ".join(
            cell.rjust(width) if to_right else cell.ljust(width)
            for cell, width, to_right in zip(row, widths, right, strict=True)
        ).rstrip()
        for row in table
    ]
    count = len(answer.rows)
    return "\n".join([*lines, f"({count} row{'s' * (count != 1)})"])


def _cell(value: Any) -> str:
    if value is None:
        return ""
    return f"{value:.6g}" if isinstance(value, float) else str(value)
