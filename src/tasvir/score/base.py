"""What a metric is: what a picture shall show and pictures in, one score a picture out."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import ClassVar

from tasvir.records import Picture, Score
from tasvir.world.description import Description


class Metric(ABC):
    """Base of all metrics: subclasses give `name` and `measure`."""

    name: ClassVar[str]

    @abstractmethod
    def measure(self, description: Description, pictures: Sequence[Picture]) -> list[Score]:
        """Score pictures against one description.

        Args:
            description: What each picture shall show.
            pictures: n pictures of any size.

        Returns:
            n scores in order; a picture that cannot be scored has the value None and the reason why.
        """
