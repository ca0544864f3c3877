"""A comparison of families as text: a table, and what the numbers say of the chapter's statements."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tasvir.lab.families.comparing import Row
    from tasvir.lab.families.measuring import Look
    from tasvir.lab.families.tradeoffs import Figure, Standing, Standings

HEADS = (
    ("family", "log-likelihood, nats", "bits/dim"),
    ("precision", "recall", "MMD²", "modes", "on a mode", "sharpness"),
    ("runs", "s/1,000 samples", "steps", "examples/s", "parameters"),
)
DASH = "–"


def standings_of(rows: Sequence[Row]) -> Standings:
    """The families of which something came out, in the order of the rows."""
    from tasvir.lab.families.tradeoffs import standing

    found = {}
    for name in dict.fromkeys(row.family for row in rows):
        one = standing([row for row in rows if row.family == name])
        if one is not None:
            found[name] = one
    return found


def table(standings: Standings, truth: Look, true_nats: float | None) -> list[list[str]]:
    """Heads and rows of cells, the data themselves last; columns that nobody fills are left out."""
    from tasvir.lab.families.tradeoffs import Figure

    rows = [[cell for part in HEADS for cell in part]]
    rows += [_cells(one, truth) for one in standings.values()]
    rows.append(
        [
            "training examples",
            DASH if true_nats is None else f"{true_nats:.4g} (the law)",
            DASH,
            f"{truth.precision:.3f}",
            f"{truth.recall:.3f}",
            str(Figure(truth.mmd, truth.mmd_error)),
            DASH if truth.modes is None else f"{truth.modes.found}/{truth.modes.of}",
            DASH if truth.modes is None else f"{truth.modes.within:.3f}",
            DASH if truth.sharpness is None else "1",
            *[DASH] * 5,
        ]
    )
    kept = [at for at in range(len(rows[0])) if any(row[at] != DASH for row in rows[1:])]
    return [[row[at] for at in kept] for row in rows]


def _cells(one: Standing, truth: Look) -> list[str]:
    from tasvir.lab.families.tradeoffs import short

    return [
        one.family,
        DASH if one.nats is None else f"{'' if one.exact else '≥ '}{_told(one.nats)}",
        DASH if one.bits is None else f"{'' if one.exact else '≤ '}{one.bits.value:.3f}",
        _told(one.precision, 3),
        _told(one.recall, 3),
        str(one.mmd),
        DASH if one.found is None else f"{one.found.value:.3g}/{one.modes}",
        DASH if one.within is None else _told(one.within, 3),
        _ratio(one.sharpness, truth),
        f"{one.runs.value:.0f}",
        short(one.seconds_a_thousand.value),
        f"{one.steps.value:,.0f}",
        f"{one.examples_a_second.value:,.0f}",
        f"{one.parameters:,}",
    ]


def _told(figure: Figure, digits: int = 2) -> str:
    error = "" if figure.error is None else f" ± {figure.error:.{digits}f}"
    return f"{figure.value:.{digits}f}{error}"


def _ratio(sharpness: Figure | None, truth: Look) -> str:
    return DASH if sharpness is None or not truth.sharpness else f"{sharpness.value / truth.sharpness:.3f}"


def plain(rows: list[list[str]]) -> list[str]:
    """Lines for a terminal, columns under each other."""
    widths = [max(len(row[at]) for row in rows) for at in range(len(rows[0]))]
    return [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows
    ]


def page(told: dict[str, Any], rows: Sequence[Row], truth: Look, true_nats: float | None) -> str:
    """The whole page in Markdown; ``told`` is the comparison's head: data, seeds, budget, machine."""
    from tasvir.lab.families.tradeoffs import verdicts

    standings = standings_of(rows)
    cells = table(standings, truth, true_nats)
    lines = [f"# Families on {told['data']}", "", *_how(told, truth), ""]
    lines += [_row(cells[0]), _row(["---"] * len(cells[0])), *map(_row, cells[1:])]
    lines += ["", "![samples](families.png)", "", "## What chapter 2 says of them", ""]
    lines += [_row(["statement", "here", "numbers"]), _row(["---"] * 3)]
    words = {True: "shown", False: "not shown", None: "not measured"}
    lines += [_row([one.statement, words[one.shown], one.numbers]) for one in verdicts(standings, truth)]
    silent = {row.family: row.no_likelihood for row in rows if row.no_likelihood is not None}
    failed = [row for row in rows if row.failed is not None]
    if silent:
        lines += ["", "## Who tells no likelihood", "", *[f"- {name}: {why}" for name, why in silent.items()]]
    if failed:
        lines += ["", "## Failed", "", *[f"- {row.family}, seed {row.seed}: {row.failed}" for row in failed]]
    return "\n".join(lines) + "\n"


def _how(told: dict[str, Any], truth: Look) -> list[str]:
    budget = (
        f"{told['steps']:,} steps" if told["minutes"] is None else f"{told['minutes']:g} minutes of training"
    )
    seeds = ", ".join(map(str, told["seeds"]))
    spread = (
        "± is the standard error over seeds"
        if len(told["seeds"]) > 1
        else "± is the standard error of the measurement alone: one seed says nothing of other fits"
    )
    return [
        f"{budget} each, seeds {seeds}, CPU threads: {told['threads']}; {truth.n:,} samples beside as many "
        f"held-out examples, likelihood of {told['held_out']} of them. {spread}.",
        "≥ marks a lower bound of the likelihood. Runs are those of a network for all samples together. "
        "A mode is found if it has a tenth of its due share of the samples."
        + ("" if told["accuracy"] is None else _eyes(told["accuracy"])),
    ]


def _eyes(accuracy: float) -> str:
    return (
        " Precision, recall, MMD and modes are in the eyes of our classifier of the same data "
        f"(right on {accuracy:.1%} of the test pictures) and comparable with nothing else; sharpness is the "
        "mean squared difference of neighbouring pixels over that of training examples."
    )


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"
