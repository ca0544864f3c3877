"""One table's section: printed beside measured, tests, differences, weights, convergence, pictures, codes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from tasvir.report.multimodal.blocks import Block, Cell, Gallery, Grid, Heading, Picture, Section, Text, cells
from tasvir.report.multimodal.charts import curve_chart, difference_chart, latent_chart, weight_charts
from tasvir.report.multimodal.comparison import LEVEL, Cells, compare_table
from tasvir.report.multimodal.folder import Table
from tasvir.report.multimodal.pictures import image_sheet, label_sheet
from tasvir.report.multimodal.printed import PrintedTable, printed_tables, thesis_columns
from tasvir.report.multimodal.verdicts import estimators
from tasvir.report.multimodal.words import DIGITS, Words
from tasvir.report.study.values import digits_for
from tasvir.score.statistics import paired_t

WIDE = 8
"""A table of more figures is opened by hand."""


@dataclass(frozen=True, slots=True)
class Group:
    """Figures that are tested together.

    Args:
        kind: "main", "estimator" or "others".
        suffix: Of the estimator.
        figures: Names.
        cells: What came of them.
        thesis: Whether they are the thesis' columns.
    """

    kind: str
    suffix: str
    figures: tuple[str, ...]
    cells: Cells
    thesis: bool


def groups(table: Table) -> list[Group]:
    """The thesis' columns, the same by each further estimator, and what else was measured."""
    results, found, left = table.results, [], list(table.results.figures)
    columns = [one for one in thesis_columns(results.experiment) if one in results.figures]
    wanted = [("main", "", tuple(columns))]
    if columns:
        for suffix in estimators([results], results.experiment)[1:]:
            wanted.append(("estimator", suffix, tuple(f"{one}{suffix}" for one in columns)))
    for kind, suffix, figures in wanted:
        if figures:
            found.append(Group(kind, suffix, figures, compare_table(results, figures), True))
            left = [one for one in left if one not in figures]
    if left:
        kind = "others" if found else "main"
        found.append(Group(kind, "", tuple(left), compare_table(results, left), False))
    return found


def table_section(id: str, table: Table, found: Sequence[Group], words: Words) -> Section:
    """Everything about one table, under an id of its own."""
    title = words.table(*table.key)
    printed = printed_tables().get(table.key)
    blocks: list[Block] = []
    for group in found:
        side = printed if group.kind == "main" else None
        blocks.append(_side(table, group, side, words))
        if group.kind == "main":
            blocks.append(_counts(group, side, words))
            chart = difference_chart(f"{id}-differences", table, group.cells, group.figures, words)
            blocks += [] if chart is None else [chart]
        blocks.append(_details(table, group, words))
    blocks += weight_charts(f"{id}-weights", table, words)
    blocks += _convergence(id, table, words)
    blocks += _pictures(id, table, words)
    latent = latent_chart(f"{id}-latent", table, words)
    blocks += [] if latent is None else [latent]
    return Section(id, title, 3, tuple(blocks))


def row_name(table: Table, weighting: str, words: Words) -> str:
    return words.weighting(weighting, tuple(table.results.modalities))


def digits_of(group: Group, figure: str) -> int:
    """The thesis' digits for its columns; else as the deviations ask."""
    if group.thesis:
        return DIGITS
    return digits_for(one.deviation for (_, name), one in group.cells.items() if name == figure)


def _caption(table: Table, group: Group, printed: PrintedTable | None, words: Words) -> str:
    title = words.table(*table.key)
    if group.kind == "estimator":
        return words("table.estimator", title=title, estimator=group.suffix.lstrip(":"))
    if group.kind == "others":
        return words("table.others", title=title)
    if printed is None:
        return words("table.side_alone", title=title)
    return f"{words('table.side', title=title)} ({words('table.thesis', number=printed.number)})"


def _side(table: Table, group: Group, printed: PrintedTable | None, words: Words) -> Grid:
    """The table, each column printed and measured where it is printed."""
    head, rows = [words("table.weighting")], []
    for figure in group.figures:
        name = _column(group, figure, words)
        told = printed is not None and figure in printed.columns
        head += [f"{name} · {words('view.printed')}", f"{name} · {words('view.ours')}"] if told else [name]
    for weighting in table.results.weightings:
        row = [Cell(row_name(table, weighting, words))]
        for figure in group.figures:
            if printed is not None and figure in printed.columns:
                row.append(_printed_cell(printed, weighting, figure, words))
            row.append(_own_cell(group, weighting, figure, words))
        rows.append(tuple(row))
    return Grid(
        _caption(table, group, printed, words),
        tuple(head),
        tuple(rows),
        _notes(table, group, printed, words),
        folded=len(group.figures) > WIDE,
    )


def _notes(table: Table, group: Group, printed: PrintedTable | None, words: Words) -> tuple[str, ...]:
    key = "table.side_plain" if printed is None else "table.side_note"
    tests = sum(one.paired is not None and one.paired.p is not None for one in group.cells.values())
    notes = [words(key, seeds=len(table.results.seeds), tests=tests)]
    higher = [_column(group, one, words) for one in group.figures if one in table.results.higher]
    if len(higher) < len(group.figures):
        notes.append(words("table.lower"))
    if higher:
        notes.append(words("table.higher", figures=", ".join(higher)))
    return tuple(notes)


