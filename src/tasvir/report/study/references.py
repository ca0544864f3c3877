"""References as data: listed is what a run used, and nothing else."""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

from tasvir.results import RunResults
from tasvir.score.comparison import Comparison

HUB = "https://huggingface.co/"
_HUB_ID = re.compile(r"[\w.-]+/[\w.-]+")


@dataclass(frozen=True, slots=True)
class Reference:
    """A work, a data set or a model.

    Args:
        authors: Empty for a model of the hub.
        year: None where it is not known.
        title: Of the work, or the model's id.
        where: Where it appeared, or its address.
    """

    authors: str
    year: int | None
    title: str
    where: str

    @property
    def text(self) -> str:
        """On one line."""
        begin = f"{self.authors} ({self.year}). " if self.authors else ""
        return f"{begin}{self.title}. {self.where}"


def references(results: RunResults, comparison: Comparison) -> tuple[Reference, ...]:
    """Works whose metrics, suites, models and tests were used, by authors; then the models of the hub."""
    marks = _marks(results, comparison)
    works = [
        Reference(entry["authors"], entry["year"], entry["title"], entry["where"])
        for entry in _known()
        if marks.intersection(entry["marks"])
    ]
    works.sort(key=lambda work: (_surname(work.authors), work.year or 0))
    hub = dict.fromkeys(id for model in results.models for id in _hub_ids(model.spec))
    return (*works, *(Reference("", None, id, HUB + id) for id in hub))


def _surname(authors: str) -> str:
    """Of the first author, whose initials stand in front."""
    return authors.partition(",")[0].removesuffix(" et al.").rpartition(". ")[2]


def _marks(results: RunResults, comparison: Comparison) -> set[str]:
    found = {f"metric:{metric.name.partition(':')[0]}" for metric in results.metrics}
    found |= {f"suite:{re.split('[:/]', suite)[0]}" for suite in results.suites}
    found |= {f"generator:{re.split('[:+]', model.spec)[0]}" for model in results.models}
    if comparison.tables:
        found.add("statistics:means")
    if any(table.overall.pairs for table in comparison.tables):
        found.add("statistics:pairs")
    if comparison.correlations:
        found.add("statistics:correlations")
    if comparison.agreement:
        found.add("statistics:agreement")
    return found


def _hub_ids(spec: str) -> list[str]:
    """Owner/name of a generator that is opened from the hub; a path of a disk is none."""
    plugin, _, model = spec.partition("+")[0].partition(":")
    return [model] if plugin != "embedded" and _HUB_ID.fullmatch(model) else []


@cache
def _known() -> tuple[dict[str, Any], ...]:
    text = (files("tasvir.report.study") / "references.toml").read_text("utf-8")
    return tuple(tomllib.loads(text)["reference"])
