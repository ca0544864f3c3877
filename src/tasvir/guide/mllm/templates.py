"""The words that a model is asked with: one Jinja template a skill, each replaceable by a file of the user's.

A template is what the system says, then a line "=== user ===", then what the user says; without that line all
of it is the user's. They run in Jinja's sandbox, and are tried when a guide is made, before anything is paid.
"""

from __future__ import annotations

import difflib
import re
import traceback
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tasvir.errors import OutputError, SettingError

if TYPE_CHECKING:
    from jinja2 import Environment

OURS = Path(__file__).parent / "templates"
NAMES = tuple(sorted(path.name for path in OURS.glob("*.md")))
_DIVIDER = re.compile(r"^=== user ===[ \t]*$", re.MULTILINE)
_OF_SKILLS: Mapping[str, Any] = {
    "request": '{"skill": "plan", "prompt": "a dog"}',
    "prompt": "a dog",
    "pictures": 1,
    "examples": [{"request": "{}", "shows": "a cat", "reply": "{}"}],
}
_OF_REPAIR: Mapping[str, Any] = {"problems": ["the reply holds no JSON"]}
"""What the templates can use, with values to try them with."""


class Templates:
    """Renders the templates of the skills and of the repair round.

    Args:
        folder: Files that stand before ours, by name; None = ours alone.

    Raises:
        SettingError: The folder or a template is broken; says the file and the line.
    """

    def __init__(self, folder: Path | None = None) -> None:
        if folder is not None:
            _check_folder(folder)
        self._environment = _environment([OURS] if folder is None else [folder, OURS])
        for name in NAMES:
            self.render(name.removesuffix(".md"), _OF_REPAIR if name == "repair.md" else _OF_SKILLS)

    def render(self, name: str, values: Mapping[str, Any]) -> tuple[str, str]:
        """What the system and what the user says.

        Args:
            name: A skill, or "repair".
            values: Of a skill "request", "prompt", "pictures" and "examples", of the repair round "problems".

        Raises:
            SettingError: The template is broken; says the file and the line.
        """
        from jinja2 import TemplateError, TemplateSyntaxError

        try:
            text = self._environment.get_template(f"{name}.md").render(values)
        except TemplateSyntaxError as problem:
            where = f"{problem.filename or problem.name}, line {problem.lineno}"
            raise _broken(where, problem) from problem
        except (
            TemplateError,
            ArithmeticError,
            LookupError,
            TypeError,
            ValueError,
            OSError,
            RecursionError,
        ) as problem:
            raise _broken(_last_line(problem) or f"{name}.md", problem) from problem
        parts = _DIVIDER.split(text, maxsplit=1)
        return ("", text.strip()) if len(parts) == 1 else (parts[0].strip(), parts[1].strip())


def copy_ours(folder: Path, sources: Sequence[Path]) -> list[Path]:
    """Copy files of ours into a folder, to be changed there; nothing that exists is overwritten.

    Raises:
        OutputError: A file is there already, or cannot be written; nothing is copied in the first case.
    """
    targets = [folder / source.name for source in sources]
    for target in targets:
        if target.exists():
            raise OutputError(f"{target} exists already and was left alone: choose another folder")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for source, target in zip(sources, targets, strict=True):
            target.write_bytes(source.read_bytes())
    except OSError as problem:
        raise OutputError(f"cannot write to the folder {folder}: {problem.strerror or problem}") from problem
    return targets


def _environment(folders: list[Path]) -> Environment:
    from jinja2 import FileSystemLoader, StrictUndefined
    from jinja2.sandbox import ImmutableSandboxedEnvironment

    return ImmutableSandboxedEnvironment(
        loader=FileSystemLoader(folders),
        undefined=StrictUndefined,
        autoescape=False,  # it makes text for a model, not HTML
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,  # so that what follows an include begins on its own line
    )


def _check_folder(folder: Path) -> None:
    if not folder.is_dir():
        raise SettingError(f"templates: there is no folder {folder}; `tasvir guide copy FOLDER` makes one")
    found = sorted(path.name for path in folder.glob("*.md"))
    if not found:
        raise SettingError(f"templates: {folder} holds none of {', '.join(NAMES)}")
    for name in found:
        if name not in NAMES:
            near = difflib.get_close_matches(name, NAMES, n=1, cutoff=0.0)
            raise SettingError(f"templates: {folder / name} is none of {', '.join(NAMES)}: is it {near[0]}?")


def _last_line(problem: BaseException) -> str:
    """Where in a template an error happened; Jinja gives its frames the templates' file names."""
    frames = [
        frame for frame in traceback.extract_tb(problem.__traceback__) if frame.filename.endswith(".md")
    ]
    return f"{frames[-1].filename}, line {frames[-1].lineno}" if frames else ""


def _broken(where: str, problem: Exception) -> SettingError:
    return SettingError(f"the template {where} is broken: {problem}; see docs/guides.md for what it may use")
