"""What several stand-ins of metrics are made of: models, prompts with their scenes, a reference set."""

from __future__ import annotations

from pathlib import Path
from tempfile import mkdtemp
from typing import Any

import numpy as np
import pytest
from PIL import Image

from tasvir.errors import NotShippedError
from tasvir.models.embedded import weights
from tasvir.models.load import LoadSettings
from tasvir.records import SuitePrompt
from tasvir.world.description import Claim, Description, Entity
from tasvir.world.render import render
from tasvir.world.sampler import sample_scene
from tasvir.world.scene import Placed, Scene


def shipped(*models: str) -> dict[str, Any]:
    """What a metric on the embedded models is made with; skipped while one of them is not shipped."""
    try:
        for model in models:
            weights.folder(model)
    except NotShippedError as problem:
        pytest.skip(str(problem))
    return {"model": "embedded", "load": LoadSettings(device="cpu")}


def depth_example() -> tuple[SuitePrompt, Scene]:
    """A prompt about depth, and a scene of it."""
    told = Description((Entity("dog"), Entity("house")), (Claim("in front of", 0, 1),), background="park")
    house = Placed("house", (0.2, 0.2, 0.7, 0.75), "red")
    dog = Placed("dog", (0.45, 0.6, 0.8, 0.85), "brown", facing="left")
    prompt = SuitePrompt("0", "a dog in front of a house", facts={"description": told.to_dict()})
    return prompt, Scene((house, dog), (), "park")


def count_example() -> tuple[SuitePrompt, Scene]:
    """A prompt that counts, and a scene of it."""
    told = Description((Entity("ball", "red", count=2),), background="park")
    balls = tuple(Placed("ball", (left, 0.6, left + 0.2, 0.8), "red") for left in (0.15, 0.6))
    return SuitePrompt("0", "two red balls", facts={"description": told.to_dict()}), Scene(balls, (), "park")


def reference_set() -> str:
    """A folder with two rendered scenes."""
    folder = Path(mkdtemp())
    dice = np.random.default_rng(0)
    for number in range(2):
        Image.fromarray(render(sample_scene(dice))).save(folder / f"{number}.png")
    return str(folder)
