"""A stranger's package with a generator and two metrics that need no tensors, for commands run as processes.

`install` puts it into a folder; with that folder on PYTHONPATH tasvir finds it like any installed package. A
picture hangs on model, prompt and seed alone and takes QUICK_SECONDS; a figure hangs on picture and prompt.
"""

from __future__ import annotations

import os
from pathlib import Path

CODE = '''
"""Draws and scores quickly."""

import hashlib
import io
import os
import pathlib
import time

from PIL import Image

from tasvir.generate.base import Generator
from tasvir.records import Picture, Score
from tasvir.score.base import Metric

SECONDS = float(os.environ.get("QUICK_SECONDS", "0"))


class QuickGenerator(Generator):
    name = "quick"
    native_size = (32, 32)

    def __init__(self, model="plain"):
        self.model = model

    @property
    def label(self):
        return f"quick:{self.model}"

    @classmethod
    def identity(cls, model, load):
        return {"model": model or "plain"}

    def draw(self, prompts, layouts, seeds, settings):
        return [self._one(prompt, seed) for prompt, seed in zip(prompts, seeds)]

    def _one(self, prompt, seed):
        time.sleep(SECONDS)
        self._obey(prompt)
        said = f"{self.model} {prompt.text} {seed}"
        noise = b"".join(hashlib.sha256(f"{said} {n}".encode()).digest() for n in range(96))
        file = io.BytesIO()
        Image.frombytes("RGB", (32, 32), noise).save(file, "PNG")
        return Picture(file.getvalue(), 32, 32, {"generator": "quick", "seed": seed, "steps": 1})

    def _obey(self, prompt):
        """Die at a prompt where a file says so, "once" or "always"; for tests of what becomes of a batch."""
        file = os.environ.get("QUICK_ORDER")
        if file:
            text, _, often = pathlib.Path(file).read_text().partition("|")
            if text == prompt.text:
                if often == "once":
                    pathlib.Path(file).write_text("")
                os._exit(1)


class QuickMetric(Metric):
    name = "quick"
    batch = 3

    def measure(self, prompts, pictures):
        time.sleep(SECONDS)
        return [
            Score(self.name, hashlib.sha256(picture.png + prompt.text.encode()).digest()[0] / 255)
            for prompt, picture in zip(prompts, pictures)
        ]


class OtherMetric(QuickMetric):
    name = "other"
    batch = 1
'''
POINTS = """[tasvir.generators]
quick = tasvir_quick:QuickGenerator

[tasvir.metrics]
quick = tasvir_quick:QuickMetric
other = tasvir_quick:OtherMetric
"""


def install(folder: Path) -> dict[str, str]:
    """Put the package into a folder; returns the environment of a process that finds it."""
    (folder / "tasvir_quick.py").write_text(CODE)
    about = folder / "tasvir_quick-1.0.dist-info"
    about.mkdir()
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: tasvir-quick\nVersion: 1.0\n")
    (about / "entry_points.txt").write_text(POINTS)
    return {**os.environ, "PYTHONPATH": str(folder), "OMP_NUM_THREADS": "1"}
