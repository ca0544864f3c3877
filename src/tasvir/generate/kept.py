"""A generator that keeps what it drew in a folder, and draws nothing twice.

A picture that is drawn anew may differ by rounding, since other pictures share its batch. To a judge it would
be another picture: its question would be asked, and paid, once more. So whoever goes on with a run gets the
very pictures that the run had.
"""

from __future__ import annotations

import hashlib
import json
import os
import threading
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import ClassVar

from tasvir.errors import OutputError
from tasvir.generate.base import DrawSettings, Generator, StandIn
from tasvir.records import Layout, Picture, Prompt


class KeptGenerator(StandIn):
    """Stands before a generator; safe over threads if that one is.

    Args:
        generator: Who draws what is not there. How it was opened is not part of what a picture is kept under.
        folder: Where pictures are kept; made when the first one is.
    """

    name: ClassVar[str] = "kept"

    def __init__(self, generator: Generator, folder: Path) -> None:
        super().__init__(generator)
        self._folder = folder

    def draw(
        self,
        prompts: Sequence[Prompt],
        layouts: Sequence[Layout | None],
        seeds: Sequence[int],
        settings: DrawSettings,
    ) -> list[Picture]:
        """Draw what is not kept yet; see `Generator.draw`.

        Raises:
            OutputError: A picture cannot be kept.
        """
        each = list(zip(prompts, layouts, seeds, strict=True))
        files = [self._folder / f"{self._digest(*one, settings)}.png" for one in each]
        found = [_read(file) for file in files]
        missing = [index for index, picture in enumerate(found) if picture is None]
        if missing:
            drawn = self._generator.draw(
                [prompts[index] for index in missing],
                [layouts[index] for index in missing],
                [seeds[index] for index in missing],
                settings,
            )
            for index, picture in zip(missing, drawn, strict=True):
                _write(files[index], picture)
                found[index] = picture
        return [picture for picture in found if picture is not None]

    def _digest(self, prompt: Prompt, layout: Layout | None, seed: int, settings: DrawSettings) -> str:
        drawn_from = None if layout is None else asdict(layout)
        asked = [self.label, prompt.text, drawn_from, seed, asdict(settings)]
        return hashlib.sha256(json.dumps(asked).encode()).hexdigest()


def _read(file: Path) -> Picture | None:
    try:
        told = json.loads(file.with_suffix(".json").read_text(encoding="utf-8"))
        return Picture(file.read_bytes(), told["width"], told["height"], told["provenance"])
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _write(file: Path, picture: Picture) -> None:
    """The picture first and what it says of itself last, so that half of both counts as none."""
    told = {"width": picture.width, "height": picture.height, "provenance": picture.provenance}
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        for target, content in ((file, picture.png), (file.with_suffix(".json"), json.dumps(told).encode())):
            fresh = target.with_name(f".{target.name}-{os.getpid()}-{threading.get_ident()}")
            fresh.write_bytes(content)
            fresh.replace(target)
    except OSError as problem:
        raise OutputError(
            f"cannot keep pictures in {file.parent}: {problem.strerror or problem}; choose another with --out"
        ) from problem
