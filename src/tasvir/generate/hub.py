"""What generators share that draw with a pipeline from the hub or a folder: opening, checks, batches, provenance.

Plugin files import it; nothing else should, because it loads torch.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

from PIL import Image

from tasvir.errors import SettingError
from tasvir.generate.base import DrawSettings, Generator
from tasvir.layout import MAX_THINGS
from tasvir.models.drawable import require_drawable, require_size
from tasvir.models.hub.cards import Card, find
from tasvir.models.hub.drawing import generators, to_picture, use_sampler
from tasvir.models.hub.loading import commit
from tasvir.models.load import LoadSettings
from tasvir.records import Layout, Picture, Prompt

STEPS, SCALE = 50, 7.5
"""Where neither the user nor a card says otherwise: what Stable Diffusion was published with."""


@dataclass(frozen=True, slots=True)
class Batch:
    """What is drawn at once; n prompts, layouts and sources of noise."""

    prompts: list[str]
    layouts: list[Layout | None]
    generators: list[Any]
    size: tuple[int, int]
    steps: int
    scale: float


@dataclass(frozen=True, slots=True)
class Drawn:
    """One picture and what its provenance tells besides."""

    image: Image.Image
    details: dict[str, Any] = field(default_factory=dict)


class HubGenerator(Generator):
    """Base of layout generators over a hub pipeline: subclasses give `name`, `_open`, `_draw` and `_options`."""

    most_things: ClassVar[int] = MAX_THINGS

    def __init__(self, model: str, load: LoadSettings, negative: str, batch: int) -> None:
        """Open ``model``: a card's name, a hub id or a folder.

        Raises:
            UnknownNameError: No such model.
            HubError: It cannot be had; says what to do.
            SettingError: It is not of the kind that this generator draws with, or an option is out of range.
        """
        if batch < 1:
            raise SettingError(f"batch is {batch}: draw at least 1 picture at once")
        self.card = find(model)
        self.model, self.load, self.negative, self.batch = model, load, negative, batch
        self.pipeline = self._open(self.card, load)
        self.native_size = self.card.native_size or _own_size(self.pipeline)

    @property
    def label(self) -> str:
        return f"{self.name}:{self.model}"

    @abstractmethod
    def _open(self, card: Card, load: LoadSettings) -> Any:
        """Open the pipeline."""

    @abstractmethod
    def _draw(self, batch: Batch) -> list[Drawn]:
        """Draw one batch."""

    @abstractmethod
    def _options(self) -> dict[str, Any]:
        """This generator's own options, for the provenance."""

    def draw(
        self,
        prompts: Sequence[Prompt],
        layouts: Sequence[Layout | None],
        seeds: Sequence[int],
        settings: DrawSettings,
    ) -> list[Picture]:
        """Draw a batch; see `Generator.draw`.

        Raises:
            SettingError: A layout, size or sampler that this model cannot draw with.
        """
        if not prompts:
            return []
        require_drawable(layouts, self.most_things)
        require_size(settings.size, self.pipeline.vae_scale_factor)
        sampler = use_sampler(self.pipeline, settings.sampler)
        steps = settings.steps or self.card.steps or STEPS
        scale = next(s for s in (settings.scale, self.card.scale, SCALE) if s is not None)
        drawn: list[Drawn] = []
        for first in range(0, len(prompts), self.batch):
            part = slice(first, first + self.batch)
            texts = [prompt.text for prompt in prompts[part]]
            noise = generators(seeds[part])
            drawn += self._draw(Batch(texts, list(layouts[part]), noise, settings.size, steps, scale))
        shared = self._provenance() | {"steps": steps, "scale": scale, "sampler": sampler}
        return [
            to_picture(one.image, {**shared, "seed": seed, **one.details})
            for one, seed in zip(drawn, seeds, strict=True)
        ]

    def _provenance(self) -> dict[str, Any]:
        return {
            "generator": self.name,
            "model": self.model,
            "source": self.card.source,
            "revision": commit(self.pipeline) or self.load.revision or self.card.revision,
            "dtype": str(self.pipeline.dtype).removeprefix("torch."),
            "negative": self.negative,
            **self._options(),
        }


def call(pipeline: Any, batch: Batch, negative: str, **further: Any) -> list[Drawn]:
    """Draw a batch by a pipeline's own call; what a safety checker blocked is marked."""
    width, height = batch.size
    if negative:
        further = {"negative_prompt": [negative] * len(batch.prompts), **further}
    output = pipeline(
        prompt=batch.prompts,
        width=width,
        height=height,
        num_inference_steps=batch.steps,
        guidance_scale=batch.scale,
        generator=batch.generators,
        **further,
    )
    return marked(output.images, getattr(output, "nsfw_content_detected", None))


def marked(images: Sequence[Image.Image], blocked: Sequence[bool] | None) -> list[Drawn]:
    """Pictures whose provenance says which of them a safety checker blocked."""
    found = blocked or [False] * len(images)
    return [
        Drawn(image, {"blocked": "safety checker"} if bad else {})
        for image, bad in zip(images, found, strict=True)
    ]


def _own_size(pipeline: Any) -> tuple[int, int]:
    net = getattr(pipeline, "unet", None) or pipeline.transformer
    side = net.config.sample_size * pipeline.vae_scale_factor
    return side, side
