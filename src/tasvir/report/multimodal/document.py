"""The page in order: in short, claims, tables, protocol, sensitivity, how it was tested, cost."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tasvir.report.multimodal.blocks import Section
from tasvir.report.multimodal.claim_section import claims_grids, contrast_grids, short
from tasvir.report.multimodal.folder import StudyFolder, Table
from tasvir.report.multimodal.run_section import cost, method, protocol, sensitivity
from tasvir.report.multimodal.table_section import Group, groups, table_section
from tasvir.report.multimodal.verdicts import Judged, judge
from tasvir.report.multimodal.words import Words


@dataclass(frozen=True, slots=True)
class Study:
    """All that is said, without a language.

    Args:
        folder: What was read.
        judged: Claims.
        groups: Comparisons of each table, in the tables' order.
    """

    folder: StudyFolder
    judged: tuple[Judged, ...]
    groups: tuple[tuple[Group, ...], ...]

    @property
    def tables(self) -> Sequence[Table]:
        return self.folder.tables


def study_of(folder: StudyFolder) -> Study:
    """Compare and judge."""
    judged = judge([one.results for one in folder.tables])
    return Study(folder, judged, tuple(tuple(groups(one)) for one in folder.tables))


def sections(study: Study, words: Words) -> list[Section]:
    """The whole page in one language."""
    tables = study.tables
    run = [one.key for one in tables]
    claims = (*claims_grids(study.judged, words), *contrast_grids(study.judged, words))
    found = [
        Section("short", words("section.short"), 2, tuple(short(study.judged, run, words))),
        Section("claims", words("section.claims"), 2, claims),
        Section("tables", words("section.tables"), 2, ()),
        *(
            table_section(f"{place}-{one.name}", one, groups, words)
            for place, (one, groups) in enumerate(zip(tables, study.groups, strict=True), 1)
        ),
    ]
    for id, blocks in (
        ("protocol", protocol(tables, words)),
        ("sensitivity", sensitivity(study.folder.sweeps, words)),
        ("method", method(tables, words)),
        ("cost", cost(tables, words)),
    ):
        found.append(Section(id, words(f"section.{id}"), 2, tuple(blocks)))
    return found
