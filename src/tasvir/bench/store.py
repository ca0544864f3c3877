"""A run's store: what was asked, drawn and scored, in rows that outlive a kill at any moment.

A picture's file is whole on disk before its row is told, and a row is told in a transaction: so a kill loses
at most what was not told yet. Rows are found by keys of all that they hang on (`tasvir.bench.store_rows`), so
that nothing is done twice. Calls from several threads come one after the other.
"""

from __future__ import annotations

import json
import math
import sqlite3
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Self

from tasvir.bench.holding import holding
from tasvir.bench.lines import writing
from tasvir.bench.picture_files import PictureFiles
from tasvir.bench.store_rows import (
    DRAW,
    CellRow,
    FailureRow,
    KeptPicture,
    PictureRow,
    ScoreRow,
    dumps,
    prompt_hash,
    set_key,
)
from tasvir.bench.store_schema import STORE, connect, take_over, telling
from tasvir.errors import RecordError
from tasvir.records import SetScore, SuitePrompt
from tasvir.results import MetricInfo, ModelInfo, PromptKey, Rating, Speed


class RunStore:
    """The store of a run's folder, held for this process until it is closed; safe over threads.

    Args:
        folder: The run's; made if it is not there. What a killed process left unfinished is swept away.

    Raises:
        SettingError: Another process is at work in it.
        RecordError: Its store is damaged, no store of ours, or of a newer version.
        OutputError: It cannot be written.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.files = PictureFiles(folder)
        self._file = folder / STORE
        self._turn = threading.RLock()
        with ExitStack() as undo:
            with writing(folder):
                folder.mkdir(parents=True, exist_ok=True)
            undo.enter_context(holding(folder))
            self._connection = connect(folder)
            undo.callback(self._connection.close)
            self.files.sweep()
            self._lost = self._find_lost()
            self._held = undo.pop_all()

    def close(self) -> None:
        """Let go of the folder; closing twice is fine."""
        with self._turn:
            self._held.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # What was asked

    def add_prompts(self, suite: str, provenance: Mapping[str, Any], prompts: Iterable[SuitePrompt]) -> None:
        """Keep a suite's prompts and where they come from; what is told again takes the place of the old."""
        rows = [(suite, p.id, p.text, p.category, dumps(p.facts), prompt_hash(p)) for p in prompts]
        with self._transaction() as connection:
            _put(connection, "REPLACE INTO suites", [(suite, dumps(provenance))])
            _put(connection, "REPLACE INTO prompts", rows)

    def add_model(self, model: ModelInfo) -> None:
        """Keep a column of the matrix; told again, it takes the place of the old one of its name."""
        row = (model.name, model.spec, dumps(model.identity), model.derived_from)
        with self._transaction() as connection:
            _put(connection, "REPLACE INTO models", [row])

    def add_metric(self, metric: MetricInfo) -> None:
        """Keep a metric and its recipe; scores by its name are those of the recipe told last."""
        low, high = metric.bounds
        recipe = (metric.recipe_hash, metric.name, dumps(metric.recipe))
        row = (metric.name, metric.recipe_hash, metric.higher_is_better, low, high, metric.of_sets)
        with self._transaction() as connection:
            _put(connection, "INSERT OR IGNORE INTO recipes", [recipe])
            _put(connection, "REPLACE INTO metrics", [row])

    def add_cells(self, cells: Iterable[CellRow]) -> None:
        """Keep which picture each cell shows; told again with another key, the cell shows that one."""
        rows = [(c.suite, c.prompt, c.model, dumps(c.settings), c.seed, c.key) for c in cells]
        with self._transaction() as connection:
            _put(connection, "REPLACE INTO cells", rows)

    # What is there

    def prompts(self) -> dict[PromptKey, SuitePrompt]:
        """All prompts that were ever asked for, by suite and id."""
        rows = self._select("SELECT suite, id, text, category, facts FROM prompts")
        return {
            (suite, name): SuitePrompt(name, text, category, json.loads(facts))
            for suite, name, text, category, facts in rows
        }

    def identities(self) -> dict[str, dict[str, Any]]:
        """What all pictures of a model hang on, as it was told last, by its name."""
        rows = self._select("SELECT name, identity FROM models")
        return {name: json.loads(identity) for name, identity in rows}

    def cells(self) -> list[CellRow]:
        """All cells, in the order of asking."""
        rows = self._select("SELECT suite, prompt, model, seed, settings, key FROM cells ORDER BY rowid")
        return [CellRow(s, p, m, seed, json.loads(settings), key) for s, p, m, seed, settings, key in rows]

    def recipes(self) -> dict[str, str]:
        """Hash of the recipe of each metric, as it was told last, by its name."""
        return dict(self._select("SELECT name, recipe FROM metrics"))

    def timed(self) -> set[tuple[str, str]]:
        """Models and settings (`dumps`) whose speed is known."""
        return {(model, settings) for model, settings in self._select("SELECT model, settings FROM speeds")}

    # Pictures

    def add_picture(
        self, key: str, png: bytes, *, seconds: float | None = None, story: Mapping[str, Any] | None = None
    ) -> str:
        """Keep one picture; see `add_pictures`."""
        return self.add_pictures([PictureRow(key, png, seconds, dict(story or {}))])[0]

    def add_pictures(self, rows: Sequence[PictureRow]) -> list[str]:
        """Keep pictures, files first, rows in one transaction; of a key that is there the old one stays.

        Returns:
            The SHA-256 of what is kept under each key, in order.

        Raises:
            OutputError: They cannot be written; no row of them is told.
        """
        keys = [row.key for row in rows]
        there = self.has_pictures(keys)
        written = {row.key: (row, self.files.write(row.png)) for row in rows if row.key not in there}
        with self._transaction() as connection:
            there = self.has_pictures(keys)  # another thread may have told one meanwhile
            made = _now()
            fresh = [
                (key, sha256, len(row.png), row.seconds, dumps(row.story), made)
                for key, (row, sha256) in written.items()
                if key not in there
            ]
            _put(connection, "REPLACE INTO pictures", fresh)
            self._lost -= {sha256 for _, sha256 in written.values()}
            kept = self.hashes(keys)
        return [kept[key] for key in keys]

    def pictures(self, keys: Iterable[str]) -> dict[str, KeptPicture]:
        """What is kept under those of the keys whose picture is there."""
        found = self._select(
            "SELECT key, sha256, seconds, story FROM pictures WHERE key IN (SELECT value FROM json_each(?))",
            dumps(list(keys)),
        )
        return {
            key: KeptPicture(sha256, seconds, json.loads(story))
            for key, sha256, seconds, story in found
            if sha256 not in self._lost
        }

    def hashes(self, keys: Iterable[str]) -> dict[str, str]:
        """SHA-256 by key of those whose picture is there; one that is missing or cut short on disk is not."""
        found = self._select(
            "SELECT key, sha256 FROM pictures WHERE key IN (SELECT value FROM json_each(?))",
            dumps(list(keys)),
        )
        return {key: sha256 for key, sha256 in found if sha256 not in self._lost}

    def has_pictures(self, keys: Iterable[str]) -> set[str]:
        """Those of the keys whose picture is there; see `hashes`."""
        return set(self.hashes(keys))

    def read_png(self, sha256: str) -> bytes:
        """A picture's file, held against its hash.

        Raises:
            RecordError: It is missing or damaged; says what to do.
        """
        return self.files.read(sha256)

    def forget(self, sha256: str, reason: str) -> None:
        """Take a damaged picture for lost: its file is removed and the reason told, and it is made again."""
        with self._turn, writing(self.folder):
            if sha256 in self._lost:
                return
            self.files.path(sha256).unlink(missing_ok=True)
            self._lost.add(sha256)
            for (key,) in self._select("SELECT key FROM pictures WHERE sha256 = ?", sha256):
                self.add_failure(key, DRAW, reason)

    # Scores

    def add_scores(self, rows: Sequence[ScoreRow]) -> None:
        """Keep scores in one transaction; of a key that is there the old one stays.

        Raises:
            OutputError: They cannot be written; none of them is kept.
        """
        made = _now()
        told = [
            (
                *(row.key, row.picture, prompt_hash(row.prompt), row.recipe, row.score.name),
                *_finite(row.score.value, row.score.reason),
                *(dumps(row.score.details), made),
            )
            for row in rows
        ]
        with self._transaction() as connection:
            _put(connection, "INSERT OR IGNORE INTO scores", told)

    def has_scores(self, keys: Iterable[str]) -> set[str]:
        """Those of the keys (`score_key`) that have a score, missing values included."""
        return self._has("scores", keys)

    def add_set_score(self, pictures: Sequence[str], recipe: str, score: SetScore) -> None:
        """Keep what a metric of sets says of pictures, given by their SHA-256."""
        low, high = score.interval or (None, None)
        value, reason = _finite(score.value, score.reason)
        what = (set_key(pictures, recipe), recipe, score.name)
        row = (*what, value, score.n, score.spread, low, high, reason, dumps(score.details), _now())
        with self._transaction() as connection:
            _put(connection, "INSERT OR IGNORE INTO set_scores", [row])

    def has_set_scores(self, keys: Iterable[str]) -> set[str]:
        """Those of the keys (`set_key`) that have a score."""
        return self._has("set_scores", keys)

    # Failures, speeds, ratings

    def add_failure(self, key: str, what: str, reason: str) -> None:
        """Keep why something is not there; told again, the last reason counts. See `FailureRow`."""
        with self._transaction() as connection:
            _put(connection, "REPLACE INTO failures", [(key, what, reason, _now())])

    def failures(self) -> list[FailureRow]:
        """What failed and has not been made since."""
        rows = self._select("SELECT key, what, reason FROM failures ORDER BY made, key, what")
        found = [FailureRow(*row) for row in rows]
        keys = [row.key for row in found]
        made = {True: self.has_pictures(keys), False: self.has_scores(keys) | self.has_set_scores(keys)}
        return [row for row in found if row.key not in made[row.what == DRAW]]

    def add_speed(self, speed: Speed) -> None:
        """Keep how fast a model was; of several of a model and setting that of most pictures is shown."""
        numbers = (speed.n, *speed.seconds, speed.steps_per_second, speed.batch, speed.load_seconds)
        row = (speed.model, dumps(speed.settings), *numbers, speed.peak_bytes, speed.device, _now())
        with self._transaction() as connection:
            _put(connection, "INSERT INTO speeds", [row])

    def add_rating(self, rating: Rating) -> None:
        """Keep what a person said; of several of one person and picture the last counts."""
        row = (
            rating.rater,
            rating.suite,
            rating.prompt,
            rating.picture,
            rating.value,
            rating.seconds,
            _now(),
        )
        with self._transaction() as connection:
            _put(connection, "INSERT INTO ratings", [row])

    # The whole

    def check(self) -> list[str]:
        """Read every picture, and say all that is wrong; damaged ones count as lost from now on."""
        problems = [f"{path} was left unfinished" for path in self.files.unfinished()]
        with telling(self._file):
            state = self._connection.execute("PRAGMA integrity_check").fetchone()[0]
        if state != "ok":
            problems.append(f"{self._file}: {state}")
        for (sha256,) in self._select("SELECT DISTINCT sha256 FROM pictures ORDER BY sha256"):
            try:
                self.files.read(sha256)
            except RecordError as problem:
                problems.append(str(problem))
                self.forget(sha256, str(problem))
        return problems

    def snapshot(self, file: Path) -> None:
        """Copy the store, as it is at one moment, to a file, whole or not at all.

        Raises:
            OutputError: It cannot be written.
        """
        fresh = file.with_name(f"{file.name}.new")
        with self._turn, telling(file), writing(file.parent):
            fresh.unlink(missing_ok=True)
            copy = sqlite3.connect(fresh)
            try:
                self._connection.backup(copy)
                copy.execute("PRAGMA journal_mode = DELETE")
            finally:
                copy.close()
            fresh.replace(file)

    def take_over(self, other: Path) -> None:
        """Add what the store of another folder tells; its pictures are to be beside ours already.

        Raises:
            RecordError: It is damaged, no store of ours, or of a newer version.
        """
        with self._turn, telling(self._file):
            take_over(self._connection, other)
            self._lost = self._find_lost()

    def _find_lost(self) -> set[str]:
        """Pictures with a row whose file is missing or cut short."""
        sizes = self.files.sizes()
        rows = self._select("SELECT sha256, bytes FROM pictures")
        return {sha256 for sha256, size in rows if sizes.get(sha256) != size}

    def _has(self, table: str, keys: Iterable[str]) -> set[str]:
        query = f"SELECT key FROM {table} WHERE key IN (SELECT value FROM json_each(?))"
        return {key for (key,) in self._select(query, dumps(list(keys)))}

    def _select(self, query: str, *values: Any) -> list[tuple[Any, ...]]:
        with self._turn, telling(self._file):
            return self._connection.execute(query, values).fetchall()

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        """All of it or nothing; when the block has ended, it is kept."""
        with self._turn, telling(self._file):
            try:
                self._connection.execute("BEGIN IMMEDIATE")
                yield self._connection
                self._connection.execute("COMMIT")
            except BaseException:
                if self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")
                raise


def _put(connection: sqlite3.Connection, into: str, rows: Sequence[tuple[Any, ...]]) -> None:
    if rows:
        connection.executemany(f"{into} VALUES ({', '.join('?' * len(rows[0]))})", rows)


def _finite(value: float | None, reason: str) -> tuple[float | None, str]:
    """SQLite would turn what is not a number into a missing value without a word."""
    if value is None or math.isfinite(value):
        return value, reason
    return None, f"the metric said {value}, which is no figure"


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="microseconds")
