"""Flows between noise and data: couplings, straightness, reflow, interpolants; closed forms of Gaussians."""

from __future__ import annotations

import itertools
import math
from typing import Any

import pytest
import torch
from few_steps import distance, learn, two_lumps
from lab_problems import correlated, gaussian_end
from torch import Tensor

from tasvir.errors import SettingError
from tasvir.lab.diffusion.couplings import optimal, straightness, transport_cost
from tasvir.lab.diffusion.denoiser import Denoiser
from tasvir.lab.diffusion.methods.alpha_blending import AlphaBlendingMethod, uniform
from tasvir.lab.diffusion.methods.base import Method
from tasvir.lab.diffusion.methods.flow_matching import FlowMatchingMethod, OtFlowMatchingMethod
from tasvir.lab.diffusion.methods.interpolant import InterpolantMethod
from tasvir.lab.diffusion.methods.reflow import ReflowMethod
from tasvir.lab.diffusion.objectives.pairs import made_pairs
from tasvir.lab.diffusion.oracles.base import OracleDenoiser
from tasvir.lab.diffusion.paths import path
from tasvir.lab.diffusion.samplers.ddim import DdimSampler
from tasvir.lab.diffusion.samplers.euler_maruyama import EulerMaruyamaSampler
from tasvir.lab.diffusion.samplers.interpolant_sde import InterpolantSdeSampler
from tasvir.lab.diffusion.sampling import gaussian_noise, sample
from tasvir.lab.diffusion.schedules.base import Level, Schedule
from tasvir.lab.diffusion.schedules.conditional_ot import ConditionalOtSchedule
from tasvir.lab.diffusion.schedules.interpolant import InterpolantSchedule
from tasvir.lab.diffusion.schedules.straight import StraightSchedule

LAW = correlated()
SCHEDULES: list[Schedule] = [
    StraightSchedule(),
    ConditionalOtSchedule(0.05),
    InterpolantSchedule("trigonometric"),
    InterpolantSchedule("linear", latent=0.7),
    InterpolantSchedule("trigonometric", latent=0.5),
]


def noise_of(n: int) -> Tensor:
    return torch.randn(n, 2, generator=torch.Generator().manual_seed(0), dtype=torch.float64)


def monge(noise: Tensor) -> Tensor:
    """The optimal map from N(0, I) to N(m, S): m + S^(1/2) z (Knott and Smith 1984)."""
    root = LAW.axes[0] @ torch.diag(LAW.spread[0].sqrt()) @ LAW.axes[0].T
    assert torch.allclose(root @ root, covariance())
    return LAW.means[0] + noise @ root


def covariance() -> Tensor:
    return torch.tensor([[1.0, 0.6], [0.6, 0.5]], dtype=torch.float64)


class ReflowedOracle(Denoiser):
    """The exact velocity after one reflow: ways from z to m + S^(1/2) z, straight, never crossing."""

    prediction = "velocity"

    def __init__(self) -> None:
        self.schedule = StraightSchedule()

    def tell(self, x: Tensor, level: Level) -> Tensor:
        origin, columns = monge(torch.zeros(1, 2).double()), monge(torch.eye(2).double())
        root = columns - origin
        whole = level.alpha * root + level.sigma * torch.eye(2).double()
        noise = torch.linalg.solve(whole, (x - level.alpha * origin).T).T
        return noise - monge(noise)


@pytest.mark.parametrize("schedule", SCHEDULES, ids=lambda one: f"{one.name}{getattr(one, 'latent', '')}")
def test_derivatives_and_times_agree_with_alpha_and_sigma(schedule: Schedule) -> None:
    times = torch.linspace(0.05, 0.95, 7, dtype=torch.float64)
    step = 1e-6
    d_alpha, d_sigma = schedule.derivatives(times)
    assert torch.allclose(d_alpha, (schedule.alpha(times + step) - schedule.alpha(times - step)) / (2 * step))
    assert torch.allclose(d_sigma, (schedule.sigma(times + step) - schedule.sigma(times - step)) / (2 * step))
    assert torch.allclose(schedule.time_of(schedule.half_log_snr(times)), times, atol=1e-9)
    assert float(schedule.alpha(torch.ones(1))) == 0.0 and float(
        schedule.sigma(torch.ones(1))
    ) == pytest.approx(1)


