"""The tables of a run's store, and how it is opened.

SQLite with a write-ahead log: what a commit has put there is in the hands of the system, so that it outlives
the process, killed or not. ``synchronous`` is NORMAL: after a power cut the last commits may be missing as a
whole, which costs drawing those pictures again; FULL would flush the disk at every commit.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tasvir.errors import OutputError, RecordError

STORE = "store.sqlite"
VERSION = 1
"""Counts up whenever the tables change."""
OURS = 0x74617376  # "tasv": tells our files from other programs' databases

TABLES = """
CREATE TABLE suites (suite TEXT PRIMARY KEY, provenance TEXT NOT NULL) STRICT;
CREATE TABLE prompts (suite TEXT, id TEXT, text TEXT NOT NULL, category TEXT NOT NULL, facts TEXT NOT NULL,
    hash TEXT NOT NULL, PRIMARY KEY (suite, id)) STRICT;
CREATE TABLE models (name TEXT PRIMARY KEY, spec TEXT NOT NULL, identity TEXT NOT NULL,
    derived_from TEXT) STRICT;
CREATE TABLE recipes (hash TEXT PRIMARY KEY, metric TEXT NOT NULL, recipe TEXT NOT NULL) STRICT;
CREATE TABLE metrics (name TEXT PRIMARY KEY, recipe TEXT NOT NULL, higher_is_better INTEGER NOT NULL,
    low REAL, high REAL, of_sets INTEGER NOT NULL) STRICT;
CREATE TABLE cells (suite TEXT, prompt TEXT, model TEXT, settings TEXT, seed INTEGER, key TEXT NOT NULL,
    PRIMARY KEY (suite, prompt, model, settings, seed)) STRICT;
CREATE TABLE pictures (key TEXT PRIMARY KEY, sha256 TEXT NOT NULL, bytes INTEGER NOT NULL, seconds REAL,
    story TEXT NOT NULL, made TEXT NOT NULL) STRICT;
CREATE TABLE failures (key TEXT, what TEXT, reason TEXT NOT NULL, made TEXT NOT NULL,
    PRIMARY KEY (key, what)) STRICT;
CREATE TABLE scores (key TEXT PRIMARY KEY, picture TEXT NOT NULL, prompt TEXT NOT NULL, recipe TEXT NOT NULL,
    metric TEXT NOT NULL, value REAL, reason TEXT NOT NULL, details TEXT NOT NULL, made TEXT NOT NULL) STRICT;
CREATE TABLE set_scores (key TEXT PRIMARY KEY, recipe TEXT NOT NULL, metric TEXT NOT NULL, value REAL,
    n INTEGER NOT NULL, spread REAL, low REAL, high REAL, reason TEXT NOT NULL, details TEXT NOT NULL,
    made TEXT NOT NULL) STRICT;
CREATE TABLE speeds (model TEXT NOT NULL, settings TEXT NOT NULL, n INTEGER NOT NULL, low REAL NOT NULL,
    median REAL NOT NULL, high REAL NOT NULL, steps_per_second REAL, batch INTEGER NOT NULL,
    load_seconds REAL, peak_bytes INTEGER, device TEXT NOT NULL, made TEXT NOT NULL) STRICT;
CREATE TABLE ratings (rater TEXT NOT NULL, suite TEXT NOT NULL, prompt TEXT NOT NULL, picture TEXT NOT NULL,
    value INTEGER NOT NULL, seconds REAL, made TEXT NOT NULL) STRICT;
CREATE VIEW results AS
    SELECT cells.suite, cells.prompt, prompts.text, prompts.category, cells.model, cells.settings, cells.seed,
        pictures.sha256 AS picture, pictures.seconds, metrics.name AS metric, scores.value,
        CASE WHEN pictures.key IS NULL THEN coalesce(undrawn.reason, 'not drawn yet')
            WHEN scores.key IS NULL THEN 'no score yet' ELSE scores.reason END AS reason,
        metrics.recipe
    FROM cells
    JOIN prompts ON prompts.suite = cells.suite AND prompts.id = cells.prompt
    LEFT JOIN pictures ON pictures.key = cells.key
    LEFT JOIN failures AS undrawn ON undrawn.key = cells.key AND undrawn.what = 'draw'
    LEFT JOIN metrics ON NOT metrics.of_sets
    LEFT JOIN scores ON scores.picture = pictures.sha256 AND scores.prompt = prompts.hash
        AND scores.recipe = metrics.recipe;
