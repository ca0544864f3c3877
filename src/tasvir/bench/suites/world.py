"""The suite of the picture world, made of combinations that no training scene holds."""

from __future__ import annotations

from typing import Any, ClassVar

from tasvir.bench.base import Suite
from tasvir.records import SuitePrompt
from tasvir.world.suite import WorldPrompt, world_suite


class WorldSuite(Suite):
    """600 prompts of the picture world, 100 a category, each with something held out of training."""

    name: ClassVar[str] = "world"

    def prompts(self) -> tuple[SuitePrompt, ...]:
        """See `tasvir.world.suite.world_suite`."""
        return tuple(map(as_suite_prompt, world_suite()))

    @property
    def provenance(self) -> dict[str, Any]:
        return {"source": "tasvir.world.suite_making", "licence": "Apache-2.0", "rows": len(world_suite())}


def as_suite_prompt(entry: WorldPrompt) -> SuitePrompt:
    """With what a picture of it must show as the fact "description"."""
    return SuitePrompt(entry.id, entry.text, entry.category, {"description": entry.description.to_dict()})
