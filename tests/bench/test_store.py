"""What a run's store was told is there, whatever happens to process, disk and files."""

from __future__ import annotations

import errno
import hashlib
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from run_builder import make_png

from tasvir.bench.store import RunStore
from tasvir.bench.store_rows import FailureRow, PictureRow, ScoreRow, score_key, set_key
from tasvir.bench.store_schema import connect
from tasvir.errors import OutputError, RecordError, SettingError
from tasvir.records import Score, SetScore, SuitePrompt

DOG = SuitePrompt("1", "a dog")


def count(folder: Path, table: str) -> int:
    connection = sqlite3.connect(folder / "store.sqlite")
    try:
        return int(connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0])
    finally:
        connection.close()


def test_a_picture_is_kept_under_its_hash_and_its_key(tmp_path: Path) -> None:
    png = make_png("a")
    with RunStore(tmp_path) as store:
        sha256 = store.add_picture("key", png, seconds=0.5, story={"pictures": 3})
        assert sha256 == hashlib.sha256(png).hexdigest()
        assert (tmp_path / "pictures" / sha256[:2] / f"{sha256}.png").read_bytes() == png
    with RunStore(tmp_path) as store:
        kept = store.pictures(["key", "other"])["key"]
        assert (kept.sha256, kept.seconds, kept.story) == (sha256, 0.5, {"pictures": 3})
        assert store.has_pictures(["key", "other"]) == {"key"}
        assert store.read_png(sha256) == png
        assert store.check() == []


def test_a_key_has_one_picture_the_first(tmp_path: Path) -> None:
    with RunStore(tmp_path) as store:
        first = store.add_picture("key", make_png("a"))
        assert store.add_picture("key", make_png("b")) == first
        rows = [PictureRow("key", make_png("c")), *[PictureRow("new", make_png(t)) for t in "xy"]]
        assert store.add_pictures(rows)[0] == first
    assert count(tmp_path, "pictures") == 2


def test_scores_are_kept_once_by_picture_prompt_and_recipe(tmp_path: Path) -> None:
    row = ScoreRow("ab", DOG, "recipe", Score("m", 0.25, "why", {"boxes": [1]}))
    with RunStore(tmp_path) as store:
        store.add_scores([row, row])
        store.add_scores([ScoreRow("ab", DOG, "recipe", Score("m", 0.75))])
        known = score_key("ab", DOG, "recipe")
        others = [
            score_key("ac", DOG, "recipe"),
            score_key("ab", SuitePrompt("1", "a dog", facts={"phrases": ["a dog"]}), "recipe"),
            score_key("ab", replace(DOG, category="other"), "recipe"),  # judges ask by category
            score_key("ab", DOG, "other"),
        ]
        assert store.has_scores([known, *others]) == {known}
        assert score_key("ab", replace(DOG, id="2"), "recipe") == known
        connection = connect(tmp_path, read_only=True)
        assert connection.execute("SELECT value, reason FROM scores").fetchall() == [(0.25, "why")]
        connection.close()


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_what_is_no_figure_is_missing_with_a_reason(tmp_path: Path, value: float) -> None:
    with RunStore(tmp_path) as store:
        store.add_scores([ScoreRow("ab", DOG, "r", Score("m", value))])
        store.add_set_score(["ab"], "r", SetScore("fid", value, 1))
    for table in ("scores", "set_scores"):
        connection = sqlite3.connect(tmp_path / "store.sqlite")
        [(kept, reason)] = connection.execute(f"SELECT value, reason FROM {table}").fetchall()
        connection.close()
        assert kept is None
        assert str(value) in reason


def test_a_set_is_known_by_its_members_in_any_order(tmp_path: Path) -> None:
    with RunStore(tmp_path) as store:
        store.add_set_score(["b", "a", "a"], "r", SetScore("fid", 1.0, 3))
        assert store.has_set_scores([set_key("aab", "r"), set_key("ab", "r"), set_key("aab", "q")]) == {
            set_key("aab", "r")
        }


