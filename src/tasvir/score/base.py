"""What a metric is: prompts and pictures in, one score a picture out, and by which recipe.

A metric that looks at one picture at a time is a `Metric`; one that looks at a whole set (FID, KID, IS) is a
`SetMetric`. Both are plugins of kind "metrics". A recipe holds all that a value hangs on; values of different
recipes are never put into one mean, difference or column.
"""

from __future__ import annotations

import hashlib
import json
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from tasvir.records import Picture, Score, SetScore, SuitePrompt


class Measure(ABC):
    """What both kinds of metric tell of themselves.

    Attributes:
        version: Counts up whenever the same picture could get another value.
        higher_is_better: Its direction.
        bounds: Least and greatest possible value; None where there is no such bound.
    """

    name: ClassVar[str]
    version: ClassVar[int] = 1
    higher_is_better: ClassVar[bool] = True
    bounds: ClassVar[tuple[float | None, float | None]] = (0.0, 1.0)

    @property
    def label(self) -> str:
        """What tables call it: the name, with the model where the name stands for many."""
        return self.name

    @property
    def recipe(self) -> dict[str, Any]:
        """All that a value hangs on besides picture and prompt, ready for JSON: version, backbone with the
        hash of its weights, preprocessing, templates. Subclasses add to it."""
        return {"metric": self.label, "version": self.version}


class Metric(Measure):
    """Base of metrics of single pictures: subclasses give `name` and `measure`.

    Attributes:
        batch: How many pictures it likes to get at once.
        waits: True where it waits for a service, so that many calls may be on their way at once.
    """

    batch: int = 16
    waits: bool = False

    @abstractmethod
    def measure(self, prompts: Sequence[SuitePrompt], pictures: Sequence[Picture]) -> list[Score]:
        """Score pictures, each against its prompt.

        Args:
            prompts: n prompts; the same one may come many times.
            pictures: n pictures of any size.

        Returns:
            n scores in order; a picture that cannot be scored has the value None and the reason why.
        """


class SetMetric(Measure):
    """Base of metrics of sets of pictures: subclasses give `name` and `measure_set`."""

    @abstractmethod
    def measure_set(self, pictures: Sequence[Picture]) -> SetScore:
        """Score all pictures of one model on one suite together.

        Args:
            pictures: n pictures of any size.

        Returns:
            The value with its n, its spread and, where it is too small a set to mean anything, None with the
            reason.
        """


def recipe_hash(recipe: Mapping[str, Any]) -> str:
    """16 hexadecimal digits that tell recipes apart; the order of keys does not matter."""
    return hashlib.sha256(json.dumps(recipe, sort_keys=True).encode()).hexdigest()[:16]
