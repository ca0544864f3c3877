"""Tiny models with random weights, question models that say what they are told, and pictures."""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from tasvir.records import Picture

Answers = Mapping[tuple[int, str], Mapping[str, float]]


class ScriptedAnswerer:
    """Says of a picture, told by its first pixel, what stands in a table; "" stands for any question."""

    identity = {"model": "scripted"}  # noqa: RUF012

    def __init__(self, table: Answers) -> None:
        self.table = table
        self.asked: list[tuple[int, str]] = []

    def answer_probabilities(
        self,
        pictures: Sequence[Image.Image],
        questions: Sequence[str],
        answers: Sequence[str] = ("yes", "no"),
    ) -> NDArray[np.float32]:
        keys = [
            (int(np.asarray(picture)[0, 0, 0]), question)
            for picture, question in zip(pictures, questions, strict=True)
        ]
        self.asked += keys
        rows = [self.table[key] if key in self.table else self.table[key[0], ""] for key in keys]
        return np.array([[row.get(answer, 0.0) for answer in answers] for row in rows], np.float32)


@pytest.fixture
def scripted(monkeypatch: pytest.MonkeyPatch) -> Callable[[Answers], ScriptedAnswerer]:
    """Have every metric open a question model that says what a table says."""

    def put(table: Answers) -> ScriptedAnswerer:
        answerer = ScriptedAnswerer(table)
        monkeypatch.setattr(
            "tasvir.models.image_text.answerer.open_answerer", lambda *_args: answerer, raising=True
        )
        return answerer

    return put


@pytest.fixture(scope="session")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """The folder of a tiny "clip", "captioner" or "answerer"."""
    from tasvir.models.tiny import image_text

    root = tmp_path_factory.mktemp("image_text")

    def folder(name: str) -> Path:
        maker: Any = getattr(image_text, f"save_{name}")
        return root / name if (root / name).is_dir() else Path(maker(root / name))

    return folder


def picture(level: int, size: tuple[int, int] = (8, 8)) -> Picture:
    """A grey picture."""
    return png(np.full((size[1], size[0], 3), level, np.uint8))


def noise(seed: int, size: tuple[int, int] = (40, 40)) -> Picture:
    return png(np.random.default_rng(seed).integers(0, 256, (size[1], size[0], 3), dtype=np.uint8))


def png(pixels: NDArray[np.uint8]) -> Picture:
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, "PNG")
    return Picture(stream.getvalue(), pixels.shape[1], pixels.shape[0])


@pytest.fixture
def grey() -> Callable[..., Picture]:
    return picture


@pytest.fixture
def noisy() -> Callable[..., Picture]:
    return noise
