"""The exact law of a walk: against arithmetic, against draws, and refused where a walk is not affine."""

from __future__ import annotations

import pytest
import torch
from lab_problems import correlated, line_mixture
from lab_walks import LineDenoiser, drawn, grid, line_gaussian

from tasvir.errors import SettingError
from tasvir.lab.diffusion.oracles.affine import Moments, marginal, moments, moments_of_gaussian
from tasvir.lab.diffusion.oracles.base import OracleDenoiser
from tasvir.lab.diffusion.samplers.ancestral import AncestralSampler
from tasvir.lab.diffusion.samplers.ddim import DdimSampler
from tasvir.lab.diffusion.samplers.dpmpp_sde import DpmppSdeSampler
from tasvir.lab.diffusion.samplers.gotta_go_fast import GottaGoFastSampler
from tasvir.lab.diffusion.schedules.karras import KarrasSchedule
from tasvir.lab.diffusion.schedules.linear import LinearSchedule


def test_one_ancestral_step_by_hand() -> None:
    """From sigma 2 to 1 on N(0, 1): x0 = x / 5, mean = x / 4 + 3 / 4 x0 = 0.4 x, variance 3/4."""
    schedule = KarrasSchedule(2.0)
    found = moments(
        LineDenoiser(schedule, variance=1.0, mean=0.0),
        AncestralSampler(),
        grid(schedule, 1, "log-snr", 1.0),
        Moments(torch.tensor([7.0]).double(), torch.tensor([[5.0]]).double()),
    )
    assert float(found.mean) == pytest.approx(0.4 * 7, abs=1e-14)
    assert float(found.covariance) == pytest.approx(0.16 * 5 + 0.75, abs=1e-14)


def test_a_walk_without_noise_has_the_product_formula() -> None:
    """DDIM's factor a step on Gaussian data: (a' a v + s' s) / (a^2 v + s^2)."""
    schedule, law = LinearSchedule(), line_gaussian(0.25, 0.0)
    through = grid(schedule, 20, "time", 0.01)
    factor = 1.0
    for here, there in through.steps:
        total = here.alpha**2 * 0.25 + here.sigma**2
        factor *= (here.alpha * there.alpha * 0.25 + here.sigma * there.sigma) / total
    found = moments_of_gaussian(DdimSampler(), through, law)
    begin = float(marginal(law, through.levels[0]).covariance)
    assert float(found.covariance) == pytest.approx(factor**2 * begin, rel=1e-12)


def test_a_walk_in_the_plane_has_the_covariance_that_draws_have() -> None:
    through, law = grid(KarrasSchedule(10.0), 12, "karras", 0.1), correlated()
    exact = moments_of_gaussian(DpmppSdeSampler(), through, law)
    n = 40_000
    x = drawn(DpmppSdeSampler(), through, law, n, seed=5).x
    spread = exact.covariance.diagonal()
    assert ((x.mean(0) - exact.mean).abs() < 4 * (spread / n).sqrt()).all()
    band = 4 * ((torch.outer(spread, spread) + exact.covariance**2) / n).sqrt()  # Isserlis' theorem
    assert ((x.T.cov() - exact.covariance).abs() < band).all()


def test_the_law_at_a_level_is_that_of_noised_data() -> None:
    level = LinearSchedule().level(0.4)
    found = marginal(correlated(), level)
    covariance = torch.tensor([[1.0, 0.6], [0.6, 0.5]], dtype=torch.float64)
    expected = covariance * level.alpha**2 + torch.eye(2, dtype=torch.float64) * level.sigma**2
    assert torch.allclose(found.covariance, expected, atol=1e-7)


def test_what_is_not_affine_is_refused() -> None:
    through = grid(KarrasSchedule(5.0), 6, "karras", 0.1)
    begin = Moments(torch.zeros(1).double(), torch.ones(1, 1).double())
    with pytest.raises(SettingError, match="not affine"):
        moments(OracleDenoiser(line_mixture(), through.schedule), AncestralSampler(), through, begin)
    with pytest.raises(SettingError, match="not affine"):
        moments(LineDenoiser(through.schedule), GottaGoFastSampler(), through, begin)
    with pytest.raises(SettingError, match="one component"):
        moments_of_gaussian(AncestralSampler(), through, line_mixture())
