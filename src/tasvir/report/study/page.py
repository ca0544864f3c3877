"""A study as one HTML file: no network, every text escaped, one script whose hash the page itself names."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from tasvir import __version__
from tasvir.report.box_drawing import COLORS
from tasvir.report.page_templates import fingerprint, template
from tasvir.report.page_templates import script as read_script
from tasvir.report.study.charts import Charts
from tasvir.report.study.document import (
    Block,
    Drawn,
    Kept,
    Matrix,
    Noted,
    Section,
    Shown,
    Sources,
    Text,
    for_print,
)
from tasvir.report.study.document import Heading as HeadingBlock
from tasvir.report.study.drawing import Chart
from tasvir.report.study.matrix import data, rows, script_json
from tasvir.report.study.pictures import Pictures
from tasvir.report.study.study import Study
from tasvir.report.study.values import Entry, Value
from tasvir.report.study.words import Words

WIDE = 7
"""A table of more columns is printed on its side."""


def render_study(
    study: Study,
    found: Sequence[Section],
    pictures: Pictures,
    words: Words,
    title: str,
    *,
    paper: bool = False,
) -> str:
    """The page, or what is printed.

    Args:
        study: What is shown.
        found: `sections` of it.
        pictures: Of all cells, or of the printed ones.
        words: Of the language.
        title: Of the study.
        paper: For print: no script, the matrix as a table, long tables left out.
    """
    style, script = template("study.css").render(), read_script("study.js")
    charts = Charts(words, study.values, study.models)
    return template("study.html").render(
        t=words.texts,
        say=words,
        language=words.language,
        title=title,
        version=__version__,
        sections=[(one, _parts(for_print(one.blocks) if paper else one.blocks, charts)) for one in found],
        paper=paper,
        policy=_policy(style, script, paper),
        style=style,
        script=script,
        matrix="" if paper else script_json(data(study, pictures, words)),
        rows=rows(study, pictures, words) if paper else [],
        models=study.models,
        side=pictures.side,
        interval=words.numbers.interval,
        counted=_counted,
        wide=WIDE,
        palette=COLORS,
    )


def _policy(style: str, script: str, paper: bool) -> str:
    """What the page may do: show its own pictures, and run and style by nothing but what was written here."""
    allowed = f"default-src 'none'; img-src data: 'self' file:; style-src {fingerprint(style)}"
    return allowed if paper else f"{allowed}; script-src {fingerprint(script)}"


def _counted(entry: Entry) -> bool:
    """Whether the n of a value is shown under it: counts and tests have it in a column of their own."""
    return isinstance(entry, Value) and entry.n is not None and entry.kind in ("score", "seconds")


def _parts(blocks: Sequence[Block], charts: Charts) -> list[tuple[str, Any]]:
    """Kind and content of each block, as the template asks for them; nothing empty."""
    parts: list[tuple[str, Any]] = []
    for block in blocks:
        if isinstance(block, Text) and block.statements:
            parts.append(("list" if block.listed else "text", block.statements))
        elif isinstance(block, Shown):
            parts.append(("folded" if block.folded else "sheet", block.sheet))
        elif isinstance(block, Drawn):
            chart: Chart | None = block.draw(charts)
            parts += [] if chart is None else [("chart", chart)]
        elif isinstance(block, Matrix):
            parts.append(("matrix", None))
        elif isinstance(block, Noted):
            parts.append(("note", block.message))
        elif isinstance(block, HeadingBlock):
            parts.append(("heading", block.message))
        elif isinstance(block, Kept):
            parts.append(("kept", (block.message, json.dumps(block.data, ensure_ascii=False, indent=1))))
        elif isinstance(block, Sources):
            parts.append(("references", block.references))
    return parts
