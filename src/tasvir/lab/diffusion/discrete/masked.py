"""Masked diffusion in continuous time (Sahoo et al. 2024; Shi et al. 2024): the absorbing chain's limit.

At time t a token is masked with probability t. With the network's p(x_0 | x_t) the bound becomes an integral,
E_t [1/t sum over masked tokens of -log p(x_0)], and the walk back unmasks tokens one by one, in any order:
the autoregressive model of any order (Hoogeboom et al. 2022, ARDM) with as many steps as one likes.
"""

from __future__ import annotations

import time

import torch
from torch import Tensor

from tasvir.lab.diffusion.bits import bits_per_dimension
from tasvir.lab.diffusion.discrete.kernels import draw
from tasvir.lab.diffusion.methods.base import Bound, Model
from tasvir.lab.diffusion.methods.own_walk import count_of
from tasvir.lab.diffusion.networks.tokens import TokenNetwork
from tasvir.lab.diffusion.samplers.base import Sampler
from tasvir.lab.diffusion.sampling import Sampled

DRAWS = 64
"""Times that a bound is drawn at, spread evenly over 0 to 1."""


class MaskedModel(Model):
    """Tokens that are masked, and a network that fills them in.

    Args:
        network: Logits of x_0 out of x_t; state K is the mask.
        values: K.
        length: L, tokens in an example.
        steps: Of a sample, when none are asked for.
    """

    def __init__(self, network: TokenNetwork, values: int, length: int, steps: int) -> None:
        self.network, self.values, self.length, self.steps = network, values, length, steps

    def tell(self, x: Tensor, t: Tensor) -> Tensor:
        """log p(x_0 | x_t), [B, L] and [B] -> [B, L, K]; what is not masked is known."""
        told = self.network(x, 4 * t - 2).double().log_softmax(2)
        known = torch.nn.functional.one_hot(x.clamp(max=self.values - 1), self.values).double().log()
        return torch.where((x == self.values)[..., None], told, known)

    def loss(self, data: Tensor, labels: Tensor | None, generator: torch.Generator) -> Tensor:
        """See `Model.loss`: the bound in nats a token, at times that are spread evenly over the batch."""
        return (self._bound_at(data, self._times(len(data), generator), generator) / self.length).float()

    def _times(self, n: int, generator: torch.Generator) -> Tensor:
        """n times with one random offset: each uniform in 0 to 1, together evenly spread."""
        offset = torch.rand((), generator=generator, device=generator.device)
        return (torch.arange(n, device=generator.device) / n + offset) % 1 * (1 - 1e-4) + 1e-4

    def _bound_at(self, data: Tensor, t: Tensor, generator: torch.Generator) -> Tensor:
        hidden = torch.rand(data.shape, generator=generator, device=data.device) < t[:, None]
        told = self.tell(data.masked_fill(hidden, self.values), t)
        missed = -told.gather(2, data[..., None])[..., 0]
        return torch.where(hidden, missed, 0.0).sum(1) / t

    @torch.no_grad()
    def sample(
        self,
        n: int,
        seed: int,
        *,
        sampler: Sampler | None = None,
        steps: int | None = None,
        labels: Tensor | None = None,
    ) -> Sampled:
        """See `Model.sample`.

        Raises:
            SettingError: A sampler or classes, which it does not take, or no steps.
        """
        count = count_of(sampler, steps, labels, self.steps)
        place = next(self.network.parameters()).device
        began, generator = time.perf_counter(), torch.Generator(place).manual_seed(seed)
        x = torch.full((n, self.length), self.values, device=place)
        for step in range(count, 0, -1):
            here, there = step / count, (step - 1) / count
            filled = draw(self.tell(x, torch.full((n,), here, device=place)).exp(), generator)
            opened = torch.rand(x.shape, generator=generator, device=place) < (here - there) / here
            x = torch.where((x == self.values) & opened, filled, x)
        return Sampled(x, count, time.perf_counter() - began)

    @torch.no_grad()
    def bound(self, data: Tensor, seed: int) -> Bound:
        """See `Model.bound`: `DRAWS` times an example, evenly spread."""
        generator = torch.Generator(data.device).manual_seed(seed)
        offset = torch.rand(len(data), 1, generator=generator, device=data.device)
        times = (torch.arange(DRAWS, device=data.device) + offset) / DRAWS
        told = [self._bound_at(data, t.clamp(min=1e-6), generator) for t in times.T]
        nats = -torch.stack(told, 1)
        error = nats.std(1) / DRAWS**0.5  # of independent times; even spreading makes it smaller
        mean = nats.mean(1)
        return Bound(mean, False, error, bits_per_dimension(mean, self.length))
