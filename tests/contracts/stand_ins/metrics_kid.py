"""The embedded features, and two rendered scenes as the reference set."""

from __future__ import annotations

from typing import Any

from metric_parts import reference_set


def arguments() -> dict[str, Any]:
    return {"model": "embedded", "reference": reference_set()}
