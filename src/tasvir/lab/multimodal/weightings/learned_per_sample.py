"""Weights learned for each example: an expert that tells little of this one may say so.

A small network reads each posterior's mean and log-variance, and which modality it is. The trap of `learned`
is there for each example: a mixture's weight goes to the modality that explains this one best.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import torch
from torch import Tensor, nn

from tasvir.lab.multimodal.gaussian import Gaussian
from tasvir.lab.multimodal.networks import StackedMLP
from tasvir.lab.multimodal.weightings.base import Weighting

HIDDEN = 8
SEED = 1 << 40
"""Added to the seeds, so that no network of the models begins alike."""


class LearnedPerSampleWeighting(Weighting):
    """Shares softmax(f(mean_m, log variance_m, m)), equal at the beginning; f is one for all modalities."""

    name: ClassVar[str] = "learned-per-sample"
    source: ClassVar[str] = "Cao and Fleet 2014: a_m(x), thesis 3.10; the network is our own"

    def begin(self, modalities: int) -> Tensor:
        """See `Weighting.begin`: equal."""
        return torch.full((modalities,), 1 / modalities)

    def network(self, seeds: Sequence[int], modalities: int, latent: int) -> nn.Module:
        """See `Weighting.network`."""
        head = StackedMLP([seed + SEED for seed in seeds], (2 * latent + modalities, HIDDEN, 1))
        for parameter in head.layers[-1].parameters():
            nn.init.zeros_(parameter)
        return head

    def shares(self, experts: Gaussian, weights: Tensor, network: nn.Module | None) -> Tensor:
        """See `Weighting.shares`."""
        assert network is not None
        count, models, batch, _ = experts.mean.shape
        which = torch.eye(count).to(experts.mean)[:, None, None].expand(-1, models, batch, -1)
        read = torch.cat([experts.mean, experts.log_variance, which], -1)
        logits = network(read.transpose(0, 1).flatten(1, 2)).unflatten(1, (count, batch))
        return torch.softmax(logits[..., 0].transpose(0, 1), 0)