def test_a_failure_is_told_until_it_is_made_good(tmp_path: Path) -> None:
    key = score_key("ab", DOG, "r")
    with RunStore(tmp_path) as store:
        store.add_failure("picture", "draw", "first")
        store.add_failure("picture", "draw", "out of memory")
        store.add_failure(key, "judge", "the service is gone")
        assert {*store.failures()} == {
            FailureRow("picture", "draw", "out of memory"),
            FailureRow(key, "judge", "the service is gone"),
        }
        assert store.has_pictures(["picture"]) == set()
        store.add_picture("picture", make_png("a"))
        assert store.failures() == [FailureRow(key, "judge", "the service is gone")]
        store.add_scores([ScoreRow("ab", DOG, "r", Score("judge", 1.0))])
        assert store.failures() == []


def test_one_process_at_a_time(tmp_path: Path) -> None:
    with RunStore(tmp_path), pytest.raises(SettingError, match="another process is at work"):
        RunStore(tmp_path)
    RunStore(tmp_path).close()


def test_threads_write_in_turn(tmp_path: Path) -> None:
    problems: list[BaseException] = []

    def work(number: int) -> None:
        try:
            for index in range(20):
                sha256 = store.add_picture(f"{index}", make_png(f"{index}"))
                store.add_scores([ScoreRow(sha256, DOG, f"{number}-{index}", Score("m", 1.0))])
        except BaseException as problem:
            problems.append(problem)

    with RunStore(tmp_path) as store:
        threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert not problems
        assert store.check() == []
    assert (count(tmp_path, "pictures"), count(tmp_path, "scores")) == (20, 80)


# Damage


def _missing(file: Path) -> None:
    file.unlink()


def _cut_short(file: Path) -> None:
    file.write_bytes(file.read_bytes()[:-5])


def _altered(file: Path) -> None:
    png = bytearray(file.read_bytes())
    png[-3] ^= 1
    file.write_bytes(png)


@pytest.mark.parametrize("harm", [_missing, _cut_short])
def test_a_lost_picture_is_drawn_again(tmp_path: Path, harm: Callable[[Path], None]) -> None:
    with RunStore(tmp_path) as store:
        lost, kept = (store.add_picture(name, make_png(name)) for name in ("lost", "kept"))
        harm(store.files.path(lost))
        with pytest.raises(RecordError, match=f"{lost}.png (cannot be read|is damaged).*go on with the run"):
            store.read_png(lost)
    with RunStore(tmp_path) as store:
        assert store.has_pictures(["lost", "kept"]) == {"kept"}
        assert store.add_pictures([PictureRow(n, make_png(n)) for n in ("lost", "kept")]) == [lost, kept]
        assert store.read_png(lost) == make_png("lost")
        assert store.check() == []
    assert count(tmp_path, "pictures") == 2


def test_a_lost_picture_may_come_out_as_another(tmp_path: Path) -> None:
    with RunStore(tmp_path) as store:
        store.files.path(store.add_picture("key", make_png("a"))).unlink()
    with RunStore(tmp_path) as store:
        second = store.add_picture("key", make_png("b"))
        assert store.pictures(["key"])["key"].sha256 == second
    assert count(tmp_path, "pictures") == 1


def test_an_altered_picture_is_found_by_reading_it(tmp_path: Path) -> None:
    with RunStore(tmp_path) as store:
        sha256 = store.add_picture("key", make_png("a"))
        _altered(store.files.path(sha256))
        with pytest.raises(RecordError, match="is damaged"):
            store.read_png(sha256)
        problems = store.check()
        assert len(problems) == 1
        assert sha256 in problems[0]
        assert store.has_pictures(["key"]) == set()
        assert [(row.key, row.what) for row in store.failures()] == [("key", "draw")]
    with RunStore(tmp_path) as store:
        assert store.has_pictures(["key"]) == set()
        store.add_picture("key", make_png("a"))
        assert store.check() == []
        assert store.failures() == []


