"""The embedded detector."""

from __future__ import annotations

from typing import Any


def arguments() -> dict[str, Any]:
    return {"model": "embedded"}
