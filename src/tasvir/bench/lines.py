"""JSON lines on disk: appended one at a time, and read back past a line that a kill cut short."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tasvir.errors import OutputError


def read_lines(file: Path) -> list[Any]:
    """Every line that is whole JSON; none where there is no file yet."""
    if not os.path.exists(file):
        return []
    found = []
    for line in file.read_bytes().split(b"\n"):
        try:
            found.append(json.loads(line))
        except ValueError:
            continue  # cut short when a run was killed while writing it
    return found


def append_line(file: Path, row: Mapping[str, Any]) -> None:
    """Add a line in one write: processes may share the file.

    Raises:
        OutputError: It cannot be written.
    """
    with writing(file.parent), file.open("a+b") as opened:
        torn = False
        if opened.tell():
            opened.seek(-1, os.SEEK_END)
            torn = opened.read(1) != b"\n"
        opened.write(b"\n" * torn + _line(row))


def replace_lines(file: Path, rows: Iterable[Mapping[str, Any]]) -> None:
    """Put these lines in place of all that were there, whole or not at all.

    Raises:
        OutputError: They cannot be written.
    """
    replace_file(file, b"".join(map(_line, rows)))


def replace_file(file: Path, content: bytes) -> None:
    """Put this in place of what was there, whole or not at all, even where the power fails.

    Raises:
        OutputError: It cannot be written.
    """
    fresh = file.with_name(f"{file.name}.new")
    with writing(file.parent):
        with fresh.open("wb") as opened:
            opened.write(content)
            opened.flush()
            os.fsync(opened.fileno())
        fresh.replace(file)


def _line(row: Mapping[str, Any]) -> bytes:
    return (json.dumps(row, ensure_ascii=False) + "\n").encode()


@contextmanager
def writing(out: Path) -> Iterator[None]:
    """Turns failed writing into an error that says what to do."""
    try:
        yield
    except OSError as problem:
        raise OutputError(
            f"cannot write to the folder {out}: {problem.strerror or problem}; choose another with --out"
        ) from problem


def try_writing(out: Path) -> None:
    """Find out before hours of work whether the folder can be written."""
    with writing(out):
        out.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=out):
            pass
