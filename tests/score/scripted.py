"""A detector and a depth estimator that see what a test tells them to."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from tasvir.models.detection import opening
from tasvir.models.detection.base import Detection
from tasvir.records import Box, Picture, SuitePrompt


@dataclass
class Scripted:
    """Sees the same things in every picture; a fixed vocabulary unless that is None."""

    things: Sequence[Detection] = ()
    vocabulary: frozenset[str] | None = None
    tells_colors: bool = False
    threshold: float = 0.25
    depths: NDArray[np.float32] | None = None
    identity: dict[str, Any] = field(default_factory=lambda: {"model": "scripted"})
    asked: list[tuple[str, ...]] = field(default_factory=list)

    def knows(self, label: str) -> bool:
        return self.vocabulary is None or label in self.vocabulary

    def detect(
        self, pictures: Sequence[Image.Image], labels: Sequence[Sequence[str]], least: float
    ) -> list[tuple[Detection, ...]]:
        self.asked += [tuple(each) for each in labels]
        seen = sorted((one for one in self.things if one.score > least), key=lambda one: -one.score)
        return [tuple(seen) for _ in pictures]

    def depth(self, pictures: Sequence[Image.Image]) -> list[NDArray[np.float32]]:
        assert self.depths is not None
        return [self.depths for _ in pictures]


def use(monkeypatch: pytest.MonkeyPatch, eye: Scripted) -> Scripted:
    """Let every metric see through this eye."""
    monkeypatch.setattr(opening, "open_detector", lambda model, load: eye)
    monkeypatch.setattr(opening, "open_depth", lambda model, load: eye)
    return eye


def seen(
    label: str, x0: float, y0: float, x1: float, y1: float, score: float = 0.8, color: str | None = None
) -> Detection:
    return Detection(label, score, Box(x0, y0, x1, y1), color)


def picture(width: int = 100, height: int = 100) -> Picture:
    buffer = io.BytesIO()
    Image.new("RGB", (width, height), "white").save(buffer, "PNG")
    return Picture(buffer.getvalue(), width, height)


def prompt(text: str, **facts: Any) -> SuitePrompt:
    return SuitePrompt("0", text, facts=facts)
