"""The order of a study: sections of statements, sheets, charts and the matrix of pictures.

What is in a document has no language and no format yet; the page, the Markdown and the PDF are made of it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from tasvir.report.study.charts import Charts
from tasvir.report.study.cost import steps_per_second, sweeps, times
from tasvir.report.study.details import categories, prompts
from tasvir.report.study.drawing import Chart
from tasvir.report.study.introduction import aim, derived, described_metrics, method
from tasvir.report.study.leading import agreement_of_metrics, lead
from tasvir.report.study.limits import limits
from tasvir.report.study.people import people
from tasvir.report.study.references import Reference, references
from tasvir.report.study.run_sheets import sweep_groups, sweep_id
from tasvir.report.study.score_sheets import ALL
from tasvir.report.study.scored import Scored
from tasvir.report.study.sets import sets
from tasvir.report.study.study import Study
from tasvir.report.study.tuning import fine_tuning
from tasvir.report.study.values import Listed, Message, Name, Sheet, Statement, value_id
from tasvir.results import RunResults
from tasvir.score.comparison import RATING

LONG = 40
"""A sheet of more rows is folded on the page, and left to the page and the files in print."""


SHORT = (
    "lead.alone",
    "lead.all_tied",
    "lead.tied",
    "lead.first",
    "lead.shown",
    "lead.noise",
    "lead.level",
    "lead.untested",
    "lead.other_way",
)
"""Sentences of the discussion that stand in front, too."""


@dataclass(frozen=True, slots=True)
class Text:
    """Sentences: one paragraph, or a list of points."""

    statements: tuple[Statement, ...]
    listed: bool = False


@dataclass(frozen=True, slots=True)
class Shown:
    """A sheet; a folded one is opened by hand."""

    sheet: Sheet
    folded: bool = False


@dataclass(frozen=True, slots=True)
class Drawn:
    """A chart, drawn when the language is known; None where there is nothing to draw."""

    draw: Callable[[Charts], Chart | None]


@dataclass(frozen=True, slots=True)
class Matrix:
    """The place of the pictures."""


@dataclass(frozen=True, slots=True)
class Heading:
    """Of a part within a section."""

    message: Message


@dataclass(frozen=True, slots=True)
class Kept:
    """Records of the run as they are, for those who check."""

    message: Message
    data: Any


@dataclass(frozen=True, slots=True)
class Sources:
    """What was used and who made it."""

    references: tuple[Reference, ...]


@dataclass(frozen=True, slots=True)
class Noted:
    """A remark about the document itself."""

    message: Message


Block = Noted | Text | Shown | Drawn | Matrix | Heading | Kept | Sources


@dataclass(frozen=True, slots=True)
class Section:
    """A section with its number ("3.1"; empty for those without) and depth (2 or 3)."""

    id: str
    number: str
    title: Message
    depth: int
    blocks: tuple[Block, ...]


def sections(study: Study) -> tuple[Section, ...]:
    """The whole document in order."""
    results = study.results
    used = references(results, study.comparison)
    tuned = fine_tuning(_discussed(study), study.comparison, study.values)
    found: list[tuple[str, str, list[Block]]] = [
        ("aim", "", [Text(tuple(aim(study))), *_short(study)]),
        ("introduction", "1", []),
        ("prompts", "1.1", [*_sheets(study, "suites")]),
        ("models", "1.2", [Text(tuple(derived(study)), True), *_sheets(study, "models")]),
        ("method", "2", [Text(tuple(method(study))), *_sheets(study, "run")]),
        ("metrics", "2.1", [Text(tuple(described_metrics(study)), True), *_sheets(study, "metrics")]),
        ("results", "3", []),
        ("pictures", "3.1", [Matrix()]),
        ("scores", "3.2", [*_scores(study)]),
        ("times", "3.3", [*_times(study)]),
        ("ratings", "3.4", [*_ratings(study)]),
        ("missing", "3.5", [*_missing(study)]),
        ("discussion", "4", []),
        ("general", "4.1", [*_general(study)]),
        ("tuning", "4.2", [Text(tuple(tuned), True)]),
        ("future", "4.3", [*_future(study)]),
        ("references", "", [Sources(used)]),
        ("provenance", "", [*_provenance(results)]),
    ]  # fmt: skip
    return tuple(
        Section(id, number, Message(f"section.{id}"), 3 if "." in number else 2, tuple(blocks))
        for id, number, blocks in found
    )


def _sheets(study: Study, *ids: str, folded: bool = False) -> list[Block]:
    return [
        Shown(sheet, folded or len(sheet.rows) > LONG)
        for id in ids
        if (sheet := study.sheets.get(id)) is not None
    ]


def _discussed(study: Study) -> list[Scored]:
    return [one for one in study.scored if one.discussed]


def _short(study: Study) -> list[Block]:
    """Who leads by each metric, and whether that is more than chance; the discussion says the rest."""
    leads = [lead(one, study.values) for one in _discussed(study)]
    short = [tuple(said for said in told if said.message.key in SHORT) for told in leads]
    texts = [Text(said) for said in short if said]
    return [Heading(Message("heading.short")), *texts] if texts else []


def _scores(study: Study) -> list[Block]:
    """Means first; then metric by metric what is discussed; other settings folded; sweeps."""
    blocks = _sheets(study, *(id for id in study.sheets if id.startswith("means/")))
    if not blocks:
        blocks.append(Text((_nothing(),)))
    blocks += _sheets(study, "verdicts")
    for one in _discussed(study):
        blocks.append(Heading(Message("heading.metric", one.names)))
        blocks.append(Drawn(lambda charts, one=one: charts.means(one)))  # type: ignore[misc]
        blocks += _sheets(study, one.id("places"), one.id("pairs", ALL))
        if one.table.categories:
            blocks.append(Drawn(lambda charts, one=one: charts.categories(one)))  # type: ignore[misc]
        blocks += _sheets(study, one.id("categories"))
        ids = [one.id("pairs", group.category) for group in one.table.categories]
        blocks += _sheets(study, *ids, folded=True)
        blocks += _sheets(study, one.id("prompts"))
    if study.comparison.sweeps:
        blocks += _sweeps(study)
    for one in study.scored:
        if not one.discussed:
            ids = [one.id(kind) for kind in ("places", "categories", "prompts")]
            blocks += _sheets(study, ids[0], one.id("pairs", ALL), *ids[1:], folded=True)
    return blocks


def _nothing() -> Statement:
    return Statement(Message("lead.no_scores"), (value_id("run", "drawn"),))


def _sweeps(study: Study) -> list[Block]:
    """A chart and a sheet for each metric, suite and setting that varies."""
    blocks: list[Block] = [Heading(Message("heading.sweeps"))]
    for group in sweep_groups(study.comparison):
        blocks.append(Drawn(lambda charts, group=group: charts.sweep(group)))  # type: ignore[misc]
        blocks += _sheets(study, sweep_id(group))
    return blocks


def _times(study: Study) -> list[Block]:
    blocks = _sheets(study, *(id for id in study.sheets if id.startswith("times/")), "speeds")
    for one in _discussed(study):
        if one.is_main:
            draw = lambda charts, one=one: charts.quality_against_time(one, study.comparison)  # noqa: E731
            blocks.append(Drawn(draw))
    return blocks or [Text((Statement(Message("time.nothing"), (value_id("run", "drawn"),)),))]


def _ratings(study: Study) -> list[Block]:
    blocks: list[Block] = _sheets(study, "agreement", "raters", "ratings", "gaps")
    if not study.results.ratings:
        blocks.append(Text((Statement(Message("people.none"), (value_id("run", "ratings"),)),)))
    for one in study.comparison.correlations:
        if RATING in (one.first, one.second):
            metric = one.second if one.first == RATING else one.first
            draw = lambda charts, suite=one.suite, metric=metric: charts.ratings(  # noqa: E731
                study.results, suite, metric
            )
            blocks.append(Drawn(draw))
    return [*blocks, *_sheets(study, "metrics-agree")]


def _missing(study: Study) -> list[Block]:
    found = _sheets(study, "failures")
    return found or [Text((Statement(Message("missing.nothing"), (value_id("run", "undrawn"),)),))]


def _general(study: Study) -> list[Block]:
    """Metric by metric who leads; then the main one down to categories and prompts; cost; people."""
    values, blocks = study.values, list[Block]()
    discussed = _discussed(study)
    if not discussed and not study.results.set_figures:
        blocks.append(Text((_nothing(),)))
    for one in discussed:
        blocks += _told(lead(one, values), Message("heading.metric", one.names))
        if one.is_main:
            blocks += _told(categories(one, values), Message("heading.categories", one.names), True)
            blocks += _told(prompts(one, values), Message("heading.prompts", one.names), True)
    for suite in dict.fromkeys(one.table.suite for one in discussed):
        agreed = agreement_of_metrics([one for one in discussed if one.table.suite == suite])
        blocks += _told(agreed, Message("heading.agree", {"suite": Name(suite)}))
    blocks += _told(sets(study.results, values), Message("heading.sets"), True)
    cost = [said for one in discussed if one.is_main for said in times(one, study.comparison, values)]
    cost += steps_per_second(study.comparison, values)
    blocks += _told(cost, Message("heading.cost"), True)
    blocks += _told(sweeps(study.comparison.sweeps, values), Message("heading.sweeps"), True)
    return [*blocks, *_told(people(study.comparison, values), Message("heading.people"), True)]


def _told(said: Sequence[Statement], heading: Message, listed: bool = False) -> list[Block]:
    return [Heading(heading), Text(tuple(said), listed)] if said else []


def _future(study: Study) -> list[Block]:
    cannot, future = limits(study.results, study.scored, study.values)
    blocks = _told(cannot, Message("heading.cannot"), True)
    return [*blocks, *_told(future, Message("heading.future"), True)]


def _provenance(results: RunResults) -> Iterable[Block]:
    """What the run was, word for word."""
    yield Kept(Message("provenance.about"), results.about)
    models = {model.name: {"spec": model.spec, "identity": model.identity} for model in results.models}
    yield Kept(Message("provenance.models"), models)
    recipes = {one.name: {"hash": one.recipe_hash, "recipe": one.recipe} for one in results.metrics}
    yield Kept(Message("provenance.recipes"), recipes)
    yield Kept(Message("provenance.suites"), dict(results.suites))


def for_print(blocks: Iterable[Block]) -> list[Block]:
    """Without sheets that are folded or too long; in the place of those that follow each other a remark."""
    found: list[Block] = []
    left_out: list[Message] = []

    def tell() -> None:
        if left_out:
            found.append(Noted(Message("view.left_out", {"tables": Listed(tuple(left_out))})))
            left_out.clear()

    for block in blocks:
        if isinstance(block, Shown) and (block.folded or len(block.sheet.rows) > LONG):
            left_out.append(block.sheet.caption)
        else:
            tell()
            found.append(block)
    tell()
    return found


def statements_of(found: Iterable[Section]) -> list[Statement]:
    """Every sentence of the document that was made from values."""
    blocks = (block for section in found for block in section.blocks)
    return [said for block in blocks if isinstance(block, Text) for said in block.statements]
