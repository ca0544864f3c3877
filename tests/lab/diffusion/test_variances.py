"""Variances of a reverse step: DDPM's on a table of betas, the optimal one against Bayes, the learned one."""

from __future__ import annotations

import math

import pytest
import torch
from lab_problems import correlated, line_mixture
from lab_walks import drawn, grid, line_gaussian

from tasvir.errors import SettingError, UnknownNameError
from tasvir.lab.diffusion.oracles.affine import marginal, moments_of_gaussian
from tasvir.lab.diffusion.oracles.base import OracleDenoiser
from tasvir.lab.diffusion.samplers.ancestral import AncestralSampler
from tasvir.lab.diffusion.samplers.ddim_eta import DdimEtaSampler
from tasvir.lab.diffusion.sampling import gaussian_noise
from tasvir.lab.diffusion.schedules.karras import KarrasSchedule
from tasvir.lab.diffusion.schedules.linear import LinearSchedule
from tasvir.lab.diffusion.schedules.straight import StraightSchedule
from tasvir.lab.diffusion.variances import (
    EstimatedScore,
    LearnedVariance,
    OptimalVariance,
    ReverseStep,
    interpolated,
    of_gaussian,
    optimal,
)

VP, VE = LinearSchedule(), KarrasSchedule(20.0)


def test_on_a_variance_preserving_chain_it_is_ddpms_posterior() -> None:
    """4.9 with its bars and roots: what the thesis prints lacks them."""
    step = ReverseStep(VP.level(0.42), VP.level(0.4))
    bar, bar_before = step.here.alpha**2, step.there.alpha**2
    alpha = bar / bar_before
    beta = 1 - alpha
    assert step.beta == pytest.approx(beta, rel=1e-12)
    assert step.beta_tilde == pytest.approx((1 - bar_before) / (1 - bar) * beta, rel=1e-12)
    x, x0 = torch.tensor([1.7]).double(), torch.tensor([-0.6]).double()
    expected = (
        math.sqrt(bar_before) * beta / (1 - bar) * x0 + math.sqrt(alpha) * (1 - bar_before) / (1 - bar) * x
    )
    assert torch.allclose(step.mean(x, x0), expected, rtol=1e-12)
    eps = (x - step.here.alpha * x0) / step.here.sigma
    by_noise = (x - beta / math.sqrt(1 - bar) * eps) / math.sqrt(alpha)  # table 4.1, its bar put right
    assert torch.allclose(step.mean(x, x0), by_noise, rtol=1e-12)


def test_a_step_to_data_and_one_from_nothing_but_noise() -> None:
    last = ReverseStep(VP.level(0.1), VP.level(0.0))
    assert last.beta_tilde == 0 and last.beta == pytest.approx(VP.level(0.1).sigma ** 2)
    first = ReverseStep(StraightSchedule().level(1.0), StraightSchedule().level(0.9))
    assert (first.beta, first.beta_tilde) == (1.0, pytest.approx(0.81))
    x0 = torch.ones(1).double()
    assert torch.equal(last.mean(5 * x0, x0), x0)
    assert torch.allclose(first.mean(5 * x0, x0), 0.1 * x0)


@pytest.mark.parametrize("schedule", [VP, VE], ids=lambda one: one.name)
def test_the_optimal_variance_of_a_gaussian_is_that_of_bayes(schedule: LinearSchedule) -> None:
    """Var(x_s | x_t) = (1 / V_s + a^2 / b)^-1 with x_t = a x_s + sqrt(b) z and V_s the variance of x_s."""
    law = line_gaussian(0.25)
    step = ReverseStep(schedule.level(0.5), schedule.level(0.3))
    before = float(marginal(law, step.there).covariance)
    bayes = 1 / (1 / before + step.shrink**2 / step.beta)
    found = optimal(step, of_gaussian(law)(step.here), step.beta_tilde)
    assert found == pytest.approx(bayes, rel=1e-12)
    assert step.beta_tilde < found


@pytest.mark.parametrize(("steps", "printed"), [(16, 0.706), (32, 0.836), (64, 0.913), (128, 0.955)])
def test_beta_tilde_disperses_too_little_and_the_optimal_variance_rightly(steps: int, printed: float) -> None:
    """On N(0, 0.25) from sigma 20 to 0.05, by a recursion of mean and variance that stands on its own."""
    law, through = line_gaussian(0.25, 0.0), grid(VE, steps, "log-snr", 0.05)
    truth = float(marginal(law, through.levels[-1]).covariance)
    variance = float(marginal(law, through.levels[0]).covariance)
    for here, there in through.steps:
        s, r = here.sigma**2, there.sigma**2
        factor = r / s + (1 - r / s) * 0.25 / (0.25 + s)
        variance = factor**2 * variance + r * (s - r) / s
    small = float(moments_of_gaussian(AncestralSampler("beta-tilde"), through, law).covariance)
    assert small == pytest.approx(variance, rel=1e-12)
    assert small / truth == pytest.approx(printed, abs=5e-4)
    best = AncestralSampler(OptimalVariance(of_gaussian(law)))
    assert float(moments_of_gaussian(best, through, law).covariance) == pytest.approx(truth, rel=1e-12)
    large = AncestralSampler("beta")
    assert float(moments_of_gaussian(large, through, law).covariance) > truth


