"""Self-attention guidance: away from a guess that is blurred where the network looks (Hong et al. 2023).

What the network attends to is blurred in its guess of the data, noise is put back as it was guessed, and
the network is asked again; the difference of the two answers is what the attended detail is worth.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

import torch
from torch import Tensor, nn

from tasvir.errors import SettingError
from tasvir.lab.diffusion.denoiser import Denoiser
from tasvir.lab.diffusion.guidance.base import EVERYWHERE, Guided, Interval
from tasvir.lab.diffusion.network_denoiser import NetworkDenoiser
from tasvir.lab.diffusion.predictions import convert
from tasvir.lab.diffusion.schedules.base import Level

Look = Callable[[Tensor, Level], tuple[Tensor, Tensor]]
"""What a denoiser tells of x, and how much each place of x is attended to (mean 1), broadcastable to x."""

BLUR = 1.0
"""Standard deviation of the blur in pixels (Hong et al. 2023)."""


def gaussian_blur(x: Tensor, deviation: float = BLUR) -> Tensor:
    """Pictures [B, C, H, W] blurred by a Gaussian, cut at 4 deviations and mirrored at the border."""
    reach = min(max(1, round(4 * deviation)), x.shape[-1] - 1, x.shape[-2] - 1)
    places = torch.arange(-reach, reach + 1, dtype=torch.float64)
    row = torch.exp(-0.5 * (places / deviation) ** 2)
    row = (row / row.sum()).to(x)
    channels = x.shape[1]
    wide = nn.functional.pad(x, (reach, reach, reach, reach), "reflect")
    along = row.view(1, 1, 1, -1).expand(channels, 1, 1, -1)
    down = row.view(1, 1, -1, 1).expand(channels, 1, -1, 1)
    return nn.functional.conv2d(nn.functional.conv2d(wide, along, groups=channels), down, groups=channels)


class SelfAttentionGuided(Guided):
    """eps' + s (eps - eps'), eps' asked where the attended places of the guess are blurred; s = 1 is eps.

    The paper's scale counts from 0: s = 1 + theirs. Every question is two.

    Args:
        inner: Who is guided.
        look: The inner denoiser with its attention: `attention_of` a network, or any other map.
        scale: s.
        interval: Where.
        threshold: Places attended to more than this are blurred; 1 is the mean.
        blur: What takes detail away from a guess of x0, shape kept.
    """

    name: ClassVar[str] = "self-attention"
    neutral: ClassVar[float] = 1.0

    def __init__(
        self,
        inner: Denoiser,
        look: Look,
        scale: float,
        interval: Interval = EVERYWHERE,
        threshold: float = 1.0,
        blur: Callable[[Tensor], Tensor] = gaussian_blur,
    ) -> None:
        super().__init__(inner, scale, interval)
        self.look, self.threshold, self.blur = look, threshold, blur

    def guided(self, x: Tensor, level: Level) -> Tensor:
        """See `Guided.guided`."""
        told, attended = self.look(x, level)
        x0 = convert(told, x, level, self.prediction, "x0")
        eps = convert(told, x, level, self.prediction, "eps")
        spoilt = torch.where(attended > self.threshold, self.blur(x0), x0)
        again = self.inner.predict(level.alpha * spoilt + level.sigma * eps, level, "eps")
        return convert(torch.lerp(again, eps, self.scale), x, level, "eps", self.prediction)


def attention_of(denoiser: NetworkDenoiser) -> Look:
    """A network's guess with the map of its middle self-attention: mean over heads, summed over who looks.

    Raises:
        SettingError: The network has no self-attention that can be read (a perceptron has none).
    """
    layers = [
        part for part in denoiser.network.modules() if hasattr(part, "keep") and hasattr(part, "weights")
    ]
    if not layers:
        raise SettingError(
            f"{type(denoiser.network).__name__} has no self-attention to read: guide a unet or a dit"
        )
    layer = layers[len(layers) // 2]

    def look(x: Tensor, level: Level) -> tuple[Tensor, Tensor]:
        layer.keep = True  # type: ignore[assignment]
        try:
            told = denoiser.tell(x, level)
            weights = layer.weights
        finally:
            layer.keep, layer.weights = False, None  # type: ignore[assignment]
        assert isinstance(weights, Tensor)
        return told, _on_pixels(weights.mean(1).sum(1), x)

    return look


def _on_pixels(attended: Tensor, x: Tensor) -> Tensor:
    """[B, P], P cells of the shape of the picture, as [B, 1, H, W]."""
    high, wide = x.shape[-2:]
    rows = round((attended.shape[1] * high / wide) ** 0.5)
    cells = attended.unflatten(1, (rows, attended.shape[1] // rows))[:, None].float()
    return nn.functional.interpolate(cells, size=(high, wide), mode="nearest")
