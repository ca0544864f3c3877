"""Tables 3.1 and 3.2 with their uncertainty, and what each open point of their protocol does to them.

    python benchmarks/lab_gaussian_readings.py [--out runs/gaussians] [--seeds 30] [--reading-seeds 3]
    python benchmarks/fill_results.py runs/gaussians/figures.json docs/lab/multimodal-gaussians.md

The literal reading with many seeds, then every reading of the text with few; each table in a folder of its
own, so a run that was stopped goes on. Writes the tables of the page. Some seven minutes of
one core; on a busy machine give it one thread: two that wait for each other are many times slower.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from tasvir.lab.multimodal.experiments.gaussians import GaussiansSettings
from tasvir.lab.multimodal.experiments.readings import COLUMNS, Judged, effects, judged, readings
from tasvir.lab.multimodal.experiments.results import TableResults
from tasvir.lab.multimodal.experiments.study import run_table
from tasvir.models.multimodal_gaussians import GAUSSIANS, gaussians, of_reading
from tasvir.models.multimodal_runs import Training
from tasvir.report.multimodal.printed import PrintedTable, printed_tables
from tasvir.score.statistics import student_quantile

RULES = {"poe": "3.1", "moe": "3.2"}
SHOWN = (*COLUMNS, "total")


def main() -> None:
    """Run, print, write figures.json into OUT."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--out", type=Path, default=Path("runs/gaussians"))
    parser.add_argument("--seeds", type=int, default=30)
    parser.add_argument("--reading-seeds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=1)
    asked = parser.parse_args()
    printed = {rule: printed_tables()["gaussians", rule, "gaussians"] for rule in RULES}
    figures: dict[str, str] = {}
    many = Training(GAUSSIANS.epochs, GAUSSIANS.batch, GAUSSIANS.lr, asked.seeds)
    for rule, number in RULES.items():
        made = run_table(gaussians(rule, GaussiansSettings(), many), asked.out, threads=asked.threads)
        figures[f"gaussians_{rule}"] = _table(made, printed[rule])
        print(f"table {number}\n{figures[f'gaussians_{rule}']}")
    every = _every_reading(asked.out / "readings", asked.reading_seeds, asked.threads, list(printed.values()))
    figures["gaussians_answers"] = _answers(every)
    figures["gaussians_nearest"] = _nearest(every, list(printed.values()))
    figures["gaussians_constant"] = _constant(list(printed.values()))
    figures["gaussians_order"] = _order(every, list(printed.values()))
    print(*(figures[f"gaussians_{name}"] for name in ("answers", "nearest", "order", "constant")), sep="\n")
    (asked.out / "figures.json").write_text(json.dumps(figures, indent=2), "utf-8")


def _every_reading(out: Path, seeds: int, threads: int, printed: Sequence[PrintedTable]) -> list[Judged]:
    target = np.stack([_printed_cells(one) for one in printed])
    found: list[Judged] = []
    for reading in readings(GaussiansSettings()):
        tables = [
            run_table(of_reading(rule, reading, seeds), out / reading.name, threads=threads) for rule in RULES
        ]
        found += judged(reading, tables, target)
        print(f"{reading.name}: {min(one.apart for one in found[-32:]):.3f} at the nearest", flush=True)
    return found


def _printed_cells(table: PrintedTable) -> np.ndarray:
    return np.array([[table.mean(row, column) for column in COLUMNS] for row in table.rows])


def _constant(printed: Sequence[PrintedTable]) -> str:
    """How near one number for all printed figures comes: their mean absolute difference from the median."""
    target = np.stack([_printed_cells(one) for one in printed])
    return f"{np.abs(target - np.median(target)).mean():.3f}"


def _table(made: TableResults, printed: PrintedTable) -> str:
    """Ours with deviation and 95 % interval, by laws, and the printed one, a row a weighting."""
    head = [f"{column}" for column in SHOWN]
    lines = [
        "| weights | "
        + " | ".join([*head, "total, 95 %", "total, exact", *(f"printed {c}" for c in head)])
        + " |"
    ]
    lines.append("|" + "---|" * (lines[0].count("|") - 1))
    for place, name in enumerate(made.weightings):
        values = {column: made.figures[column][place] for column in (*SHOWN, "total:exact")}
        cells = [f"{np.mean(values[c]):.3f} ± {np.std(values[c], ddof=1):.3f}" for c in SHOWN]
        middle, total = np.mean(values["total"]), np.asarray(values["total"])
        half = student_quantile(len(total) - 1) * total.std(ddof=1) / np.sqrt(len(total))
        exact = f"{np.mean(values['total:exact']):.4f} ± {np.std(values['total:exact'], ddof=1):.4f}"
        cells += [
            f"{middle - half:.3f} to {middle + half:.3f}",
            exact,
            *(f"{printed.mean(name, c):.3f}" for c in SHOWN),
        ]
        lines.append(f"| `{name}` | " + " | ".join(cells) + " |")
    return "\n" + "\n".join(lines) + "\n"


def _answers(every: Sequence[Judged]) -> str:
    lines = [
        "| open point | answer | moves a figure by | nearest to the thesis with it |",
        "|---|---|---|---|",
    ]
    for point, answer, moved, nearest in effects(every):
        shown = "literal" if every[0].answers[point] == answer else f"{moved:.3f}"
        lines.append(f"| {point} | {'learnt' if answer == 'None' else answer} | {shown} | {nearest:.3f} |")
    return "\n" + "\n".join(lines) + "\n"


def _agreement(one: Judged, printed: Sequence[PrintedTable]) -> list[float]:
    """Of each table the correlation of the rows' totals with the printed ones; NaN where ours are equal."""
    pairs = [
        (own.sum(1), _printed_cells(table).sum(1)) for own, table in zip(one.cells, printed, strict=True)
    ]
    return [
        float(np.corrcoef(own, other)[0, 1]) if np.ptp(own) > 1e-6 else float("nan") for own, other in pairs
    ]


def _order(every: Sequence[Judged], printed: Sequence[PrintedTable]) -> str:
    """How the rows' totals correlate with the printed ones, over all readings."""
    parts = []
    for table, told in zip(printed, np.array([_agreement(one, printed) for one in every]).T, strict=True):
        own = told[~np.isnan(told)]
        low, middle, high = np.quantile(own, [0.25, 0.5, 0.75])
        parts.append(
            f"{middle:+.2f} in table {table.number} (quartiles {low:+.2f} to {high:+.2f}, greatest "
            f"{own.max():+.2f}, {len(own)} of {len(told)} readings, whose rows differ)"
        )
    return "median r " + ", ".join(parts)


def _nearest(every: Sequence[Judged], printed: Sequence[PrintedTable]) -> str:
    best = sorted(every, key=lambda one: one.apart)[:5]
    shown = [*best, every[0]]
    points = [point for point in every[0].answers if len({one.answers[point] for one in shown}) > 1]
    lines = [
        "| apart | " + " | ".join(points) + " | " + " | ".join(f"r, {one.number}" for one in printed) + " |"
    ]
    lines.append("|" + "---|" * (lines[0].count("|") - 1))
    for one in shown:
        rows = _agreement(one, printed)
        told = [one.answers[point].replace("None", "learnt") for point in points]
        lines.append(f"| {one.apart:.3f} | " + " | ".join(told + [f"{value:+.2f}" for value in rows]) + " |")
    return "\n" + "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
