"""Stochastic samplers draw mixtures: the Kolmogorov-Smirnov distance to the exact law lies within chance."""

from __future__ import annotations

import math

import pytest
import torch
from lab_problems import line_mixture
from lab_walks import drawn, grid, mixture_cdf

from tasvir import registry
from tasvir.lab.diffusion.samplers.base import Sampler
from tasvir.lab.diffusion.schedules.base import Schedule
from tasvir.lab.diffusion.schedules.karras import KarrasSchedule
from tasvir.lab.diffusion.schedules.linear import LinearSchedule

SAMPLERS = [registry.create("lab.samplers", name, Sampler) for name in registry.names("lab.samplers")]
FOR_JUMPS = {"consistency"}
"""Exact in law where x0 is answered by a map along the flow, not by a mean; see test_consistency."""
STOCHASTIC = [one for one in SAMPLERS if one.stochastic and one.name not in FOR_JUMPS]
N = 2000
BAND = 1.95 / math.sqrt(N)
"""Exceeded by chance once in a thousand draws (Kolmogorov's law)."""


@pytest.mark.parametrize(
    ("schedule", "end"), [(LinearSchedule(), 0.02), (KarrasSchedule(20.0), 0.05)], ids=("linear", "karras")
)
@pytest.mark.parametrize("sampler", STOCHASTIC, ids=lambda one: one.name)
def test_a_mixture_is_drawn_rightly(sampler: Sampler, schedule: Schedule, end: float) -> None:
    law = line_mixture()
    through = grid(schedule, 200 if sampler.order < 2 else 60, "log-snr", end)
    x = drawn(sampler, through, law, N, seed=11).x[:, 0].sort().values
    level = through.levels[-1]
    above = torch.arange(1, N + 1, dtype=torch.float64) / N
    exact = mixture_cdf(law, x, level.alpha, level.sigma)
    distance = float(torch.maximum((above - exact).abs(), (above - 1 / N - exact).abs()).max())
    assert distance < BAND + 0.02 * (sampler.order < 2), distance  # the sampler's own error, at these steps
