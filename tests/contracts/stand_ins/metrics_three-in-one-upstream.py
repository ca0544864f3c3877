"""With the shipped question model, recogniser and encoder; skipped while one of them is not there."""

from __future__ import annotations

from typing import Any

import pytest

from tasvir.errors import NotShippedError
from tasvir.models.embedded import weights
from tasvir.models.load import LoadSettings


def arguments() -> dict[str, Any]:
    try:
        for model in ("answerer", "recogniser", "encoder"):
            weights.folder(model)
    except NotShippedError as problem:
        pytest.skip(str(problem))
    return {"model": "embedded", "load": LoadSettings(device="cpu")}
