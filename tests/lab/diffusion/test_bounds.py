"""Bounds of the likelihood against laws whose likelihood is known, and against arithmetic by hand."""

from __future__ import annotations

import math

import pytest
import torch
from lab_problems import correlated, line_mixture
from scipy.stats import norm
from torch import Tensor

from tasvir.errors import SettingError
from tasvir.lab.diffusion.bounds import ChainBound, chain_bound
from tasvir.lab.diffusion.continuous_bounds import ContinuousBound, Times, continuous_bound, implicit_bound
from tasvir.lab.diffusion.decoders import among_levels, discretised_gaussian
from tasvir.lab.diffusion.denoiser import WrappedDenoiser
from tasvir.lab.diffusion.likelihood import Hutchinson, law_terminal
from tasvir.lab.diffusion.oracles.base import Law, OracleDenoiser
from tasvir.lab.diffusion.oracles.finite import FiniteLaw
from tasvir.lab.diffusion.oracles.mixture import MixtureLaw
from tasvir.lab.diffusion.paths import path
from tasvir.lab.diffusion.schedules.base import Level, Schedule
from tasvir.lab.diffusion.schedules.cosine import CosineSchedule
from tasvir.lab.diffusion.schedules.karras import KarrasSchedule
from tasvir.lab.diffusion.schedules.linear import LinearSchedule
from tasvir.lab.diffusion.schedules.straight import StraightSchedule
from tasvir.lab.diffusion.schedules.table import TableSchedule, linear_betas
from tasvir.lab.diffusion.variances import OptimalVariance, Variance, beta, beta_tilde, of_gaussian

ROUND = MixtureLaw.gaussian(torch.tensor([0.2, -0.4]), torch.full((2,), 0.3))


def drawn(law: Law, n: int = 64) -> Tensor:
    return law.sample(n, torch.Generator().manual_seed(100))  # other numbers than the bounds' own noise


def mean_gap(bound: ChainBound | ContinuousBound, exact: Tensor) -> tuple[float, float]:
    """Mean of -log p's excess over the truth, and its standard error over examples' own noise."""
    gaps = exact - bound.nats
    return float(gaps.mean()), float(gaps.std()) / math.sqrt(len(gaps))


TIMES: tuple[Times, ...] = ("importance", "uniform")


class Biased(WrappedDenoiser):
    """A guess that is off by a constant: a bound must pay for it, exactly."""

    def tell(self, x: Tensor, level: Level) -> Tensor:
        return super().tell(x, level) + 0.1


@pytest.mark.parametrize("steps", [1, 3, 30])
def test_with_the_optimal_variance_a_gaussians_chain_is_exact_at_every_length(steps: int) -> None:
    """For N(m, s^2 I) the true reverse kernels are Gaussian, so no step misses anything."""
    schedule = LinearSchedule()
    data = drawn(ROUND, 400)
    found = chain_bound(
        OracleDenoiser(ROUND, schedule),
        data,
        path(schedule, steps, "time", end=1e-3),
        variance=OptimalVariance(of_gaussian(ROUND)),
        terminal=law_terminal(ROUND),
        draws=20,
    )
    gap, error = mean_gap(found, ROUND.log_density(data))
    assert abs(gap) < 4 * error and error < 0.02
    assert found.steps.shape == (steps - 1, 400) and found.evaluations == 20 * steps


def test_fixed_variances_cost_their_closed_form_and_less_with_more_steps() -> None:
    """For N(0, 1) beta is the optimum; beta-tilde pays 1/2 (r - 1 - log r), r = beta / beta-tilde."""
    law = MixtureLaw.gaussian(torch.zeros(1), torch.ones(1))
    schedule = TableSchedule(linear_betas(50, 1e-3, 0.3))
    data, grid = drawn(law, 2000), path(schedule, 50, "time", end=1.0)
    by_beta, by_tilde = (
        chain_bound(OracleDenoiser(law, schedule), data, grid, variance=one, draws=4)
        for one in (beta, beta_tilde)
    )
    betas = linear_betas(50, 1e-3, 0.3).flip(0)[:-1]
    products = torch.cumprod(1 - linear_betas(50, 1e-3, 0.3), 0).flip(0)
    ratio = (1 - products[:-1]) / (1 - products[1:])  # beta over beta-tilde of steps 50 ... 2
    right = 0.5 * (ratio - 1 - ratio.log()).sum()
    assert len(betas) == len(ratio) == 49
    gap, error = mean_gap(by_beta, law.log_density(data))
    assert abs(gap) < 4 * error + 1e-3
    difference = by_beta.nats - by_tilde.nats
    error = float(difference.std()) / math.sqrt(2000)
    assert float(difference.mean()) == pytest.approx(float(right), abs=4 * error)


