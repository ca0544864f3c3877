"""Tiny models on this disk, written once."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tasvir.models.tiny.families import write


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """The folder of a tiny model by its family; not to be changed."""
    root = tmp_path_factory.mktemp("tiny")

    def folder(family: str) -> Path:
        if not (root / family).exists():
            write(family, root / family)
        return root / family

    return folder
