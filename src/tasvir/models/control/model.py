"""Stable Diffusion 1, 2 or XL with a ControlNet beside it: each picture of a batch with its own map."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from diffusers import (
    ControlNetModel,
    StableDiffusionControlNetPipeline,
    StableDiffusionPipeline,
    StableDiffusionXLControlNetPipeline,
    StableDiffusionXLPipeline,
)
from PIL import Image

from tasvir.errors import SettingError
from tasvir.models.hub.loading import open_network
from tasvir.models.hub.text_to_image import Asked, TextToImage
from tasvir.models.load import LoadSettings

CONTROLLED = {
    StableDiffusionPipeline: StableDiffusionControlNetPipeline,
    StableDiffusionXLPipeline: StableDiffusionXLControlNetPipeline,
}


class Controlled(TextToImage):
    """A text-to-image model that also follows maps; shares all networks with the model that it is made of.

    Args:
        plain: Stable Diffusion 1, 2 or XL.
        control: Card, hub id or folder of the ControlNet.
        load: How it is opened.
        weight: How much it counts, 1 as trained.

    Raises:
        UnknownNameError: No such ControlNet.
        HubError: It cannot be had.
        SettingError: The model is of another family, or the ControlNet was made for another.
    """

    def __init__(self, plain: TextToImage, control: str, load: LoadSettings, weight: float) -> None:
        made = CONTROLLED.get(type(plain.pipeline))
        if made is None:
            raise SettingError(
                f"{plain.card.name} is a {type(plain.pipeline).__name__}: "
                "ControlNet goes with Stable Diffusion 1, 2 and XL here"
            )
        net = open_network(ControlNetModel, control, load, like=plain.pipeline)
        wanted = plain.pipeline.unet.config.cross_attention_dim
        if net.config.cross_attention_dim != wanted:
            raise SettingError(
                f"{control} was made for texts of width {net.config.cross_attention_dim}, "
                f"{plain.card.name} has {wanted}: take a ControlNet for that model"
            )
        self.card, self.native_size, self.commit = plain.card, plain.native_size, plain.commit
        self.memory, self.on_step, self.draws_singly = plain.memory, None, plain.draws_singly
        self.pipeline: Any = made(**plain.pipeline.components, controlnet=net, **_switches(plain.pipeline))
        self.pipeline.set_progress_bar_config(disable=True)
        self.weight = weight
        self._maps: list[Image.Image] = []

    def draw_maps(
        self, texts: Sequence[str], maps: Sequence[Image.Image], seeds: Sequence[int], asked: Asked
    ) -> list[tuple[Image.Image, dict[str, Any]]]:
        """Draw one batch, each picture after its own map; see `TextToImage.draw`."""
        self._maps = list(maps)
        return self.draw(texts, seeds, asked)

    def _arguments(self, count: int, asked: Asked) -> dict[str, Any]:
        own = {"image": self._maps, "controlnet_conditioning_scale": self.weight}
        return {**super()._arguments(count, asked), **own}


def _switches(pipeline: Any) -> dict[str, Any]:
    """What a pipeline was made with besides its parts."""
    names = ("requires_safety_checker", "force_zeros_for_empty_prompt")
    return {name: pipeline.config[name] for name in names if name in pipeline.config}
