"""The multimodal study as Markdown; charts and pictures lie beside it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from tasvir.report.multimodal.blocks import Block, Cell, Gallery, Grid, Heading, Section, Text
from tasvir.report.multimodal.words import Words
from tasvir.report.study.markdown import escape


def as_markdown(found: Sequence[Section], words: Words, files: Mapping[str, str]) -> str:
    """The whole page.

    Args:
        found: Its sections.
        words: Of its language.
        files: Where each chart and picture lies from the Markdown, by its id or name.
    """
    lines = [f"# {escape(words('view.title'))}"]
    for section in found:
        lines.append(f"{'#' * section.depth} {escape(section.title)}")
        for block in section.blocks:
            lines += _block(block, files)
    return "\n\n".join(lines) + "\n"


def _block(block: Block, files: Mapping[str, str]) -> list[str]:
    if isinstance(block, Text):
        said = [escape(one) for one in block.sentences]
        return ["\n".join(f"- {one}" for one in said) if block.listed else " ".join(said)]
    if isinstance(block, Heading):
        return [f"#### {escape(block.text)}"]
    if isinstance(block, Grid):
        rows = [[escape(one) for one in block.head], ["---"] * len(block.head)]
        rows += [[_cell(one) for one in row] for row in block.rows]
        table = "\n".join(f"| {' | '.join(row)} |" for row in rows)
        return [f"**{escape(block.caption)}**", table, *map(escape, block.notes)]
    if isinstance(block, Gallery):
        shown = [f"![{escape(one.caption)}]({files[one.name]})" for one in block.pictures]
        return [*shown, escape(block.note)]
    note = [escape(block.note)] if block.note else []
    return [f"![{escape(block.title)}]({files[block.id]})", *note]


def _cell(cell: Cell) -> str:
    text = escape(cell.text)
    return "<br>".join([f"**{text}**" if cell.strong else text, *map(escape, cell.small)])