CREATE INDEX scores_by_picture ON scores (picture, prompt, recipe);
"""
"""JSON is kept as text with sorted keys; times are UTC. ``results`` has a row a cell and metric."""

DESCRIBING = ("suites", "prompts", "models", "metrics", "cells")
MADE = ("recipes", "pictures", "failures", "scores", "set_scores")
TOLD = ("speeds", "ratings")
"""Tables by what telling a row again does: it takes the old one's place, nothing, or is a row more."""


def connect(folder: Path, *, read_only: bool = False) -> sqlite3.Connection:
    """Open the store of a folder; for writing, make its tables where there are none yet.

    Raises:
        RecordError: There is none to read, it is damaged, no store of ours, or of a newer version.
        OutputError: It cannot be written.
    """
    file = folder / STORE
    if read_only and not os.path.exists(file):
        raise RecordError(f"{folder} holds no run: it has no {STORE}; name the folder of a `tasvir bench`")
    with telling(file):
        connection = _connection(file, read_only)
        try:
            _check(connection, file)
            if not read_only:
                _prepare(connection)
        except BaseException:
            connection.close()
            raise
    return connection


def _connection(file: Path, read_only: bool) -> sqlite3.Connection:
    if not read_only:
        return sqlite3.connect(file, timeout=30, isolation_level=None, check_same_thread=False)
    uri = f"{file.absolute().as_uri()}?mode=ro"
    if not os.access(file.parent, os.W_OK) and not _size(file.with_name(f"{STORE}-wal")):
        uri += "&immutable=1"  # a reader of a write-ahead log wants to write beside it, and may not
    return sqlite3.connect(uri, uri=True, timeout=30, isolation_level=None, check_same_thread=False)


def _size(file: Path) -> int:
    return file.stat().st_size if os.path.exists(file) else 0


def _check(connection: sqlite3.Connection, file: Path) -> None:
    ours = connection.execute("PRAGMA application_id").fetchone()[0]
    version = connection.execute("PRAGMA user_version").fetchone()[0]
    tables = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
    if (ours != OURS and tables) or (ours == OURS and not tables):
        raise RecordError(f"{file} is not the store of a run: name another folder")
    if version > VERSION:
        raise RecordError(
            f"{file} was made by a newer tasvir (tables of version {version}, this one knows {VERSION}): "
            "upgrade tasvir, or choose another folder with --out"
        )


def _prepare(connection: sqlite3.Connection) -> None:
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = NORMAL")
    if connection.execute("PRAGMA user_version").fetchone()[0] == 0:
        numbers = f"PRAGMA application_id = {OURS}; PRAGMA user_version = {VERSION};"
        connection.executescript(f"BEGIN IMMEDIATE; {TABLES} {numbers} COMMIT;")


def take_over(connection: sqlite3.Connection, other: Path) -> None:
    """Add the rows of another folder's store that are not there yet, in one transaction.

    What describes a run (its suites, models, metrics, cells) is taken as the other says; of what was made,
    the old row of a key stays.

    Raises:
        RecordError: See `connect`.
    """
    connect(other, read_only=True).close()  # it is one of ours
    connection.execute("ATTACH ? AS other", (str(other / STORE),))
    try:
        connection.execute("BEGIN IMMEDIATE")
        for table in DESCRIBING:
            connection.execute(f"REPLACE INTO {table} SELECT * FROM other.{table}")
        for table in MADE:
            connection.execute(f"INSERT OR IGNORE INTO {table} SELECT * FROM other.{table}")
        for table in TOLD:
            unknown = f"SELECT * FROM other.{table} EXCEPT SELECT * FROM {table} ORDER BY made"
            connection.execute(f"INSERT INTO {table} {unknown}")
        connection.execute("COMMIT")
    finally:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        connection.execute("DETACH other")


@contextmanager
def telling(file: Path) -> Iterator[None]:
    """Turns SQLite's errors into ours.

    Raises:
        OutputError: No room is left, it may not be written, or another program holds it.
        RecordError: It is damaged, or no SQLite file.
    """
    try:
        yield
    except (sqlite3.IntegrityError, sqlite3.ProgrammingError):
        raise  # a mistake of ours
    except sqlite3.OperationalError as problem:
        raise OutputError(
            f"cannot use the store {file}: {problem}; what was told to it before is kept: make room, or end "
            "the program that holds it, and give the same command again"
        ) from problem
    except sqlite3.DatabaseError as problem:
        raise RecordError(
            f"the store {file} is damaged or is no store ({problem}): put a copy of it back, or choose "
            "another folder with --out; the pictures beside it are whole files of their own"
        ) from problem
