"""Where a run is kept: a folder, or a URL of any filesystem that fsspec knows, with a working copy here.

A process works in the copy, and what it has is pushed: pictures first, then a snapshot of the store that
names them, so that at any moment what is there is whole. At the start the rows of there are added to those
here. A key is all that a row hangs on, so that is safe whoever was ahead: nothing on either side is lost.
"""

from __future__ import annotations

import hashlib
import logging
import re
import tempfile
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from tasvir.bench.lines import replace_file
from tasvir.bench.picture_files import PICTURES
from tasvir.bench.reading import ASKED
from tasvir.bench.store import RunStore
from tasvir.bench.store_schema import STORE, connect
from tasvir.errors import OutputError, PluginError, SettingError, TasvirError
from tasvir.models.user_cache import user_cache

_log = logging.getLogger(__name__)
_AT_ONCE = 64
"""Pictures that are on their way together."""


class Place:
    """A run's place.

    Args:
        where: A folder, or a URL: ``s3://bucket/run``, ``memory://run``.

    Attributes:
        folder: Where a process works: the folder itself, or the copy.

    Raises:
        SettingError: No filesystem is known by that name.
        PluginError: The package that it needs is not installed.
    """

    def __init__(self, where: str | Path) -> None:
        self.shown = masked(str(where))
        self._pushed: dict[str, int] = {}
        self._files: Any = None
        self.folder = Path(where)
        if "://" not in str(where):
            return
        url = str(where).rstrip("/")
        self._files, self._root = _filesystem(url, self.shown)
        name = re.sub(r"\W+", "-", url.rpartition("/")[2]) or "run"
        self.folder = user_cache("runs") / f"{name}-{hashlib.sha256(url.encode()).hexdigest()[:12]}"

    def fetch(self) -> Path:
        """Bring the copy up to date for reading; returns its folder.

        Raises:
            OutputError: It cannot be reached, or the copy cannot be written.
        """
        if self._files is None:
            return self.folder
        try:
            with RunStore(self.folder) as store:
                self.pull(store)
        except SettingError:
            _log.info("%s is at work in its copy, which is as new as any", self.folder)
        return self.folder

    def pull(self, store: RunStore) -> None:
        """Add what is there to the copy: pictures, rows, and what was asked.

        Raises:
            OutputError: It cannot be reached, or it holds other files and no run.
            RecordError: Its store is damaged or of a newer version.
        """
        if self._files is None:
            return
        with self._telling():
            top = self._top()
            if PICTURES in top:
                self._pushed = self._pictures_there()
            if STORE in top:
                self._pull_rows(store)
            elif top - {ASKED, PICTURES}:
                raise OutputError(
                    f"{self.shown} holds other files and no run: choose another place with --out"
                )
            if ASKED in top:
                replace_file(self.folder / ASKED, self._files.cat_file(self._path(ASKED)))

    def push(self, store: RunStore) -> None:
        """Bring what is new here to its place.

        Raises:
            OutputError: It cannot be reached; says where all of it is kept.
        """
        if self._files is None:
            return
        with tempfile.TemporaryDirectory() as made, self._telling():
            snapshot = Path(made) / STORE
            store.snapshot(snapshot)
            here = store.files.sizes()
            fresh = [sha256 for sha256, size in here.items() if self._pushed.get(sha256) != size]
            for some in _chunks(fresh):
                names = {sha256: self._path(store.files.name(sha256)) for sha256 in some}
                for parent in {path.rpartition("/")[0] for path in names.values()}:
                    self._files.makedirs(parent, exist_ok=True)
                self._files.pipe({path: store.files.read(sha256) for sha256, path in names.items()})
                self._pushed |= {sha256: here[sha256] for sha256 in some}
            self._put(STORE, snapshot.read_bytes())
            with suppress(FileNotFoundError):
                self._put(ASKED, (self.folder / ASKED).read_bytes())

    @contextmanager
    def pushing(self, store: RunStore, every: float = 30.0) -> Iterator[None]:
        """Push every so many seconds while the block lasts, and when it ends, however it ends.

        What cannot be pushed meanwhile is told of and tried again.

        Raises:
            OutputError: The last push failed, of a block that did not.
        """
        if self._files is None:
            yield
            return
        over = threading.Event()
        thread = threading.Thread(target=self._keep_pushing, args=(store, every, over), daemon=True)
        thread.start()
        try:
            yield
        except BaseException:
            over.set()
            thread.join()
            self._try_pushing(store)
            raise
        over.set()
        thread.join()
        self.push(store)

    def _keep_pushing(self, store: RunStore, every: float, over: threading.Event) -> None:
        while not over.wait(every):
            self._try_pushing(store)

    def _try_pushing(self, store: RunStore) -> None:
        try:
            self.push(store)
        except TasvirError as problem:
            _log.warning("%s", problem)

    def _pull_rows(self, store: RunStore) -> None:
        with tempfile.TemporaryDirectory() as made:
            (Path(made) / STORE).write_bytes(self._files.cat_file(self._path(STORE)))
            there = connect(Path(made), read_only=True)
            try:
                named = dict(there.execute("SELECT sha256, bytes FROM pictures").fetchall())
            finally:
                there.close()
            here = store.files.sizes()
            missing = [sha256 for sha256, size in named.items() if here.get(sha256) != size]
            self._pull_pictures(store, [sha256 for sha256 in missing if sha256 in self._pushed])
            store.take_over(Path(made))

    def _pull_pictures(self, store: RunStore, names: list[str]) -> None:
        """Those that arrive as what they are called by; others are lost, and drawn again."""
        for some in _chunks(names):
            paths = {self._path(store.files.name(sha256)): sha256 for sha256 in some}
            for path, png in self._files.cat(list(paths), on_error="return").items():
                if isinstance(png, FileNotFoundError):
                    continue
                if isinstance(png, BaseException):
                    raise png
                if hashlib.sha256(png).hexdigest() == paths[path]:
                    store.files.write(png)
                else:
                    del self._pushed[paths[path]]

    def _top(self) -> set[str]:
        self._files.invalidate_cache()
        try:
            return {name.rstrip("/").rpartition("/")[2] for name in self._files.ls(self._root, detail=False)}
        except FileNotFoundError:
            return set()

    def _pictures_there(self) -> dict[str, int]:
        """SHA-256 and size of all pictures there, whole or cut short."""
        found = self._files.find(self._path(PICTURES), detail=True)
        return {path.rpartition("/")[2].removesuffix(".png"): told["size"] for path, told in found.items()}

    def _put(self, name: str, content: bytes) -> None:
        """In place of what is there, whole or not at all, as far as the filesystem can."""
        path = self._path(name)
        self._files.makedirs(self._root, exist_ok=True)
        self._files.pipe_file(f"{path}.new", content)
        self._files.mv(f"{path}.new", path)

    def _path(self, name: str) -> str:
        return f"{self._root.rstrip('/')}/{name}"

    @contextmanager
    def _telling(self) -> Iterator[None]:
        try:
            yield
        except TasvirError:
            raise
        except Exception as problem:  # each filesystem has errors of its own
            told = masked(f"{type(problem).__name__}: {problem}")
            raise OutputError(
                f"cannot reach {self.shown} ({told}); all that is here is kept in {self.folder}: give the "
                "same command again when it can be reached"
            ) from problem


def masked(text: str) -> str:
    """A text whose URLs tell neither user nor password."""
    return re.sub(r"//[^/@\s]*@", "//***@", text)


def _filesystem(url: str, shown: str) -> tuple[Any, str]:
    import fsspec

    try:
        found: tuple[Any, str] = fsspec.url_to_fs(url)
    except ImportError as problem:
        raise PluginError(f"{shown} needs a package that is not installed: {problem}") from problem
    except ValueError as problem:
        raise SettingError(f"{shown} cannot be a run's place: {problem}; name a folder or a URL") from problem
    return found


def _chunks(names: Iterable[str]) -> Iterator[list[str]]:
    every = list(names)
    for start in range(0, len(every), _AT_ONCE):
        yield every[start : start + _AT_ONCE]
