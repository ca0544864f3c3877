"""The published files, where a folder "shared" lies beside the checkout; they are not part of it."""

from __future__ import annotations

from pathlib import Path

import pytest

SHARED = Path(__file__).parents[4] / "shared"


@pytest.fixture
def public() -> Path:
    """The folder of the published suites."""
    folder = SHARED / "data" / "prompts"
    if not folder.is_dir():
        pytest.skip("the published files are not here")
    return folder


@pytest.fixture
def thesis() -> Path:
    """The thesis as text."""
    found = sorted((SHARED / "seeds").glob("001_*.txt"))
    if not found:
        pytest.skip("the thesis is not here")
    return found[0]