@pytest.mark.parametrize(("variance", "left"), [(beta, 0.0), (beta_tilde, 0.3)])
@pytest.mark.parametrize("law", [line_mixture(), correlated()], ids=["mixture", "gaussian"])
def test_the_chain_never_says_more_than_the_truth_and_nears_it(
    law: Law, variance: Variance, left: float
) -> None:
    schedule = CosineSchedule()
    data, gaps = drawn(law, 500), []
    for steps in (20, 80, 320):
        found = chain_bound(
            OracleDenoiser(law, schedule),
            data,
            path(schedule, steps, "log-snr", end=1e-4),
            variance=variance,
            terminal=law_terminal(law),
        )
        gap, error = mean_gap(found, law.log_density(data))
        gaps.append(gap)
        assert gap > -3 * error
    assert gaps[0] > gaps[1] + 0.1 and gaps[0] > gaps[2] + 0.1
    assert gaps[2] < left + 3 * error


def test_the_terms_are_those_of_the_thesis_by_hand() -> None:
    """One number, two steps, a guess of 0 always: 4.7 with 4.9 written out."""

    class Zero(OracleDenoiser):
        def tell(self, x: Tensor, level: Level) -> Tensor:
            return torch.zeros_like(x)

    betas = torch.tensor([0.2, 0.98], dtype=torch.float64)
    schedule = TableSchedule(betas)
    x0, product = 0.6, 0.8 * 0.02
    found = chain_bound(
        Zero(correlated(), schedule),
        torch.tensor([[x0]], dtype=torch.float64),
        path(schedule, 2, "time", end=1.0),
        variance=beta,
        terminal=None,
    )
    prior = product * x0**2 / (2 * (1 - product))  # KL(N(sqrt(product) x0, 1 - product) || N(0, 1 - product))
    tilde = (1 - 0.8) / (1 - product) * 0.98
    share = math.sqrt(0.8) * 0.98 / (1 - product)
    step = 0.5 * (tilde / 0.98 - 1 - math.log(tilde / 0.98)) + (share * x0) ** 2 / (2 * 0.98)
    decoder = -norm.logpdf(x0, 0, math.sqrt(0.2))
    assert float(found.prior) == pytest.approx(prior, rel=1e-9)
    assert float(found.steps) == pytest.approx(step, rel=1e-9)
    assert float(found.decoder) == pytest.approx(decoder, rel=1e-9)
    assert float(found.nats) == pytest.approx(-(prior + step + decoder), rel=1e-9)


CONTINUOUS = [
    (LinearSchedule(), 1e-6),
    (KarrasSchedule(80.0), 1e-3),
    (CosineSchedule(), 1e-4),
]


@pytest.mark.parametrize(("schedule", "end"), CONTINUOUS, ids=lambda value: getattr(value, "name", ""))
@pytest.mark.parametrize("law", [line_mixture(), correlated()], ids=["mixture", "gaussian"])
def test_in_continuous_time_the_exact_denoisers_bound_is_the_likelihood(
    law: Law, schedule: Schedule, end: float
) -> None:
    data = drawn(law, 300)
    for bound in (continuous_bound, implicit_bound):
        found = bound(OracleDenoiser(law, schedule), data, end=end, terminal=law_terminal(law), strata=48)
        exact = law.log_density(data)
        assert found.error is not None
        pooled = float(found.error.square().mean().sqrt())
        assert abs(float((found.nats - exact).mean())) < 5 * pooled / math.sqrt(300) + 0.02
        within = ((found.nats - exact).abs() < 1.96 * found.error + 0.01).double().mean()
        assert 0.88 < float(within) <= 1.0


def test_a_wrong_guess_costs_its_square_in_both_forms() -> None:
    """A bias b of x0 costs 1/2 b^2 D (SNR_max - SNR_min) in the bound of 4.34."""
    law, schedule = ROUND, KarrasSchedule(20.0)
    data = drawn(law, 200)
    right, wrong = (
        continuous_bound(one, data, end=0.2, terminal=law_terminal(law), strata=64)
        for one in (OracleDenoiser(law, schedule), Biased(OracleDenoiser(law, schedule)))
    )
    cost = 0.5 * 0.1**2 * 2 * (1 / 0.2**2 - 1 / 20**2)
    assert float((right.nats - wrong.nats).mean()) == pytest.approx(cost, rel=0.15)


def test_the_integral_is_half_the_log_ratio_for_a_gaussian() -> None:
    """I-MMSE: the diffusion term's mean is 1/2 sum log (1 + S1 e) / (1 + S0 e), whatever lies between."""
    law, end = correlated(), 0.05
    data = drawn(law, 1000)
    straight = StraightSchedule()
    straight.last = 0.99
    cases: list[tuple[Schedule, float, Times]] = [
        (KarrasSchedule(99.0), 0.05 / 0.95, "importance"),
        (straight, end, "importance"),
        (straight, end, "uniform"),
    ]
    for schedule, begin, times in cases:
        found = continuous_bound(
            OracleDenoiser(law, schedule),
            data,
            end=begin,
            times=times,
            strata=96,
        )
        high, low = (0.95 / 0.05) ** 2, (1 / 99) ** 2
        right = 0.5 * torch.log((1 + high * law.spread[0]) / (1 + low * law.spread[0])).sum()
        assert float(found.diffusion.mean()) == pytest.approx(float(right), rel=0.04), times


