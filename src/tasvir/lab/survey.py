"""The survey of chapter 4 as data: works by category (figure 4.1), published figures (tables 4.5-4.7).

The facts stand in `survey.toml` beside this file; here they get types, are checked, and are filtered.
"""

from __future__ import annotations

import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

from tasvir.errors import UnknownNameError

TRAINING_BASED = (
    "noise distribution",
    "noise schedule",
    "truncation",
    "training regime",
    "space projection",
    "optimal transport",
    "discrete data",
    "invariant structures",
    "manifold",
)
TRAINING_FREE = ("SDE solver", "ODE solver", "sampling procedure", "fine-tuning", "distillation")
CATEGORIES = ("foundation", *TRAINING_BASED, *TRAINING_FREE)
"""Those of figure 4.1; its "other modes" as the three kinds that section 4.3.1.7 tells apart."""

DATASETS = ("cifar10", "celeba64", "imagenet64")


@dataclass(frozen=True, slots=True)
class Work:
    """One work of the survey.

    Args:
        reference: Its number in the thesis' bibliography.
        name: What it is called for short.
        authors: Surnames.
        year: As the bibliography has it.
        title: In full.
        section: Where the thesis tells of it.
        category: One of `CATEGORIES`.
        idea: In one line.
        arxiv: Number of its preprint, where the bibliography has one.
        implemented: The file that implements it, below ``src/tasvir``; None = not implemented here.
    """

    reference: int
    name: str
    authors: str
    year: int
    title: str
    section: str
    category: str
    idea: str
    arxiv: str | None = None
    implemented: str | None = None


@dataclass(frozen=True, slots=True)
class Figure:
    """One row of tables 4.5 to 4.7: figures that their authors published, measured in different ways.

    Args:
        dataset: One of `DATASETS`.
        table: Number in the thesis.
        conditional: Whether classes were given.
        model: The variant.
        reference: The work.
        fid: Frechet inception distance, lower is better.
        inception_score: Higher is better.
        nll: Negative log-likelihood or a bound of it in bits a dimension, lower is better.
        note: What is odd about the row.
    """

    dataset: str
    table: str
    conditional: bool
    model: str
    reference: int
    fid: float | None = None
    inception_score: float | None = None
    nll: float | None = None
    note: str = ""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is looked for; None or empty = whatever.

    Args:
        category: One of `CATEGORIES`, or "training-based" or "training-free" for all of theirs.
        years: First and last year, both included.
        text: Letters that stand in name, model, title, authors or idea, case aside.
        implemented: Whether something here implements it.
    """

    category: str | None = None
    years: tuple[int, int] | None = None
    text: str = ""
    implemented: bool | None = None

    def categories(self) -> Sequence[str]:
        """The categories that are meant.

        Raises:
            UnknownNameError: No such category.
        """
        groups = {"training-based": TRAINING_BASED, "training-free": TRAINING_FREE}
        if self.category is None:
            return CATEGORIES
        for name in CATEGORIES:
            if name.lower() == self.category.lower():
                return (name,)
        if self.category.lower() in groups:
            return groups[self.category.lower()]
        known = ", ".join((*CATEGORIES, *groups))
        raise UnknownNameError(f"no category is called {self.category!r}; known: {known}")

    def met_by(self, work: Work, model: str = "") -> bool:
        """Whether a work (and the variant of it) is among what is looked for."""
        first, last = self.years or (work.year, work.year)
        told = " ".join((work.name, model, work.title, work.authors, work.idea)).lower()
        return (
            work.category in self.categories()
            and first <= work.year <= last
            and self.text.lower() in told
            and self.implemented in (None, work.implemented is not None)
        )


@cache
def works() -> dict[int, Work]:
    """Every work by its number."""
    return {entry["reference"]: Work(**entry) for entry in _facts()["works"]}


@cache
def figures() -> tuple[Figure, ...]:
    """Every row of the three tables, in their order."""
    return tuple(Figure(**entry) for entry in _facts()["results"])


def find_works(wanted: Wanted) -> list[Work]:
    """The works that are looked for, in the survey's order.

    Raises:
        UnknownNameError: No such category.
    """
    wanted.categories()
    return [work for work in works().values() if wanted.met_by(work)]


def find_figures(dataset: str, wanted: Wanted) -> list[tuple[Figure, Work]]:
    """Rows of one data set's table with their works, in the table's order: by FID.

    Raises:
        UnknownNameError: No such data set or category.
    """
    if dataset not in DATASETS:
        raise UnknownNameError(f"the survey has no data set {dataset!r}; known: {', '.join(DATASETS)}")
    wanted.categories()
    pairs = [(figure, works()[figure.reference]) for figure in figures() if figure.dataset == dataset]
    return [(figure, work) for figure, work in pairs if wanted.met_by(work, figure.model)]


@cache
def _facts() -> dict[str, list[dict[str, Any]]]:
    text = files("tasvir.lab").joinpath("survey.toml").read_text("utf-8")
    return tomllib.loads(text)
