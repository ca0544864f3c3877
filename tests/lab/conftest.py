"""Every test of the laboratory begins with the same weights: networks draw theirs from torch's own state."""

from __future__ import annotations

import pytest
import torch


@pytest.fixture(autouse=True)
def _seeded() -> None:
    torch.manual_seed(0)
