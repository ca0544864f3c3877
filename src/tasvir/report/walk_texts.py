"""The words of the walk's pages, one file a language."""

from __future__ import annotations

import tomllib
from functools import cache
from importlib.resources import files

from tasvir.errors import SettingError

LANGUAGES = ("en", "tr", "zh")

Texts = dict[str, dict[str, str]]


@cache
def texts(language: str) -> Texts:
    """All texts of a language: section -> key -> text.

    Raises:
        SettingError: No such language.
    """
    if language not in LANGUAGES:
        raise SettingError(f"language {language!r}: expected one of {', '.join(LANGUAGES)}")
    return tomllib.loads((files("tasvir.report") / "texts" / f"walk.{language}.toml").read_text("utf-8"))
