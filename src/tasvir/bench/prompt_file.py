"""A file of prompts: a line each, or JSON lines; mistakes are told by line."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tasvir.bench.run_folder import OURS
from tasvir.bench.runner import Task
from tasvir.errors import SettingError, UnknownNameError, UserInputError
from tasvir.loop import MAX_SEED
from tasvir.records import Prompt


def read_prompts(path: Path, seed: int) -> list[Task]:
    """The prompts of a file: a line each, or in .jsonl an object each: "prompt" and perhaps "seed" and "id".

    Empty lines and lines that begin with # are passed over.

    Raises:
        UnknownNameError: The file cannot be read.
        SettingError: A line is wrong (its number is told), an id comes twice, or there is no prompt.
    """
    try:
        lines = path.read_text(encoding="utf-8-sig").split("\n")  # JSON may hold other ends of lines
    except (OSError, UnicodeDecodeError) as problem:
        raise UnknownNameError(f"cannot read the prompts in {path}: {problem}") from problem
    tasks: dict[str, Task] = {}
    for number, line in enumerate(lines, 1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        try:
            row = _row(line) if path.suffix == ".jsonl" else {"prompt": line.strip()}
            task = _task(row, len(tasks), seed)
            if task.id in tasks:
                raise SettingError(f"the id {task.id!r} comes twice")
            tasks[task.id] = task
        except (ValueError, RecursionError, UserInputError) as problem:
            raise SettingError(f"{path}, line {number}: {problem}") from problem
    if not tasks:
        raise SettingError(f"{path} holds no prompts: write one a line")
    return list(tasks.values())


def _task(row: dict[str, Any], index: int, seed: int) -> Task:
    text, number, name = row.get("prompt"), row.get("seed", seed), row.get("id")
    if not isinstance(text, str):
        raise SettingError("no 'prompt' in it that is a text")
    text.encode()  # half of a surrogate pair, which JSON lets through, cannot be written to a file
    if type(number) is not int or not 0 <= number <= MAX_SEED:
        raise SettingError(f"'seed' is {number!r}: give a whole number from 0 to {MAX_SEED}")
    asked = Prompt(text)
    name = f"{index:04d}-{asked.slug}" if name is None else str(name)
    taken = name.casefold() in OURS
    if taken or name != Path(name).name or name.startswith(".") or not name.isprintable():
        raise SettingError(f"the id {name!r} is no folder name")
    return Task(name, asked, number)


def _row(line: str) -> dict[str, Any]:
    row = json.loads(line)
    if not isinstance(row, dict):
        raise SettingError('expected an object such as {"prompt": "a red car"}')
    return row
