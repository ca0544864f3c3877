"""Classifier-free guidance: away from what a weaker model says (Ho and Salimans 2022; thesis 4.3.2.4)."""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import Tensor

from tasvir.errors import SettingError
from tasvir.lab.diffusion.denoiser import Denoiser
from tasvir.lab.diffusion.guidance.base import EVERYWHERE, Guided, Interval
from tasvir.lab.diffusion.network_denoiser import NetworkDenoiser
from tasvir.lab.diffusion.schedules.base import Level


class ClassifierFree(Guided):
    """u + s (c - u), c with the condition and u without it; s = 1 is c alone.

    The sum of the weights is 1 and every prediction is affine in every other, so it does not matter in which
    one it is done. With a worse model of the same condition as u it is autoguidance (Karras et al. 2024).

    Args:
        conditional: c.
        unconditional: u, of the same schedule; may predict something else.
        scale: s = 1 + w.
        interval: Where u is asked at all; elsewhere c alone is, which saves half of the cost.
        rescale: Share phi of the guess scaled back to the deviation of c's over each example (Lin et al.
            2024, equations 15-16); done in what c predicts.

    Raises:
        SettingError: Two schedules, a scale that is not finite, or a share outside 0 to 1.
    """

    name: ClassVar[str] = "classifier-free"
    neutral: ClassVar[float] = 1.0

    def __init__(
        self,
        conditional: Denoiser,
        unconditional: Denoiser,
        scale: float,
        interval: Interval = EVERYWHERE,
        rescale: float = 0.0,
    ) -> None:
        super().__init__(conditional, scale, interval)
        if unconditional.schedule is not conditional.schedule:
            raise SettingError("guidance between two schedules: both denoisers must be of the same one")
        if not 0.0 <= rescale <= 1.0:
            raise SettingError(f"rescale {rescale}: it is a share, 0 to 1")
        self.unconditional, self.rescale = unconditional, rescale

    def guided(self, x: Tensor, level: Level) -> Tensor:
        """See `Guided.guided`."""
        told = self.inner.tell(x, level)
        without = self.unconditional.predict(x, level, self.prediction)
        pulled = torch.lerp(without, told, self.scale)
        if not self.rescale:
            return pulled
        axes = tuple(range(1, x.ndim))
        back = told.std(axes, keepdim=True) / pulled.std(axes, keepdim=True)
        return pulled * (1 + self.rescale * (back - 1))


def for_classes(
    denoiser: NetworkDenoiser,
    labels: Tensor,
    scale: float,
    interval: Interval = EVERYWHERE,
    rescale: float = 0.0,
) -> ClassifierFree:
    """One network that was trained with classes hidden now and then, guided to classes [B] int64."""
    return ClassifierFree(denoiser.given(labels), denoiser.given(None), scale, interval, rescale)
