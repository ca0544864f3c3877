"""On which device and in which precision the embedded models run."""

from __future__ import annotations

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


def device_and_dtype(name: str) -> tuple[torch.device, torch.dtype]:
    """Where and how to draw: half precision on CUDA, single elsewhere."""
    device = pick_device(name)
    return device, torch.float16 if device.type == "cuda" else torch.float32
