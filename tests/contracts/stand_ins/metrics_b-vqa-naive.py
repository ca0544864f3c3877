"""With the shipped question model."""

from __future__ import annotations

from typing import Any

from metric_parts import shipped


def arguments() -> dict[str, Any]:
    return shipped("answerer")
