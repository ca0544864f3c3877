"""Features of any backbone of transformers: DINOv2, CLIP and SigLIP picture towers, ViT classifiers, ...

A distance on these features is a Fréchet distance on them and no published FID, whose features are those of
one Inception network (see `tasvir.models.features.inception`); it goes by the backbone's name.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from PIL import Image
from torch import Tensor
from transformers import AutoImageProcessor, AutoModel, AutoModelForImageClassification

from tasvir.errors import HubError
from tasvir.models.features.base import Features
from tasvir.models.image_text.opening import open_configuration, open_model
from tasvir.models.load import LoadSettings

BATCH = 16


class HubFeatures:
    """Features of a backbone: image features where it has them (CLIP), else pooled, else the mean of tokens.

    Args:
        model: Hub id or folder.
        load: How it is opened.

    Raises:
        UnknownNameError: Neither a hub id nor a folder.
        HubError: It cannot be had or looks at no pictures.
        SettingError: No such device.
    """

    def __init__(self, model: str, load: LoadSettings) -> None:
        named = (open_configuration(model, load).architectures or [""])[0]
        self._classifies = named.endswith("ForImageClassification")
        kind = AutoModelForImageClassification if self._classifies else AutoModel
        self._opened = open_model(kind, "features", model, load, AutoImageProcessor)
        if self._opened.network.main_input_name != "pixel_values" and not hasattr(
            self._opened.network, "get_image_features"
        ):
            raise HubError(
                f"{model} is a {named or type(self._opened.network).__name__}: it sees no pictures"
            )
        self.identity = self._opened.identity

    @torch.no_grad()
    def look(self, pictures: Sequence[Image.Image]) -> Features:
        """See `tasvir.models.features.base.FeatureExtractor.look`."""
        values: list[Tensor] = []
        chances: list[Tensor] = []
        for start in range(0, len(pictures), BATCH):
            inputs = self._opened.processor(images=list(pictures[start : start + BATCH]), return_tensors="pt")
            pixels = inputs["pixel_values"].to(self._opened.device, self._opened.dtype)
            if self._classifies:
                said = self._opened.network(pixel_values=pixels, output_hidden_states=True)
                chances.append(said.logits.double().softmax(1).cpu())
                values.append(_pooled(said.hidden_states[-1]))
            else:
                values.append(self._features(pixels))
        probabilities = torch.cat(chances).numpy() if chances else None
        return Features(torch.cat(values).double().cpu().numpy(), probabilities)

    def _features(self, pixels: Tensor) -> Tensor:
        network: Any = self._opened.network
        if hasattr(network, "get_image_features"):
            said = network.get_image_features(pixel_values=pixels)
        else:
            said = network(pixel_values=pixels)
        if isinstance(said, Tensor):
            return said
        pooled: Tensor | None = getattr(said, "pooler_output", None)
        return _pooled(said.last_hidden_state) if pooled is None else pooled.flatten(1)


def _pooled(hidden: Tensor) -> Tensor:
    """The mean over tokens [N, tokens, d] or places [N, d, height, width]."""
    return hidden.mean(1) if hidden.ndim == 3 else hidden.mean((2, 3))
