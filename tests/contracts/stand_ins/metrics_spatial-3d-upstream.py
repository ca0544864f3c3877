"""The embedded detector and its order of things as depth, and a prompt about depth."""

from __future__ import annotations

from typing import Any

from tasvir.records import SuitePrompt
from tasvir.world.description import Claim, Description, Entity
from tasvir.world.scene import Placed, Scene


def arguments() -> dict[str, Any]:
    return {"model": "embedded"}


def example() -> tuple[SuitePrompt, Scene]:
    told = Description((Entity("dog"), Entity("house")), (Claim("in front of", 0, 1),), background="park")
    house = Placed("house", (0.2, 0.2, 0.7, 0.75), "red")
    dog = Placed("dog", (0.45, 0.6, 0.8, 0.85), "brown", facing="left")
    prompt = SuitePrompt("0", "a dog in front of a house", facts={"description": told.to_dict()})
    return prompt, Scene((house, dog), (), "park")
