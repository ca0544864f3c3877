"""Tiny GLIGENs, built once for all tests; a test that changes one puts it back."""

from __future__ import annotations

from typing import Any

import pytest

from tasvir.models.tiny.families import build


@pytest.fixture(scope="session")
def gligen() -> Any:
    return build("gligen")


@pytest.fixture(scope="session")
def gligen_xl() -> Any:
    return build("gligen-xl")


@pytest.fixture(scope="session")
def inpainter() -> Any:
    return build("gligen-inpainting")
