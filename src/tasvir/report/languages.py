"""The words of the pages: one TOML file a page and language in ``report/texts``."""

from __future__ import annotations

import tomllib
from importlib.resources import files
from typing import Any

from tasvir.errors import SettingError

LANGUAGES = ("en", "tr", "zh")


def read_texts(page: str, language: str) -> dict[str, Any]:
    """All texts of a page in a language: section -> key -> text.

    Raises:
        SettingError: No such language.
    """
    if language not in LANGUAGES:
        raise SettingError(f"language {language!r}: expected one of {', '.join(LANGUAGES)}")
    return tomllib.loads((files("tasvir.report") / "texts" / f"{page}.{language}.toml").read_text("utf-8"))
