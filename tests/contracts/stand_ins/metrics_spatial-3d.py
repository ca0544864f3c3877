"""The embedded detector and its order of things as depth, and a prompt about depth."""

from __future__ import annotations

from typing import Any

from metric_parts import depth_example as example

__all__ = ["arguments", "example"]


def arguments() -> dict[str, Any]:
    return {"model": "embedded"}
