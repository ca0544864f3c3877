"""Opening a trained model of the laboratory: its config says what it is, its weights are checked by hash."""

from __future__ import annotations

import hashlib
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load

from tasvir.errors import RecordError
from tasvir.lab.diffusion.methods.base import Method, Model
from tasvir.lab.training.configuration import WEIGHTS, RunConfig


def open_model(folder: Path, config: RunConfig, method: Method, device: torch.device) -> Model:
    """The model of a finished run, ready to sample; it needs no data.

    Args:
        folder: Of the run.
        config: What `read_config` gave.
        method: That of the config.
        device: Where it shall be.

    Raises:
        RecordError: Its training is not over, or its weights are damaged or another model's.
    """
    if config.weights_sha256 is None:
        raise RecordError(
            f"the training in {folder} is not over: let it end with `tasvir lab train {config.method} "
            f"--out {folder} --resume`"
        )
    try:
        data = (folder / WEIGHTS).read_bytes()
    except OSError as problem:
        raise RecordError(
            f"{folder / WEIGHTS} cannot be read ({problem}): train or copy it again"
        ) from problem
    if hashlib.sha256(data).hexdigest() != config.weights_sha256:
        raise RecordError(f"{folder / WEIGHTS} is not what was trained (its hash differs): copy it again")
    model = method.model(config.facts.stand_in(config.data), **config.options)
    try:
        model.network.load_state_dict(load(data))
    except (SafetensorError, RuntimeError) as problem:
        raise RecordError(
            f"the weights in {folder} do not fit {config.method} with {config.options}: was config.json "
            f"changed? ({str(problem).splitlines()[0]})"
        ) from problem
    model.network.to(device).eval().requires_grad_(False)
    return model
