"""Devices by name."""

from __future__ import annotations

import pytest
import torch

from tasvir.errors import SettingError
from tasvir.models.embedded.loading import device_and_dtype, pick_device


def test_cpu_draws_in_single_precision() -> None:
    assert device_and_dtype("cpu") == (torch.device("cpu"), torch.float32)


def test_auto_is_a_device_that_computes() -> None:
    assert float((torch.ones(2, device=pick_device("auto")) * 3).sum()) == 6.0


@pytest.mark.parametrize("name", ["abacus", "cuda:99", "meta", ""])
def test_a_device_that_is_not_here_is_refused(name: str) -> None:
    with pytest.raises(SettingError, match="cannot be used here"):
        pick_device(name)
