"""Where imported suites lie: a folder each in the user's data folder, of prompts and what is known of them.

``prompts.jsonl`` holds a prompt a line, ``about.json`` where they come from and the SHA-256 of the other
file. A suite is put there whole or not at all.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from tasvir.errors import OutputError, RecordError, UnknownNameError
from tasvir.records import SuitePrompt

VARIABLE = "TASVIR_DATA"
PROMPTS, ABOUT = "prompts.jsonl", "about.json"


def data_folder() -> Path:
    """The user's data folder: what ``TASVIR_DATA`` names, else ``$XDG_DATA_HOME/tasvir`` or that below
    ``~/.local/share``."""
    named = os.environ.get(VARIABLE, "")
    if named:
        return Path(named).expanduser()
    data = os.environ.get("XDG_DATA_HOME", "")
    return (Path(data) if Path(data).is_absolute() else Path.home() / ".local" / "share") / "tasvir"


def suite_folder(name: str, root: Path | None = None) -> Path:
    """The folder of a suite; it may not exist yet.

    Args:
        name: The suite's.
        root: Folder of all suites; None = that of the user.
    """
    return (root or data_folder() / "suites") / name


def write_suite(folder: Path, prompts: Sequence[SuitePrompt], about: Mapping[str, Any]) -> None:
    """Put a suite into its folder in place of the one that was there.

    Raises:
        OutputError: It cannot be written.
    """
    rows = "".join(json.dumps(asdict(entry), ensure_ascii=False) + "\n" for entry in prompts).encode()
    about = {**about, "prompts_sha256": hashlib.sha256(rows).hexdigest()}
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder.parent, prefix=".adding-") as made:
            fresh, old = Path(made) / "new", Path(made) / "old"
            fresh.mkdir()
            (fresh / PROMPTS).write_bytes(rows)
            (fresh / ABOUT).write_text(json.dumps(about, indent=1, ensure_ascii=False), encoding="utf-8")
            if folder.exists():
                folder.replace(old)
            fresh.replace(folder)
    except OSError as problem:
        raise OutputError(
            f"the suite cannot be kept in {folder}: {problem.strerror or problem}; name another folder with "
            f"the environment variable {VARIABLE}"
        ) from problem


def read_about(folder: Path) -> dict[str, Any] | None:
    """What is known of an imported suite; None where there is none.

    Raises:
        RecordError: The file cannot be read.
    """
    try:
        about = json.loads((folder / ABOUT).read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as problem:
        raise _damaged(folder, str(problem)) from problem
    if not isinstance(about, dict):
        raise _damaged(folder, f"{ABOUT} holds no object")
    return about


def read_prompts(folder: Path) -> tuple[SuitePrompt, ...]:
    """The prompts of an imported suite.

    Raises:
        RecordError: They cannot be read, or are not those that were imported.
    """
    about = read_about(folder) or {}
    try:
        data = (folder / PROMPTS).read_bytes()
        if hashlib.sha256(data).hexdigest() != about.get("prompts_sha256"):
            raise ValueError(f"{PROMPTS} was changed after it was imported")
        return tuple(SuitePrompt(**json.loads(line)) for line in data.decode().split("\n") if line)
    except (OSError, ValueError, TypeError) as problem:
        raise _damaged(folder, str(problem)) from problem


def remove_suite(folder: Path) -> None:
    """Take an imported suite away.

    Raises:
        UnknownNameError: It is not there.
        OutputError: It cannot be removed.
    """
    if not (folder / ABOUT).is_file():
        raise UnknownNameError(
            f"no suite {folder.name!r} was imported: `tasvir suites list` shows those that were"
        )
    try:
        shutil.rmtree(folder)
    except OSError as problem:
        raise OutputError(f"cannot remove {folder}: {problem.strerror or problem}") from problem


def _damaged(folder: Path, reason: str) -> RecordError:
    return RecordError(
        f"the suite in {folder} is damaged ({reason}): import it again with `tasvir suites add`"
    )
