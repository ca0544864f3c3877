"""What came out of an evaluation: shares by arm and category, and the loop against each other arm."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from tasvir.bench.kept import FAILED
from tasvir.score.statistics import mean_interval, paired_interval, paired_ratio


@dataclass(frozen=True, slots=True)
class Result:
    """Scores by arm and category.

    Args:
        rows: One a prompt and arm: id, category, arm, seed, text, correct (all predicates true; None where
            the picture could not be scored), details of the score, judged (by the judge, or None),
            pictures, seconds, models (names, and a hash that tells the shipped weights).
        oracle: The oracle's own error on rendered scenes, from its card; empty where it is not shipped.
        agreement: Of the oracle with a person, as shipped beside its card; empty where nobody was asked.
    """

    rows: tuple[dict[str, Any], ...]
    oracle: dict[str, Any] = field(default_factory=dict)
    agreement: dict[str, Any] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        arms = list(dict.fromkeys(row["arm"] for row in self.rows))
        return {
            "oracle": self.oracle,
            "agreement": self.agreement,
            "arms": {arm: _summary([row for row in self.rows if row["arm"] == arm]) for arm in arms},
            "differences": _differences(self.rows, arms),
            "ratios": _ratios(self.rows),
            "rows": list(self.rows),
        }

    def to_text(self) -> str:
        data = self.to_dict()
        lines = [
            f"{'arm':<16}{'correct':>9}  {'95 % interval':<17}{'n':>5}{'pictures':>10}{'s, median':>11}"
            "  by category"
        ]
        for arm, figures in data["arms"].items():
            lines.append(_line(arm, figures))
        for name, figures in data["differences"].items():
            low, high = figures["interval"]
            lines.append(
                f"{name}: {figures['mean']:+.3f}, 95 % interval [{low:+.3f}, {high:+.3f}], n {figures['n']}"
            )
        for name, figures in data["ratios"].items():
            lines.append(f"{name}: {_ratio_words(figures)}, n {figures['n']}")
        failed = sum(FAILED in (row.get("details") or {}) for row in self.rows)
        if failed:
            lines.append(
                f"without a picture, for want of a usable reply of the guide: {failed} (counted as wrong)"
            )
        error = self.oracle.get("predicate_error")
        lines.append(
            f"oracle's own error on rendered scenes: {'not measured' if error is None else f'{error:.3f}'}"
        )
        if self.agreement:
            past = (
                "" if self.agreement.get("current", True) else "; measured with another version of the oracle"
            )
            lines.append(f"oracle's agreement with a person: {agreement_words(self.agreement)}{past}")
        return "\n".join(lines)


def _summary(rows: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Shares over what could be scored, with how many those are; pictures and seconds over all."""
    scored = [row for row in rows if row["correct"] is not None]
    categories = dict.fromkeys(row["category"] for row in scored)
    return {
        **_share(scored),
        "pictures": float(np.mean([row["pictures"] for row in rows])),
        "seconds_median": float(np.median([row["seconds"] for row in rows])),
        "categories": {
            name: _share([row for row in scored if row["category"] == name]) for name in categories
        },
    }


def _share(scored: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """The share that is correct with its interval and n; None where nothing was scored."""
    values = [float(row["correct"]) for row in scored]
    mean, *interval = mean_interval(values) if values else (None, None, None)
    return {"correct": mean, "interval": interval, "n": len(values)}


def _line(arm: str, figures: dict[str, Any]) -> str:
    """One arm's row of the table."""
    low, high = figures["interval"]
    shown = "     none  nothing was scored   "
    if figures["correct"] is not None:
        shown = f"{figures['correct']:>9.3f}  [{low:.3f}, {high:.3f}]   "
    parts = ", ".join(f"{name} {share['correct']:.2f}" for name, share in figures["categories"].items())
    return (
        f"{arm:<16}{shown}{figures['n']:>5}"
        f"{figures['pictures']:>10.2f}{figures['seconds_median']:>11.2f}  {parts}"
    )


def _differences(rows: Iterable[dict[str, Any]], arms: Sequence[str]) -> dict[str, Any]:
    """The loop minus each other arm, paired by prompt; needs two prompts that both arms were scored on."""
    found = {}
    for arm in arms:
        pairs = _pairs(rows, "loop", arm)
        if arm != "loop" and len(pairs) >= 2:
            mean, low, high = paired_interval(pairs)
            found[f"loop - {arm}"] = {"mean": mean, "interval": [low, high], "n": len(pairs)}
    return found


def _ratios(rows: Iterable[dict[str, Any]]) -> dict[str, Any]:
    """How many times as often as without a layout the loop is right, over the prompts that both drew."""
    pairs = _pairs(rows, "loop", "unguided")
    if len(pairs) < 2:
        return {}
    ratio = paired_ratio(pairs)
    interval = None if ratio.interval is None else list(ratio.interval)
    figures = {"ratio": ratio.value, "interval": interval, "reason": ratio.reason, "n": len(pairs)}
    return {"loop / unguided": figures}


def _ratio_words(figures: dict[str, Any]) -> str:
    if figures["ratio"] is None:
        return f"none ({figures['reason']})"
    if figures["interval"] is None:
        return f"{figures['ratio']:.2f}, no 95 % interval ({figures['reason']})"
    low, high = figures["interval"]
    return f"{figures['ratio']:.2f}, 95 % interval [{low:.2f}, {high:.2f}]"


def _pairs(rows: Iterable[dict[str, Any]], first: str, second: str) -> list[tuple[float, float]]:
    """Right or not (1 or 0) by two arms, for the prompts on which both were scored."""
    by_arm: dict[str, dict[str, float]] = {first: {}, second: {}}
    for row in rows:
        if row["arm"] in by_arm and row["correct"] is not None:
            by_arm[row["arm"]][row["id"]] = float(row["correct"])
    shared = [name for name in by_arm[first] if name in by_arm[second]]
    return [(by_arm[first][name], by_arm[second][name]) for name in shared]


def agreement_words(figures: dict[str, Any]) -> str:
    """Figures of `tasvir.bench.agreement` in one line."""
    low, high = figures["interval"]
    kappa = "none" if figures["kappa"] is None else f"{figures['kappa']:.2f}"
    return (
        f"{figures['agreement']:.3f}, 95 % interval [{low:.3f}, {high:.3f}], "
        f"Cohen's kappa {kappa}, n {figures['n']}"
    )
