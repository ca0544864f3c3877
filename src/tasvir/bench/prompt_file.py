"""A file of prompts as tasks of `tasvir generate --prompts`; mistakes are told by line."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tasvir.bench.prompt_rows import PromptRow, read_rows, told_by_line
from tasvir.bench.run_folder import OURS
from tasvir.bench.runner import Task
from tasvir.errors import SettingError
from tasvir.loop import MAX_SEED


def read_prompts(path: Path, seed: int) -> list[Task]:
    """The prompts of a file (see `tasvir.bench.prompt_rows`), each perhaps with a "seed" and an "id".

    Raises:
        UnknownNameError: The file cannot be read.
        SettingError: A line is wrong (its number is told), an id comes twice, or there is no prompt.
    """
    tasks: dict[str, Task] = {}
    for row in read_rows(path):
        with told_by_line(path, row.line):
            task = _task(row, len(tasks), seed)
            if task.id in tasks:
                raise SettingError(f"the id {task.id!r} comes twice")
            tasks[task.id] = task
    return list(tasks.values())


def _task(row: PromptRow, index: int, seed: int) -> Task:
    number: Any = row.field("seed")
    if number is None:
        number = seed
    elif isinstance(number, str) and number.isdecimal():  # from a table, where all is text
        number = int(number)
    if type(number) is not int or not 0 <= number <= MAX_SEED:
        raise SettingError(f"'seed' is {number!r}: give a whole number from 0 to {MAX_SEED}")
    name = row.name(index)
    if name.casefold() in OURS:
        raise SettingError(f"the id {name!r} is no folder name here: such a file is made by the run")
    return Task(name, row.prompt, number)