def test_the_flow_of_a_gaussian_ends_in_the_optimal_map() -> None:
    denoiser, x = OracleDenoiser(LAW, StraightSchedule()), noise_of(200)
    assert torch.allclose(gaussian_end(LAW, denoiser.schedule, x, 1.0, 0.0), monge(x), atol=1e-12)
    grid = path(denoiser.schedule, 2000, "time", end=0.0, to_data=False)
    assert torch.allclose(sample(denoiser, DdimSampler(), grid, x, gaussian_noise(0)).x, monge(x), atol=2e-3)


def test_before_reflow_it_bends_and_after_reflow_one_step_is_exact() -> None:
    x = noise_of(2000)
    before, after = OracleDenoiser(LAW, StraightSchedule()), ReflowedOracle()
    assert straightness(before, x) > 0.01
    assert straightness(after, x) < 1e-20
    once = path(after.schedule, 1, "time", end=0.0, to_data=False)
    assert torch.allclose(sample(after, DdimSampler(), once, x, gaussian_noise(0)).x, monge(x), atol=1e-12)
    first = path(before.schedule, 1, "time", end=0.0, to_data=False)
    assert not torch.allclose(
        sample(before, DdimSampler(), first, x, gaussian_noise(0)).x, monge(x), atol=0.1
    )


def test_straightness_of_a_circle_is_that_of_a_circle() -> None:
    """x turns by a quarter: the chord is sqrt 2, the speed pi / 2, so S = (pi^2 / 4 - 2) / 2."""

    class Turning(Denoiser):
        prediction = "velocity"
        schedule = StraightSchedule()

        def tell(self, x: Tensor, level: Level) -> Tensor:
            return math.pi / 2 * torch.stack([-x[:, 1], x[:, 0]], 1)

    assert straightness(Turning(), noise_of(100), 4000) == pytest.approx((math.pi**2 / 4 - 2) / 2, rel=1e-2)


def test_transport_costs_fall_from_independent_pairs_to_the_flow_to_the_optimum() -> None:
    noise, data = noise_of(4000), LAW.sample(4000, torch.Generator().manual_seed(1))
    flowed = gaussian_end(LAW, StraightSchedule(), noise, 1.0, 0.0)
    paired, carried = transport_cost(noise, data), transport_cost(noise, flowed)
    trace = float(torch.trace(torch.eye(2) + covariance()))
    mean = float(LAW.means[0].square().sum())
    root = float(LAW.spread[0].sqrt().sum())
    assert paired == pytest.approx(mean + trace, abs=0.15)
    assert carried == pytest.approx(mean + trace - 2 * root, abs=0.06)  # Bures and Wasserstein
    assert carried < paired


def test_optimal_pairs_are_the_best_of_all_orders() -> None:
    noise, data = noise_of(6), LAW.sample(6, torch.Generator().manual_seed(2))
    best = min(transport_cost(noise[list(order)], data) for order in itertools.permutations(range(6)))
    found = optimal(noise, data)
    assert transport_cost(found, data) == pytest.approx(best, rel=1e-12)
    assert sorted(found[:, 0].tolist()) == sorted(noise[:, 0].tolist())
    assert best < transport_cost(noise, data)


