"""A folder of walks: a page and its numbers for each, and for two a page that holds them side by side."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from tasvir.errors import OutputError
from tasvir.models.walk.record import Walk
from tasvir.report.walk_page import compare, render_pair, render_walk
from tasvir.report.writing import write_whole


@contextmanager
def walk_folder(path: Path) -> Iterator[Path]:
    """A folder that can be written to, made if need be; what goes wrong inside leaves no empty folder.

    Raises:
        OutputError: It cannot be made or written.
    """
    made = not path.exists()
    try:
        path.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=path):
            pass
    except OSError as problem:
        raise OutputError(
            f"cannot write to the folder {path}: {problem.strerror or problem}; choose another with --out"
        ) from problem
    try:
        yield path
    except BaseException:
        if made:
            with suppress(OSError):  # something was saved before
                path.rmdir()
        raise


def save_walks(walks: Sequence[Walk], folder: Path, language: str) -> list[Path]:
    """Write one walk, or two and their comparison.

    Returns:
        The pages, the one to read first in front: walk.html, or side-by-side.html, walk-1.html, walk-2.html.
        Beside each lies a .json with its numbers.

    Raises:
        SettingError: No such language.
        OutputError: A file cannot be written.
    """
    names = ["walk"] if len(walks) == 1 else [f"walk-{number}" for number in range(1, len(walks) + 1)]
    contents = {
        name: (render_walk(walk, language), walk.to_dict()) for name, walk in zip(names, walks, strict=True)
    }
    if len(walks) == 2:
        pages = (f"{names[0]}.html", f"{names[1]}.html")
        together = (render_pair(walks[0], walks[1], pages, language), compared(walks[0], walks[1]))
        contents = {"side-by-side": together, **contents}
    try:
        for name, (page, numbers) in contents.items():
            write_whole(folder / f"{name}.html", page.encode())
            write_whole(folder / f"{name}.json", (as_json(numbers) + "\n").encode())
    except OSError as problem:
        raise OutputError(f"cannot write the walk to {folder}: {problem.strerror or problem}") from problem
    return [folder / f"{name}.html" for name in contents]


def compared(first: Walk, second: Walk) -> dict[str, Any]:
    """The facts of two models side by side, ready for JSON."""
    return {
        "models": [first.model, second.model],
        "same_noise": first.noise.digest == second.noise.digest,
        "facts": {
            key: {"first": list(left), "second": list(right), "differs": differs}
            for key, left, right, differs in compare(first, second)
        },
    }


def as_json(numbers: Mapping[str, Any]) -> str:
    """JSON for people to read too."""
    return json.dumps(numbers, ensure_ascii=False, indent=1, allow_nan=False)
