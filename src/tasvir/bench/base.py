"""What a suite is: named prompts by category, each with what the suite knows of it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, ClassVar

from tasvir.records import SuitePrompt


class Suite(ABC):
    """Base of all suites: subclasses give `name` and `prompts`."""

    name: ClassVar[str]

    @abstractmethod
    def prompts(self) -> tuple[SuitePrompt, ...]:
        """Every prompt, always in the same order; ids are unique.

        Raises:
            UnknownNameError: Its file is not on this machine yet; says which command brings it.
            RecordError: Its file cannot be read.
        """

    @property
    def label(self) -> str:
        """What a run calls it: the name, with what follows the colon where the name stands for many."""
        return self.name

    @property
    def provenance(self) -> dict[str, Any]:
        """Where the prompts come from, ready for JSON: source, sha256 of its file, rows, licence."""
        return {}
