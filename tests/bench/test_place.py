"""A run at a URL: what is pushed is whole at any moment, and nothing is lost on either side."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fsspec.implementations.memory import MemoryFileSystem
from results_builder import build_results
from run_builder import make_png, picture_key, tell_store, with_pictures, write_asked

from tasvir.bench.place import Place
from tasvir.bench.reading import load_results
from tasvir.bench.store import RunStore
from tasvir.bench.store_rows import PictureRow, ScoreRow, score_key
from tasvir.errors import OutputError, PluginError, RecordError, SettingError
from tasvir.records import Score, SuitePrompt
from tasvir.results import Rating

DOG = SuitePrompt("1", "a dog")


@pytest.fixture(autouse=True)
def _clean(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "here"))
    yield
    MemoryFileSystem.store.clear()
    MemoryFileSystem.pseudo_dirs[:] = [""]


def elsewhere(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """From now on it is another machine, whose cache is empty."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "elsewhere"))


@pytest.mark.parametrize("scheme", ["memory", "file"])
def test_a_run_goes_on_and_is_read_on_another_machine(
    scheme: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = {"memory": "memory://bucket/run", "file": (tmp_path / "there" / "run").as_uri()}[scheme]
    told, pictures = with_pictures(build_results(prompts=3, raters=("ada",)))
    place = Place(url)
    with RunStore(place.folder) as store:
        place.pull(store)  # there is nothing yet
        with place.pushing(store):
            write_asked(place.folder, told)
            tell_store(store, told, pictures)
    elsewhere(monkeypatch, tmp_path)
    other = Place(url)
    assert other.folder != place.folder
    found = load_results(other.fetch())
    assert (found.cells, found.ratings, found.speeds) == (told.cells, told.ratings, told.speeds)
    with RunStore(other.folder) as store:
        assert store.check() == []
        assert store.has_pictures(map(picture_key, told.cells)) == {picture_key(c) for c in told.cells}
        other.pull(store)  # once more adds nothing
        other.push(store)
    assert load_results(other.folder) == found


def test_a_folder_is_its_own_place(tmp_path: Path) -> None:
    place = Place(tmp_path / "run")
    assert place.folder == place.fetch() == tmp_path / "run"
    with RunStore(place.folder) as store, place.pushing(store):
        place.pull(store)
        place.push(store)
    assert not (tmp_path / "here").exists()


def test_what_was_not_pushed_when_killed_is_pushed_next_time(tmp_path: Path) -> None:
    place = Place("memory://run")
    with RunStore(place.folder) as store:
        store.add_picture("a", make_png("a"))
        place.push(store)
        store.add_picture("b", make_png("b"))  # and here the process dies
    again = Place("memory://run")
    with RunStore(again.folder) as store:
        again.pull(store)
        assert store.has_pictures(["a", "b"]) == {"a", "b"}
        with again.pushing(store):
            pass
    assert keys_there(tmp_path) == {"a", "b"}


def test_two_machines_that_worked_apart_are_joined(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = Place("memory://run")
    with RunStore(first.folder) as store:
        first.pull(store)
        store.add_picture("both", make_png("first"))
        store.add_picture("first", make_png("x"))
        store.add_rating(Rating("ada", "s", "1", "ab", 5))
        first.push(store)
    elsewhere(monkeypatch, tmp_path)
    second = Place("memory://run")
    with RunStore(second.folder) as store:  # it began before it could see the other's
        store.add_picture("both", make_png("second"))
        sha256 = store.add_picture("second", make_png("y"))
        store.add_scores([ScoreRow(sha256, DOG, "r", Score("m", 0.5))])
        second.pull(store)
        assert store.pictures(["both"])["both"].sha256 != sha256
        assert store.has_pictures(["both", "first", "second"]) == {"both", "first", "second"}
        assert store.has_scores([score_key(sha256, DOG, "r")])
        assert store.check() == []
        second.push(store)
    assert keys_there(tmp_path) == {"both", "first", "second"}


def keys_there(tmp_path: Path, url: str = "memory://run") -> set[str]:
    """The keys of whole pictures that a machine which knows nothing finds."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("XDG_CACHE_HOME", str(tmp_path / f"fresh-{len(list(tmp_path.iterdir()))}"))
        place = Place(url)
        with RunStore(place.folder) as store:
            place.pull(store)
            assert store.check() == []
            keys = {key for (key,) in store._select("SELECT key FROM pictures")}
            return store.has_pictures(keys)


class Failing(MemoryFileSystem):  # type: ignore[misc]
    """Breaks at the nth change, and from then on until it is mended."""

    protocol = "failing"
    cachable = False
    left = 10**9

    def _change(self) -> None:
        Failing.left -= 1
        if Failing.left < 0:
            raise ConnectionError("the line to https://user:secret@host is cut")

    def pipe_file(self, path: str, value: bytes, **kwargs: Any) -> None:
        if Failing.left == 0 and path.endswith(".png"):  # half of it arrives
            super().pipe_file(path, value[: len(value) // 2], **kwargs)
        self._change()
        super().pipe_file(path, value, **kwargs)

    def mv(self, path1: str, path2: str, **kwargs: Any) -> None:
        self._change()
        self.store[self._strip_protocol(path2)] = self.store.pop(self._strip_protocol(path1))


@pytest.fixture
def _failing() -> Iterator[None]:
    import fsspec

    fsspec.register_implementation("failing", Failing, clobber=True)
    yield
    Failing.left = 10**9


@pytest.mark.usefixtures("_failing")
def test_a_line_cut_at_any_moment_leaves_there_what_is_whole(tmp_path: Path) -> None:
    """Push a first batch, cut the second push after 0, 1, 2, ... changes, look, mend, and push again."""
    for changes in range(8):
        url = f"failing://run{changes}"
        place = Place(url)
        with RunStore(place.folder) as store:
            (place.folder / "run.json").write_text("{}")
            store.add_picture("old", make_png("old"))
            place.push(store)
            store.add_pictures([PictureRow(f"new{n}", make_png(f"new{n}")) for n in range(3)])
            Failing.left = changes
            whole = {"old", "new0", "new1", "new2"}
            if changes < 7:  # three pictures, and store and run.json in two steps each
                with pytest.raises(OutputError, match="the line to") as told:
                    place.push(store)
                assert "secret" not in str(told.value)
                assert str(place.folder) in str(told.value)
            else:
                place.push(store)
            Failing.left = 10**9
            assert keys_there(tmp_path, url) == ({"old"} if changes < 5 else whole)
            place.push(store)
            assert keys_there(tmp_path, url) == whole


@pytest.mark.usefixtures("_failing")
def test_what_fails_meanwhile_is_told_and_what_fails_at_the_end_raises(
    caplog: pytest.LogCaptureFixture,
) -> None:
    place = Place("failing://run")
    with RunStore(place.folder) as store:
        Failing.left = 0
        with pytest.raises(OutputError, match="give the same command again"), place.pushing(store):
            store.add_picture("a", make_png("a"))
        with pytest.raises(KeyboardInterrupt), place.pushing(store):
            raise KeyboardInterrupt  # not hidden by what cannot be pushed
        assert any("cannot reach" in record.message for record in caplog.records)
        assert store.has_pictures(["a"])


def test_pictures_are_pushed_while_the_run_goes_on(tmp_path: Path) -> None:
    import time

    place = Place("memory://run")
    with RunStore(place.folder) as store, place.pushing(store, every=0.01):
        store.add_picture("a", make_png("a"))
        until = time.monotonic() + 20
        while "/run/store.sqlite" not in MemoryFileSystem.store or keys_there(tmp_path) != {"a"}:
            assert time.monotonic() < until
            time.sleep(0.02)


def test_a_picture_damaged_there_is_drawn_again_and_pushed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = Place("memory://run")
    with RunStore(place.folder) as store:
        store.add_picture("kept", make_png("kept"))
        harmed, gone = (store.add_picture(name, make_png(name)) for name in ("harmed", "gone"))
        place.push(store)
    files = MemoryFileSystem()
    path = f"/run/{store.files.name(harmed)}"
    files.pipe_file(path, bytes(len(files.cat_file(path))))
    files.rm_file(f"/run/{store.files.name(gone)}")
    elsewhere(monkeypatch, tmp_path)
    other = Place("memory://run")
    with RunStore(other.folder) as store:
        other.pull(store)
        assert store.has_pictures(["kept", "harmed", "gone"]) == {"kept"}
        store.add_pictures([PictureRow(name, make_png(name)) for name in ("harmed", "gone")])
        other.push(store)
    assert keys_there(tmp_path) == {"kept", "harmed", "gone"}


def test_what_was_asked_travels(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    place = Place("memory://run")
    with RunStore(place.folder) as store:
        (place.folder / "run.json").write_text(json.dumps({"format": "x"}))
        place.push(store)
    elsewhere(monkeypatch, tmp_path)
    assert json.loads((Place("memory://run").fetch() / "run.json").read_text()) == {"format": "x"}


def test_while_a_process_of_here_is_at_work_its_copy_is_read(caplog: pytest.LogCaptureFixture) -> None:
    place = Place("memory://run")
    with RunStore(place.folder) as store, caplog.at_level(logging.INFO):
        store.add_picture("a", make_png("a"))
        assert Place("memory://run").fetch() == place.folder
    assert "as new as any" in caplog.text


def test_other_files_are_left_alone() -> None:
    MemoryFileSystem().pipe_file("/run/thesis.docx", b"mine")
    place = Place("memory://run")
    with (
        RunStore(place.folder) as store,
        pytest.raises(OutputError, match="other files and no run"),
    ):
        place.pull(store)


def test_a_damaged_store_there_is_told() -> None:
    MemoryFileSystem().pipe_file("/run/store.sqlite", b"no store at all" * 100)
    place = Place("memory://run")
    with RunStore(place.folder) as store:
        with pytest.raises(RecordError, match="is damaged or is no store"):
            place.pull(store)
        assert store.check() == []


def test_unknown_places_are_told() -> None:
    with pytest.raises(SettingError, match="Protocol not known: nowhere"):
        Place("nowhere://run")
    with pytest.raises(PluginError, match=r"//\*\*\*@host/run needs a package"):
        Place("ssh://user:secret@host/run")