def _column(group: Group, figure: str, words: Words) -> str:
    return words.figure(figure.removesuffix(group.suffix) if group.suffix else figure)


def _printed_cell(printed: PrintedTable, weighting: str, figure: str, words: Words) -> Cell:
    if weighting not in printed.rows:
        return Cell(words.number(None))
    mean, tested = printed.mean(weighting, figure), printed.tested(weighting, figure)
    mark = "°" if weighting != printed.classical and tested and _low(tested.p) else ""
    better = mean < printed.mean(printed.classical, figure)
    return _mean_cell(mean, printed.deviation(weighting, figure), DIGITS, mark, better, words)


def _own_cell(group: Group, weighting: str, figure: str, words: Words) -> Cell:
    one, digits = group.cells[weighting, figure], digits_of(group, figure)
    return _mean_cell(one.mean, one.deviation, digits, " *" if one.significant else "", one.better, words)


def _mean_cell(
    mean: float | None, deviation: float | None, digits: int, mark: str, better: bool, words: Words
) -> Cell:
    small = () if deviation is None else (f"± {words.number(deviation, digits)}",)
    return Cell(words.number(mean, digits) + mark, better, small)


def _low(p: float | None) -> bool:
    return p is not None and p < LEVEL


def _counts(group: Group, printed: PrintedTable | None, words: Words) -> Text:
    """How many comparisons say something."""
    tested = [one for one in group.cells.values() if one.paired is not None]
    shown = [one for one in tested if one.significant]
    better = sum(one.better for one in shown)
    independent = sum(_low(one.two_sample.p) for one in tested if one.two_sample)
    said = [
        words(
            "table.counts",
            tests=len(tested),
            better=better,
            worse=len(shown) - better,
            open=len(tested) - len(shown),
            two_sample=independent,
        )
    ]
    if printed is not None and printed.samples is not None:
        rows = [one for one in printed.rows if one != printed.classical]
        values = [printed.tested(row, figure) for row in rows for figure in printed.columns]
        count = sum(_low(one.p) for one in values if one)
        said.append(words("table.counts_printed", tests=len(values), printed=count))
    return Text(tuple(said))


def _details(table: Table, group: Group, words: Words) -> Grid:
    """Every comparison with all of its tests."""
    rows = []
    for (weighting, figure), one in group.cells.items():
        if one.paired is None:
            continue
        digits = digits_of(group, figure) + 1
        reason = (one.paired.reason,) if one.paired.reason else ()
        rows.append(
            (
                Cell(row_name(table, weighting, words)),
                Cell(_column(group, figure, words)),
                Cell(words.signed(one.paired.difference, digits), one.significant, reason),
                Cell(words.interval(one.paired.interval, digits)),
                Cell(words.signed(one.effect, 2)),
                *cells(words.p(one.paired.p), words.p(one.holm), words.p(one.sign_flip)),
                Cell(words.p(None if one.two_sample is None else one.two_sample.p)),
            )
        )
    names = ("weighting", "figure", "difference", "interval", "effect", "paired", "adjusted", "flipped")
    head = tuple(words(f"table.{one}") for one in (*names, "two_sample"))
    caption = words("table.details", title=_caption(table, group, None, words))
    return Grid(caption, head, tuple(rows), (words("table.details_note"),), folded=True)


def _convergence(id: str, table: Table, words: Words) -> Iterator[Block]:
    """The curve, and by how much the last quarter of the training moved it."""
    chart = curve_chart(f"{id}-curve", table, words)
    curve = np.asarray(table.results.curve, dtype=np.float64)
    if chart is None or not np.isfinite(curve).all():
        return
    yield chart
    quarter = curve[round(0.75 * len(curve)) - 1]
    moments, last = (curve[0], quarter, curve[-1]), curve[-1] - quarter
    rows = []
    for place, weighting in enumerate(table.results.weightings):
        tested = paired_t(last[place])
        rows.append(
            (
                Cell(row_name(table, weighting, words)),
                *cells(*(words.number(float(one[place].mean()), 2) for one in moments)),
                Cell(words.signed(tested.difference, 2), small=(words.interval(tested.interval, 2),)),
            )
        )
    means, title = last.mean(-1), words.table(*table.key)
    whole = float((curve[-1] - curve[0]).mean())
    least, most = words.signed(float(means.min()), 2), words.signed(float(means.max()), 2)
    told = {"table": title, "least": least, "most": most, "whole": words.signed(whole, 2)}
    yield Text((words("converged.text", **told),))
    names = ("start", "quarter", "end", "change")
    head = (words("table.weighting"), *(words(f"converged.{one}") for one in names))
    yield Grid(words("converged.caption", table=title), head, tuple(rows), folded=True)


def _pictures(id: str, table: Table, words: Words) -> Iterator[Block]:
    made = []
    for kind, sheet in (("images", image_sheet), ("labels", label_sheet)):
        pictures = []
        for place, weighting in enumerate(table.results.weightings):
            png = sheet(table.pictures, place)
            if png is not None:
                caption = words(f"picture.{kind}", weighting=row_name(table, weighting, words))
                pictures.append(Picture(f"{id}-{kind}-{place}", png, caption))
        if pictures:
            made.append(Gallery(tuple(pictures), words(f"picture.{kind}_note")))
    if made:
        yield Heading(words("picture.heading", table=words.table(*table.key)))
        yield from made
