"""Devices by name, and the memory that was taken."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from tasvir.errors import SettingError
from tasvir.models.devices import forget_peak, peak_memory, pick_device

STATUS = Path("/proc/self/status")


def test_auto_is_a_device_that_computes() -> None:
    assert float((torch.ones(2, device=pick_device("auto")) * 3).sum()) == 6.0


@pytest.mark.parametrize("name", ["abacus", "cuda:99", "meta", ""])
def test_a_device_that_is_not_here_is_refused(name: str) -> None:
    with pytest.raises(SettingError, match="cannot be used here"):
        pick_device(name)


@pytest.mark.skipif(not STATUS.exists(), reason="this system does not tell by a file")
def test_the_peak_of_memory_is_in_bytes() -> None:
    cpu = torch.device("cpu")
    forget_peak(cpu)
    line = next(line for line in STATUS.read_text().splitlines() if line.startswith("VmHWM"))
    assert peak_memory(cpu) == pytest.approx(int(line.split()[1]) * 1024, rel=0.05)
