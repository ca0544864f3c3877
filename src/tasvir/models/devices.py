"""On which device a model runs, and how much memory it took."""

from __future__ import annotations

import resource
import sys

import torch

from tasvir.errors import SettingError


def pick_device(name: str) -> torch.device:
    """A device by name; "auto" = CUDA, then MPS, then CPU.

    Raises:
        SettingError: The device does not exist here.
    """
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "mps" if torch.backends.mps.is_available() else "cpu"
    try:
        return _used(name)
    except (RuntimeError, AssertionError) as problem:
        raise SettingError(f"device {name!r} cannot be used here: {problem}") from problem


def _used(name: str) -> torch.device:
    tensor = torch.zeros(1, device=name)
    tensor.item()  # "meta" makes tensors, but never a number
    return tensor.device


def forget_peak(device: torch.device) -> None:
    """Count `peak_memory` on CUDA anew from here; elsewhere there is nothing that can be reset."""
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(device)


def peak_memory(device: torch.device) -> int:
    """Most memory taken so far, bytes: on CUDA by tensors since `forget_peak`, elsewhere by the process."""
    if device.type == "cuda":
        return int(torch.cuda.max_memory_allocated(device))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return int(peak if sys.platform == "darwin" else peak * 1024)
