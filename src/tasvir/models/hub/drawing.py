"""What everything shares that draws with a diffusers pipeline: noise, samplers, pictures in and out."""

from __future__ import annotations

import inspect
import io
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from PIL import Image

from tasvir import registry
from tasvir.errors import PluginError, SettingError
from tasvir.models.hub.lab_scheduler import LabScheduler
from tasvir.records import Picture

BLOCKED = "the model's safety checker took it for unsafe and put a black picture in its place"

_OWN = "_tasvir_own_scheduler"


def generators(seeds: Sequence[int], device: str | torch.device = "cpu") -> list[torch.Generator]:
    """One source of noise a picture; on the CPU, so that every device draws from the same noise."""
    return [torch.Generator(device).manual_seed(seed) for seed in seeds]


def use_sampler(pipeline: Any, name: str | None) -> str:
    """Put a sampler into a pipeline; None puts its own back.

    Args:
        pipeline: A diffusers pipeline.
        name: Plugin of kind "samplers".

    Returns:
        The scheduler's class name; of the laboratory's, "lab:NAME".

    Raises:
        SettingError: The pipeline has no exchangeable sampler, or integrates another kind of process.
        UnknownNameError: No such sampler.
        PluginError: The plugin is no scheduler.
    """
    own = getattr(pipeline, _OWN, None) or getattr(pipeline, "scheduler", None)
    inner = hasattr(pipeline, "decoder_pipe")  # Kandinsky: the pipeline inside would go on with its own
    if name is not None and (own is None or inner):
        raise SettingError(f"{type(pipeline).__name__} has no exchangeable sampler: leave out the sampler")
    if own is None:
        return "own"
    setattr(pipeline, _OWN, own)
    pipeline.scheduler = own if name is None else _made(name, own, type(pipeline).__name__)
    made = pipeline.scheduler
    return f"lab:{made.sampler.name}" if isinstance(made, LabScheduler) else type(made).__name__


def scheduler_of(name: str, own: Any) -> Any:
    """A sampler as a scheduler that integrates what a model's own one does.

    Args:
        name: Plugin of kind "samplers".
        own: The model's scheduler, whose configuration is taken over.

    Raises:
        UnknownNameError: No such sampler.
        PluginError: The plugin is no scheduler.
    """
    chosen = registry.load("samplers", name)
    if not callable(getattr(chosen, "from_config", None)):
        raise PluginError(
            f"sampler {name!r} leads to {chosen!r}, which has no from_config: a sampler is a scheduler "
            "class in the manner of diffusers; mend or remove its package, or choose another name"
        )
    registry.load_whole("samplers", name)
    model = registry.split(name)[1]
    given = {**own.config, "_class_name": type(own).__name__}
    # latents are not bounded by 1 as pixels are, but some samplers clip at 1 if nobody says otherwise
    changes = {"clip_sample": given.get("clip_sample", False), **({} if model is None else {"model": model})}
    return chosen.from_config(given, **changes)


def check_steps(pipeline: Any, steps: int) -> None:
    """Check that a pipeline's sampler can do so few steps; some fail half-way through their arithmetic.

    Raises:
        SettingError: It cannot.
    """
    scheduler = getattr(pipeline, "scheduler", None)
    if scheduler is None or _is_flow(scheduler):  # those are handed sigmas of any number
        return
    try:
        type(scheduler).from_config(scheduler.config).set_timesteps(steps)
    except (ValueError, IndexError, RuntimeError) as problem:
        raise SettingError(
            f"{type(scheduler).__name__} cannot do {steps} steps ({problem}): take more, or another sampler"
        ) from problem


def _made(name: str, own: Any, pipeline: str) -> Any:
    made = scheduler_of(name, own)
    if not isinstance(made, LabScheduler) and not _fits(type(made), own):
        kind = "flow matching" if _is_flow(own) else "noise prediction"
        raise SettingError(
            f"sampler {name!r} cannot be used with {pipeline}, which was trained by {kind} and comes with "
            f"{type(own).__name__}: leave out the sampler"
        )
    return made


def _is_flow(scheduler: Any) -> bool:
    config = scheduler.config
    if isinstance(scheduler, LabScheduler):
        return scheduler.process.kind != "betas"
    named = "FlowMatch" in type(scheduler).__name__ or "Flow" in str(config.get("_class_name", ""))
    return named or bool(config.get("use_flow_sigmas")) or config.get("prediction_type") == "flow_prediction"


def _fits(chosen: type, own: Any) -> bool:
    """Whether a scheduler class integrates what the pipeline's own one does.

    Pipelines made for FlowMatch... schedulers hand them sigmas of their own, which no other kind takes.
    """
    if "FlowMatch" in type(own).__name__ or "FlowMatch" in chosen.__name__:
        return "FlowMatch" in type(own).__name__ and "FlowMatch" in chosen.__name__
    return not _is_flow(own) or "use_flow_sigmas" in inspect.signature(chosen).parameters


def to_picture(image: Image.Image, provenance: Mapping[str, Any]) -> Picture:
    """A picture record of an image, as PNG in RGB."""
    buffer = io.BytesIO()
    image.convert("RGB").save(buffer, "PNG")
    return Picture(buffer.getvalue(), image.width, image.height, dict(provenance))


def to_image(picture: Picture) -> Image.Image:
    """The image in a picture record, RGB."""
    with Image.open(io.BytesIO(picture.png)) as opened:
        return opened.convert("RGB")


def blocked_reasons(output: Any) -> list[dict[str, str]]:
    """Provenance of pictures that a safety checker replaced by black ones: {"blocked": reason} or {}.

    Args:
        output: What a diffusers pipeline returned.
    """
    flags = getattr(output, "nsfw_content_detected", None) or [False] * len(output.images)
    return [{"blocked": BLOCKED} if flag else {} for flag in flags]
