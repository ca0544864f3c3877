"""SQL over a run, and its tables as Parquet, by DuckDB in memory: the run itself is only read.

The tables are those of the store (`tasvir.bench.store_schema`), with ``results`` as a row a cell and metric.
DuckDB's own reader of SQLite files is an extension that has to be downloaded, so rows pass as JSON lines.
"""

from __future__ import annotations

import json
import sqlite3
import tempfile
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tasvir.bench.lines import try_writing, writing
from tasvir.bench.store_schema import DESCRIBING, MADE, STORE, TOLD, connect, telling
from tasvir.errors import PluginError, SettingError

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

TABLES = ("results", *DESCRIBING, *MADE, *TOLD)
_TYPES = {"INTEGER": "BIGINT", "REAL": "DOUBLE"}
"""DuckDB's names for SQLite's; all else is text."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What a query gave.

    Args:
        columns: Their names.
        rows: As Python values.
    """

    columns: tuple[str, ...]
    rows: tuple[tuple[Any, ...], ...]


def query_run(run: Path, sql: str) -> Answer:
    """Ask a run.

    Args:
        run: Its folder.
        sql: In DuckDB's dialect, over `TABLES`; settings and stories are JSON: ``settings->>'steps'``.

    Raises:
        PluginError: DuckDB is not installed; says how to.
        RecordError: The folder holds no run, or a damaged one.
        SettingError: DuckDB cannot make sense of the query; says what it says.
    """
    with closing(_load(run)) as tables:
        import duckdb

        try:
            cursor = tables.execute(sql)
            columns = tuple(str(column[0]) for column in cursor.description or ())
            return Answer(columns, tuple(cursor.fetchall()) if columns else ())
        except duckdb.Error as problem:
            raise SettingError(
                f"the query failed: {problem}\nthe tables are {', '.join(TABLES)}"
            ) from problem


def export_parquet(run: Path, out: Path) -> list[Path]:
    """Write each table of a run to a Parquet file of its name; what is there by that name is replaced.

    Args:
        run: The run's folder.
        out: Where to; made if it is not there.

    Returns:
        The files.

    Raises:
        PluginError: DuckDB is not installed; says how to.
        RecordError: The folder holds no run, or a damaged one.
        OutputError: ``out`` cannot be written.
    """
    with closing(_load(run)) as tables:
        import duckdb

        try_writing(out)
        written = []
        for table in TABLES:
            path, fresh = out / f"{table}.parquet", out / f"{table}.parquet.new"
            with writing(out):
                try:
                    tables.execute(f"COPY {table} TO $path (FORMAT parquet)", {"path": str(fresh)})
                except duckdb.IOException as problem:
                    raise OSError(str(problem)) from problem
                fresh.replace(path)
            written.append(path)
        return written


def _load(run: Path) -> DuckDBPyConnection:
    """A database in memory that holds what the run's store holds at this moment."""
    try:
        import duckdb
    except ImportError as problem:
        raise PluginError(
            f"asking a run needs DuckDB, which is not installed ({problem}): pip install 'tasvir[duckdb]'"
        ) from problem
    tables = duckdb.connect(config={"autoinstall_known_extensions": "false"})  # nothing is fetched unasked
    with telling(run / STORE), closing(connect(run, read_only=True)) as store:
        store.execute("BEGIN")
        for name in TABLES:
            _copy(store, tables, name)
    return tables


def _copy(store: sqlite3.Connection, tables: DuckDBPyConnection, name: str) -> None:
    columns = {column: _TYPES.get(kind, "VARCHAR") for _, column, kind, *_ in _columns(store, name)}
    with tempfile.TemporaryDirectory() as made:
        lines = Path(made) / "rows.jsonl"
        with lines.open("w", encoding="utf-8") as opened:
            for row in store.execute(f"SELECT * FROM {name}"):
                opened.write(json.dumps(dict(zip(columns, row, strict=True))) + "\n")
        source = "read_json($file, format = 'newline_delimited', columns = $columns)"
        told = {"file": str(lines), "columns": columns}
        tables.execute(f"CREATE TABLE {name} AS SELECT * FROM {source}", told)


def _columns(store: sqlite3.Connection, name: str) -> Sequence[tuple[Any, ...]]:
    return store.execute(f"PRAGMA table_info({name})").fetchall()
