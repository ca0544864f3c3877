"""The world suite: 600 held-out prompts of the picture world, each with its truth."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

from tasvir.world.suite import SuitePrompt, world_suite


class WorldSuite:
    """600 held-out prompts, 100 a category: spatial, 3d-spatial, attribute, count, action, complex."""

    name: ClassVar[str] = "world"

    def prompts(self) -> Iterator[SuitePrompt]:
        """All prompts, in the suite's order."""
        yield from world_suite()
