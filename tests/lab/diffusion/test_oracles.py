"""Oracles against second ways to the same numbers: quadrature, brute force, differentiation."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from lab_problems import correlated, line_mixture
from scipy.integrate import quad

from tasvir.errors import SettingError
from tasvir.lab.diffusion.oracles.finite import FiniteLaw
from tasvir.lab.diffusion.oracles.mixture import MixtureLaw
from tasvir.lab.diffusion.schedules.karras import KarrasSchedule
from tasvir.lab.diffusion.variances import ReverseStep

POINTS = torch.tensor([[0.0, 1.0], [2.0, -1.0], [0.5, 0.5]], dtype=torch.float64)
WEIGHTS = torch.tensor([0.2, 0.5, 0.3], dtype=torch.float64)


def test_a_finite_law_is_a_mixture_of_points(monkeypatch: pytest.MonkeyPatch) -> None:
    """The mixture of Gaussians of no spread has the same density, denoiser and score; in chunks too."""
    monkeypatch.setattr("tasvir.lab.diffusion.oracles.finite.AT_ONCE", 7)
    law, same = FiniteLaw(POINTS, WEIGHTS), MixtureLaw(WEIGHTS, POINTS, torch.zeros(3, 2))
    x = torch.randn(9, 2, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    for alpha, sigma in ((1.0, 0.5), (0.3, 0.9), (1.0, 30.0)):
        torch.testing.assert_close(law.log_density(x, alpha, sigma), same.log_density(x, alpha, sigma))
        torch.testing.assert_close(law.denoise(x, alpha, sigma), same.denoise(x, alpha, sigma))
        at = x.clone().requires_grad_()
        (slope,) = torch.autograd.grad(law.log_density(at, alpha, sigma).sum(), at)
        torch.testing.assert_close(law.score(x, alpha, sigma), slope)


def test_near_no_noise_the_nearest_example_is_the_answer() -> None:
    law = FiniteLaw(POINTS + 1000)
    found = law.denoise(POINTS + 1000.001, 1.0, 1e-2)
    torch.testing.assert_close(found, POINTS + 1000)
    assert law.denoise(POINTS.float(), 1.0, 0.1).dtype == torch.float32
    drawn = FiniteLaw(POINTS, WEIGHTS).sample(20_000, torch.Generator().manual_seed(1))
    shares = (drawn[:, None] == POINTS).all(2).double().mean(0)
    torch.testing.assert_close(shares, WEIGHTS, rtol=0, atol=0.015)


@pytest.mark.parametrize(
    "wrong",
    [
        lambda: FiniteLaw(torch.zeros(3)),
        lambda: FiniteLaw(torch.zeros(0, 2)),
        lambda: FiniteLaw(POINTS, torch.tensor([1.0, 1.0])),
        lambda: FiniteLaw(POINTS, torch.tensor([1.0, 0.0, 1.0])),
        lambda: FiniteLaw(POINTS).log_density(POINTS),
        lambda: line_mixture().mean_square_error(1.0, 1.0),
    ],
)
def test_what_has_no_answer_is_refused(wrong: object) -> None:
    with pytest.raises(SettingError):
        wrong()  # type: ignore[operator]


def test_the_density_of_a_mixture_sums_to_one_under_noise() -> None:
    law = line_mixture()
    for alpha, sigma in ((1.0, 0.0), (0.7, 0.5)):
        density = lambda x, a=alpha, s=sigma: float(law.log_density(torch.tensor([[x]]), a, s).exp())  # noqa: E731
        assert quad(density, -6, 6, limit=200)[0] == pytest.approx(1, abs=1e-6)


def test_the_mean_square_error_is_that_of_the_denoiser_and_its_integral_the_information() -> None:
    """Monte Carlo for one level; half the integral over SNR is half log det (I + S1 C) / (I + S0 C)."""
    law = correlated()
    generator = torch.Generator().manual_seed(0)
    x0 = law.sample(40_000, generator)
    noisy = 0.8 * x0 + 0.6 * torch.randn(x0.shape, generator=generator, dtype=torch.float64)
    missed = ((x0 - law.denoise(noisy, 0.8, 0.6)) ** 2).sum(1)
    error = float(missed.std()) / math.sqrt(len(missed))
    assert float(missed.mean()) == pytest.approx(law.mean_square_error(0.8, 0.6), abs=4 * error)
    low, high = 0.01, 400.0
    half = quad(lambda snr: law.mean_square_error(math.sqrt(snr), 1.0) / 2, low, high, limit=200)[0]
    spread = law.spread[0].numpy()
    right = 0.5 * np.log((1 + high * spread) / (1 + low * spread)).sum()
    assert half == pytest.approx(right, rel=1e-9)


def test_the_step_back_given_the_data_is_bayes() -> None:
    """q(x_s | x_t, x_0) against q(x_t | x_s) q(x_s | x_0) / q(x_t | x_0) on a grid of x_s."""
    schedule = KarrasSchedule(5.0)
    here, there = schedule.level(2.0), schedule.level(0.7)
    step = ReverseStep(here, there)
    x0, xt = torch.tensor(0.4).double(), torch.tensor(1.9).double()
    grid = torch.linspace(-6, 6, 4001, dtype=torch.float64)
    added = here.sigma**2 - there.sigma**2
    joint = torch.exp(-((xt - grid) ** 2) / (2 * added) - (grid - x0) ** 2 / (2 * there.sigma**2))
    share = joint / joint.sum()
    mean = float((share * grid).sum())
    assert float(step.mean(xt, x0)) == pytest.approx(mean, abs=1e-9)
    assert step.beta_tilde == pytest.approx(float((share * (grid - mean) ** 2).sum()), abs=1e-9)
