"""How a model came to be, for its figures: recipe, length, seed, versions and commit."""

from __future__ import annotations

import json
import platform
import subprocess
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from types import ModuleType
from typing import Any

import torch

_PLAIN = (str, int, float, bool, type(None))


def constants(module: ModuleType) -> dict[str, Any]:
    """The module's upper-case names whose values are numbers, tuples of numbers or flat dicts."""
    return {
        name: list(value) if isinstance(value, tuple) else value
        for name, value in vars(module).items()
        if name.isupper() and not name.startswith("_") and _is_recipe(value)
    }


def _is_recipe(value: object) -> bool:
    if isinstance(value, tuple):
        return all(isinstance(item, int | float) for item in value)
    if isinstance(value, dict):
        return all(isinstance(key, str) and isinstance(item, _PLAIN) for key, item in value.items())
    return isinstance(value, int | float)


def versions() -> dict[str, str]:
    """Of Python and of what the numbers depend on."""
    return {
        "python": platform.python_version(),
        "torch": torch.__version__,
        "diffusers": version("diffusers"),
        "tasvir": version("tasvir"),
    }


def commit() -> str | None:
    """Hash of the checkout that this code runs from, "-dirty" if it was changed; None outside of one."""
    here = Path(__file__)
    # a virtual environment may lie inside somebody else's checkout, which does not track this file
    if _git("ls-files", "--error-unmatch", here.name) is None:
        return None
    return _git("describe", "--always", "--dirty", "--abbrev=40", "--exclude=*")


def _git(*arguments: str) -> str | None:
    try:
        done = subprocess.run(
            ["git", *arguments],
            cwd=Path(__file__).parent,
            capture_output=True,
            text=True,
            check=True,
            timeout=20,
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip() or None


def note(out: Path, final: str | None, section: Mapping[str, Any]) -> None:
    """Put ``section`` as "training" into out/figures.json and into its copy in the final folder, if any."""
    _merge(out / "figures.json", section)
    if final is not None and (out / final / "figures.json").is_file():
        _merge(out / final / "figures.json", section)


def _merge(path: Path, section: Mapping[str, Any]) -> None:
    figures = json.loads(path.read_text("utf-8")) if path.is_file() else {}
    part = path.with_name(f"{path.name}.part")
    part.write_text(json.dumps({**figures, "training": dict(section)}, indent=2) + "\n", "utf-8")
    part.replace(path)
