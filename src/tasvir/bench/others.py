"""Pictures that others made, put into a run as a column of its own, to be scored beside what is drawn here.

A picture that cannot be read is a cell without one, with the reason. A file that has changed since is another
picture: its key holds its hash.
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Sequence

from PIL import Image, ImageOps, UnidentifiedImageError

from tasvir.bench.asked import OF_OTHERS, Asked
from tasvir.bench.base import Suite
from tasvir.bench.foreign import Foreign, Found
from tasvir.bench.store import RunStore
from tasvir.bench.store_rows import DRAW, CellRow, FailureRow, PictureRow, digest
from tasvir.records import SuitePrompt

_TOGETHER = 64
"""Pictures that are in memory at once."""


def asked_for(name: str, suite: Suite, prompts: Sequence[str]) -> Asked:
    """What a run is asked for when pictures are put into it.

    Args:
        name: The column's.
        suite: Whose prompts they show.
        prompts: Ids of those that have a picture.
    """
    model = {"name": name, "spec": OF_OTHERS, "derived_from": None}
    asked = {suite.label: tuple(dict.fromkeys(prompts))}
    return Asked(suites=asked, provenances={suite.label: suite.provenance}, models={name: model})


def put_in(
    store: RunStore, name: str, label: str, read: Foreign, prompts: dict[str, SuitePrompt]
) -> list[CellRow]:
    """Keep pictures and why some cannot be read; returns their cells.

    Args:
        store: The run's.
        name: The column's.
        label: The suite's.
        read: What a folder of pictures holds.
        prompts: The suite's, by id.
    """
    cells: list[CellRow] = []
    for start in range(0, len(read.found), _TOGETHER):
        some = read.found[start : start + _TOGETHER]
        rows = [_row(name, found, prompts[found.prompt]) for found in some]
        store.add_pictures([row for row in rows if isinstance(row, PictureRow)])
        for found, row in zip(some, rows, strict=True):
            cells.append(CellRow(label, found.prompt, name, found.seed, {}, row.key))
            if isinstance(row, FailureRow):
                store.add_failure(row.key, row.what, row.reason)
    return cells


def _row(name: str, found: Found, prompt: SuitePrompt) -> PictureRow | FailureRow:
    try:
        content = found.path.read_bytes()
        png = _as_png(content)
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as problem:
        told = "of no known format" if isinstance(problem, UnidentifiedImageError) else problem
        reason = f"the file {found.path.name} is not a picture that can be read ({told})"
        return FailureRow(digest(OF_OTHERS, name, prompt.text, found.seed, found.path.name), DRAW, reason)
    sha256 = hashlib.sha256(content).hexdigest()
    key = digest(OF_OTHERS, name, prompt.text, found.seed, sha256)
    return PictureRow(key, png, None, {"file": found.path.name, "sha256": sha256})


def _as_png(content: bytes) -> bytes:
    """As it is where it is a PNG in RGB, read to its end; else as such a one, upright, on white."""
    with Image.open(io.BytesIO(content)) as opened:
        opened.load()
        if (opened.format, opened.mode) == ("PNG", "RGB") and not opened.has_transparency_data:
            return content
        upright = ImageOps.exif_transpose(opened)
        seen = upright.convert("RGBA") if upright.has_transparency_data else upright.convert("RGB")
    if seen.mode == "RGBA":
        seen = Image.alpha_composite(Image.new("RGBA", seen.size, "white"), seen).convert("RGB")
    buffer = io.BytesIO()
    seen.save(buffer, "PNG")
    return buffer.getvalue()
