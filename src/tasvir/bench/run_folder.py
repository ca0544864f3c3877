"""The folder of a run over many prompts: how it is made, what became of each prompt, what is left."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

from tasvir.bench.holding import LOCK, holding
from tasvir.bench.lines import append_line, read_lines, replace_file, writing
from tasvir.bench.runner import Ended, Task
from tasvir.errors import BudgetError, OutputError, RecordError, SettingError

RESULTS, ARGUMENTS, DRAWN = "results.jsonl", "run.json", "drawn"
OURS = (RESULTS, ARGUMENTS, LOCK, DRAWN)
"""Names in a run's folder that no prompt can have."""
ANYWHERE = ("device", "offload", "compile", "local_only")
"""What a run may go on with otherwise: it says where models work, not which they are."""


class RunFolder:
    """The folder of a run: ``run.json`` says how it is made, ``results.jsonl`` has a line an ended
    prompt, and each prompt has its own folder.

    Args:
        path: Made by `begin` if it does not exist.
        arguments: Models and switches; going on needs the same.

    Raises:
        SettingError: The folder holds a run with other arguments; says which differ.
        RecordError: Its ``run.json`` cannot be read.
        OutputError: It cannot be written.
    """

    def __init__(self, path: Path, arguments: dict[str, Any]) -> None:
        self.path = path
        self._arguments = json.loads(json.dumps(arguments))
        with writing(path):
            if os.path.exists(path / ARGUMENTS):
                _same(path / ARGUMENTS, self._arguments)
            elif os.path.exists(path) and any(one.name != f"{ARGUMENTS}.new" for one in path.iterdir()):
                raise OutputError(f"{path} holds other files and no run: choose another folder with --out")

    @contextmanager
    def at_work(self) -> Iterator[None]:
        """Make the folder and hold it for this process while the block lasts; only now, so that a command
        whose models cannot be opened leaves nothing behind.

        Raises:
            SettingError: Another process is at work in it.
            OutputError: It cannot be written.
        """
        file = self.path / ARGUMENTS
        with writing(self.path):
            self.path.mkdir(parents=True, exist_ok=True)
            if not os.path.exists(file):
                text = json.dumps(self._arguments, indent=2, ensure_ascii=False)
                replace_file(file, f"{text}\n".encode())
        with holding(self.path):
            yield

    @property
    def drawn(self) -> Path:
        """Where pictures are kept while the run is not done."""
        return self.path / DRAWN

    def clear(self) -> None:
        """Remove the kept pictures: every trace has its own."""
        shutil.rmtree(self.drawn, ignore_errors=True)

    def usages(self) -> list[dict[str, Any]]:
        """What each attempt of each prompt cost, failed and interrupted ones too."""
        lines = read_lines(self.path / RESULTS)
        return [row["usage"] for row in lines if isinstance(row, dict) and row.get("usage")]

    def rows(self) -> dict[str, dict[str, Any]]:
        """The last line of every prompt."""
        return {
            row["id"]: row for row in read_lines(self.path / RESULTS) if isinstance(row, dict) and "id" in row
        }

    def is_done(self, task: Task, row: dict[str, Any] | None) -> bool:
        """It was finished with this prompt and this seed, and its trace is there."""
        if row is None or row.get("error") or row.get("finished") in (None, "interrupted"):
            return False
        same = (row.get("prompt"), row.get("seed")) == (task.prompt.text, task.seed)
        return same and os.path.exists(self.path / task.id / "trace.json")

    def append(self, ended: Ended) -> dict[str, Any]:
        """Keep what became of a prompt; returns its row."""
        trace, task = ended.trace, ended.task
        error = None if isinstance(ended.error, BudgetError) else ended.error
        best = trace.best if trace is not None and trace.best_index is not None else None
        row = {
            "id": task.id,
            "prompt": task.prompt.text,
            "seed": task.seed,
            "finished": None if error else "interrupted" if ended.error or not trace else trace.finished,
            "pictures": 0 if trace is None else len(trace.attempts),
            "score": best.verdict.score if best is not None and best.verdict is not None else None,
            "usage": None if trace is None else asdict(trace.usage),
            "repairs": 0 if trace is None else trace.repairs,
            "error": None if error is None else f"{type(error).__name__}: {error}",
        }
        append_line(self.path / RESULTS, row)
        return row


def _same(file: Path, arguments: dict[str, Any]) -> None:
    try:
        before = json.loads(file.read_text(encoding="utf-8"))
        other = sorted(
            key for key in before.keys() | arguments.keys() if before.get(key) != arguments.get(key)
        )
    except (ValueError, AttributeError) as problem:
        raise RecordError(f"{file} cannot be read ({problem}): choose another folder with --out") from problem
    if other:
        told = "; ".join(f"{key} was {before.get(key)!r}, now {arguments.get(key)!r}" for key in other)
        raise SettingError(
            f"{file.parent} holds a run made otherwise ({told}): choose another folder with --out"
        )
