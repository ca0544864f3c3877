"""What suites share that others published: read from files once, by `tasvir suites add`, and kept."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from tasvir.bench.base import Suite
from tasvir.bench.prompt_rows import decoded
from tasvir.bench.published import PublishedSuite, published_suites
from tasvir.bench.suite_folder import read_about, read_prompts, suite_folder
from tasvir.errors import UnknownNameError
from tasvir.records import SuitePrompt


@dataclass(frozen=True, slots=True)
class Given:
    """A file that a suite is to be read from.

    Args:
        name: What the user's file is called.
        data: Its bytes.
    """

    name: str
    data: bytes


class ImportedSuite(Suite):
    """Base of suites that are not part of this package: subclasses say how their files are read.

    Args:
        folder: Folder of all imported suites; None = that of the user.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self._folder = suite_folder(self.name, folder)

    @classmethod
    @abstractmethod
    def read(cls, files: Mapping[str, Given], notes: list[str]) -> list[SuitePrompt]:
        """The prompts that files hold.

        Args:
            files: By the name that its authors gave each (`published.toml`); optional ones may be missing.
            notes: Takes a sentence for each thing that was found or put right.

        Raises:
            SettingError: A file is not of the form that is expected; file and line are told.
        """

    @classmethod
    def published(cls) -> PublishedSuite:
        """What is known of the suite as its authors published it."""
        return published_suites()[cls.name]

    @cached_property
    def _about(self) -> dict[str, Any]:
        about = read_about(self._folder)
        if about is None:
            known = self.published()
            addresses = known.home if len(known.files) > 1 else known.files[0].url or known.home
            raise UnknownNameError(
                f"the suite {self.name!r} is not on this machine yet: "
                f"tasvir suites add {self.name} --from FILE, FOLDER or URL (published at {addresses})"
            )
        return about

    def prompts(self) -> tuple[SuitePrompt, ...]:
        """In their authors' order.

        Raises:
            UnknownNameError: The suite was not imported yet; says how.
            RecordError: What was imported is damaged.
        """
        return self._all_prompts

    @cached_property
    def _all_prompts(self) -> tuple[SuitePrompt, ...]:
        return read_prompts(self._folder) if self._about else ()

    @property
    def provenance(self) -> dict[str, Any]:
        return {**self._about, "rows": len(self.prompts())}


def lines_of(given: Given, notes: list[str]) -> list[tuple[int, str]]:
    """A file's lines that are not empty, with their numbers; what was put right is noted.

    Raises:
        SettingError: It is not UTF-8.
    """
    text = decoded(given.data, given.name)
    rows = text.replace("\r\n", "\n").split("\n")
    if "\r\n" in text:
        notes.append(f"{given.name}: lines end in CR LF: read as LF")
    if rows[-1].strip():
        notes.append(f"{given.name}: no end of line after the last row: it counts all the same")
    empty = sum(not row.strip() for row in rows[:-1])
    if empty:
        notes.append(f"{given.name}: {empty} empty lines passed over")
    return [(number, row) for number, row in enumerate(rows, 1) if row.strip()]


def stripped(name: str, what: str, values: Sequence[str], notes: list[str]) -> list[str]:
    """Values without spaces at their ends; how many had some is noted."""
    cleaned = [value.strip() for value in values]
    changed = sum(before != after for before, after in zip(values, cleaned, strict=True))
    if changed:
        notes.append(f"{name}: spaces at the ends of {changed} {what} taken off")
    return cleaned
