"""Noise that is not Gaussian: its laws and steps against closed forms, and what is learned under it."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from few_steps import energy_distance, learn, two_lumps
from scipy import stats
from torch import Tensor

from tasvir.errors import SettingError
from tasvir.lab.diffusion.denoiser import Denoiser
from tasvir.lab.diffusion.methods.gamma_noise import GammaNoiseMethod
from tasvir.lab.diffusion.methods.mixture_noise import MixtureNoiseMethod
from tasvir.lab.diffusion.noises import GammaNoise, MixtureNoise
from tasvir.lab.diffusion.paths import path
from tasvir.lab.diffusion.samplers.ddim import DdimSampler
from tasvir.lab.diffusion.samplers.euler_a import EulerAncestralSampler
from tasvir.lab.diffusion.sampling import gaussian_noise, sample
from tasvir.lab.diffusion.schedules.base import Level
from tasvir.lab.diffusion.schedules.linear import LinearSchedule
from tasvir.lab.diffusion.variances import ReverseStep

N = 20_000


def dice(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def ratio(value: float) -> Tensor:
    return torch.tensor(value, dtype=torch.float64)


def apart(x: Tensor, law: object) -> float:
    """The p-value of Kolmogorov and Smirnov's test."""
    return float(stats.kstest(x.flatten().double().numpy(), law.cdf).pvalue)  # type: ignore[attr-defined]


def gamma_law(scale: float, r: float) -> object:
    k = (r / scale) ** 2
    return stats.gamma(k, loc=-k * scale / r, scale=scale / r)


def test_sums_of_the_published_increments_are_the_gamma_noise_of_the_sum() -> None:
    """The chain of Nachmani et al., by hand: increments of shape beta / (abar theta^2), scale sqrt(abar)."""
    theta, rng = 0.3, np.random.default_rng(0)
    betas = np.linspace(0.02, 0.2, 8)
    x, abar = np.zeros(N), 1.0
    for beta in betas:
        abar *= 1 - beta
        shape, scale = beta / (abar * theta**2), math.sqrt(abar) * theta
        x = math.sqrt(1 - beta) * x + rng.gamma(shape, scale, N) - shape * scale
    r = math.sqrt((1 - abar) / abar)
    eps = torch.from_numpy(x / math.sqrt(1 - abar))
    assert apart(eps, gamma_law(theta, r)) > 0.01
    drawn = GammaNoise(theta).draw(eps, ratio(r), dice())
    assert stats.ks_2samp(eps.numpy(), drawn.numpy()).pvalue > 0.01
    assert apart(eps, stats.norm()) < 1e-6  # and the test would see another law


@pytest.mark.parametrize("r", [0.05, 0.3, 3.0])
def test_gamma_noise_has_mean_0_variance_1_and_its_skewness(r: float) -> None:
    drawn = GammaNoise(0.3).draw(torch.empty(N, dtype=torch.float64), ratio(r), dice()).numpy()
    assert abs(drawn.mean()) < 5 / math.sqrt(N)
    error = math.sqrt((2 + 6 * (0.3 / r) ** 2) / N)  # kurtosis 3 + 6 / k
    assert abs(drawn.var() - 1) < 5 * error
    assert stats.skew(drawn) == pytest.approx(2 * 0.3 / r, rel=0.25)


def test_the_bridge_keeps_the_law_and_the_published_step_does_not() -> None:
    law, schedule = GammaNoise(0.3), LinearSchedule()
    here, there = schedule.level(0.35), schedule.level(0.2)
    x0 = torch.full((N,), 0.7, dtype=torch.float64)
    x = here.alpha * x0 + here.sigma * law.draw(x0, ratio(here.ratio), dice())
    step, wanted = ReverseStep(here, there), gamma_law(0.3, there.ratio)
    for back, low, high in ((law.bridge, 0.01, 1.0), (law.ancestral, 0.0, 1e-3)):
        eps = (back(step, x, x0, dice(1)) - there.alpha * x0) / there.sigma
        assert low <= apart(eps, wanted) <= high
    end = ReverseStep(there, schedule.level(0.0))
    assert torch.equal(law.bridge(end, x, x0, dice()), x0)


