"""One of the laboratory's samplers."""

from __future__ import annotations

from typing import Any


def arguments() -> dict[str, Any]:
    return {"model": "heun"}
