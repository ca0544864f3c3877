"""The embedded generator: a small layout-grounded latent diffusion model of the picture world.

It draws at 128 x 128; other sizes are resampled from that, which the picture's provenance says.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar

import torch
from PIL import Image

from tasvir.errors import SettingError, WeightsError
from tasvir.generate.base import DrawSettings, Generator
from tasvir.models.embedded import weights
from tasvir.models.embedded.conditioning import MAX_THINGS, PHRASE_WORDS, Grounding
from tasvir.models.embedded.layout_pipeline import NATIVE, EmbeddedLayoutPipeline
from tasvir.models.embedded.loading import device_and_dtype, require_whole
from tasvir.models.fingerprint import fingerprint
from tasvir.models.hub.drawing import scheduler_of
from tasvir.models.load import LoadSettings
from tasvir.models.quiet import quiet
from tasvir.records import Layout, Picture, Prompt

STEPS, SCALE = 16, 3.0


class EmbeddedGenerator(Generator):
    """Layout-grounded latent diffusion in the picture world; without a layout plain text-to-image."""

    name: ClassVar[str] = "embedded"
    native_size = (NATIVE, NATIVE)

    def __init__(self, model: str | None = None, device: str = "auto") -> None:
        """Load a pipeline.

        Args:
            model: Folder of another one, embedded:FOLDER; None = the shipped one.
            device: Where it works.

        Raises:
            WeightsError: The shipped weights are missing or altered, or the folder holds no pipeline.
            SettingError: The device does not exist here.
        """
        where, dtype = device_and_dtype(device)
        self.model = model
        source = weights.folder("generator") if model is None else Path(model).expanduser()
        if not (source / "model_index.json").is_file():
            raise WeightsError(f"{source} is not a pipeline folder: it has no model_index.json")
        with quiet():
            self.pipeline = EmbeddedLayoutPipeline.from_pretrained(
                str(source), local_files_only=True, use_safetensors=True
            )
        for part in ("vae", "text_encoder", "denoiser"):
            require_whole(getattr(self.pipeline, part), source / part)
        self.pipeline.to(where)
        for network in (self.pipeline.vae, self.pipeline.text_encoder, self.pipeline.denoiser):
            torch.nn.Module.to(network, dtype)  # diffusers' own way warns that nothing is kept in float32
        self.pipeline.set_progress_bar_config(disable=True)
        self._scheduler = self.pipeline.scheduler

    @property
    def label(self) -> str:
        return self.name if self.model is None else f"{self.name}:{self.model}"

    @classmethod
    def identity(cls, model: str | None, load: LoadSettings) -> dict[str, Any]:  # noqa: ARG003
        """See `Generator.identity`; a folder with the shipped weights is the same model."""
        if model is not None:
            return {"weights": fingerprint(Path(model).expanduser())}
        return {"weights": weights.fingerprint_of("generator")}

    def draw(
        self,
        prompts: Sequence[Prompt],
        layouts: Sequence[Layout | None],
        seeds: Sequence[int],
        settings: DrawSettings,
    ) -> list[Picture]:
        """Draw a batch; see `Generator.draw`.

        Raises:
            SettingError: A layout holds more things than the model reads.
            PluginError: The sampler's plugin is no scheduler.
        """
        if not prompts:
            return []
        own = self._scheduler
        self.pipeline.scheduler = own if settings.sampler is None else scheduler_of(settings.sampler, own)
        steps = settings.steps or STEPS
        scale = SCALE if settings.scale is None else settings.scale
        groundings = [grounding_of(layout) for layout in layouts]
        images = self.pipeline(
            [prompt.text for prompt in prompts],
            groundings,
            num_inference_steps=steps,
            guidance_scale=scale,
            generator=[torch.Generator().manual_seed(seed) for seed in seeds],
        ).images
        provenance = {
            "generator": self.name,
            "steps": steps,
            "scale": scale,
            "sampler": settings.sampler or type(self._scheduler).__name__,
            "native_size": [NATIVE, NATIVE],
        }
        unread = [self._unread(*pair) for pair in zip(prompts, groundings, strict=True)]
        return [
            _picture(image, settings.size, {**provenance, "seed": seed, "unread": lost})
            for image, seed, lost in zip(images, seeds, unread, strict=True)
        ]

    def _unread(self, prompt: Prompt, grounding: Grounding | None) -> list[str]:
        """Words that the text encoder does not know or that lie beyond what it reads, each once."""
        encoder = self.pipeline.text_encoder
        phrases = (*grounding.phrases, grounding.background or "") if grounding else ()
        lost = [*encoder.unread(prompt.text)]
        lost += [word for phrase in phrases for word in encoder.unread(phrase, PHRASE_WORDS)]
        return list(dict.fromkeys(lost))


def grounding_of(layout: Layout | None) -> Grounding | None:
    """A layout in the words and fractions that the pipeline takes.

    Raises:
        SettingError: It holds more things than the model reads.
    """
    if layout is None:
        return None
    if len(layout.things) > MAX_THINGS:
        raise SettingError(
            f"the layout has {len(layout.things)} things, the embedded generator reads {MAX_THINGS}: "
            "leave some out"
        )
    return Grounding(
        tuple(thing.phrase for thing in layout.things),
        tuple(thing.box.as_tuple() for thing in layout.things),
        layout.background,
    )


def _picture(image: Image.Image, size: tuple[int, int], provenance: dict[str, object]) -> Picture:
    if image.size != size:
        image = image.resize(size, Image.Resampling.LANCZOS)
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    return Picture(buffer.getvalue(), *size, provenance)
