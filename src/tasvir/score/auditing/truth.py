"""What is true of each picture of a run: told by who made it, or read by the oracle.

A rendered picture's story holds its truth. A drawn one is read by the metric `predicates`, whose eyes no
guide and no generator share; that reading errs, and the oracle's card says how often.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from tasvir.results import Cell, RunResults
from tasvir.score.metrics.predicates import PredicateMetric

RELATION_KINDS: Mapping[str, tuple[str, ...]] = {
    "plane": ("left of", "right of", "above", "below", "next to"),
    "depth": ("in front of", "behind"),
    "contact": ("on", "under", "inside"),
    "action": ("holding", "riding", "facing", "walking towards", "running towards"),
}
"""Relations of the picture world by what they ask of an eye."""
TRUTH = "truth"
"""In a picture's story: "share", "faults", "broken", "relations"."""
ORACLE = PredicateMetric.name
"""The metric that reads the truth off drawn pictures; never audited against itself."""


@dataclass(frozen=True, slots=True)
class Known:
    """A picture whose truth is known.

    Args:
        cell: With its scores.
        share: Share of the text's predicates that are true of it, 0 to 1.
        rating: What a person would say, 1 to 5.
        faults: Those made in it, by name; None where nobody made any on purpose.
        broken: Kinds of the relations that are false, where that is known.
        asked: Kinds of the relations that the text claims.
    """

    cell: Cell
    share: float
    rating: float
    faults: tuple[str, ...] | None
    broken: frozenset[str]
    asked: frozenset[str]


def known(results: RunResults, *, noise: float = 0.0, seed: int = 0) -> tuple[Known, ...]:
    """All pictures of a run whose truth is known, each once a prompt.

    Args:
        results: An audit's part.
        noise: Standard deviation of the raters' error, in levels; 0 = raters without error.
        seed: What the errors come from.
    """
    rng = np.random.default_rng([seed, 1])
    found: dict[tuple[str, str, str], Known] = {}
    for cell in results.cells:
        told = _told(cell)
        if told is None or cell.picture is None:
            continue
        share = float(told["share"])
        faults = None if "faults" not in told else tuple(told["faults"])
        claims = results.prompts[cell.key].facts.get("description", {}).get("claims", ())
        found[cell.suite, cell.prompt, cell.picture] = Known(
            cell,
            share,
            rating_of(share, noise * float(rng.standard_normal())),
            faults,
            _kinds(told.get("relations", ())),
            _kinds(name for name, _, _ in claims),
        )
    return tuple(found.values())


def rating_of(share: float, error: float = 0.0) -> float:
    """Levels 1 to 5 in equal steps of the share, 5 for all true alone; the rater's error is added and the
    whole rounded to a level."""
    exact = 1 + math.floor(4 * share + 1e-9)
    return float(min(max(round(exact + error), 1), 5))


def _told(cell: Cell) -> dict[str, Any] | None:
    if TRUTH in cell.story:
        truth: dict[str, Any] = cell.story[TRUTH]
        return truth
    score = cell.scores.get(ORACLE)
    return None if score is None or score.value is None else {"share": score.details["share"]}


def _kinds(relations: Any) -> frozenset[str]:
    names = set(relations)
    return frozenset(kind for kind, of_kind in RELATION_KINDS.items() if names & set(of_kind))
