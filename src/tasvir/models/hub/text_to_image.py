"""Text-to-image with any diffusers pipeline: batches with a seed a picture, encoded texts remembered, steps
told, and what a safety checker blocked said."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from typing import Any

import diffusers
import torch
from PIL import Image
from torch import Tensor

from tasvir.errors import SettingError
from tasvir.models.hub import calling
from tasvir.models.hub.cards import find
from tasvir.models.hub.drawing import blocked_reasons, check_steps, generators, use_sampler
from tasvir.models.hub.loading import commit, open_pipeline
from tasvir.models.hub.text_memory import TextMemory
from tasvir.models.load import LoadSettings
from tasvir.models.quiet import quiet

OnStep = Callable[[int, int, Tensor], None]
"""Called with the step (from 1), how many there are, and the latents of the batch."""


@dataclass(frozen=True, slots=True)
class Asked:
    """How to draw a batch; None leaves the choice to the model's card, else to its pipeline.

    Args:
        size: Width and height in pixels.
        steps: Denoising steps.
        scale: Guidance scale.
        sampler: Name of a plugin of kind "samplers".
        negative: What the pictures shall not show.
        true_scale: Guidance scale against ``negative`` for models distilled for guidance.
    """

    size: tuple[int, int]
    steps: int | None = None
    scale: float | None = None
    sampler: str | None = None
    negative: str = ""
    true_scale: float | None = None


class TextToImage:
    """A text-to-image model.

    Args:
        model: Name of a card, hub id or folder.
        load: How it is opened.
        text_cache: Remember what the text encoders made of a text.

    Attributes:
        draws_singly: Whether a picture keeps to its seed only in a batch of its own.
        commit: Of the hub; None for a folder.
        on_step: Told of every denoising step, where the pipeline tells; what it raises ends the drawing.

    Raises:
        UnknownNameError: No such model.
        HubError: It cannot be had, or does not draw from a text alone.
    """

    def __init__(self, model: str, load: LoadSettings, text_cache: bool = True) -> None:
        self.card = find(model)
        self.pipeline: Any = open_pipeline(self.card, load)
        calling.require_text_to_image(self.pipeline, self.card.name)
        self.draws_singly = calling.draws_singly(self.pipeline)
        self.native_size = calling.native_size(self.pipeline, self.card)
        self.memory = TextMemory(self.pipeline) if text_cache else None
        self.on_step: OnStep | None = None
        self.commit = commit(self.pipeline)

    def draw(
        self, texts: Sequence[str], seeds: Sequence[int], asked: Asked
    ) -> list[tuple[Image.Image, dict[str, Any]]]:
        """Draw one batch.

        Returns:
            A picture a text with what is needed to draw it again; "blocked" says why a picture is black.

        Raises:
            SettingError: The model cannot do what is asked.
        """
        calling.check_size(self.pipeline, asked.size, self.native_size)
        arguments = self._arguments(len(texts), asked)
        sampler = use_sampler(self.pipeline, asked.sampler)
        if asked.steps is not None:
            check_steps(self.pipeline, asked.steps)
        remembered = self.memory.at_work() if self.memory else nullcontext()
        with quiet(), _without_own_warnings(), remembered, in_words(len(texts)):
            output = self.pipeline(prompt=list(texts), generator=generators(seeds), **arguments)
        facts = self._facts(arguments, sampler, asked)
        reasons = blocked_reasons(output)
        return [
            (
                _sized(image, asked.size),
                {**facts, "seed": seed, **unread(self.pipeline, text), **reasons[index]},
            )
            for index, (image, text, seed) in enumerate(zip(output.images, texts, seeds, strict=True))
        ]

    def _arguments(self, count: int, asked: Asked) -> dict[str, Any]:
        known = calling.takes(self.pipeline)
        arguments = calling.plain_arguments(self.pipeline)
        arguments |= calling.step_arguments(self.pipeline, asked.steps, asked.scale, self.card)
        arguments |= calling.negative_arguments(self.pipeline, asked.negative, asked.true_scale, count)
        if "height" in known:
            arguments |= {"width": asked.size[0], "height": asked.size[1]}
        return arguments | self._callback(known)

    def _callback(self, known: frozenset[str]) -> dict[str, Any]:
        on_step = self.on_step
        if on_step is None:
            return {}
        if "callback_on_step_end" in known:

            def at_end(pipeline: Any, step: int, _: Any, tensors: dict[str, Any]) -> dict[str, Any]:
                on_step(step + 1, int(pipeline.num_timesteps), tensors["latents"])
                return tensors

            return {"callback_on_step_end": at_end}
        if "callback" in known:
            return {"callback": lambda step, _, latents: on_step(step + 1, self._timesteps(), latents)}
        return {}

    def _timesteps(self) -> int:
        return len(self.pipeline.scheduler.timesteps)

    def _facts(self, arguments: dict[str, Any], sampler: str, asked: Asked) -> dict[str, Any]:
        said = {name: value for name, value in arguments.items() if isinstance(value, int | float)}
        steps = [value for name, value in said.items() if name.endswith("num_inference_steps")]
        scale = [value for name, value in said.items() if name.endswith("guidance_scale")]
        return {
            "model": self.card.name,
            "source": self.card.source,
            "commit": self.commit,
            "pipeline": type(self.pipeline).__name__,
            "diffusers": diffusers.__version__,
            "dtype": str(self.pipeline.dtype).removeprefix("torch."),
            "device": str(self.pipeline._execution_device),
            "sampler": sampler,
            "steps": steps[0] if steps else None,
            "scale": scale[0] if scale else None,
            **({"negative": asked.negative} if asked.negative else {}),
            **({"true_scale": asked.true_scale} if asked.true_scale is not None else {}),
        }


@contextmanager
def in_words(pictures: int) -> Iterator[None]:
    """What a device cannot do while it draws so many pictures at once, as a SettingError."""
    try:
        yield
    except torch.OutOfMemoryError as problem:
        raise SettingError(
            f"the GPU's memory is too small for {pictures} such pictures at once: "
            "pass --set batch=1, --offload model, or a smaller --size"
        ) from problem
    except NotImplementedError as problem:
        if "not implemented for" not in str(problem):
            raise
        raise SettingError(
            f"this device cannot draw with this model in that precision ({problem}): pass --dtype float32"
        ) from problem


@contextmanager
def _without_own_warnings() -> Iterator[None]:
    """Kandinsky's pipeline passes on an argument, and SDXL's calls a method, that diffusers warns of."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "`upcast_vae` is deprecated", FutureWarning)
        warnings.filterwarnings("ignore", "`callback_steps` is deprecated", FutureWarning)
        yield


def unread(pipeline: Any, text: str) -> dict[str, Any]:
    """The end of a text that no text encoder of a pipeline reads, as {"unread": [...]}."""
    ends = [_cut_off(part, text) for name, part in pipeline.components.items() if "tokenizer" in name]
    shortest = min(ends, key=len, default="")
    return {"unread": [shortest]} if shortest else {}


def _cut_off(tokenizer: Any, text: str) -> str:
    if tokenizer is None:
        return ""
    tokens = tokenizer(text, add_special_tokens=False).input_ids
    reads = tokenizer.model_max_length - tokenizer.num_special_tokens_to_add()
    return str(tokenizer.decode(tokens[reads:])).strip() if len(tokens) > reads else ""


def _sized(image: Image.Image, size: tuple[int, int]) -> Image.Image:
    if image.size != size:
        raise SettingError(
            f"size {size[0]}x{size[1]}: this model drew {image.width}x{image.height}; ask for that size"
        )
    return image
