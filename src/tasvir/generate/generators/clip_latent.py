"""The generator before diffusion: an autoencoder's latents, searched for what CLIP finds like the prompt.

Kept as the historical baseline; see `tasvir.models.clip_latent` for the mathematics and its source.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

import torch
from diffusers import AutoencoderKL, AutoModel, VQModel
from transformers import CLIPModel, CLIPTokenizer

from tasvir.errors import HubError, SettingError
from tasvir.generate.base import DrawSettings, Generator
from tasvir.models.clip_latent import ClipLatentPipeline, Search
from tasvir.models.devices import pick_device
from tasvir.models.hub.cards import Card, find
from tasvir.models.hub.drawing import generators, to_picture
from tasvir.models.hub.loading import no_gaps, open_pipeline
from tasvir.models.hub.pinning import pin
from tasvir.models.hub.problems import explain
from tasvir.models.hub.text_to_image import unread
from tasvir.models.load import LoadSettings
from tasvir.models.quiet import quiet
from tasvir.records import Layout, Picture, Prompt


class ClipLatentGenerator(Generator):
    """Searches an autoencoder's latents by CLIP: VQGAN+CLIP, the way of 2021. Slow, and dreamlike."""

    name: ClassVar[str] = "clip-latent"
    reads_layouts = False

    def __init__(
        self,
        model: str,
        load: LoadSettings = LoadSettings(),  # noqa: B008  # frozen
        clip: str = "openai/clip-vit-large-patch14",
        iterations: int = 300,
        learning_rate: float = 0.1,
        cutouts: int = 32,
    ) -> None:
        """Open an autoencoder and CLIP.

        Args:
            model: Whose autoencoder: a text-to-image card (its ``vae``), the hub id of an AutoencoderKL or
                VQModel, or a folder that `ClipLatentPipeline` was saved to.
            load: How they are opened; half precision only if it is named, for the search is a training.
            clip: Hub id or folder of a CLIP; not read where the model is such a folder.
            iterations: Steps of Adam where nobody says so in `DrawSettings.steps`.
            learning_rate: Of Adam, in units of the latents' spread.
            cutouts: Views that CLIP sees in each step.

        Raises:
            HubError: One of the models cannot be had, or is none of these.
            SettingError: A number out of range, or offload or compile, which have no use here.
        """
        if min(iterations, cutouts) < 1 or not learning_rate > 0:
            raise SettingError(
                f"iterations {iterations}, cutouts {cutouts}, learning_rate {learning_rate}: the first two "
                "must be at least 1, the last above 0"
            )
        if load.offload != "none" or load.compile:
            raise SettingError("clip-latent needs both models whole at every step: no offload, no compile")
        self.model, self.search = model, Search(iterations, learning_rate, cutouts)
        self.pipeline = _open(find(model), clip, load)
        side = int(self.pipeline.vae.config.sample_size)
        self.native_size = (side, side)

    @property
    def label(self) -> str:
        return f"{self.name}:{self.model}"

    @classmethod
    def identity(cls, model: str | None, load: LoadSettings) -> dict[str, Any]:
        """See `Generator.identity`."""
        return {} if model is None else pin(model, load)

    def draw(
        self,
        prompts: Sequence[Prompt],
        layouts: Sequence[Layout | None],
        seeds: Sequence[int],
        settings: DrawSettings,
    ) -> list[Picture]:
        """Draw one after another, so that a picture is the same in any batch; see `Generator.draw`.

        Raises:
            SettingError: A layout, a scale or a sampler is given, or the size is no multiple of what a latent
                covers.
        """
        self.refuse_unread(layouts)
        for what in ("scale", "sampler"):
            if getattr(settings, what) is not None:
                raise SettingError(f"{self.label} takes no {what}, for nothing is denoised: leave it out")
        self._check_size(settings.size)
        search = Search(
            settings.steps or self.search.iterations, self.search.learning_rate, self.search.cutouts
        )
        pictures = []
        for prompt, seed, generator in zip(prompts, seeds, generators(seeds), strict=True):
            found = self.pipeline.search(prompt.text, settings.size, search, generator)
            told = {
                "generator": self.name,
                "model": self.model,
                "steps": search.iterations,
                "learning_rate": search.learning_rate,
                "cutouts": search.cutouts,
                "likeness": {"before": round(found.before, 4), "after": round(found.after, 4)},
                "seed": seed,
                **unread(self.pipeline, prompt.text),
            }
            pictures.append(to_picture(found.image, told))
        return pictures

    def _check_size(self, size: tuple[int, int]) -> None:
        grain = self.pipeline.shrinks
        if any(side % grain for side in size):
            near = "x".join(str(max(grain, round(side / grain) * grain)) for side in size)
            raise SettingError(
                f"size is {size[0]}x{size[1]}: {self.label} draws multiples of {grain}, e.g. {near}"
            )


def _open(card: Card, clip: str, load: LoadSettings) -> ClipLatentPipeline:
    if load.dtype == "auto":
        load = replace(load, dtype="float32")
    folder = Path(card.source).expanduser()
    if (folder / "clip").is_dir():
        opened: ClipLatentPipeline = open_pipeline(card, load, ClipLatentPipeline)
        return opened
    inside = {"subfolder": "vae"} if card.pipeline or (folder / "vae").is_dir() else {}
    vae = _part(AutoModel, card, load, **inside)
    if not isinstance(vae, AutoencoderKL | VQModel):
        raise HubError(
            f"{card.source} holds a {type(vae).__name__}: give an AutoencoderKL or VQModel of diffusers"
        )
    eye = Card(clip, "clip", "likeness", clip)
    plain = replace(load, revision=None)  # that is the model's
    pipeline = ClipLatentPipeline(vae, _part(CLIPModel, eye, plain), _part(CLIPTokenizer, eye, plain))
    pipeline.to(pick_device(load.device), getattr(torch, load.dtype))
    return pipeline


def _part(kind: Any, card: Card, load: LoadSettings, **where: Any) -> Any:
    """One network or tokenizer, from safetensors alone, none of its weights missing.

    Raises:
        HubError: It cannot be had.
    """
    safe = {} if kind is CLIPTokenizer else {"use_safetensors": True}
    try:
        with quiet(), no_gaps():
            return kind.from_pretrained(
                card.source,
                revision=load.revision or card.revision,
                local_files_only=load.local_only,
                **safe,
                **where,
            )
    except Exception as problem:
        raise HubError(explain(problem, card, load)) from problem
