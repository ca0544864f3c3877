"""Texts and pictures as vectors of one space: CLIP (Radford et al. 2021) and its kin."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch.nn import functional as F
from transformers import AutoModel

from tasvir.errors import HubError
from tasvir.models.image_text.opening import Opened, open_model, parts
from tasvir.models.load import LoadSettings

Vectors = NDArray[np.float32]


def open_clip(model: str, load: LoadSettings | None = None) -> Clip:
    """A model that embeds texts and pictures.

    Args:
        model: "embedded", a folder or a hub id of a CLIP, SigLIP or other model of transformers with text and
            image features.
        load: Device, precision, revision; None = the usual ones.

    Raises:
        UnknownNameError: No such folder, and no hub id.
        HubError: The model cannot be had or read, or embeds no texts or no pictures.
        NotShippedError: "embedded", and none is shipped.
        SettingError: No such device.
    """
    opened = open_model(AutoModel, "encoder", model, load or LoadSettings())
    if not all(hasattr(opened.network, f"get_{what}_features") for what in ("text", "image")):
        kind = type(opened.network).__name__
        raise HubError(f"{model} is a {kind}, which gives no text and image features: give a CLIP or SigLIP")
    return Clip(opened)


class Clip:
    """Embeds texts and pictures; see `open_clip`."""

    def __init__(self, opened: Opened) -> None:
        self._opened = opened
        self.identity = opened.identity
        config = opened.network.config.text_config
        self.longest = min(opened.processor.tokenizer.model_max_length, config.max_position_embeddings)
        # CLIP reads up to its end token; SigLIP was trained on, and so needs, texts filled up to the end
        self._padding = "longest" if opened.network.config.model_type == "clip" else "max_length"

    def embed_texts(self, texts: Sequence[str]) -> Vectors:
        """Vectors of length 1, [N, d] float32; an over-long text is cut, its end token kept."""
        return self._all([self._texts(texts[part]) for part in parts(len(texts))])

    def embed_pictures(self, pictures: Sequence[Image.Image]) -> Vectors:
        """Vectors of length 1, [N, d] float32, of PIL pictures in RGB."""
        return self._all([self._pictures(pictures[part]) for part in parts(len(pictures))])

    def truncated(self, text: str) -> bool:
        """Whether a text is too long to be read whole."""
        whole = self._opened.processor.tokenizer(text, truncation=False, verbose=False)
        return bool(len(whole["input_ids"]) > self.longest)

    @property
    def width(self) -> int:
        """Numbers in a vector."""
        config = self._opened.network.config
        return int(getattr(config, "projection_dim", None) or config.text_config.hidden_size)

    @torch.no_grad()
    def _texts(self, texts: Sequence[str]) -> torch.Tensor:
        tokens = self._opened.processor.tokenizer(
            list(texts),
            padding=self._padding,
            truncation=True,
            max_length=self.longest,
            return_tensors="pt",
        )
        return _unit(self._opened.network.get_text_features(**tokens.to(self._opened.device)))

    @torch.no_grad()
    def _pictures(self, pictures: Sequence[Image.Image]) -> torch.Tensor:
        seen = self._opened.pixels(pictures)
        return _unit(self._opened.network.get_image_features(pixel_values=seen))

    def _all(self, vectors: Sequence[torch.Tensor]) -> Vectors:
        if not vectors:
            return np.zeros((0, self.width), np.float32)
        return torch.cat(list(vectors)).numpy()  # type: ignore[no-any-return]


def _unit(features: Any) -> torch.Tensor:
    """The projected features, of length 1, on the CPU."""
    return F.normalize(features.pooler_output.float(), dim=-1).cpu()