@pytest.mark.parametrize("steps", [1, 3, 10])
@pytest.mark.parametrize("eta", [0.0, 0.5, 1.0])
def test_the_optimal_variance_is_right_for_every_eta_and_to_the_data(steps: int, eta: float) -> None:
    law, through = line_gaussian(0.25), grid(VP, steps, "time", 0.05, to_data=True)
    sampler = DdimEtaSampler(eta, mean_square_score=of_gaussian(law))
    found = moments_of_gaussian(sampler, through, law)
    assert float(found.covariance) == pytest.approx(0.25, rel=1e-6)  # 0.3 and 0.25 are floats of 32 bits
    assert float(found.mean) == pytest.approx(0.3, rel=1e-6)


def test_an_estimated_score_comes_to_the_exact_one() -> None:
    law, level = correlated(), VP.level(0.3)
    data = law.sample(20_000, torch.Generator().manual_seed(0))
    estimate = EstimatedScore(OracleDenoiser(law, VP), data, gaussian_noise(1))
    assert estimate(level) == pytest.approx(of_gaussian(law)(level), rel=0.03)
    assert estimate(level) == estimate(level)
    with pytest.raises(SettingError, match="EstimatedScore"):
        of_gaussian(line_mixture())


def test_an_estimate_makes_few_steps_better_on_a_mixture() -> None:
    law, through = line_mixture(), grid(VP, 10, "time", 0.01, to_data=True)
    data = law.sample(5000, torch.Generator().manual_seed(0))
    truth = float(law.sample(100_000, torch.Generator().manual_seed(1)).var())
    score = EstimatedScore(OracleDenoiser(law, VP), data, gaussian_noise(2))
    plain, best = (
        abs(float(drawn(AncestralSampler(kind), through, law, 4000, 3).x.var()) - truth)
        for kind in ("beta-tilde", OptimalVariance(score))
    )
    assert best < plain / 2


def test_an_estimate_beyond_the_bounds_is_held_within_them() -> None:
    step = ReverseStep(VP.level(0.5), VP.level(0.3))
    assert optimal(step, 1e9, step.beta_tilde) == step.beta_tilde
    with pytest.raises(SettingError, match="alpha = 0"):
        optimal(ReverseStep(StraightSchedule().level(1.0), StraightSchedule().level(0.5)), 1.0, 0.0)


def test_a_learned_variance_lies_between_the_two_geometrically() -> None:
    step = ReverseStep(VP.level(0.5), VP.level(0.3))
    low, middle, high = interpolated(step, torch.tensor([0.0, 0.5, 1.0]).double()).tolist()
    assert (low, high) == (pytest.approx(step.beta_tilde), pytest.approx(step.beta))
    assert middle == pytest.approx(math.sqrt(step.beta * step.beta_tilde))


@pytest.mark.parametrize(("fraction", "variance"), [(0.0, "beta-tilde"), (1.0, "beta")])
def test_a_walk_by_a_learned_variance(fraction: float, variance: str) -> None:
    law, through = line_gaussian(), grid(VP, 8, "time", 0.05, to_data=True)
    learned = AncestralSampler(LearnedVariance(lambda x, level: torch.full_like(x, fraction)))
    one, other = (drawn(sampler, through, law, 50, 0).x for sampler in (learned, AncestralSampler(variance)))
    assert torch.allclose(one, other, rtol=1e-12)


def test_a_variance_an_example_is_spread_over_its_numbers() -> None:
    through = grid(VP, 3, "time", 0.05)
    sampler = AncestralSampler(lambda step, x: torch.tensor([0.0, 1.0]).double())
    walk = sampler.walk(torch.zeros(2, 3, dtype=torch.float64), through, torch.ones_like)
    next(walk)
    question = walk.send(torch.zeros(2, 3, dtype=torch.float64))
    assert question.x.tolist() == [[0.0] * 3, [1.0] * 3]


def test_an_unknown_variance_is_refused() -> None:
    with pytest.raises(UnknownNameError, match="beta-tilde"):
        AncestralSampler("gamma")
    with pytest.raises(SettingError, match="eta"):
        DdimEtaSampler(1.5)
