"""Opens a model of transformers with its processor, and says what exactly was opened.

A model is "embedded" (the shipped one), a folder, or a hub id. Weights are read from safetensors alone: other
formats are pickles, which run what they like when they are read.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from huggingface_hub import snapshot_download
from PIL import Image
from transformers import AutoConfig, AutoProcessor

from tasvir.errors import HubError, WeightsError
from tasvir.models.devices import pick_device
from tasvir.models.embedded import weights
from tasvir.models.fingerprint import file_hash
from tasvir.models.hub.cards import Card, find
from tasvir.models.hub.loading import no_gaps
from tasvir.models.hub.problems import explain
from tasvir.models.load import LoadSettings
from tasvir.models.quiet import quiet

EMBEDDED = "embedded"
"""The model of this name is the shipped one."""
WANTED = ("model*.safetensors", "*.json", "*.txt", "*.model")
"""Files of a hub repository that are fetched: weights of transformers, settings, vocabularies."""
BATCH = 32
"""Pictures or texts that go through a network at once."""


@dataclass(frozen=True)
class Opened:
    """A network on its device with its processor.

    Args:
        network: In evaluation mode.
        processor: Turns PIL pictures and texts into tensors.
        identity: What was opened, ready for JSON, see `identity`.
    """

    network: Any
    processor: Any
    identity: dict[str, Any]

    @property
    def device(self) -> torch.device:
        return self.network.device  # type: ignore[no-any-return]

    @property
    def dtype(self) -> torch.dtype:
        return self.network.dtype  # type: ignore[no-any-return]

    def pixels(self, pictures: Sequence[Image.Image]) -> torch.Tensor:
        """What the network sees, by the model's own image processor: [N, 3, H, W].

        Raises:
            TypeError: Something is no PIL picture in RGB. Arrays and tensors are refused because the
                processors divide by 255 whatever they are given: one in 0..1 would be seen as black.
        """
        for picture in pictures:
            if not isinstance(picture, Image.Image) or picture.mode != "RGB":
                mode = f"in mode {picture.mode}" if isinstance(picture, Image.Image) else ""
                raise TypeError(
                    f"expected a PIL picture in RGB, got {type(picture).__name__} {mode}".rstrip()
                )
        seen = self.processor.image_processor(images=list(pictures), return_tensors="pt")
        tensor: torch.Tensor = seen["pixel_values"].to(self.device, self.dtype)
        return tensor


def open_model(auto: Any, shipped: str, model: str, load: LoadSettings, reads: Any = AutoProcessor) -> Opened:
    """Open a model.

    Args:
        auto: A class of transformers with ``from_pretrained``.
        shipped: Name of the embedded model that "embedded" stands for.
        model: "embedded", a folder, or a hub id.
        load: Device, precision and where it may come from; offload and compile are for generators.
        reads: `AutoProcessor`, or `AutoImageProcessor` for models that read no texts.

    Raises:
        UnknownNameError: No such folder, and no hub id.
        HubError: The model cannot be had or read, or is of another kind.
        NotShippedError: Nothing is shipped under that name.
        SettingError: No such device.
    """
    device = pick_device(load.device)
    card = _card(shipped, model)
    try:
        with quiet(), no_gaps():
            folder = _folder(card, load)
            where = {"local_files_only": True, "trust_remote_code": load.trust_remote_code}
            network = auto.from_pretrained(folder, use_safetensors=True, dtype=_dtype(load, device), **where)
            processor = reads.from_pretrained(folder, **where)
    except Exception as problem:  # the libraries raise errors of a dozen kinds
        raise HubError(explain(problem, card, load)) from problem
    said = identity(model, folder, processor, str(network.dtype).removeprefix("torch."))
    return Opened(network.to(device).eval(), processor, said)


def open_configuration(model: str, load: LoadSettings) -> Any:
    """What a model says of itself, without its weights; see `open_model`."""
    card = find(model)
    try:
        with quiet():
            where = {"local_files_only": True, "trust_remote_code": load.trust_remote_code}
            return AutoConfig.from_pretrained(_folder(card, load), **where)
    except Exception as problem:
        raise HubError(explain(problem, card, load)) from problem


def identity(model: str, folder: Path, processor: Any, dtype: str) -> dict[str, Any]:
    """What a figure that a model gave depends on.

    Returns:
        "model" as it was asked for, of a folder its name alone; "revision", the hub's commit or None;
        "weights", the SHA-256 of each file; "processor", the settings of its image processor and tokenizer
        and their classes; "dtype".
    """
    files = sorted(folder.glob("model*.safetensors"))
    if not files:
        raise WeightsError(f"{folder} holds no model.safetensors: save the model with save_pretrained")
    image_processor = getattr(processor, "image_processor", processor)
    settings = json.loads(image_processor.to_json_string())
    tokenizer = getattr(processor, "tokenizer", None)
    texts = (
        {"tokenizer": type(tokenizer).__name__, "longest": tokenizer.model_max_length} if tokenizer else {}
    )
    return {
        "model": folder.name if Path(model).expanduser().is_dir() else model,
        "revision": folder.name if folder.parent.name == "snapshots" else None,
        "weights": {file.name: file_hash(file) for file in files},
        "processor": {
            "class": type(image_processor).__name__,
            "image": {key: value for key, value in settings.items() if not key.startswith("_")},
            **texts,
        },
        "dtype": dtype,
    }


def parts(number: int, size: int = BATCH) -> list[slice]:
    """Slices of at most ``size`` that make up ``number`` items."""
    return [slice(start, start + size) for start in range(0, number, size)]


def _card(shipped: str, model: str) -> Card:
    if model == EMBEDDED:
        return Card(model, shipped, "image-text", str(weights.folder(shipped)))
    return find(model)


def _folder(card: Card, load: LoadSettings) -> Path:
    """Where the model lies on this disk, fetched from the hub where need be."""
    if card.is_folder:
        return Path(card.source).expanduser()
    return Path(
        snapshot_download(
            card.source,
            revision=load.revision or card.revision,
            local_files_only=load.local_only,
            allow_patterns=[*WANTED, "*.py"] if load.trust_remote_code else list(WANTED),
            ignore_patterns=["*/*"],
        )
    )


def _dtype(load: LoadSettings, device: torch.device) -> Any:
    if load.dtype != "auto":
        return getattr(torch, load.dtype)
    return "auto" if device.type == "cuda" else torch.float32
