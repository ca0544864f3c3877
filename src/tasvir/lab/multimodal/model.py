"""Stacks of multimodal VAEs: every model of a table at once, each with its own weights.

A stack holds W weightings times G seeds, S = W G models, the seeds of one weighting side by side. Models of
one seed begin alike and see the same examples and the same noise: what differs between them is the weighting.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from tasvir.lab.multimodal.experts.base import Expert, shares_of
from tasvir.lab.multimodal.gaussian import Gaussian
from tasvir.lab.multimodal.mixture import Mixture
from tasvir.lab.multimodal.modality import Modality
from tasvir.lab.multimodal.networks import StackedMLP
from tasvir.lab.multimodal.weightings.base import Weighting


class StackedVAE(nn.Module):
    """Encoders and decoders of S models.

    Args:
        modalities: What is modelled together.
        latent: Numbers in a code.
        expert: How posteriors become one.
        weightings: W of them.
        seeds: G of them.
    """

    weights: Tensor

    def __init__(
        self,
        modalities: Sequence[Modality],
        latent: int,
        expert: Expert,
        weightings: Sequence[Weighting],
        seeds: Sequence[int],
    ) -> None:
        super().__init__()
        self.modalities, self.latent, self.expert = tuple(modalities), latent, expert
        self.weightings, self.seeds = tuple(weightings), tuple(seeds)
        whole = [seed for _ in weightings for seed in seeds]
        encoders: list[nn.Module] = []
        decoders: list[nn.Module] = []
        for place, one in enumerate(modalities):
            inner = (one.size, *one.hidden)
            own = [seed * 64 + 2 * place for seed in whole]
            encoders.append(StackedMLP(own, (*inner, 2 * latent)))
            decoders.append(StackedMLP([seed + 1 for seed in own], (latent, *inner[::-1])))
        self.encoders, self.decoders = nn.ModuleList(encoders), nn.ModuleList(decoders)
        begun = torch.stack([weighting.begin(len(self.modalities)) for weighting in weightings], 1)
        self.register_buffer("weights", begun.repeat_interleave(len(seeds), 1))  # [M, S]
        heads = [weighting.network(seeds, len(self.modalities), latent) for weighting in weightings]
        self.heads = nn.ModuleDict({str(place): one for place, one in enumerate(heads) if one is not None})

    def __len__(self) -> int:
        return len(self.weightings) * len(self.seeds)

    def spread(self, values: Tensor) -> Tensor:
        """What belongs to seeds, handed to every model of the seed: [G, ...] -> [S, ...]."""
        wide = values.expand(len(self.weightings), *values.shape)
        return wide.reshape(len(self), *values.shape[1:])

    def encode(self, x: Sequence[Tensor]) -> Gaussian:
        """q(z | x_m) of every modality, [M, S, B, D], of x_m [S, B, d_m]."""
        told = torch.stack([encoder(one) for encoder, one in zip(self.encoders, x, strict=True)])
        mean, log_variance = told.chunk(2, -1)
        return Gaussian(mean, log_variance)

    def decode(self, modality: int, z: Tensor) -> Tensor:
        """What the decoder of a modality says of z [S, B, D]: [S, B, d]."""
        told: Tensor = self.decoders[modality](z)
        return told

    def shares(self, experts: Gaussian, present: Tensor | None = None) -> Tensor:
        """How much each expert weighs, [M, S, B], of the modalities that are there (all if None)."""
        told: list[Tensor] = []
        heads = dict(self.heads.items())
        for place, weighting in enumerate(self.weightings):
            part, own = experts[:, self.of(place)], self.weights[:, self.of(place), None]
            told.append(weighting.shares(part, own, heads.get(str(place))).expand(part.mean.shape[:-1]))
        return shares_of(torch.cat(told, 1), present)

    @torch.no_grad()
    def keep_learned(self, x: Sequence[Tensor]) -> None:
        """Keep as weights the mean shares that learned weightings give examples x_m [S, N, d_m]."""
        if self.heads:
            shares = self.shares(self.encode(x)).mean(-1)
            for place in map(int, self.heads):
                self.weights[:, self.of(place)] = shares[:, self.of(place)]

    def posterior(self, experts: Gaussian, present: Tensor | None = None) -> Mixture:
        """q(z | the modalities that are there), of S models."""
        return self.expert.join(experts, self.shares(experts, present))

    def of(self, weighting: int) -> slice:
        """The models of a weighting."""
        return slice(weighting * len(self.seeds), (weighting + 1) * len(self.seeds))