def test_importance_pays_where_time_and_noise_run_apart() -> None:
    """Same mean; times even in t of the linear schedule spread it far more (Song et al. 2021b, section 5)."""
    law, schedule = correlated(), LinearSchedule()
    data = drawn(law, 200)
    exact = float(law.log_density(data).mean())
    spreads = []
    for times in TIMES:
        found = [
            continuous_bound(
                OracleDenoiser(law, schedule), data, end=1e-4, terminal=law_terminal(law), times=times,
                strata=16, seed=seed,
            ).nats.mean()
            for seed in range(12)
        ]  # fmt: skip
        away = torch.stack(found) - exact
        spreads.append(float(away.std()))
        assert abs(float(away.mean())) < 4 * spreads[-1] / math.sqrt(12) + 0.01
    assert spreads[1] > 4 * spreads[0]


def test_probes_serve_the_implicit_form() -> None:
    law, schedule = correlated(), KarrasSchedule(20.0)
    data = drawn(law, 200)
    exact, probed = (
        implicit_bound(
            OracleDenoiser(law, schedule), data, end=1e-3, terminal=law_terminal(law), trace=trace, strata=32
        )
        for trace in (None, Hutchinson(2))
    )
    assert float(probed.nats.mean()) == pytest.approx(float(exact.nats.mean()), abs=0.1)
    assert probed.error is not None and exact.error is not None
    assert float(probed.error.mean()) > float(exact.error.mean())


def test_a_decoder_of_levels_is_a_law_on_them() -> None:
    """All levels' shares sum to one, whatever the mean and deviation; narrow and far bins stay finite."""
    values = torch.linspace(-1, 1, 17, dtype=torch.float64)
    for mean, deviation in ((0.3, 0.1), (-2.0, 0.05), (0.0, 1e-3), (0.9, 5.0)):
        gaussian = discretised_gaussian(values, torch.tensor(mean), torch.tensor(deviation), 17)
        assert bool(torch.isfinite(gaussian).all())
        assert float(gaussian.exp().sum()) == pytest.approx(1, abs=1e-9)
        cells = torch.cat(
            [torch.tensor([-math.inf]), values[:-1] + 1 / 16, torch.tensor([math.inf])]
        ).double()
        right = norm.cdf(cells[1:], mean, deviation) - norm.cdf(cells[:-1], mean, deviation)
        torch.testing.assert_close(gaussian.exp(), torch.from_numpy(right), rtol=1e-6, atol=1e-14)
    seen = torch.full((17,), 0.21, dtype=torch.float64)
    assert float(among_levels(values, seen, 0.1, 17).exp().sum()) == pytest.approx(1)
    density = among_levels(values, seen, 0.1, None)
    torch.testing.assert_close(density, torch.from_numpy(norm.logpdf(values, 0.21, 0.1)))


def test_uniform_levels_cost_their_bits() -> None:
    """Data with all levels equally likely and a denoiser that knows it: both bounds are near log2(levels)."""
    values = torch.linspace(-1, 1, 9, dtype=torch.float64)[:, None]
    law = FiniteLaw(values)
    data = drawn(law, 400)
    schedule = KarrasSchedule(40.0)
    denoiser = OracleDenoiser(law, schedule)
    vdm = continuous_bound(denoiser, data, end=0.02, levels=9, strata=400)
    grid = path(schedule, 200, "log-snr", end=0.02)
    chain = chain_bound(denoiser, data, grid, levels=9, draws=4)
    for found, missed in ((vdm, 0.05), (chain, 0.2)):
        assert found.bits_per_dimension is not None and found.error is not None
        error = float(found.error.mean()) / math.log(2) / math.sqrt(400)
        assert found.bits_per_dimension > math.log2(9) - 4 * error
        assert found.bits_per_dimension == pytest.approx(math.log2(9), abs=missed)


def test_what_has_no_bound_is_told() -> None:
    law, schedule = correlated(), KarrasSchedule(20.0)
    data, denoiser = drawn(law), OracleDenoiser(law, KarrasSchedule(20.0))
    grid = path(denoiser.schedule, 4, end=0.1)
    for wrong, message in (
        (lambda: chain_bound(denoiser, data, path(schedule, 4, end=0.1)), "another schedule"),
        (lambda: chain_bound(denoiser, data, grid, draws=0), "ask for 1 or more"),
        (lambda: chain_bound(denoiser, data, grid, levels=256), "not of 256 levels"),
        (lambda: chain_bound(denoiser, data, grid, variance=lambda step, x: 0.0), "not positive"),
        (lambda: continuous_bound(denoiser, data, end=0.0), "noise at the end"),
        (
            lambda: continuous_bound(OracleDenoiser(law, StraightSchedule()), data, end=0.1),
            "draw times uniformly",
        ),
        (lambda: continuous_bound(OracleDenoiser(law, KarrasSchedule(2.0)), data, end=0.1), "reach noise"),
    ):
        with pytest.raises(SettingError, match=message):
            wrong()
