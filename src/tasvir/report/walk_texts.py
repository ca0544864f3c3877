"""The words of the walk's pages, one file a language."""

from __future__ import annotations

from functools import cache

from tasvir.report.languages import LANGUAGES, read_texts

__all__ = ["LANGUAGES", "Texts", "texts"]

Texts = dict[str, dict[str, str]]


@cache
def texts(language: str) -> Texts:
    """All texts of a language: section -> key -> text.

    Raises:
        SettingError: No such language.
    """
    return read_texts("walk", language)
