"""Pictures of a run as files named by what they hold: ``pictures/ab/ab12...png`` by SHA-256.

A file is written under another name, flushed to disk and only then renamed, so that under its own name a
file is whole. The same picture is one file however often it is drawn.
"""

from __future__ import annotations

import hashlib
import os
import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from tasvir.errors import OutputError, RecordError

PICTURES = "pictures"
_UNFINISHED = ".new"


class PictureFiles:
    """The pictures below a run's folder.

    Args:
        folder: The run's.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    @staticmethod
    def name(sha256: str) -> str:
        """Path of a picture below the run's folder."""
        return f"{PICTURES}/{sha256[:2]}/{sha256}.png"

    def path(self, sha256: str) -> Path:
        return self._folder / self.name(sha256)

    def write(self, png: bytes) -> str:
        """Keep a picture, in place of what is there under its name; returns its SHA-256.

        Raises:
            OutputError: It cannot be written; nothing is left of it.
        """
        sha256 = hashlib.sha256(png).hexdigest()
        path = self.path(sha256)
        fresh = path.with_name(f"{sha256}-{os.getpid()}-{threading.get_ident()}{_UNFINISHED}")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with fresh.open("wb") as opened:
                opened.write(png)
                opened.flush()
                os.fsync(opened.fileno())
            fresh.replace(path)
        except OSError as problem:
            with suppress(OSError):
                fresh.unlink(missing_ok=True)
            raise OutputError(
                f"cannot keep a picture in {path.parent}: {problem.strerror or problem}; what was drawn "
                "before is kept: make room, or choose another folder with --out, and start again"
            ) from problem
        return sha256

    def read(self, sha256: str) -> bytes:
        """A picture's file, held against its name.

        Raises:
            RecordError: It is missing or damaged.
        """
        path = self.path(sha256)
        try:
            png = path.read_bytes()
        except OSError as problem:
            raise RecordError(_lost(path, f"cannot be read ({problem.strerror or problem})")) from problem
        if hashlib.sha256(png).hexdigest() != sha256:
            raise RecordError(_lost(path, f"is damaged ({len(png)} bytes that are not what was drawn)"))
        return png

    def sizes(self) -> dict[str, int]:
        """Of all pictures that are there, by SHA-256, in bytes; none is opened."""
        return {entry.name.removesuffix(".png"): size for entry, size in self._entries(".png")}

    def unfinished(self) -> list[Path]:
        """What killed processes left behind."""
        return [Path(entry.path) for entry, _ in self._entries(_UNFINISHED)]

    def sweep(self) -> None:
        """Remove `unfinished` files; only for who holds the folder.

        Raises:
            OutputError: One cannot be removed.
        """
        for path in self.unfinished():
            try:
                path.unlink(missing_ok=True)
            except OSError as problem:
                raise OutputError(f"cannot remove {path}: {problem.strerror}; remove it") from problem

    def _entries(self, ending: str) -> Iterator[tuple[os.DirEntry[str], int]]:
        root = self._folder / PICTURES
        if not os.path.exists(root):
            return
        for shelf in os.scandir(root):
            if shelf.is_dir():
                for entry in os.scandir(shelf.path):
                    if entry.name.endswith(ending):
                        yield entry, entry.stat().st_size


def _lost(path: Path, what: str) -> str:
    return (
        f"the picture {path} {what}: if it is there, delete it, and go on with the run (`tasvir bench` or "
        "`tasvir score` with the same --out): it is made again"
    )
