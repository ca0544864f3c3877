"""GenEval: 553 prompts in six tasks, each with the objects that must and must not be there.

Ghosh, Hajishirzi, Schmidt 2023 (arXiv 2310.11513).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, ClassVar

from tasvir.bench.imported import Given, ImportedSuite, lines_of
from tasvir.bench.prompt_rows import told_by_line
from tasvir.errors import SettingError
from tasvir.records import SuitePrompt


class GenEvalSuite(ImportedSuite):
    """GenEval, 553 prompts in six tasks with their objects; imported by `tasvir suites add`."""

    name: ClassVar[str] = "geneval"

    @classmethod
    def read(cls, files: Mapping[str, Given], notes: list[str]) -> list[SuitePrompt]:
        """JSON lines of tag, prompt, include and exclude; ids are the names of GenEval's folders.

        "include" is a list of {"class", "count"} with perhaps "color" and "position" [relation, index of the
        object in the list that it stands to], "exclude" a list of {"class", "count"} of which there must be
        fewer.
        """
        given = files["evaluation_metadata.jsonl"]
        found: list[SuitePrompt] = []
        for number, line in lines_of(given, notes):
            with told_by_line(given.name, number):
                found.append(_suite_prompt(json.loads(line), len(found)))
        return found


def _suite_prompt(row: Any, index: int) -> SuitePrompt:
    if not isinstance(row, dict) or not all(isinstance(row.get(key), str) for key in ("tag", "prompt")):
        raise SettingError("expected an object with 'tag', 'prompt' and 'include'")
    facts = {"include": row.get("include"), "exclude": row.get("exclude", [])}
    for name, objects in facts.items():
        if not isinstance(objects, list):
            raise SettingError(f"{name!r} is no list")
        for entry in objects:
            _check_object(entry, len(objects))
    return SuitePrompt(f"{index:05d}", row["prompt"].strip(), row["tag"], facts)


def _check_object(entry: Any, count: int) -> None:
    if not isinstance(entry, dict) or not isinstance(entry.get("class"), str):
        raise SettingError(f"an object without a 'class': {entry!r}")
    if type(entry.get("count")) is not int or entry["count"] < 1:
        raise SettingError(f"{entry['class']!r} has no 'count' from 1")
    position = entry.get("position")
    if position is not None and not (
        isinstance(position, list)
        and len(position) == 2
        and isinstance(position[0], str)
        and type(position[1]) is int
        and 0 <= position[1] < count
    ):
        raise SettingError(f"the position of {entry['class']!r} is {position!r}: expected [relation, index]")
