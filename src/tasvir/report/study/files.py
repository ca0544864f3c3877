"""Writes a study to a folder: page, Markdown with its pictures, PDF, and the tables as files."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from tasvir.errors import OutputError, SettingError
from tasvir.report.box_drawing import COLORS
from tasvir.report.page_templates import template
from tasvir.report.study.charts import Charts
from tasvir.report.study.document import Drawn, Section, sections, statements_of
from tasvir.report.study.drawing import Chart
from tasvir.report.study.markdown import as_markdown
from tasvir.report.study.matrix import rows, shown_cells
from tasvir.report.study.page import render_study
from tasvir.report.study.paper import as_pdf, check_pdf
from tasvir.report.study.pictures import Embed, gather_pictures
from tasvir.report.study.study import Study, build_study
from tasvir.report.study.table_files import as_csv, as_json, as_latex
from tasvir.report.study.words import Words
from tasvir.report.writing import write_whole
from tasvir.results import RunResults
from tasvir.score.comparison import Comparison

FORMATS = ("html", "md", "pdf", "csv", "tex", "json")
CHARTS = "charts"
PICTURES = "pictures"


@dataclass(frozen=True, slots=True)
class StudySettings:
    """How a study is written.

    Args:
        language: "en", "tr" or "zh".
        title: Of the study; the language has one where it is empty.
        formats: Of `FORMATS`.
        embed: "thumbnails" or "all": what of the pictures is inside report.html.

    Raises:
        SettingError: No such format, or no such way to embed.
        PluginError: A PDF is wanted, and there is nothing that makes one.
    """

    language: str = "en"
    title: str = ""
    formats: tuple[str, ...] = FORMATS
    embed: Embed = "thumbnails"

    def __post_init__(self) -> None:
        strange = [name for name in self.formats if name not in FORMATS]
        if strange or not self.formats:
            raise SettingError(f"--format {', '.join(strange)}: expected some of {', '.join(FORMATS)}")
        if self.embed not in ("thumbnails", "all"):
            raise SettingError(f"--embed {self.embed!r}: expected thumbnails or all")
        Words(self.language, {})
        if "pdf" in self.formats:
            check_pdf()


def write_study(
    results: RunResults, comparison: Comparison, run: Path, out: Path, settings: StudySettings
) -> list[Path]:
    """Write a study.

    Args:
        results: What the run brought.
        comparison: What is said of it.
        run: The run's folder, where the pictures lie.
        out: Made if it does not exist.
        settings: Language, title, formats.

    Returns:
        What was written, in the order of the formats.

    Raises:
        OutputError: A file cannot be written.
    """
    study = build_study(results, comparison)
    work = _Work(study, sections(study), Words(settings.language, study.values), settings, run, out)
    makers: dict[str, tuple[str, Callable[[], bytes]]] = {
        "html": ("report.html", work.html),
        "md": ("report.md", work.markdown),
        "pdf": ("report.pdf", work.pdf),
        "csv": ("tables.csv", lambda: as_csv(study, work.words).encode("utf-8-sig")),
        "tex": ("tables.tex", lambda: as_latex(study, work.words).encode()),
        "json": ("tables.json", lambda: as_json(study, work.words, statements_of(work.found)).encode()),
    }
    try:
        out.mkdir(parents=True, exist_ok=True)
        written = []
        for name in dict.fromkeys(settings.formats):
            file, make = makers[name]
            write_whole(out / file, make())
            written.append(out / file)
    except OSError as problem:
        raise OutputError(
            f"cannot write the study to {out}: {problem.strerror or problem}; choose another with --out"
        ) from problem
    return written


@dataclass(frozen=True, slots=True)
class _Work:
    study: Study
    found: Sequence[Section]
    words: Words
    settings: StudySettings
    run: Path
    out: Path

    @property
    def title(self) -> str:
        return self.settings.title or self.words.label("view.title")

    def html(self) -> bytes:
        pictures = gather_pictures(self.study.results.cells, self.run, self.out, self.settings.embed)
        return render_study(self.study, self.found, pictures, self.words, self.title).encode()

    def pdf(self) -> bytes:
        pictures = gather_pictures(shown_cells(self.study.results), self.run, self.out)
        page = render_study(self.study, self.found, pictures, self.words, self.title, paper=True)
        return as_pdf(page)

    def markdown(self) -> bytes:
        """Pictures are linked where the run holds the study, and copied beside it elsewhere."""
        cells = shown_cells(self.study.results)
        pictures = gather_pictures(cells, self.run, self.out)
        if not self.out.resolve().is_relative_to(self.run.resolve()):
            self._copy({cell.picture: cell.path for cell in cells if cell.picture in pictures.links})
            pictures.links.update({sha256: f"{PICTURES}/{sha256}.png" for sha256 in pictures.links})
        shown = rows(self.study, pictures, self.words)
        charts = self._charts()
        return as_markdown(self.study, self.found, shown, self.words, self.title, charts).encode()

    def _copy(self, paths: dict[str | None, str | None]) -> None:
        (self.out / PICTURES).mkdir(exist_ok=True)
        for sha256, path in paths.items():
            shutil.copyfile(self.run / str(path), self.out / PICTURES / f"{sha256}.png")

    def _charts(self) -> dict[str, str]:
        """Write every chart as an SVG; where each lies from the Markdown, by id."""
        drawn = Charts(self.words, self.study.values, self.study.models)
        charts: list[Chart] = []
        for section in self.found:
            for block in section.blocks:
                if isinstance(block, Drawn) and (chart := block.draw(drawn)) is not None:
                    charts.append(chart)
        files = {chart.id: f"{CHARTS}/{index:02}.svg" for index, chart in enumerate(charts, 1)}
        if charts:
            (self.out / CHARTS).mkdir(exist_ok=True)
        for chart in charts:
            write_whole(
                self.out / files[chart.id], template("chart.svg").render(chart=chart, palette=COLORS).encode()
            )
        return files
