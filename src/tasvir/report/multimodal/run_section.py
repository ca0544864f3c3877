"""What was run, what the thesis leaves open, how much it matters, how it was tested, what it cost."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from typing import Any

from tasvir.report.multimodal.blocks import Block, Cell, Grid, Heading, Text, cells
from tasvir.report.multimodal.folder import Change, Table
from tasvir.report.multimodal.printed import printed_tables, thesis_columns
from tasvir.report.multimodal.words import Words
from tasvir.score.statistics import least_p

COMMIT = 10
"""Letters of a commit that are shown."""


def protocol(tables: Sequence[Table], words: Words) -> list[Block]:
    """Every table's settings side by side, and the open points of each experiment."""
    told = [_flat(one.results.protocol) | _counts(one, words) for one in tables]
    names = list(dict.fromkeys(name for one in told for name in one))
    rows = tuple(
        (Cell(name), *(Cell(one.get(name, words("protocol.none"))) for one in told)) for name in names
    )
    head = (words("protocol.setting"), *(words.table(*one.key) for one in tables))
    blocks: list[Block] = [Grid(words("protocol.ran"), head, rows)]
    for experiment in dict.fromkeys(key[0] for key in printed_tables()):
        numbers = [one.number for key, one in printed_tables().items() if key[0] == experiment]
        points: list[str] = words.texts["unknown"][experiment]
        blocks.append(Heading(f"{words('protocol.unknown')}: {numbers[0]}–{numbers[-1]}"))
        blocks.append(Text(tuple(points), listed=True))
    return [*blocks, Text((words("protocol.unknown_note"),), quiet=True)]


def _counts(table: Table, words: Words) -> dict[str, str]:
    results = table.results
    return {
        words("protocol.seeds"): str(len(results.seeds)),
        words("protocol.epochs"): str(max(len(results.history) - 1, 0)),
    }


def _flat(settings: Mapping[str, Any], before: str = "") -> dict[str, str]:
    """Nested settings as "outer.inner": value."""
    found: dict[str, str] = {}
    for name, value in settings.items():
        if isinstance(value, Mapping):
            found |= _flat(value, f"{before}{name}.")
        else:
            found[f"{before}{name}"] = value if isinstance(value, str) else json.dumps(value)
    return found


def sensitivity(sweeps: Mapping[str, Sequence[Change]], words: Words) -> list[Block]:
    """Two kinds of grid a sweep: means of equal weights, and what a weighting changes."""
    if not sweeps:
        return [Text((words("sensitivity.none"),))]
    grids: list[Block] = []
    for name, changes in sweeps.items():
        thesis = {column for key in printed_tables() for column in thesis_columns(key[0])}
        told = list(dict.fromkeys(figure for one in changes for figure in one.figures))
        rows = dict.fromkeys(figure.partition(", ")[2] for figure in told)
        for row in rows:
            columns = [one.partition(", ")[0] for one in told if one.partition(", ")[2] == row]
            columns = [one for one in columns if one in thesis] or columns
            grids.append(_sweep(name, changes, row, columns, words))
    return grids


def _sweep(
    name: str, changes: Sequence[Change], weighting: str, columns: Sequence[str], words: Words
) -> Grid:
    """Means of the classical row, or what another weighting's are more; effects turned round are marked."""
    base = next((one.figures for one in changes if not one.changed), {})
    rows = []
    for one in changes:
        changed = ", ".join(f"{key} = {value}" for key, value in _flat(one.changed).items())
        row = [Cell(changed or words("sensitivity.base"))]
        for column in columns:
            figure = f"{column}, {weighting}" if weighting else column
            value, usual = one.figures.get(figure, math.nan), base.get(figure, math.nan)
            if weighting:
                row.append(Cell(words.signed(value), tone="bad" if value * usual < 0 else ""))
            else:
                apart = bool(one.changed) and math.isfinite(value - usual)
                row.append(Cell(words.number(value), small=_bracketed(value - usual, words) if apart else ()))
        rows.append(tuple(row))
    head = (words("sensitivity.changed"), *map(words.figure, columns))
    if not weighting:
        return Grid(words("sensitivity.caption", name=name), head, tuple(rows), (words("sensitivity.note"),))
    shown = words.weighting(weighting, ("image", "label"))
    caption = words("sensitivity.effect", name=name, weighting=shown)
    return Grid(caption, head, tuple(rows), (words("sensitivity.effect_note"),))


def _bracketed(value: float, words: Words) -> tuple[str, ...]:
    return (f"({words.signed(value)})",)


def method(tables: Sequence[Table], words: Words) -> list[Block]:
    """The rules by which the page says what it says."""
    seeds = min(len(one.results.seeds) for one in tables)
    flip = words("method.flip", seeds=seeds, least=words.number(least_p(seeds), 4))
    names = ("pairs", "thesis", "verdicts", "needed", "slip")
    said = {name: words(f"method.{name}") for name in names}
    return [Text((said["pairs"], said["thesis"], flip, *(said[name] for name in names[2:])), listed=True)]


def cost(tables: Sequence[Table], words: Words) -> list[Block]:
    """Models, seconds, code and versions of each table."""
    kinds = list(dict.fromkeys(kind for one in tables for kind in one.results.seconds))
    rows, total, models = [], 0.0, 0
    for one in tables:
        results = one.results
        count = len(results.weightings) * len(results.seeds)
        models, total = models + count, total + sum(results.seconds.values())
        spent = (words.number(results.seconds.get(kind), 0) for kind in kinds)
        versions = " ".join(f"{name} {version}" for name, version in results.versions.items())
        commit = results.commit[:COMMIT] if results.commit else words("protocol.none")
        rows.append(cells(words.table(*one.key), words.number(count, 0), *spent, commit, versions))
    seconds = (words("cost.seconds", name=kind) for kind in kinds)
    head = (words("cost.table"), words("cost.models"), *seconds, words("cost.commit"), words("cost.versions"))
    told = words("cost.text", models=words.number(models, 0), seconds=words.number(total, 0))
    return [Text((told,)), Grid(words("cost.caption"), head, tuple(rows))]
