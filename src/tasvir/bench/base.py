"""What a suite is: named prompts by category, each with what a picture of it must show."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import ClassVar

from tasvir.world.suite import SuitePrompt


class Suite(ABC):
    """Base of all suites: subclasses give `name` and `prompts`."""

    name: ClassVar[str]

    @abstractmethod
    def prompts(self) -> tuple[SuitePrompt, ...]:
        """Every prompt, always in the same order; ids are unique."""
