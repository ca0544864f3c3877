"""The suite of the picture world, made of combinations that no training scene holds."""

from __future__ import annotations

from typing import ClassVar

from tasvir.bench.base import Suite
from tasvir.world.suite import SuitePrompt, world_suite


class WorldSuite(Suite):
    """600 prompts of the picture world, 100 a category, each with something held out of training."""

    name: ClassVar[str] = "world"

    def prompts(self) -> tuple[SuitePrompt, ...]:
        """See `tasvir.world.suite.world_suite`."""
        return world_suite()
