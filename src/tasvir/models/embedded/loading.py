"""Loading the embedded models: no missing weights, and on which device in which precision."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

import torch
from safetensors import safe_open
from torch import nn

from tasvir.errors import WeightsError
from tasvir.models.devices import pick_device

WEIGHTS_FILE = "diffusion_pytorch_model.safetensors"


def require_whole(network: nn.Module, folder: Path, spare: Collection[str] = ()) -> None:
    """Check that a network's file holds all its weights; the libraries only warn.

    Args:
        network: As it was loaded from ``folder``.
        folder: Holds the weights file; one without it is another format and is not checked.
        spare: Names of parts that only training uses.

    Raises:
        WeightsError: Weights are missing, so that the network runs on random numbers there.
    """
    file = folder / WEIGHTS_FILE
    if not file.is_file():
        return
    with safe_open(file, framework="pt") as stored:
        lacking = sorted(network.state_dict().keys() - set(stored.keys()))
    lacking = [name for name in lacking if name.partition(".")[0] not in spare]
    if lacking:
        raise WeightsError(
            f"{file} lacks {len(lacking)} of the network's weights, {lacking[0]} first: another version "
            "made it; reinstall tasvir from where you got it, or train the model anew"
        )


def device_and_dtype(name: str) -> tuple[torch.device, torch.dtype]:
    """Where and how to draw: half precision on CUDA, single elsewhere."""
    device = pick_device(name)
    return device, torch.float16 if device.type == "cuda" else torch.float32
