"""Opens single networks of transformers (detectors, depth estimators, backbones) with what they read with.

A model is first brought to this disk as a whole and then opened from its folder, so that what a score hangs
on (the weights' hashes, the processor's settings, the commit) can be told exactly. Safetensors only.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import torch
from huggingface_hub import constants, snapshot_download

from tasvir.models.devices import pick_device
from tasvir.models.hub.cards import find
from tasvir.models.hub.loading import explained, reachable
from tasvir.models.hub.problems import MissingWeightsError
from tasvir.models.load import LoadSettings
from tasvir.models.quiet import quiet

KEPT = ("*.json", "*.safetensors", "*.txt", "*.model")
"""What is fetched of a model: configurations, weights, vocabularies."""
WEIGHTS = "*.safetensors"


@dataclass(frozen=True, slots=True)
class OpenedNetwork:
    """A network on its device, ready to look.

    Args:
        network: Of transformers, in evaluation mode.
        processor: Turns pictures (and texts) into what it takes; the PIL one, never torchvision's.
        device: Where it is.
        identity: Model, commit, SHA-256 of the weights, processor's settings, precision: ready for JSON.
    """

    network: Any
    processor: Any
    device: torch.device
    identity: dict[str, Any]


def open_with_processor(
    network_class: Any, processor_class: Any, model: str, load: LoadSettings
) -> OpenedNetwork:
    """Open a network and its processor from the hub or a folder.

    Args:
        network_class: One of transformers' Auto classes.
        processor_class: `AutoProcessor` or `AutoImageProcessor`.
        model: Hub id or folder.
        load: Device, precision ("auto" is single: scores shall not depend on the machine), revision, and
            whether the network may be asked.

    Raises:
        UnknownNameError: Neither a hub id nor a folder.
        HubError: It cannot be had, has no safetensors, or is a model of another kind; says what to do.
        SettingError: No such device.
    """
    device = pick_device(load.device)
    card = find(model)
    with explained(card, load), quiet():
        folder = local_folder(model, load)
        own = {"trust_remote_code": load.trust_remote_code, "local_files_only": True}
        network, info = network_class.from_pretrained(
            folder, use_safetensors=True, dtype=_dtype(load), output_loading_info=True, **own
        )
        lacking = sorted(info["missing_keys"]) + sorted(str(key) for key in info["mismatched_keys"])
        if lacking:
            raise MissingWeightsError(f"{len(lacking)} weights, {lacking[0]} first")
        processor = processor_class.from_pretrained(folder, backend="pil", **own)
    identity = {
        "model": folder.name if card.is_folder else model,
        "class": type(network).__name__,
        "commit": folder.name if folder.parent.name == "snapshots" else None,
        "weights": weights_hash(sorted(folder.glob(WEIGHTS))),
        "processor": _settings(processor),
        "dtype": str(_dtype(load)).removeprefix("torch."),
    }
    return OpenedNetwork(network.to(device).eval(), processor, device, identity)


def local_folder(model: str, load: LoadSettings) -> Path:
    """A model's folder on this disk, fetched where need be."""
    card = find(model)
    if card.is_folder:
        return Path(card.source).expanduser()
    here = load.local_only or not reachable(str(constants.ENDPOINT))
    revision = load.revision or card.revision
    return Path(
        snapshot_download(card.source, revision=revision, allow_patterns=list(KEPT), local_files_only=here)
    )


def weights_hash(files: Sequence[Path]) -> str:
    """One SHA-256 over weight files in order; each is read once a process unless it changes."""
    digests = [_digest(path, path.stat().st_mtime_ns, path.stat().st_size) for path in files]
    return digests[0] if len(digests) == 1 else hashlib.sha256("".join(digests).encode()).hexdigest()


@cache
def _digest(path: Path, changed: int, size: int) -> str:  # noqa: ARG001 (what the cache hangs on)
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _dtype(load: LoadSettings) -> torch.dtype:
    named: torch.dtype = getattr(torch, "float32" if load.dtype == "auto" else load.dtype)
    return named


def _settings(processor: Any) -> dict[str, Any]:
    """What a processor does to pictures, ready for JSON."""
    own = getattr(processor, "image_processor", processor)
    settings: dict[str, Any] = json.loads(json.dumps(own.to_dict(), default=str))
    return settings
