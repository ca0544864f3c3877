"""One process at a time in a run's folder; the system lets go of the lock however the process dies."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from tasvir.bench.lines import writing
from tasvir.errors import SettingError

LOCK = "run.lock"


@contextmanager
def holding(folder: Path) -> Iterator[None]:
    """Hold an existing folder for this process while the block lasts.

    Raises:
        SettingError: Another process is at work in it.
        OutputError: It cannot be written.
    """
    lock = FileLock(folder / LOCK)
    with writing(folder):
        try:
            lock.acquire(timeout=0)
        except Timeout as problem:
            raise SettingError(
                f"another process is at work in {folder}: wait for it, or choose another folder with --out"
            ) from problem
    try:
        yield
    finally:
        lock.release()
