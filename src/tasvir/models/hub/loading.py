"""Opens a diffusers pipeline from the hub or a folder as `LoadSettings` says, from safetensors alone.

Weights in any other format are refused: they are pickles, which run what they like when they are read.
"""

from __future__ import annotations

import inspect
import json
import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import diffusers
import torch
from diffusers import DiffusionPipeline, ModularPipeline
from huggingface_hub import constants, get_session, hf_hub_download

from tasvir.errors import HubError, SettingError
from tasvir.models.devices import pick_device
from tasvir.models.hub.cards import Card, find
from tasvir.models.hub.moved import old_names
from tasvir.models.hub.problems import MissingWeightsError, explain
from tasvir.models.load import LoadSettings
from tasvir.models.quiet import quiet

PATIENCE = 10.0
"""Seconds that the hub has to answer at all."""
DENOISERS = ("unet", "transformer", "prior", "decoder", "prior_prior")
"""Names of the parts that run once a step: what torch.compile is worth its while for."""
Kind = type | Callable[[type], type]


def open_pipeline(
    choice: str | Card, load: LoadSettings, kind: Kind | None = None, **parts: Any
) -> DiffusionPipeline:
    """Open a pipeline, ready to draw.

    Args:
        choice: A card, its name, a hub id or a folder; see `tasvir.models.hub.cards.find`.
        load: Device, precision, and so on.
        kind: The diffusers class; None takes the card's, or what the model itself names. A function is given
            that and returns the class for another task with the same networks.
        parts: Components that stand in for those of the model (``unet=...``, ``safety_checker=None``).

    Returns:
        The pipeline on its device, without a progress bar.

    Raises:
        UnknownNameError: No such model.
        HubError: The model cannot be had or read; says what to do.
        SettingError: A device or offload that is not possible here.
    """
    card = find(choice) if isinstance(choice, str) else choice
    device = _device(load)
    with _explained(card, load), quiet():
        with old_names(), no_gaps():
            folder, pipeline_class = _fetch(card, load, kind, parts)
            pipeline = pipeline_class.from_pretrained(
                str(folder),
                dtype=_dtype(card, pipeline_class, load, device),
                use_safetensors=True,
                local_files_only=True,
                trust_remote_code=load.trust_remote_code,
                **{**_safety(pipeline_class, load), **parts},
            )
        pipeline.set_progress_bar_config(disable=True)
        _place(pipeline, load, device)
    return pipeline


def open_network(network_class: Any, choice: str, load: LoadSettings, like: DiffusionPipeline) -> Any:
    """Open a single network (a ControlNet) that works beside a pipeline.

    Args:
        network_class: A class of diffusers with ``from_pretrained``.
        choice: A card, its name, a hub id or a folder.
        load: Where it may come from; ``revision`` and precision are the pipeline's affair.
        like: It goes to this pipeline's device and precision.

    Raises:
        UnknownNameError: No such model.
        HubError: It cannot be had or read; says what to do.
    """
    card = find(choice)
    with _explained(card, load), quiet(), no_gaps():
        network = network_class.from_pretrained(
            card.source,
            revision=card.revision,
            dtype=like.dtype,
            use_safetensors=True,
            local_files_only=load.local_only,
        )
    return network.to(like._execution_device).eval()


def commit(pipeline: DiffusionPipeline) -> str | None:
    """The hub commit that a pipeline was read from; None for a folder that is no snapshot of the hub."""
    folder = Path(str(pipeline.config.get("_name_or_path", "")))
    return folder.name if folder.parent.name == "snapshots" else None


def _device(load: LoadSettings) -> torch.device:
    device = pick_device(load.device)
    if load.offload != "none" and device.type == "cpu":
        raise SettingError(
            f"offload {load.offload!r} needs a GPU beside the CPU: leave it out, or name a GPU"
        )
    return device


def _dtype(card: Card, pipeline_class: type, load: LoadSettings, device: torch.device) -> torch.dtype:
    """The precision; on CUDA the card's, else bfloat16 for transformers, which float16 is too narrow for."""
    if load.dtype != "auto":
        return getattr(torch, load.dtype)  # type: ignore[no-any-return]  # LoadSettings knows the names
    if device.type != "cuda":
        return torch.float32
    usual = "bfloat16" if "transformer" in inspect.signature(pipeline_class).parameters else "float16"
    return getattr(torch, card.dtype or usual)  # type: ignore[no-any-return]


def _fetch(
    card: Card, load: LoadSettings, kind: Kind | None, parts: dict[str, Any]
) -> tuple[Path, type[DiffusionPipeline]]:
    """The model's folder on this disk, downloaded where need be, and its class."""
    if card.remote_code and not load.trust_remote_code:
        raise HubError(
            f"{card.name} runs only with Python that comes with it, and that can do anything that you can: "
            "read it on the hub, then pass --trust-remote-code"
        )
    here = load.local_only or card.is_folder or not _reachable(str(constants.ENDPOINT))
    where = {"revision": load.revision or card.revision, "local_files_only": here}
    index = _index(card, where)
    pipeline_class = _class(card, index, kind, load)
    if card.is_folder:
        return Path(card.source).expanduser(), pipeline_class
    skipped = {**_safety(pipeline_class, load), **parts}
    folder = pipeline_class.download(
        card.source,
        use_safetensors=True,
        trust_remote_code=load.trust_remote_code,
        load_connected_pipeline=True,
        **where,
        **skipped,
    )
    return Path(folder), pipeline_class


