"""The embedded detector, and a prompt that counts."""

from __future__ import annotations

from typing import Any

from tasvir.records import SuitePrompt
from tasvir.world.description import Description, Entity
from tasvir.world.scene import Placed, Scene


def arguments() -> dict[str, Any]:
    return {"model": "embedded"}


def example() -> tuple[SuitePrompt, Scene]:
    told = Description((Entity("ball", "red", count=2),), background="park")
    balls = tuple(Placed("ball", (left, 0.6, left + 0.2, 0.8), "red") for left in (0.15, 0.6))
    return SuitePrompt("0", "two red balls", facts={"description": told.to_dict()}), Scene(balls, (), "park")
