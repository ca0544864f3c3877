"""RLS-300: 300 captions of real-life scenes with three or four objects and one or two relations.

They stand in appendix B of the thesis that proposed them, and are read out of it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from tasvir.bench.imported import Given, ImportedSuite
from tasvir.bench.numbered_list import document_text, numbered_list
from tasvir.bench.prompt_rows import decoded
from tasvir.records import SuitePrompt


class RLS300Suite(ImportedSuite):
    """RLS-300, 300 captions of real-life scenes, out of the thesis as text or PDF; by `tasvir suites add`."""

    name: ClassVar[str] = "rls-300"

    @classmethod
    def read(cls, files: Mapping[str, Given], notes: list[str]) -> list[SuitePrompt]:
        """The longest list of sentences in the document that is numbered 1, 2, 3 ...; ids are the numbers.

        The thesis gives the captions no categories.
        """
        given = files["thesis"]
        is_pdf = given.data.startswith(b"%PDF")
        text = document_text(given.data, given.name) if is_pdf else decoded(given.data, given.name)
        captions = numbered_list(text, notes)
        return [SuitePrompt(f"{index:03d}", caption) for index, caption in enumerate(captions, 1)]
