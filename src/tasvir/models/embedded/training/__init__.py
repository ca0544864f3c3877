"""Training of the embedded models: one file a model, one loop for all."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from tasvir.errors import UnknownNameError, WeightsError
from tasvir.models.embedded import weights
from tasvir.models.embedded.loading import pick_device
from tasvir.models.embedded.training.loop import Task, TrainSettings, fit

__all__ = ["TrainSettings", "run"]


def run(name: str, settings: TrainSettings, report: Callable[[dict[str, Any]], None] | None = None) -> Path:
    """Train the model of that name ("autoencoder", "generator", "recogniser" or "oracle").

    Returns:
        The run's folder.

    Raises:
        UnknownNameError: No such model.
        SettingError: The device does not exist here, or a setting is out of its range.
        RecordError: The folder already holds a run that cannot or shall not be gone on with.
        WeightsError: Trained weights that this model needs are missing.
    """
    device = pick_device(settings.device)
    return fit(_task(name, settings, device), settings, report)


def _task(name: str, settings: TrainSettings, device: torch.device) -> Task:
    if name == "autoencoder":
        from tasvir.models.embedded.training.autoencoder import AutoencoderTask

        return AutoencoderTask(device, settings.seed)
    if name == "generator":
        from tasvir.models.embedded.autoencoder import EmbeddedAutoencoder
        from tasvir.models.embedded.training.generator import GeneratorTask

        source = settings.vae or weights.folder("generator") / "vae"
        return GeneratorTask(
            device, settings.seed, EmbeddedAutoencoder.from_pretrained(source, local_files_only=True)
        )
    if name == "oracle":
        from tasvir.models.embedded.training.oracle import OracleTask

        return OracleTask(device, settings.seed)
    if name == "recogniser":
        from tasvir.models.embedded.training.recogniser import RecogniserTask

        return RecogniserTask(device, settings.seed, settings.vae, settings.pipeline or _shipped_generator())
    raise UnknownNameError(
        f"no model is called {name!r}: expected autoencoder, generator, recogniser or oracle"
    )


def _shipped_generator() -> Path | None:
    """The shipped generator's folder, or None before there is one: then distortions must do."""
    try:
        return weights.folder("generator")
    except WeightsError:
        return None
