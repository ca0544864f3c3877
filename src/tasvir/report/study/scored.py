"""One table of a comparison with what a study needs besides: its place in ids, digits, values by prompt."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tasvir.report.study.values import Message, Name, Slot, digits_for, value_id
from tasvir.results import RunResults
from tasvir.score.comparison import Comparison, Table


@dataclass(frozen=True, slots=True)
class Scored:
    """A metric on a suite under a setting.

    Args:
        table: Of the comparison.
        digits: Behind the decimal sign of its values.
        by_prompt: Prompt's id -> model -> mean over seeds, or None.
        texts: Prompt's id -> its text.
        discussed: Whether its setting is the suite's last, which is the one that is written about.
        is_main: Whether it is discussed down to categories and prompts: the first metric of those.
    """

    table: Table
    digits: int
    by_prompt: Mapping[str, Mapping[str, float | None]]
    texts: Mapping[str, str]
    discussed: bool
    is_main: bool

    def id(self, kind: str, *parts: str) -> str:
        table = self.table
        return value_id(kind, table.suite, settings_text(table.settings), table.metric, *parts)

    @property
    def names(self) -> dict[str, Slot]:
        """What messages about it may name."""
        return {"metric": Name(self.table.metric), "suite": Name(self.table.suite), "at": self.at}

    @property
    def at(self) -> Name | Message:
        return at(self.table.settings)

    def better(self, first: float, second: float) -> bool:
        return first > second if self.table.higher_is_better else first < second

    def sign(self, value: float) -> float:
        """The value such that greater is better."""
        return value if self.table.higher_is_better else -value


def same(first: float, second: float) -> bool:
    """Whether two values differ by rounding alone."""
    return math.isclose(first, second, rel_tol=1e-12, abs_tol=1e-12)


def settings_text(settings: Mapping[str, Any]) -> str:
    """ "steps=10, size=256"; empty where nothing is swept."""
    return ", ".join(f"{name}={value}" for name, value in settings.items())


def at(settings: Mapping[str, Any]) -> Name | Message:
    """Settings as they are named in a heading."""
    return Name(settings_text(settings)) if settings else Message("word.usual")


def gather(results: RunResults, comparison: Comparison) -> tuple[Scored, ...]:
    """All tables, in the comparison's order."""
    values: dict[tuple[str, str, str], dict[str, dict[str, list[float]]]] = {}
    for cell in results.cells:
        for name, score in cell.scores.items():
            scope = values.setdefault((name, cell.suite, settings_text(cell.settings)), {})
            found = scope.setdefault(cell.prompt, defaultdict(list))[cell.model]
            if score.value is not None:
                found.append(score.value)
    digits = _digits(comparison)
    last = {table.suite: settings_text(table.settings) for table in comparison.tables}
    first = comparison.tables[0].metric if comparison.tables else ""
    scored = []
    for table in comparison.tables:
        where = settings_text(table.settings)
        scope = values.get((table.metric, table.suite, where), {})
        prompts = [prompt for (suite, _), prompt in results.prompts.items() if suite == table.suite]
        scored.append(
            Scored(
                table,
                digits[table.metric],
                {
                    p.id: {m: _mean(found) for m, found in scope[p.id].items()}
                    for p in prompts
                    if p.id in scope
                },
                {prompt.id: prompt.text for prompt in prompts},
                where == last[table.suite],
                table.metric == first and where == last[table.suite],
            )
        )
    return tuple(scored)


def _mean(values: list[float]) -> float | None:
    return math.fsum(values) / len(values) if values else None


def _digits(comparison: Comparison) -> dict[str, int]:
    """By metric: all its values are written alike."""
    widths: dict[str, list[float]] = defaultdict(list)
    for table in comparison.tables:
        widths[table.metric] += [
            (mean.interval[1] - mean.interval[0]) / 2 for mean in table.overall.means if mean.interval
        ]
    return {table.metric: digits_for(widths[table.metric]) for table in comparison.tables}
