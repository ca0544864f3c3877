"""Plugins that draw and score in microseconds: a run over suites is tested to its end in milliseconds."""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from typing import Any, ClassVar

import numpy as np
from PIL import Image

from tasvir.bench.base import Suite
from tasvir.errors import BudgetError, ServiceError, SettingError
from tasvir.generate.base import DrawSettings, Generator
from tasvir.models.load import LoadSettings
from tasvir.records import Layout, Picture, Prompt, Score, SetScore, SuitePrompt
from tasvir.score.base import Metric, SetMetric


class Painter(Generator):
    """Draws a colour by seed, text and model; some prompts ask for trouble."""

    name: ClassVar[str] = "painter"
    native_size = (16, 16)
    weights: ClassVar[dict[str, str]] = {}
    opened: ClassVar[list[str]] = []
    drawn: ClassVar[list[tuple[str, int]]] = []
    before_drawing: ClassVar[Callable[[int], None]] = staticmethod(lambda drawn: None)

    def __init__(self, model: str = "plain", tint: int = 0) -> None:
        if model == "unopenable":
            raise SettingError("this model cannot be opened")
        self.model, self.tint = model, tint
        self.opened.append(model)

    @property
    def label(self) -> str:
        return f"{self.name}:{self.model}"

    @classmethod
    def identity(cls, model: str | None, load: LoadSettings) -> dict[str, Any]:
        return {"weights": cls.weights.get(model or "plain", model)}

    def draw(
        self,
        prompts: Sequence[Prompt],
        layouts: Sequence[Layout | None],
        seeds: Sequence[int],
        settings: DrawSettings,
    ) -> list[Picture]:
        type(self).before_drawing(len(self.drawn))
        if any("broken" in prompt.text for prompt in prompts):
            raise SettingError("this prompt cannot be drawn")
        found = []
        for prompt, seed in zip(prompts, seeds, strict=True):
            self.drawn.append((prompt.text, seed))
            colour = (seed % 256, (len(prompt.text) + self.tint) % 256, sum(map(ord, self.model)) % 256)
            buffer = io.BytesIO()
            Image.new("RGB", settings.size, colour).save(buffer, "PNG")
            told: dict[str, Any] = {"generator": self.name, "seed": seed, "steps": settings.steps or 10}
            if "unsafe" in prompt.text:
                told["blocked"] = "taken for unsafe"
            found.append(Picture(buffer.getvalue(), *settings.size, told))
        return found


class Redness(Metric):
    """How red a picture is, 0 to 1."""

    name: ClassVar[str] = "redness"
    measured: ClassVar[list[str]] = []
    batch = 3

    def __init__(self, power: int = 1) -> None:
        self.power = power

    @property
    def recipe(self) -> dict[str, Any]:
        return {**super().recipe, "power": self.power}

    def measure(self, prompts: Sequence[SuitePrompt], pictures: Sequence[Picture]) -> list[Score]:
        self.measured += [prompt.id for prompt in prompts]
        reds = []
        for picture in pictures:
            with Image.open(io.BytesIO(picture.png)) as opened:
                reds.append(float(np.asarray(opened)[..., 0].mean() / 255) ** self.power)
        return [Score(self.name, red) for red in reds]


class Judging(Metric):
    """A service that gives no answer about dogs, until it is mended."""

    name: ClassVar[str] = "judging"
    waits = True
    mended: ClassVar[bool] = False
    spent: ClassVar[bool] = False

    def measure(self, prompts: Sequence[SuitePrompt], pictures: Sequence[Picture]) -> list[Score]:
        if self.spent:
            raise BudgetError("the budget is used up")
        if not self.mended and any("dog" in prompt.text for prompt in prompts):
            raise ServiceError("the service is down")
        return [Score(self.name, 0.5) for _ in prompts]


class Loaded(Metric):
    """Hangs on how it is loaded."""

    name: ClassVar[str] = "loaded"

    def __init__(self, load: LoadSettings = LoadSettings()) -> None:  # noqa: B008  # frozen
        self.load = load

    @property
    def recipe(self) -> dict[str, Any]:
        return {**super().recipe, "dtype": self.load.dtype}

    def measure(self, prompts: Sequence[SuitePrompt], pictures: Sequence[Picture]) -> list[Score]:
        return [Score(self.name, 1.0) for _ in prompts]


class Counting(SetMetric):
    """How many pictures there are."""

    name: ClassVar[str] = "counting"
    bounds = (0.0, None)

    def measure_set(self, pictures: Sequence[Picture]) -> SetScore:
        return SetScore(self.name, float(len(pictures)), len(pictures))


class Unopenable(Metric):
    """Cannot be opened."""

    name: ClassVar[str] = "unopenable"

    def __init__(self) -> None:
        raise SettingError("this metric cannot be opened")

    def measure(self, prompts: Sequence[SuitePrompt], pictures: Sequence[Picture]) -> list[Score]:
        raise AssertionError


class Few(Suite):
    """Four prompts in two categories."""

    name: ClassVar[str] = "few"
    texts: ClassVar[tuple[str, ...]] = ("a red car", "a dog", "a red car left of a dog", "a ball")

    def prompts(self) -> tuple[SuitePrompt, ...]:
        return tuple(
            SuitePrompt(f"few-{i}", text, ("one", "two")[i % 2]) for i, text in enumerate(self.texts)
        )

    @property
    def provenance(self) -> dict[str, Any]:
        return {"source": "a test"}


METRICS = (Redness, Judging, Loaded, Counting, Unopenable)
