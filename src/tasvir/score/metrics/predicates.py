"""Is what the prompt claims true of the picture? The claims as data against what the oracle reads off."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from tasvir.records import Picture, Score, SuitePrompt
from tasvir.score.base import Metric
from tasvir.score.pictures import UnmeasurableError, opened
from tasvir.world.description import Description, check
from tasvir.world.scene import Placed

Reading = tuple[tuple[Placed, ...], str]
"""Things in depth order, farthest first, and the name of the background."""
Reader = Callable[[Sequence[NDArray[np.uint8]]], list[Reading]]


class PredicateMetric(Metric):
    """1 if all predicates of a description are true of what the oracle reads, else 0; and the share.

    Args:
        read: What reads pictures; None = the shipped oracle.
    """

    name: ClassVar[str] = "predicates"

    def __init__(self, read: Reader | None = None) -> None:
        self._read = read

    @property
    def recipe(self) -> dict[str, Any]:
        if self._read is not None:
            return {**super().recipe, "reader": "given"}
        from tasvir.models.embedded import weights

        return {**super().recipe, "reader": {"model": "oracle", "weights": weights.fingerprint_of("oracle")}}

    def measure(self, prompts: Sequence[SuitePrompt], pictures: Sequence[Picture]) -> list[Score]:
        """Score pictures; see `Metric.measure`. Prompts need the fact "description".

        The details hold "share" (of the predicates that are true), "predicates" ([text, true] pairs),
        "things" (what was read, farthest first) and "background".
        """
        told = [_description(prompt) for prompt in prompts]
        pixels = [_pixels(picture) for picture in pictures]
        wanted = [p for d, p in zip(told, pixels, strict=True) if d is not None and p is not None]
        readings = iter(self._reader()(wanted) if wanted else [])
        scores = []
        for description, values in zip(told, pixels, strict=True):
            if description is None:
                scores.append(_missing("the suite does not say as data what a picture of this prompt shows"))
            elif values is None:
                scores.append(_missing("the picture's bytes are not a picture that can be opened"))
            else:
                scores.append(_score(description, next(readings)))
        return scores

    def _reader(self) -> Reader:
        if self._read is None:
            from tasvir.models.embedded.oracle import read_all

            self._read = read_all
        return self._read


def _pixels(picture: Picture) -> NDArray[np.uint8] | None:
    try:
        return np.asarray(opened(picture))
    except UnmeasurableError:
        return None


def _description(prompt: SuitePrompt) -> Description | None:
    told = prompt.facts.get("description")
    return None if told is None else Description.from_dict(told)


def _missing(reason: str) -> Score:
    return Score(PredicateMetric.name, None, reason)


def _score(description: Description, reading: Reading) -> Score:
    things, background = reading
    outcome = check(description, things, background)
    wrong = [text for text, true in outcome.predicates if not true]
    details: dict[str, Any] = {
        "share": outcome.share,
        "predicates": [[text, true] for text, true in outcome.predicates],
        "things": [asdict(thing) for thing in things],
        "background": background,
    }
    reason = f"not true: {'; '.join(wrong)}" if wrong else "every predicate is true"
    return Score(PredicateMetric.name, float(outcome.all_true), reason, details)
