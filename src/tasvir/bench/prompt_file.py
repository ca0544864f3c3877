"""A file of prompts: a line each, or JSON lines; mistakes are told by line."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tasvir.bench.runner import Task
from tasvir.errors import SettingError, UnknownNameError, UserInputError
from tasvir.records import Prompt


def read_prompts(path: Path, seed: int) -> list[Task]:
    """The prompts of a file: a line each, or in .jsonl an object each: "prompt" and perhaps "seed" and "id".

    Empty lines and lines that begin with # are passed over.

    Raises:
        UnknownNameError: The file cannot be read.
        SettingError: A line is wrong (its number is told), an id comes twice, or there is no prompt.
    """
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as problem:
        raise UnknownNameError(f"cannot read the prompts in {path}: {problem}") from problem
    tasks: dict[str, Task] = {}
    for number, line in enumerate(lines, 1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        try:
            row = _row(line) if path.suffix == ".jsonl" else {"prompt": line.strip()}
            asked = Prompt(str(row["prompt"]))
            name = str(row.get("id") or f"{len(tasks):04d}-{asked.slug}")
            if name != Path(name).name or name.startswith("."):
                raise SettingError(f"the id {name!r} is no folder name")
            if name in tasks:
                raise SettingError(f"the id {name!r} comes twice")
            tasks[name] = Task(name, asked, int(row.get("seed", seed)))
        except (KeyError, TypeError, ValueError, UserInputError) as problem:
            told = f"no {problem} in it" if isinstance(problem, KeyError) else problem
            raise SettingError(f"{path}, line {number}: {told}") from problem
    if not tasks:
        raise SettingError(f"{path} holds no prompts: write one a line")
    return list(tasks.values())


def _row(line: str) -> dict[str, Any]:
    row = json.loads(line)
    if not isinstance(row, dict):
        raise SettingError('expected an object such as {"prompt": "a red car"}')
    return row
