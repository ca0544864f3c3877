"""Whether a claim is replicated: by its contrasts, their paired t-tests, and a rule that is stated here.

A contrast is in favour where its mean is above 0 and its p, adjusted by Holm over all contrasts that the
claims make on one data set, is below 0.05; against where it is below 0 likewise. Replicated: as many as the
claim needs are in favour. Not replicated: so many are against that they cannot be. Else undecided.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from tasvir.lab.multimodal.experiments.results import TableResults
from tasvir.report.multimodal.claims import CLAIMS, Claim, Contrast
from tasvir.report.multimodal.comparison import LEVEL
from tasvir.report.multimodal.printed import printed_tables, thesis_columns, thesis_rows
from tasvir.report.multimodal.view import View, as_printed, measured
from tasvir.score.statistics import Tested, holm, paired_t

Verdict = Literal["replicated", "not-replicated", "undecided", "not-run"]
EXPERIMENTS = ("gaussians", "image-label")


@dataclass(frozen=True, slots=True)
class Weighed:
    """A contrast with its test.

    Args:
        row: See `Contrast`.
        figure: See `Contrast`.
        n: Seeds.
        tested: Mean in favour, interval and p.
        holm: Adjusted p.
        printed: The same number of the printed table, None where it has none.
    """

    row: str
    figure: str
    n: int
    tested: Tested
    holm: float | None = None
    printed: float | None = None

    @property
    def side(self) -> int:
        """1 in favour, -1 against, 0 neither."""
        if self.holm is None or self.holm >= LEVEL:
            return 0
        return 1 if self.tested.difference > 0 else -1


@dataclass(frozen=True, slots=True)
class Judged:
    """A claim on one data set.

    Args:
        claim: Which.
        data: On which data.
        estimator: Suffix of the figures, "" of the plain ones.
        weighed: Its contrasts; empty where its tables were not run.
        printed: How many contrasts the printed tables favour and of how many; None where they tell nothing.
    """

    claim: Claim
    data: str
    estimator: str
    weighed: tuple[Weighed, ...]
    printed: tuple[int, int] | None

    @property
    def verdict(self) -> Verdict:
        """By the rule of this file."""
        if not self.weighed:
            return "not-run"
        count, needed = len(self.weighed), self.claim.needed(len(self.weighed))
        if sum(one.side > 0 for one in self.weighed) >= needed:
            return "replicated"
        if sum(one.side < 0 for one in self.weighed) > count - needed:
            return "not-replicated"
        return "undecided"

    @property
    def printed_supports(self) -> bool | None:
        """Whether the printed means themselves say what the claim says; they have no uncertainty."""
        if self.printed is None:
            return None
        return self.printed[0] >= self.claim.needed(self.printed[1])


def judge(tables: Sequence[TableResults]) -> tuple[Judged, ...]:
    """Every claim on the thesis' data, run or not; on other data as far as they were run."""
    found: list[Judged] = []
    for experiment in EXPERIMENTS:
        ours = [one for one in tables if one.experiment == experiment]
        printed = [data for name, _, data in printed_tables() if name == experiment]
        for data in dict.fromkeys([*printed, *(one.data for one in ours)]):
            here = {one.expert: one for one in ours if one.data == data}
            about = [claim for claim in CLAIMS if claim.experiment == experiment]
            for suffix in estimators(here.values(), experiment):
                judged = _adjusted([_judged(claim, data, here, suffix) for claim in about])
                found += [one for one in judged if one.weighed or (data in printed and not suffix)]
    return tuple(found)


def estimators(tables: Iterable[TableResults], experiment: str) -> list[str]:
    """Suffixes of figures: "" of the plain ones, ":exact" where every column has that one, too."""
    columns, found = thesis_columns(experiment), [""]
    for one in tables:
        tails = dict.fromkeys(name.partition(":")[2] for name in one.figures)
        found += [
            f":{tail}"
            for tail in tails
            if tail and all(f"{column}:{tail}" in one.figures for column in columns)
        ]
    return list(dict.fromkeys(found))


def _judged(claim: Claim, data: str, tables: Mapping[str, TableResults], suffix: str) -> Judged:
    printed = None if suffix else _printed(claim, data)
    told = None if printed is None else (sum(one > 0 for one in printed), len(printed))
    if not all(expert in tables and _whole(tables[expert], claim, suffix) for expert in claim.experts):
        return Judged(claim, data, suffix, (), told)
    views = _views([tables[expert] for expert in claim.experts], suffix)
    if not len(views[0].base(thesis_columns(claim.experiment)[0])):
        return Judged(claim, data, suffix, (), told)
    contrasts = list(claim.contrasts(*views))
    numbers: Sequence[float | None] = printed or [None] * len(contrasts)
    weighed = (_weighed(one, number) for one, number in zip(contrasts, numbers, strict=True))
    return Judged(claim, data, suffix, tuple(weighed), told)


def _whole(table: TableResults, claim: Claim, suffix: str) -> bool:
    """Whether a table holds all that a claim is about: the thesis' rows and columns, and weights."""
    rows = set(thesis_rows(claim.experiment)) <= set(table.weightings)
    columns = {f"{column}{suffix}" for column in thesis_columns(claim.experiment)} <= set(table.figures)
    return rows and columns and (bool(table.history) or not claim.weights)


def _views(tables: Sequence[TableResults], suffix: str) -> list[View]:
    """The thesis' rows, over the seeds of which all tables have every column as a finite number."""
    views = [measured(one, suffix) for one in tables]
    known = [_finite_seeds(one, view) for one, view in zip(tables, views, strict=True)]
    shared = [seed for seed in tables[0].seeds if all(seed in seeds for seeds in known)]
    found = []
    for one, view in zip(tables, views, strict=True):
        places = [list(one.seeds).index(seed) for seed in shared]
        figures = {key: values[places] for key, values in view.figures.items()}
        weights = {key: values[places] for key, values in view.weights.items()}
        found.append(View(thesis_rows(one.experiment), figures, weights))
    return found


def _finite_seeds(table: TableResults, view: View) -> set[int]:
    rows, columns = thesis_rows(table.experiment), thesis_columns(table.experiment)
    every = np.array([view(row, column) for row in rows for column in columns])
    return {seed for seed, finite in zip(table.seeds, np.isfinite(every).all(0), strict=True) if finite}


def _printed(claim: Claim, data: str) -> list[float] | None:
    """The claim's numbers of the printed tables."""
    printed = printed_tables()
    keys = [(claim.experiment, expert, data) for expert in claim.experts]
    if claim.weights or any(key not in printed for key in keys):
        return None
    return [float(one.favour[0]) for one in claim.contrasts(*(as_printed(printed[key]) for key in keys))]


def _weighed(contrast: Contrast, printed: float | None) -> Weighed:
    favour = contrast.favour
    return Weighed(contrast.row, contrast.figure, len(favour), paired_t(favour), printed=printed)


def _adjusted(found: Sequence[Judged]) -> list[Judged]:
    """Holm over all contrasts together."""
    every = [one.tested.p for judged in found for one in judged.weighed]
    values = iter(holm(every))
    return [
        replace(judged, weighed=tuple(replace(one, holm=next(values)) for one in judged.weighed))
        for judged in found
    ]
