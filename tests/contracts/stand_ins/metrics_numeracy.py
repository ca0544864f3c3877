"""The embedded detector, and a prompt that counts."""

from __future__ import annotations

from typing import Any

from metric_parts import count_example as example

__all__ = ["arguments", "example"]


def arguments() -> dict[str, Any]:
    return {"model": "embedded"}
