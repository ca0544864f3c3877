"""Loading the embedded models: no chatter, no missing weights, and on which device in which precision."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path

import torch
from diffusers.utils import logging as diffusers_logging
from safetensors import safe_open
from torch import nn
from transformers.utils import logging as transformers_logging

from tasvir.errors import SettingError, WeightsError

WEIGHTS_FILE = "diffusion_pytorch_model.safetensors"


@contextmanager
def quiet() -> Iterator[None]:
    """Diffusers and transformers show no progress bars and tell errors only; as it was before afterwards."""
    libraries = (diffusers_logging, transformers_logging)
    before = [(library.get_verbosity(), library.is_progress_bar_enabled()) for library in libraries]
    try:
        for library in libraries:
            library.set_verbosity_error()
            library.disable_progress_bar()
        yield
    finally:
        for library, (verbosity, bar) in zip(libraries, before, strict=True):
            library.set_verbosity(verbosity)
            if bar:
                library.enable_progress_bar()


def require_whole(network: nn.Module, folder: Path, spare: Collection[str] = ()) -> None:
    """Check that a network's file holds all its weights; the libraries only warn, which `quiet` hides.

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
