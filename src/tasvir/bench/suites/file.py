"""A suite of one's own: a file of prompts."""

from __future__ import annotations

import hashlib
import json
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar

from tasvir.bench.base import Suite
from tasvir.bench.prompt_rows import PromptRow, bytes_of, check_letters, rows_in, told_by_line
from tasvir.errors import SettingError
from tasvir.records import SuitePrompt

STRUCTURED: dict[str, type] = {
    "description": dict,
    "phrases": list,
    "include": list,
    "exclude": list,
    "relation": dict,
    "numbers": dict,
    "layout": dict,
}
"""Facts that metrics read, and what JSON each is; in CSV and TSV they are written as JSON in the cell."""


class FileSuite(Suite):
    """A file of prompts: text, CSV, TSV or JSON lines; file:PATH.

    Columns besides the prompt (prompt, text or caption), "id" and "category" become facts.

    Args:
        model: Path of the file.
    """

    name: ClassVar[str] = "file"

    def __init__(self, model: str) -> None:
        self.path = Path(model).expanduser()

    @property
    def label(self) -> str:
        """The file's name without its folder; the checksum of what is in it stands in the provenance."""
        return f"{self.name}:{self.path.name}"

    @property
    def provenance(self) -> dict[str, Any]:
        prompts, sha256 = self._content
        return {"source": self.path.name, "sha256": sha256, "rows": len(prompts)}

    def prompts(self) -> tuple[SuitePrompt, ...]:
        """In the file's order.

        Raises:
            UnknownNameError: The file cannot be read.
            SettingError: A line is wrong, an id or a prompt without one comes twice; the line is told.
        """
        return self._content[0]

    @cached_property
    def _content(self) -> tuple[tuple[SuitePrompt, ...], str]:
        data = bytes_of(self.path)
        rows = rows_in(data, self.path.suffix.lower(), str(self.path))
        found: dict[str, SuitePrompt] = {}
        lines: dict[str, int] = {}
        for index, row in enumerate(rows):
            with told_by_line(self.path, row.line):
                entry = _suite_prompt(row, index)
                if entry.id in found:
                    raise SettingError(f"the id {entry.id!r} comes twice")
                if row.field("id") is None and entry.text in lines:
                    raise SettingError(
                        f"the same prompt as in line {lines[entry.text]}: it would count twice; take one "
                        "out, or give each an id"
                    )
                found[entry.id] = entry
                lines.setdefault(entry.text, row.line)
        return tuple(found.values()), hashlib.sha256(data).hexdigest()


def _suite_prompt(row: PromptRow, index: int) -> SuitePrompt:
    category = row.field("category")
    check_letters(str(category), "the category")
    facts = {
        key: _fact(key, value)
        for key, value in row.fields.items()
        if key.casefold() not in ("id", "category") and value not in ("", None)
    }
    return SuitePrompt(row.name(index), row.prompt.text, "" if category is None else str(category), facts)


def _fact(name: str, value: Any) -> Any:
    kind = STRUCTURED.get(name)
    if kind is None:
        return value
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except ValueError as problem:
            raise SettingError(f"{name!r} is not JSON ({problem})") from problem
    if not isinstance(value, kind):
        wanted = "a list" if kind is list else "an object"
        raise SettingError(f"{name!r} must be {wanted} in JSON, and is {value!r}")
    return value