def _reachable(hub: str) -> bool:
    """Whether the hub answers, whatever it says: its library would go on trying for half a minute."""
    try:
        get_session().head(hub, timeout=PATIENCE)
    except Exception:  # of whichever client the library brings, or because it was told to stay offline
        return False
    return True


def _index(card: Card, where: dict[str, Any]) -> dict[str, Any]:
    """What the model says of itself: its class and its components."""
    if card.is_folder:
        file = Path(card.source).expanduser() / DiffusionPipeline.config_name
    else:
        file = Path(hf_hub_download(card.source, DiffusionPipeline.config_name, **where))
    index = json.loads(file.read_text("utf-8"))
    if not isinstance(index, dict):
        raise ValueError(f"{file.name} holds {type(index).__name__} instead of an object")
    return index


def _class(card: Card, index: dict[str, Any], kind: Kind | None, load: LoadSettings) -> Any:
    if isinstance(kind, type):
        return kind
    named = card.pipeline or index.get("_class_name")
    if kind is None and (isinstance(named, list | tuple) or load.trust_remote_code):
        return DiffusionPipeline  # finds a class of the model's own, and refuses it without the flag
    found = getattr(diffusers, str(named), None)
    if isinstance(found, type) and issubclass(found, ModularPipeline):
        raise HubError(
            f"{card.name} is made of diffusers' modular blocks ({named}), which tasvir does not draw "
            "with: choose another model of `tasvir models list`"
        )
    if not (isinstance(found, type) and issubclass(found, DiffusionPipeline)):
        raise HubError(
            f"{card.name} is made for the class {named!r}, which is no pipeline of diffusers "
            f"{diffusers.__version__}: install a diffusers that has it, or choose another model"
        )
    return found if kind is None else kind(found)


def _safety(pipeline_class: type, load: LoadSettings) -> dict[str, Any]:
    takes = inspect.signature(pipeline_class).parameters
    if load.safety or "safety_checker" not in takes:
        return {}
    return {"safety_checker": None} | (
        {"requires_safety_checker": False} if "requires_safety_checker" in takes else {}
    )


def _place(pipeline: DiffusionPipeline, load: LoadSettings, device: torch.device) -> None:
    """Onto the device, with what saves time or memory there: pixels move by rounding, and by tiles."""
    if device.type == "cuda":
        _channels_last(pipeline)
    if load.offload != "none":
        _slice(pipeline)
        offload = getattr(pipeline, f"enable_{load.offload}_cpu_offload")
        offload(device=device)
    else:
        pipeline.to(device)
    if load.compile:
        for name in DENOISERS:
            network = getattr(pipeline, name, None)
            if isinstance(network, torch.nn.Module):
                network.compile()


def _channels_last(pipeline: DiffusionPipeline) -> None:
    """Lay convolutions out as GPUs read them best; networks over video (five axes) have no such layout."""
    for network in pipeline.components.values():
        axes = {p.ndim for p in network.parameters()} if isinstance(network, torch.nn.Module) else set()
        if 4 in axes and 5 not in axes:
            network.to(memory_format=torch.channels_last)


def _slice(pipeline: DiffusionPipeline) -> None:
    """Decode a batch picture by picture and large pictures in tiles, for whoever is short of memory."""
    for part in (getattr(pipeline, name, None) for name in ("vae", "movq")):
        for switch in ("enable_slicing", "enable_tiling"):
            with suppress(NotImplementedError):  # Kandinsky's has the method, but only to say so
                if hasattr(part, switch):
                    getattr(part, switch)()


@contextmanager
def _explained(card: Card, load: LoadSettings) -> Iterator[None]:
    try:
        yield
    except (HubError, SettingError):
        raise
    except Exception as problem:
        raise HubError(explain(problem, card, load)) from problem


@contextmanager
def no_gaps() -> Iterator[None]:
    """Raise where weights are missing from the files: the libraries fill them with random numbers and go on.

    They tell so only by a log record, so that is what is read.
    """
    loggers = [logging.getLogger(name) for name in ("diffusers", "transformers")]
    before = [(logger, logger.handlers, logger.level, logger.propagate) for logger in loggers]
    heard: list[str] = []
    listener = logging.Handler(logging.WARNING)
    listener.emit = lambda record: heard.append(record.getMessage())  # type: ignore[method-assign]
    try:
        for logger in loggers:
            logger.handlers, logger.propagate = [listener], False
            logger.setLevel(logging.WARNING)
        yield
    finally:
        for logger, handlers, level, propagate in before:
            logger.handlers, logger.propagate = handlers, propagate
            logger.setLevel(level)
    for text in heard:
        if "newly initialized" in text:
            raise MissingWeightsError(text)
