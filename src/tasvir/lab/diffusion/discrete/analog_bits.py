"""Analog bits (Chen, Zhang and Hinton 2023): tokens as bits, bits as real numbers -1 and 1, diffused as such.

Two things make it work: the network also sees what it told before (self-conditioning), and the walk asks at a
time a little later than the x that it holds (asymmetric time intervals).
"""

from __future__ import annotations

import math
import time
from itertools import pairwise

import torch
from torch import Tensor, nn

from tasvir.lab.diffusion.methods.base import Model
from tasvir.lab.diffusion.methods.own_walk import count_of
from tasvir.lab.diffusion.network_denoiser import NOISE_RANGE
from tasvir.lab.diffusion.samplers.base import Sampler
from tasvir.lab.diffusion.sampling import Sampled, gaussian_noise
from tasvir.lab.diffusion.schedules.base import Schedule, shaped

BEFORE = 0.5
"""Share of examples that see what the network told before, in training."""

FIRST = 1e-3
"""Least time that the network is asked at."""


def to_bits(tokens: Tensor, values: int) -> Tensor:
    """Tokens [B, L] as bits of -1 and 1, [B, L * bits] float32, the greatest first."""
    places = 2 ** torch.arange(width(values) - 1, -1, -1, device=tokens.device)
    return ((tokens[..., None] // places) % 2 * 2 - 1).flatten(1).float()


def from_bits(x: Tensor, values: int) -> Tensor:
    """Real numbers by their signs as tokens, [B, L] int64; a number beyond the last token is that one."""
    places = 2 ** torch.arange(width(values) - 1, -1, -1, device=x.device)
    held = (x.unflatten(1, (-1, width(values))) > 0).long()
    tokens: Tensor = (held * places).sum(2).clamp(max=values - 1)
    return tokens


def width(values: int) -> int:
    """Bits that so many values need."""
    return max(1, math.ceil(math.log2(values)))


class AnalogBitsModel(Model):
    """Bits under Gaussian noise, and a network that tells them.

    Args:
        network: F([B, 2, D] of x_t and what was told before, noise, None) -> [B, 2, D], of which the first is
            x_0; D = L * bits.
        schedule: Of the noise.
        values: K.
        length: L, tokens in an example.
        steps: Of a sample, when none are asked for.
        later: How much later than its x the network is asked, as a share of all time.
    """

    def __init__(
        self, network: nn.Module, schedule: Schedule, values: int, length: int, steps: int, later: float
    ) -> None:
        self.network, self.schedule, self.values, self.length = network, schedule, values, length
        self.steps, self.later = steps, later

    def tell(self, x: Tensor, t: Tensor, before: Tensor) -> Tensor:
        """x_0 out of x_t [B, D] at times [B], and what was told before [B, D]."""
        noise = (-self.schedule.half_log_snr(t) / 4).clamp(*NOISE_RANGE).to(x)
        told: Tensor = self.network(torch.stack([x, before], 1), noise, None)[:, 0]
        return told

    def loss(self, data: Tensor, labels: Tensor | None, generator: torch.Generator) -> Tensor:
        """See `Model.loss`: squared error of bits."""
        bits = to_bits(data, self.values)
        place = bits.device
        t = torch.rand(len(bits), generator=generator, dtype=torch.float64, device=place)
        t = FIRST + t * (self.schedule.last - FIRST)
        noise = torch.randn(bits.shape, generator=generator, device=place)
        x = bits * shaped(self.schedule.alpha(t), bits) + noise * shaped(self.schedule.sigma(t), bits)
        before = torch.zeros_like(x)
        seen = torch.rand(len(bits), generator=generator, device=place) < BEFORE
        if bool(seen.any()):
            with torch.no_grad():
                before[seen] = self.tell(x[seen], t[seen], before[seen])
        return (self.tell(x, t, before) - bits).square().mean(1)

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
        """See `Model.sample`: DDIM, asked a little later, told what was told before.

        Raises:
            SettingError: A sampler or classes, which it does not take, or no steps.
        """
        count = count_of(sampler, steps, labels, self.steps)
        began, noise = time.perf_counter(), gaussian_noise(seed)
        place = next(self.network.parameters()).device
        x = noise(torch.empty(n, self.length * width(self.values), device=place))
        told = torch.zeros_like(x)
        last = self.schedule.last
        grid = [self.schedule.level(last * (1 - i / count)) for i in range(count + 1)]
        for one, other in pairwise(grid):
            asked = min(last, max(FIRST, one.t + self.later * last))
            times = torch.full((n,), asked, dtype=torch.float64, device=place)
            told = self.tell(x, times, told)
            share = other.sigma / one.sigma
            x = x * share + told * (other.alpha - share * one.alpha)
        return Sampled(from_bits(x, self.values), count, time.perf_counter() - began)
