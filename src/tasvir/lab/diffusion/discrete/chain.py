"""A network that tells tokens, run along a chain of transition matrices: D3PM and multinomial diffusion.

The network tells p(x_0 | x_t) of every token; the step back is p(x_{t-1} | x_t) = sum_i p(x_0 = i | x_t)
q(x_{t-1} | x_t, x_0 = i), and the bound is thesis 4.7 with KL divergences of categorical laws.
"""

from __future__ import annotations

import time
from itertools import pairwise

import torch
from torch import Tensor

from tasvir.errors import SettingError
from tasvir.lab.diffusion.bits import bits_per_dimension
from tasvir.lab.diffusion.discrete.kernels import LEAST, Kernel, apart, draw
from tasvir.lab.diffusion.methods.base import Bound, Model
from tasvir.lab.diffusion.methods.own_walk import count_of
from tasvir.lab.diffusion.networks.tokens import TokenNetwork
from tasvir.lab.diffusion.samplers.base import Sampler
from tasvir.lab.diffusion.sampling import Sampled


class ChainModel(Model):
    """Tokens noised by a kernel, and a network that tells what they were.

    Args:
        network: Logits of x_0 out of x_t.
        kernel: How tokens are noised.
        length: L, tokens in an example.
        auxiliary: Weight of the cross-entropy of x_0 beside the bound's term (Austin et al. 2021, L_lambda).
    """

    def __init__(self, network: TokenNetwork, kernel: Kernel, length: int, auxiliary: float) -> None:
        self.network, self.kernel, self.length, self.auxiliary = network, kernel, length, auxiliary

    def tell(self, x: Tensor, t: Tensor) -> Tensor:
        """p(x_0 | x_t), [B, L] and [B] -> [B, L, S] float64; a mask is never the answer."""
        logits = self.network(x, 4 * t.to(torch.float32) / self.kernel.steps - 2)
        beyond = self.kernel.states - self.kernel.values
        return torch.nn.functional.pad(logits.double().softmax(2), (0, beyond))

    def loss(self, data: Tensor, labels: Tensor | None, generator: torch.Generator) -> Tensor:
        """See `Model.loss`: nats a token, of one term of the bound each, plus the auxiliary cross-entropy."""
        t = torch.randint(1, self.kernel.steps + 1, (len(data),), generator=generator, device=data.device)
        told, term = self._term(data, t, generator)
        cross = -told.gather(2, data[..., None])[..., 0].clamp(min=LEAST).log().sum(1)
        return ((term + self.auxiliary * cross) / self.length).float()

    def _term(self, data: Tensor, t: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """What is told at times [B], and KL(q(x_{t-1} | x_t, x_0) || p(x_{t-1} | x_t)) in nats, [B].

        At t = 1 that is -log p(x_0 | x_1), the bound's last term.
        """
        x = self.kernel.noised(data, t, generator)
        told = self.tell(x, t)
        truth = torch.nn.functional.one_hot(data, self.kernel.states).double()
        one = self.kernel.posterior(x, t - 1, t, truth)
        other = self.kernel.posterior(x, t - 1, t, told)
        return told, apart(one, other).sum(1)

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
        """See `Model.sample`; fewer steps than the chain has leap over some.

        Raises:
            SettingError: A sampler or classes, which it does not take, or steps that the chain does not have.
        """
        count = count_of(sampler, steps, labels, self.kernel.steps)
        if count > self.kernel.steps:
            raise SettingError(f"{count} steps: this chain has {self.kernel.steps}, ask for 1 to as many")
        place = next(self.network.parameters()).device
        began, generator = time.perf_counter(), torch.Generator(place).manual_seed(seed)
        x = draw(self.kernel.resting.to(place).expand(n, self.length, -1), generator)
        times = [round(self.kernel.steps * i / count) for i in range(count, -1, -1)]
        for late, early in pairwise(times):
            here, there = (torch.full((n,), one, device=place) for one in (late, early))
            x = draw(self.kernel.posterior(x, there, here, self.tell(x, here)), generator)
        return Sampled(x, count, time.perf_counter() - began)

    @torch.no_grad()
    def bound(self, data: Tensor, seed: int, draws: int = 2) -> Bound:
        """See `Model.bound`: every term of the chain, each by so many draws of x_t an example."""
        generator = torch.Generator(data.device).manual_seed(seed)
        whole = torch.stack([self._whole(data, generator) for _ in range(draws)])
        last, resting = self.kernel.whole[-1].to(data.device), self.kernel.resting.to(data.device)
        prior = apart(last[data], resting).sum(1)
        nats = -whole.mean(0) - prior
        bits = bits_per_dimension(nats, self.length)
        return Bound(nats, False, whole.std(0) / draws**0.5, bits)

    def _whole(self, data: Tensor, generator: torch.Generator) -> Tensor:
        terms = torch.zeros(len(data), dtype=torch.float64, device=data.device)
        for t in range(1, self.kernel.steps + 1):
            times = torch.full((len(data),), t, device=data.device)
            terms += self._term(data, times, generator)[1]
        return terms
