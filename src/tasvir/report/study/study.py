"""A run made into a study: every sheet, and every value by its id. No language yet, no pictures."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from tasvir.report.study.rating_sheets import rating_sheets
from tasvir.report.study.run_sheets import (
    failures_sheet,
    metrics_sheet,
    models_sheet,
    run_sheet,
    speeds_sheet,
    suites_sheet,
    sweep_groups,
    sweep_sheet,
    times_sheets,
)
from tasvir.report.study.score_sheets import (
    categories_sheet,
    means_sheets,
    pairs_sheet,
    places_sheet,
    prompts_sheet,
    verdicts_sheet,
)
from tasvir.report.study.scored import Scored, gather
from tasvir.report.study.values import Sheet, Value, index_of
from tasvir.results import RunResults
from tasvir.score.comparison import Comparison


@dataclass(frozen=True, slots=True)
class Study:
    """All that a report is made of.

    Args:
        results: What the run brought.
        comparison: What is said of it.
        scored: Its tables.
        sheets: By id, in the order of the report.
        values: Every value of every sheet, by its id.
    """

    results: RunResults
    comparison: Comparison
    scored: tuple[Scored, ...]
    sheets: Mapping[str, Sheet]
    values: Mapping[str, Value]

    @property
    def models(self) -> tuple[str, ...]:
        return tuple(model.name for model in self.results.models)


def build_study(results: RunResults, comparison: Comparison) -> Study:
    """Tabulate a run and its comparison."""
    scored = gather(results, comparison)
    digits = {one.table.metric: one.digits for one in scored}
    found: list[Sheet | None] = [
        run_sheet(results, comparison),
        suites_sheet(results),
        models_sheet(results),
        metrics_sheet(results),
        *means_sheets(scored, comparison),
        verdicts_sheet(scored),
    ]
    for one in scored:
        found += [places_sheet(one), pairs_sheet(one, one.table.overall), categories_sheet(one)]
        found += [pairs_sheet(one, group) for group in one.table.categories]
        found.append(prompts_sheet(one))
    found += [sweep_sheet(group, digits.get(group[0].metric, 3)) for group in sweep_groups(comparison)]
    found += [*times_sheets(comparison), speeds_sheet(comparison.speeds)]
    found += [*rating_sheets(comparison), failures_sheet(results)]
    sheets = {sheet.id: sheet for sheet in found if sheet is not None}
    return Study(results, comparison, scored, sheets, index_of(sheets.values()))
