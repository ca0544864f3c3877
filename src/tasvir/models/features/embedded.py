"""Features of the embedded recogniser: for sets of the picture world, without any download.

The features are the 192 that its background layer reads: the mean over the 64 cells of the coarsest grid. It
tells no classes of whole pictures, so its "probabilities" are those of kinds: the greatest heat of each kind
anywhere in the picture, as shares of their sum.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn

from tasvir.models.embedded import weights
from tasvir.models.embedded.recogniser import Recogniser, to_input
from tasvir.models.features.base import Features

BATCH = 32


class EmbeddedFeatures:
    """See the module.

    Args:
        recogniser: None = the shipped one.
    """

    def __init__(self, recogniser: Recogniser | None = None) -> None:
        self._recogniser = Recogniser.shipped() if recogniser is None else recogniser

    @cached_property
    def identity(self) -> dict[str, Any]:
        """Of the shipped recogniser."""
        return {
            "model": "embedded",
            "layer": "mean of the recogniser's coarsest cells",
            "probabilities": "greatest heat by kind, as shares",
            "weights": weights.fingerprint_of("recogniser"),
        }

    @torch.no_grad()
    def look(self, pictures: Sequence[Image.Image]) -> Features:
        """See `tasvir.models.features.base.FeatureExtractor.look`."""
        seen: list[Tensor] = []
        heats: list[Tensor] = []

        def keep(_: nn.Module, given: tuple[Tensor]) -> None:
            seen.append(given[0].float().cpu())

        listener = self._recogniser.background.register_forward_pre_hook(keep)
        try:
            for start in range(0, len(pictures), BATCH):
                pixels = [np.asarray(picture) for picture in pictures[start : start + BATCH]]
                reading = self._recogniser(to_input(pixels, self._recogniser.device, self._recogniser.dtype))
                heats.append(torch.sigmoid(reading.heat.float()).amax((2, 3)).cpu())
        finally:
            listener.remove()
        heat = torch.cat(heats).double()
        return Features(torch.cat(seen).double().numpy(), (heat / heat.sum(1, keepdim=True)).numpy())
