"""The sphere: its heat kernel in limits and as a series, walks back against exact laws, a learned one."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from few_steps import energy_distance, learn
from scipy import stats
from scipy.special import eval_legendre
from torch import Tensor

from tasvir.errors import SettingError, UnknownNameError
from tasvir.lab.data import sphere
from tasvir.lab.data.showing import pictured
from tasvir.lab.diffusion.heat_kernel import CELLS, HeatTable, heat, moved, tangent
from tasvir.lab.diffusion.methods.sphere import SphereMethod, walked_back
from tasvir.lab.diffusion.sampling import gaussian_noise

NORTH = torch.tensor([[0.0, 0.0, 1.0]], dtype=torch.float64)


def tau(value: float) -> Tensor:
    return torch.tensor([value], dtype=torch.float64)


def uniform(n: int) -> Tensor:
    x = torch.randn(n, 3, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    return x / x.norm(dim=1, keepdim=True)


def height_law(time: float) -> object:
    """The law of cos gamma under the heat kernel; the integral of P_l is (P_l+1 - P_l-1) / (2 l + 1)."""

    class Law:
        def cdf(self, height: np.ndarray) -> np.ndarray:
            total = (height + 1) / 2
            for number in range(1, 80):
                weight = math.exp(-number * (number + 1) * time / 2) / 2
                total = total + weight * (
                    eval_legendre(number + 1, height) - eval_legendre(number - 1, height)
                )
            return total

    return Law()


def test_the_kernel_is_the_series_integrates_to_1_and_is_flat_at_last() -> None:
    gamma = torch.linspace(0, math.pi, 4001, dtype=torch.float64)
    for time in (0.01, 0.3, 2.0):
        density, slope = heat(gamma, tau(time))
        assert float(torch.trapezoid(density * 2 * math.pi * gamma.sin(), gamma)) == pytest.approx(
            1, abs=1e-5
        )
        assert torch.allclose(torch.gradient(density, spacing=(gamma,))[0][1:-1], slope[1:-1], atol=2e-3)
    series = sum(
        (2 * n + 1) / (4 * math.pi) * math.exp(-n * (n + 1) * 0.15) * eval_legendre(n, math.cos(0.8))
        for n in range(40)
    )
    assert float(heat(torch.tensor([0.8]).double(), tau(0.3))[0]) == pytest.approx(series, rel=1e-6)
    assert torch.allclose(heat(gamma, tau(40.0))[0], torch.tensor(1 / (4 * math.pi)).double())


def test_for_a_short_time_the_kernel_is_the_planes() -> None:
    """exp(-gamma^2 / (2 tau)) sqrt(gamma / sin gamma) / (2 pi tau), of score -gamma / tau at first."""
    gamma, time = torch.linspace(0.01, 0.2, 20, dtype=torch.float64), 0.002
    density, slope = heat(gamma, tau(time))
    plane = torch.exp(-gamma.square() / (2 * time)) * (gamma / gamma.sin()).sqrt() / (2 * math.pi * time)
    assert torch.allclose(density, plane, rtol=2e-3)
    assert torch.allclose(slope / density, -gamma / time, rtol=2e-2)


@pytest.mark.parametrize("time", [0.05, 0.5, 3.0])
def test_drawn_angles_have_the_exact_law(time: float) -> None:
    table = HeatTable(torch.tensor([0.01, time], dtype=torch.float64))
    which = torch.ones(5000, dtype=torch.int64)
    share = torch.rand(5000, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    angles = table.angles(which, share)
    assert stats.kstest(angles.cos().numpy(), height_law(time).cdf).pvalue > 0.01  # type: ignore[attr-defined]
    assert stats.kstest(angles.cos().numpy(), height_law(1.3 * time).cdf).pvalue < 0.01 or time == 3.0  # type: ignore[attr-defined]
    density, slope = heat(angles[:9], tau(time))
    assert torch.allclose(table.slope(which[:9], angles[:9]), slope / density, atol=100 / CELLS**2)


def test_geodesics_stay_on_the_sphere_and_go_as_far_as_told() -> None:
    x = uniform(50)
    step = tangent(x, 3 * uniform(50).flip(0))
    assert torch.allclose((step * x).sum(1), torch.zeros(50).double(), atol=1e-12)
    there = moved(x, step)
    assert torch.allclose(there.norm(dim=1), torch.ones(50).double(), atol=1e-12)
    assert torch.allclose((there * x).sum(1), step.norm(dim=1).cos(), atol=1e-12)
    assert torch.allclose(moved(x, 0 * step), x)


def test_the_walk_back_with_the_exact_score_ends_in_the_heat_kernel() -> None:
    """From the uniform law to that of tau = 0.2 about the north pole."""

    def score(x: Tensor, time: float) -> Tensor:
        gamma = x[:, 2].clamp(-1, 1).acos()
        density, slope = heat(gamma, tau(time))
        out = -tangent(x, NORTH.expand(len(x), 3))
        return out / out.norm(dim=1, keepdim=True).clamp(min=1e-12) * (slope / density)[:, None]

    taus = [6.0 * (0.2 / 6.0) ** (i / 150) for i in range(151)]
    found = walked_back(score, uniform(4000), taus, gaussian_noise(0))
    assert torch.allclose(found.norm(dim=1), torch.ones(4000).double(), atol=1e-12)
    assert stats.kstest(found[:, 2].numpy(), height_law(0.2).cdf).pvalue > 0.01  # type: ignore[attr-defined]
    wrong = walked_back(lambda x, time: 0.7 * score(x, time), uniform(4000), taus, gaussian_noise(0))
    assert stats.kstest(wrong[:, 2].numpy(), height_law(0.2).cdf).pvalue < 1e-6  # type: ignore[attr-defined]


def test_draws_of_von_mises_and_fisher_have_their_mean_and_density() -> None:
    law = sphere.law("three-spots")
    drawn = law.sample(20_000, torch.Generator().manual_seed(0))
    assert torch.allclose(drawn.norm(dim=1), torch.ones(20_000).double())
    assert torch.allclose(drawn.mean(0), law.mean(), atol=0.02)
    everywhere = uniform(100_000)
    assert float(law.log_density(everywhere).exp().mean()) * 4 * math.pi == pytest.approx(1, abs=0.05)
    with pytest.raises(UnknownNameError, match="three-spots"):
        sphere.law("cube")


def test_the_sphere_is_learned() -> None:
    law = sphere.law("three-spots")
    data = sphere.read("three-spots")
    model = SphereMethod().model(data, width=48, depth=2)
    before = energy_distance(model.sample(400, 0, steps=30).x, data.test[:400])
    learn(model, data, 300, batch=256)
    found = model.sample(400, 0, steps=30).x
    assert torch.allclose(found.norm(dim=1), torch.ones(400), atol=1e-5)
    assert energy_distance(found, data.test[:400]) < 0.03 < before
    assert torch.allclose(found.double().mean(0), law.mean(), atol=0.12)
    image = pictured(found)
    assert image.getextrema()[0] < 128


def test_what_cannot_be_is_refused() -> None:
    with pytest.raises(SettingError, match="above 0"):
        heat(torch.zeros(1).double(), tau(0.0))