def test_what_a_kill_left_unfinished_is_swept(tmp_path: Path) -> None:
    with RunStore(tmp_path) as store:
        path = store.files.path(store.add_picture("key", make_png("a")))
        torn = path.with_name(f"{path.stem}-1-1.new")
        torn.write_bytes(b"half")
        assert any(torn.name in problem for problem in store.check())
    with RunStore(tmp_path) as store:
        assert not torn.exists()
        assert path.exists()
        assert store.check() == []


@pytest.mark.parametrize(
    "content", [b"no database at all, but long enough to have had a header" * 20, b"SQLite format 3\0"]
)
def test_a_file_that_is_no_store_is_told(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "store.sqlite").write_bytes(content)
    with pytest.raises(RecordError, match=r"store\.sqlite is damaged or is no store.*another folder"):
        RunStore(tmp_path)


def test_another_program_s_database_is_told(tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "store.sqlite") as connection:
        connection.execute("CREATE TABLE notes (text)")
    connection.close()
    with pytest.raises(RecordError, match="is not the store of a run"):
        RunStore(tmp_path)


def test_a_damaged_store_is_told_and_not_written(tmp_path: Path) -> None:
    with RunStore(tmp_path) as store:
        store.add_scores([ScoreRow(f"{n}", DOG, "r", Score("m", 1.0)) for n in range(500)])
    file = tmp_path / "store.sqlite"
    data = bytearray(file.read_bytes())
    data[4096 * 20 : 4096 * 40] = bytes(4096 * 20)
    file.write_bytes(data)
    with RunStore(tmp_path) as store:
        try:
            problems = store.check()
        except RecordError as problem:
            problems = [str(problem)]
        assert any("store.sqlite" in problem for problem in problems)


def test_a_newer_version_is_refused(tmp_path: Path) -> None:
    RunStore(tmp_path).close()
    connection = sqlite3.connect(tmp_path / "store.sqlite")
    connection.execute("PRAGMA user_version = 99")
    connection.close()
    for opening in (RunStore, lambda folder: connect(folder, read_only=True)):
        with pytest.raises(RecordError, match=r"newer tasvir.*version 99"):
            opening(tmp_path)


def test_reading_never_makes_a_store(tmp_path: Path) -> None:
    with pytest.raises(RecordError, match="holds no run"):
        connect(tmp_path, read_only=True)
    assert not list(tmp_path.iterdir())


# Disks


@pytest.mark.parametrize("step", ["mkdir", "open", "fsync", "replace"])
def test_a_full_disk_keeps_what_was_told(tmp_path: Path, step: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: Any, **__: Any) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with RunStore(tmp_path) as store:
        store.add_picture("before", make_png("a"))
        with monkeypatch.context() as patched:
            if step == "fsync":
                patched.setattr(os, "fsync", full)
            else:
                patched.setattr(Path, step, full)
            with pytest.raises(OutputError, match=r"No space left on device.*make room"):
                store.add_pictures([PictureRow("x", make_png("x")), PictureRow("y", make_png("y"))])
        assert store.has_pictures(["before", "x", "y"]) == {"before"}
        assert store.check() == []
        store.add_picture("x", make_png("x"))
        assert store.has_pictures(["before", "x"]) == {"before", "x"}


def test_a_store_that_cannot_grow_keeps_what_was_told(tmp_path: Path) -> None:
    with RunStore(tmp_path) as store:
        store.add_scores([ScoreRow("ab", DOG, "r", Score("m", 1.0))])
        pages = store._connection.execute("PRAGMA page_count").fetchone()[0]
        store._connection.execute(f"PRAGMA max_page_count = {pages}")
        many = [ScoreRow(f"{n}", DOG, "r", Score("m", 1.0, "x" * 500)) for n in range(100)]
        with pytest.raises(OutputError, match=r"database or disk is full.*make room"):
            store.add_scores(many)
        assert store.has_scores([score_key("ab", DOG, "r")])
        assert not store.has_scores([row.key for row in many])
        store._connection.execute("PRAGMA max_page_count = 100000")
        store.add_scores(many)
        assert store.check() == []


