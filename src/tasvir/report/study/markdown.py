"""A study as Markdown: sections, tables and the matrix, with pictures that lie beside it."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence

from tasvir.report.study.charts import Charts
from tasvir.report.study.document import (
    Block,
    Drawn,
    Heading,
    Kept,
    Matrix,
    Noted,
    Section,
    Shown,
    Text,
    for_print,
)
from tasvir.report.study.matrix import Row
from tasvir.report.study.study import Study
from tasvir.report.study.values import Entry, Sheet, Value
from tasvir.report.study.words import Words

SIDE = 160
"""Width in pixels at which a picture of the matrix is shown."""
_SPECIAL = re.compile(r"([\\`*_{}\[\]<>#|~!$])")


def as_markdown(
    study: Study,
    found: Sequence[Section],
    rows: Sequence[Row],
    words: Words,
    title: str,
    charts: Mapping[str, str],
) -> str:
    """The whole study.

    Args:
        study: What is shown.
        found: `sections` of it.
        rows: Of the printed matrix.
        words: Of the language.
        title: Of the study.
        charts: By a chart's id, where its SVG lies from the Markdown.
    """
    lines = [f"# {escape(title)}"]
    drawn = Charts(words, study.values, study.models)
    for section in found:
        number = f"{section.number} " if section.number else ""
        lines.append(f"{'#' * section.depth} {number}{escape(words(section.title))}")
        for block in for_print(section.blocks):
            lines += _block(block, study, rows, words, drawn, charts)
    return "\n\n".join(lines) + "\n"


def escape(text: str) -> str:
    """A text as Markdown shows it, on one line."""
    return _SPECIAL.sub(r"\\\1", " ".join(text.split()))


def _block(
    block: Block, study: Study, rows: Sequence[Row], words: Words, drawn: Charts, charts: Mapping[str, str]
) -> list[str]:
    if isinstance(block, Text):
        said = [escape(words(one)) for one in block.statements]
        return (
            [
                "\n".join(f"- {one}" for one in said)
                if block.listed
                else words.label("list.sentences").join(said)
            ]
            if said
            else []
        )
    if isinstance(block, Heading):
        return [f"#### {escape(words(block.message))}"]
    if isinstance(block, Shown):
        notes = (escape(words(note)) for note in block.sheet.notes)
        return [f"**{escape(words(block.sheet.caption))}**", _table(block.sheet, words), *notes]
    if isinstance(block, Noted):
        return [escape(words(block.message))]
    if isinstance(block, Drawn):
        chart = block.draw(drawn)
        return [] if chart is None else [f"![{escape(chart.title)}]({charts[chart.id]})"]
    if isinstance(block, Matrix):
        return [escape(words.label("view.printed")), _matrix(study, rows)] if rows else []
    if isinstance(block, Kept):
        return [f"**{escape(words(block.message))}**", _code(block.data)]
    listed = [f"{index}. {escape(one.text)}" for index, one in enumerate(block.references, 1)]
    return ["\n".join(listed)] if listed else []


def _table(sheet: Sheet, words: Words) -> str:
    lines = [_line([escape(words(head)) for head in sheet.head]), _line(["---"] * len(sheet.head))]
    lines += [_line([_entry(entry, words) for entry in row]) for row in sheet.rows]
    return "\n".join(lines)


def _entry(entry: Entry, words: Words) -> str:
    text = words(entry)
    if not isinstance(entry, Value):
        return escape(text)
    parts = [text, words.numbers.interval(entry)]
    if entry.n is not None and entry.kind == "score":
        parts.append(f"n {words.numbers.write(entry, 'n')}")
    return escape(" ".join(part for part in parts if part))


def _matrix(study: Study, rows: Sequence[Row]) -> str:
    lines = [_line(["", *map(escape, study.models)]), _line(["---"] * (len(study.models) + 1))]
    for row in rows:
        squares = []
        for square in row.squares:
            scores = "<br>".join(f"{escape(name)} {escape(value)}" for name, value in square.scores)
            shown = (
                f'<img src="{square.link}" width="{SIDE}" alt="">' if square.link else escape(square.reason)
            )
            squares.append(f"{shown}<br>{scores}" if scores else shown)
        lines.append(_line([escape(row.text), *squares]))
    return "\n".join(lines)


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _code(data: object) -> str:
    """A block that nothing within can end."""
    text = json.dumps(data, ensure_ascii=False, indent=1)
    longest = max((len(run) for run in re.findall("`+", text)), default=0)
    fence = "`" * max(longest + 1, 3)
    return f"{fence}json\n{text}\n{fence}"
