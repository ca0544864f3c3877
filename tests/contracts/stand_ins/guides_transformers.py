"""None: a tiny model with random weights says nothing that could be read."""

from __future__ import annotations

from typing import Any

import pytest


def arguments() -> dict[str, Any]:
    pytest.skip("no real weights here; random ones are asked in tests/guide/guides/test_transformers.py")