FILLS_THE_DISK = """
import resource, signal, sys
from pathlib import Path
from tasvir.bench.store import RunStore
from tasvir.errors import OutputError
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
with RunStore(Path(sys.argv[1])) as store:
    store.add_picture("before", b"small")
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, resource.RLIM_INFINITY))
    try:
        store.add_picture("big", bytes(30_000))
    except OutputError as problem:
        print(problem)
    story = {"text": "x" * 40_000}
    try:
        store.add_picture("long", b"small too", story=story)
    except OutputError as problem:
        print(problem)
"""


def test_writing_beyond_what_the_system_allows(tmp_path: Path) -> None:
    told = subprocess.run(
        [sys.executable, "-c", FILLS_THE_DISK, str(tmp_path)], capture_output=True, text=True, check=True
    )
    assert told.stdout.count("make room") == 2, told
    with RunStore(tmp_path) as store:
        assert store.has_pictures(["before", "big", "long"]) == {"before"}
        assert store.check() == []


def test_a_folder_that_cannot_be_written_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match=r"cannot write to the folder.*another with --out"):
        RunStore(tmp_path / "file" / "run")


@pytest.mark.skipif(os.geteuid() == 0, reason="nothing is closed to this user")
def test_a_read_only_folder_is_told_and_can_be_read(tmp_path: Path) -> None:
    with RunStore(tmp_path) as store:
        store.add_picture("key", make_png("a"))
    tmp_path.chmod(0o500)
    try:
        with pytest.raises(OutputError, match="cannot write to the folder"):
            RunStore(tmp_path)
        connection = connect(tmp_path, read_only=True)
        assert connection.execute("SELECT count(*) FROM pictures").fetchone() == (1,)
        connection.close()
    finally:
        tmp_path.chmod(0o700)


KEEPS_TELLING = """
import sys
from pathlib import Path
from tasvir.bench.store import RunStore
from tasvir.bench.store_rows import PictureRow, ScoreRow
from tasvir.records import Score, SuitePrompt
with RunStore(Path(sys.argv[1])) as store:
    for number in range(int(sys.argv[2]), 10_000):
        rows = [PictureRow(f"{number}-{n}", f"picture {number}-{n}".encode() * 500) for n in range(3)]
        shas = store.add_pictures(rows)
        store.add_scores([ScoreRow(sha, SuitePrompt("1", "a dog"), "r", Score("m", 1.0)) for sha in shas])
        print(number, flush=True)
"""


def test_what_was_told_outlives_a_kill(tmp_path: Path) -> None:
    """A batch is printed after it was told: whatever was printed must be there, and nothing in halves."""
    done = 0
    for wait in (1, 7, 20):
        process = subprocess.Popen(
            [sys.executable, "-c", KEEPS_TELLING, str(tmp_path), str(done)], stdout=subprocess.PIPE, text=True
        )
        assert process.stdout is not None
        for _ in range(wait):
            done = int(process.stdout.readline()) + 1
        os.kill(process.pid, signal.SIGKILL)
        for line in process.stdout:
            done = int(line) + 1
        process.stdout.close()
        assert process.wait() == -signal.SIGKILL
        with RunStore(tmp_path) as store:
            keys = [f"{number}-{n}" for number in range(done) for n in range(3)]
            assert store.has_pictures(keys) == set(keys)
            shas = [kept.sha256 for kept in store.pictures(keys).values()]
            scored = {score_key(sha256, DOG, "r") for sha256 in shas}
            assert store.has_scores(scored) == scored
            assert store.check() == []
    assert count(tmp_path, "pictures") in (3 * done, 3 * done + 3)
    assert count(tmp_path, "scores") in (3 * done, 3 * done + 3)


def test_a_snapshot_is_a_whole_store(tmp_path: Path) -> None:
    run, copy = tmp_path / "run", tmp_path / "copy"
    with RunStore(run) as store:
        store.add_picture("key", make_png("a"))
        copy.mkdir()
        store.snapshot(copy / "store.sqlite")
        store.add_picture("late", make_png("b"))
    assert [path.name for path in copy.iterdir()] == ["store.sqlite"]
    shutil.copytree(run / "pictures", copy / "pictures")
    with RunStore(copy) as store:
        assert store.has_pictures(["key", "late"]) == {"key"}
        assert store.check() == []
