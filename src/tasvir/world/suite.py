"""The suite ``world``: 600 prompts, each with something held out of training, and what must be seen."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any, Self

from tasvir.errors import RecordError
from tasvir.world.description import Description

CATEGORIES = ("spatial", "3d-spatial", "attribute", "count", "action", "complex")


@dataclass(frozen=True, slots=True)
class WorldPrompt:
    """One prompt of the suite.

    Args:
        id: Category and number, "spatial-007".
        category: One of CATEGORIES.
        text: The prompt.
        description: What a picture of it must show.
    """

    id: str
    category: str
    text: str
    description: Description

    def to_dict(self) -> dict[str, Any]:
        return {
            "id": self.id,
            "category": self.category,
            "text": self.text,
            "description": self.description.to_dict(),
        }

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Self:
        """Read what `to_dict` wrote.

        Raises:
            RecordError: A field is missing, or the description is broken.
        """
        try:
            return cls(data["id"], data["category"], data["text"], Description.from_dict(data["description"]))
        except KeyError as problem:
            raise RecordError(f"not a prompt of the suite: the field {problem} is missing") from problem


@cache
def world_suite() -> tuple[WorldPrompt, ...]:
    """All prompts of suite.jsonl, 100 of each category, in their order."""
    lines = files(__package__).joinpath("suite.jsonl").read_text("utf-8").splitlines()
    return tuple(WorldPrompt.from_dict(json.loads(line)) for line in lines)
