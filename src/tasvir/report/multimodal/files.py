"""Writes the multimodal study to a folder: a page and Markdown a language, numbers, charts, pictures."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from tasvir.errors import OutputError, SettingError
from tasvir.report.box_drawing import COLORS
from tasvir.report.multimodal.blocks import Gallery, Section
from tasvir.report.multimodal.document import sections, study_of
from tasvir.report.multimodal.folder import read_folder
from tasvir.report.multimodal.markdown import as_markdown
from tasvir.report.multimodal.page import render
from tasvir.report.multimodal.tables_json import as_json
from tasvir.report.multimodal.words import Words
from tasvir.report.page_templates import template
from tasvir.report.study.drawing import Chart
from tasvir.report.writing import write_whole

NAME = "multimodal"
CHARTS, PICTURES = "charts", "pictures"


def write_multimodal(folder: Path, languages: Sequence[str], out: Path) -> list[Path]:
    """Write the study of a folder of tables.

    Args:
        folder: Where `tasvir lab multimodal` put them; or one table's folder.
        languages: "en", "tr" or both.
        out: Made if it does not exist.

    Returns:
        Pages, Markdown and multimodal.json.

    Raises:
        RecordError: The folder holds no table, or a damaged one.
        SettingError: No language, or one that there is not.
        OutputError: A file cannot be written.
    """
    spoken = [Words(language) for language in dict.fromkeys(languages)]
    if not spoken:
        raise SettingError("no language: give en, tr or both")
    study = study_of(read_folder(folder))
    pages = {one.language: f"{NAME}.{one.language}.html" for one in spoken}
    written = []
    try:
        out.mkdir(parents=True, exist_ok=True)
        for words in spoken:
            found, language = sections(study, words), words.language
            others = [(name, file) for name, file in pages.items() if name != language]
            write_whole(out / pages[language], render(found, words, others).encode())
            text = as_markdown(found, words, _beside(found, out, language))
            write_whole(out / f"{NAME}.{language}.md", text.encode())
            written += [out / pages[language], out / f"{NAME}.{language}.md"]
        write_whole(out / f"{NAME}.json", as_json(study).encode())
    except OSError as problem:
        raise OutputError(
            f"cannot write the study to {out}: {problem.strerror or problem}; choose another with --out"
        ) from problem
    return [*written, out / f"{NAME}.json"]


def _beside(found: Sequence[Section], out: Path, language: str) -> dict[str, str]:
    """Write charts (which have words) and pictures (which have none); where each lies from the Markdown."""
    files: dict[str, str] = {}
    for block in (block for section in found for block in section.blocks):
        if isinstance(block, Chart):
            svg = template("chart.svg").render(chart=block, palette=COLORS)
            files[block.id] = _put(out, f"{CHARTS}/{block.id}.{language}.svg", svg.encode())
        elif isinstance(block, Gallery):
            for one in block.pictures:
                files[one.name] = _put(out, f"{PICTURES}/{one.name}.png", one.png)
    return files


def _put(out: Path, file: str, content: bytes) -> str:
    (out / file).parent.mkdir(exist_ok=True)
    write_whole(out / file, content)
    return file