@pytest.mark.parametrize(("distance", "share"), [(0.8, 0.5), (0.9, 0.2), (0.0, 0.5)])
def test_mixture_noise_is_its_mixture_of_mean_0_and_variance_1(distance: float, share: float) -> None:
    law = MixtureNoise(distance, share)
    mean = share * law.centres[0] + (1 - share) * law.centres[1]
    second = share * law.centres[0] ** 2 + (1 - share) * law.centres[1] ** 2 + law.spread**2
    assert mean == pytest.approx(0, abs=1e-12) and second == pytest.approx(1)
    drawn = law.draw(torch.empty(N, dtype=torch.float64), ratio(1.0), dice())

    class Mixture:
        def cdf(self, x: np.ndarray) -> np.ndarray:
            one, other = (stats.norm(centre, law.spread).cdf(x) for centre in law.centres)
            return share * one + (1 - share) * other

    assert apart(drawn, Mixture()) > 0.01
    assert distance == 0 or apart(drawn, stats.norm()) < 1e-6


class MixtureOracle(Denoiser):
    """E[eps | x_t] of data N(0.3, 0.5^2) under mixture noise: Bayes' rule over the two centres."""

    prediction = "eps"

    def __init__(self, law: MixtureNoise) -> None:
        self.schedule, self.law = LinearSchedule(), law

    def tell(self, x: Tensor, level: Level) -> Tensor:
        variance = (0.5 * level.alpha) ** 2 + (level.sigma * self.law.spread) ** 2
        pull = level.sigma * self.law.spread**2 / variance
        logs, means = [], []
        for weight, centre in zip((self.law.share, 1 - self.law.share), self.law.centres, strict=True):
            off = x - level.alpha * 0.3 - level.sigma * centre
            logs.append(math.log(weight) - off.square() / (2 * variance))
            means.append(centre + pull * off)
        chosen = torch.stack(logs).softmax(0)
        return (chosen * torch.stack(means)).sum(0)


def test_ddim_under_mixture_noise_ends_in_the_data() -> None:
    law = MixtureNoise(0.9, 0.3)
    oracle = MixtureOracle(law)
    grid = path(oracle.schedule, 300, "log-snr", end=1e-3)
    last = grid.levels[0]
    clean = 0.3 + 0.5 * torch.randn(N, 1, generator=dice(), dtype=torch.float64)
    begin = last.alpha * clean + last.sigma * law.draw(clean, ratio(last.ratio), dice(1))
    found = sample(oracle, DdimSampler(), grid, begin, gaussian_noise(0)).x
    assert apart(found, stats.norm(0.3, 0.5)) > 0.001
    wrong = sample(
        oracle, DdimSampler(), grid, torch.randn(N, 1, generator=dice()).double(), gaussian_noise(0)
    )
    assert apart(wrong.x, stats.norm(0.3, 0.5)) < 1e-6


@pytest.mark.parametrize("reverse", ["bridge", "ddim"])
def test_gamma_noise_learns_two_lumps(reverse: str) -> None:
    data = two_lumps()
    model = GammaNoiseMethod().model(data, scale=0.1, reverse=reverse, width=32, depth=2)
    before = energy_distance(model.sample(500, 0, steps=25).x, data.test[:500]).value
    learn(model, data, 200)
    found = model.sample(500, 0, steps=25).x
    assert energy_distance(found, data.test[:500]).value < 0.04 < before


def test_mixture_noise_learns_two_lumps() -> None:
    data = two_lumps()
    model = MixtureNoiseMethod().model(data, width=32, depth=2)
    before = energy_distance(model.sample(500, 0, steps=25).x, data.test[:500]).value
    learn(model, data, 200)
    assert energy_distance(model.sample(500, 0, steps=25).x, data.test[:500]).value < 0.04 < before


def test_what_cannot_be_is_refused() -> None:
    data = two_lumps(10)
    model = GammaNoiseMethod().model(data, width=8, depth=1)
    with pytest.raises(SettingError, match="adds Gaussian noise"):
        model.sample(2, 0, sampler=EulerAncestralSampler())
    with pytest.raises(SettingError, match="scale"):
        GammaNoise(0.0)
    with pytest.raises(SettingError, match="distance"):
        MixtureNoise(1.0)
    with pytest.raises(SettingError, match="known are"):
        GammaNoiseMethod().model(data, reverse="beta")  # type: ignore[arg-type]
