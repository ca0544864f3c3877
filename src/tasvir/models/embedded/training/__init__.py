"""Training of the embedded models: one file a model, one loop for all."""

from __future__ import annotations

from pathlib import Path

import torch

from tasvir.errors import NotShippedError, SettingError, UnknownNameError, WeightsError
from tasvir.lab.training.loop import Report, Task, fit
from tasvir.models.devices import pick_device
from tasvir.models.embedded import weights
from tasvir.models.embedded.training.settings import TrainSettings
from tasvir.models.embedded.training.shipping import FINAL, ship
from tasvir.models.embedded.training.sources import SOURCES, resumed_sources

__all__ = ["TrainSettings", "run", "ship"]

_READS = {
    "autoencoder": ("vae",),
    "generator": ("vae", "clip"),
    "recogniser": ("vae", "pipeline"),
    "inspector": ("vae", "pipeline", "recogniser"),
    "oracle": (),
    "encoder": ("vae", "pipeline"),
    "answerer": ("vae", "pipeline"),
    "captioner": ("vae", "pipeline"),
}
"""Which trained weights of others a model learns from."""


def run(name: str, settings: TrainSettings, report: Report | None = None) -> Path:
    """Train the model of that name, one of `_READS`.

    Returns:
        The run's folder.

    Raises:
        UnknownNameError: No such model.
        SettingError: The device does not exist here, a setting is out of its range, means nothing to this
            model or is not what a resumed run was begun with.
        RecordError: The folder already holds a run that cannot or shall not be gone on with, or nothing in
            the file to begin from fits.
        WeightsError: Trained weights that this model needs are missing or damaged.
        OutputError: The folder cannot be written; the last checkpoint in it is whole.
        KeyboardInterrupt: Ctrl-C; there is a checkpoint to go on from.
    """
    device = pick_device(settings.device)
    if name not in _READS:
        raise UnknownNameError(f"no model is called {name!r}: expected {', '.join(_READS)}")
    if settings.resume:
        settings = resumed_sources(settings)
    if settings.background is not None and name != "generator":
        raise SettingError(f"--background means nothing to the {name}: drop it")
    for option in SOURCES:
        if getattr(settings, option) is not None and option not in _READS[name]:
            raise SettingError(
                f"--{option} means nothing to the {name}, which learns from no {option}: drop it"
            )
    return fit(_task(name, settings, device), settings, report, final=FINAL[name])


def _task(name: str, settings: TrainSettings, device: torch.device) -> Task:
    if name == "autoencoder":
        from tasvir.models.embedded.training.autoencoder import AutoencoderTask

        return AutoencoderTask(device, settings.seed, _given(settings.vae, "vae", "config.json"))
    if name == "generator":
        from tasvir.models.embedded.training.autoencoder import load
        from tasvir.models.embedded.training.generator import GeneratorTask

        source = _given(settings.vae, "vae", "config.json") or _shipped_autoencoder()
        clip = _given(settings.clip, "clip", "config.json")
        return GeneratorTask(device, settings.seed, load(source), clip, settings.background)
    if name == "oracle":
        from tasvir.models.embedded.training.oracle import OracleTask

        return OracleTask(device, settings.seed)
    vae = _given(settings.vae, "vae", "config.json")
    pipeline = _given(settings.pipeline, "pipeline", "model_index.json") or _shipped_generator()
    if name == "inspector":
        from tasvir.models.embedded.training.inspector import InspectorTask

        recogniser = _given(settings.recogniser, "recogniser", "config.json") or weights.folder("recogniser")
        return InspectorTask(device, settings.seed, vae, pipeline, recogniser)
    if name == "answerer":
        from tasvir.models.embedded.training.answerer import AnswererTask

        return AnswererTask(device, settings.seed, vae, pipeline)
    if name == "encoder":
        from tasvir.models.embedded.training.encoder import EncoderTask

        return EncoderTask(device, settings.seed, vae, pipeline)
    if name == "captioner":
        from tasvir.models.embedded.training.captioner import CaptionerTask

        return CaptionerTask(device, settings.seed, vae, pipeline)
    from tasvir.models.embedded.training.recogniser import RecogniserTask

    return RecogniserTask(device, settings.seed, vae, pipeline)


def _given(folder: Path | None, option: str, index: str) -> Path | None:
    if folder is not None and not (folder / index).is_file():
        raise WeightsError(
            f"--{option} {folder} holds no trained weights: it has no {index}; "
            f"give the folder {option!r} inside the folder of a finished run"
        )
    return folder


def _shipped_autoencoder() -> Path:
    try:
        return weights.folder("generator") / "vae"
    except NotShippedError as problem:
        raise NotShippedError(
            "the generator draws in the latents of an autoencoder, and none is shipped: train one with "
            "`tasvir train autoencoder --out runs/autoencoder`, then pass --vae runs/autoencoder/vae"
        ) from problem


def _shipped_generator() -> Path | None:
    """The shipped generator's folder, or None before there is one: then distortions must do."""
    try:
        return weights.folder("generator")
    except NotShippedError:
        return None
