"""The pictures of a run for a page: small ones inside it, whole ones beside it.

A page of 2,400 pictures shall still be one file that opens: what is inside are small versions whose side is
chosen so that all of them together stay under a limit; the whole pictures are linked where the run lies.
"""

from __future__ import annotations

import base64
import io
import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal
from urllib.parse import quote

from tasvir.results import Cell

Embed = Literal["thumbnails", "all"]
SIDES = (192, 160, 128, 96, 72)
"""Longest sides of small pictures in pixels, the first that fits is taken."""
LIMIT = 24 * 2**20
"""Bytes that all small pictures together may take."""
TRIED = 24
"""So many pictures are made small to learn how large all of them would be."""
QUALITY = 82


@dataclass(frozen=True, slots=True)
class Pictures:
    """What a page shows of the run's pictures.

    Args:
        data: By SHA-256, as a data URI.
        links: By SHA-256, where the whole picture lies from the page.
        problems: By SHA-256, why it cannot be shown.
        side: Longest side of the small ones in pixels; None where the whole ones are inside.
    """

    data: dict[str, str]
    links: dict[str, str]
    problems: dict[str, str]
    side: int | None


def gather_pictures(cells: Iterable[Cell], run: Path, out: Path, embed: Embed = "thumbnails") -> Pictures:
    """Read the pictures of these cells, each once.

    Args:
        cells: Those to show.
        run: The run's folder.
        out: Where the page will lie.
        embed: "thumbnails", or "all" for whole pictures inside the page.
    """
    paths = {cell.picture: run / cell.path for cell in cells if cell.picture and cell.path}
    side = None if embed == "all" else _side(list(paths.values()))
    data: dict[str, str] = {}
    links: dict[str, str] = {}
    problems: dict[str, str] = {}
    for sha256, path in paths.items():
        try:
            data[sha256] = _whole(path) if side is None else small(path, side)
            links[sha256] = quote(Path(os.path.relpath(path, out)).as_posix())
        except (OSError, ValueError) as problem:
            reason = problem.strerror if isinstance(problem, OSError) and problem.strerror else str(problem)
            problems[sha256] = f"{path.name}: {reason}"
    return Pictures(data, links, problems, side)


def small(path: Path, side: int) -> str:
    """A picture no longer than ``side`` pixels as a WebP data URI; a smaller one keeps its size.

    Raises:
        OSError: It is not there, or no picture.
    """
    return "data:image/webp;base64," + base64.b64encode(_shrunk(path, side)).decode("ascii")


def _shrunk(path: Path, side: int) -> bytes:
    from PIL import Image

    with Image.open(path) as picture:
        shrunk = picture.convert("RGB")
    shrunk.thumbnail((side, side), Image.Resampling.LANCZOS)
    buffer = io.BytesIO()
    shrunk.save(buffer, "WEBP", quality=QUALITY)
    return buffer.getvalue()


def _whole(path: Path) -> str:
    from PIL import Image

    content = path.read_bytes()
    with Image.open(io.BytesIO(content)) as picture:
        picture.load()
    return "data:image/png;base64," + base64.b64encode(content).decode("ascii")


def _side(paths: Sequence[Path]) -> int:
    """The longest side with which all pictures stay under the limit, as far as some of them tell."""
    tried = paths[:: max(len(paths) // TRIED, 1)]
    for side in SIDES:
        sizes = []
        for path in tried:
            try:
                sizes.append(len(_shrunk(path, side)) * 4 / 3)
            except (OSError, ValueError):
                continue
        if not sizes or sum(sizes) / len(sizes) * len(paths) <= LIMIT:
            return side
    return SIDES[-1]