@pytest.mark.parametrize("schedule", SCHEDULES, ids=lambda one: f"{one.name}{getattr(one, 'latent', '')}")
@pytest.mark.parametrize("level", [0.0, 0.3, 2.0])
def test_flow_and_sdes_of_any_noise_share_the_marginals(schedule: Schedule, level: float) -> None:
    denoiser, n, steps = OracleDenoiser(LAW, schedule), 8000, 200
    x, noise = noise_of(n) * schedule.level(1.0).sigma, gaussian_noise(1)
    for start, end in ((1.0, 0.75), (0.75, 0.5), (0.5, 0.25)):
        grid = path(schedule, steps // 4, "time", start=start, end=end, to_data=False)
        x = sample(denoiser, InterpolantSdeSampler(level), grid, x, noise).x
        there = schedule.level(end)
        wanted = there.alpha**2 * covariance() + there.sigma**2 * torch.eye(2)
        assert torch.allclose(x.mean(0), there.alpha * LAW.means[0], atol=0.05)
        assert torch.allclose(torch.cov(x.T), wanted, atol=0.07)


def test_at_level_zero_the_sde_is_the_flow_and_reverse_diffusion_is_one_of_its_kind() -> None:
    schedule = StraightSchedule()
    denoiser, x = OracleDenoiser(LAW, schedule), noise_of(5)
    grid = path(schedule, 7, "time", end=0.1, to_data=False)
    flow = sample(denoiser, DdimSampler(), grid, x, gaussian_noise(0)).x
    assert torch.allclose(sample(denoiser, InterpolantSdeSampler(0.0), grid, x, gaussian_noise(0)).x, flow)
    # the reverse SDE has e = g^2 / 2 = sigma / alpha there; over one short step from t = 1 / 2, level = 2
    short = path(schedule, 1, "time", start=0.5, end=0.49, to_data=False)
    one = sample(denoiser, InterpolantSdeSampler(2.0), short, x, gaussian_noise(3)).x
    other = sample(denoiser, EulerMaruyamaSampler(), short, x, gaussian_noise(3)).x
    assert torch.allclose(one, other, atol=1e-12)


def test_uniform_noise_is_uniform() -> None:
    drawn = uniform(noise_of(20000)).flatten()
    assert float(drawn.var()) == pytest.approx(1, abs=0.03)
    assert float((drawn / math.sqrt(3)).abs().max()) <= 1
    shares = torch.histc(drawn, 10, -math.sqrt(3), math.sqrt(3)) / len(drawn)
    assert torch.allclose(shares, torch.full((10,), 0.1, dtype=torch.float64), atol=0.01)


@pytest.mark.parametrize(
    ("method", "options"),
    [
        (FlowMatchingMethod(), {}),
        (OtFlowMatchingMethod(), {}),
        (InterpolantMethod(), {"way": "linear", "latent": 0.5, "level": 0.5}),
        (AlphaBlendingMethod(), {"base": "uniform"}),
    ],
    ids=lambda value: getattr(value, "name", ""),
)
def test_flows_are_learned(method: Method, options: dict[str, Any]) -> None:
    data = two_lumps()
    torch.manual_seed(0)
    model = method.model(data, width=64, depth=1, **options)
    untrained = distance(model.sample(1500, 0).x, data)
    learn(model, data, steps=150)
    found = distance(model.sample(1500, 0).x, data)
    assert found < 0.02 < 10 * 0.02 < untrained


def test_reflow_straightens_and_lowers_the_cost_and_one_step_is_enough() -> None:
    data = two_lumps()
    torch.manual_seed(0)
    first = FlowMatchingMethod().model(data, width=64, depth=1)
    learn(first, data, steps=150)
    second = ReflowMethod().model(data, teacher=first, pairs=2000, width=64, depth=1)
    learn(second, data, steps=120)
    x = torch.randn(1000, 2, generator=torch.Generator().manual_seed(3))
    bent, straight = straightness(first.denoiser, x), straightness(second.denoiser, x)
    once = distance(first.sample(1500, 0, steps=1).x, data)
    again = distance(second.sample(1500, 0, steps=1).x, data)
    assert straight < 0.1 * bent
    assert again < 0.5 * once
    costs = [transport_cost(*made_pairs(one, 1000, 20)[:2]) for one in (first, second)]
    assert costs[1] < costs[0] * 1.02


def test_pairs_are_the_teachers_own_samples() -> None:
    data = two_lumps()
    teacher = FlowMatchingMethod().model(data, width=16, depth=1)
    noise, ends, labels = made_pairs(teacher, 7, seed=5)
    assert torch.equal(ends, teacher.sample(7, 5).x) and labels is None
    assert torch.equal(noise, gaussian_noise(5)(torch.empty(7, 2)))


def test_what_cannot_be_is_told() -> None:
    data = two_lumps()
    with pytest.raises(SettingError, match="--teacher"):
        ReflowMethod().model(data, width=8, depth=1).loss(data.train[:2], None, torch.Generator())
    with pytest.raises(SettingError, match="Gaussian noise"):
        AlphaBlendingMethod().model(data, base="uniform", width=8, depth=1).sample(
            2, 0, sampler=InterpolantSdeSampler()
        )
    with pytest.raises(SettingError, match="uniform"):
        AlphaBlendingMethod().model(data, base="salty", width=8, depth=1)  # type: ignore[arg-type]
    with pytest.raises(SettingError, match="trigonometric"):
        InterpolantSchedule("crooked")  # type: ignore[arg-type]
    with pytest.raises(SettingError, match="sigma_min"):
        ConditionalOtSchedule(1.0)
    with pytest.raises(SettingError, match="negative"):
        InterpolantSdeSampler(-1.0)
