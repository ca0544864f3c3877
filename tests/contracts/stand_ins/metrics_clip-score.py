"""With the shipped encoder; skipped while a model is not shipped in this checkout."""

from __future__ import annotations

from typing import Any

import pytest

from tasvir.errors import NotShippedError
from tasvir.models.embedded import weights
from tasvir.models.load import LoadSettings


def arguments() -> dict[str, Any]:
    try:
        for model in ("encoder",):
            weights.folder(model)
    except NotShippedError as problem:
        pytest.skip(str(problem))
    return {"model": "embedded", "load": LoadSettings(device="cpu")}
