"""Every installed deterministic sampler has the order that it declares, on problems whose flow is known."""

from __future__ import annotations

from functools import cache

import pytest
import torch
from lab_problems import gaussian_end, gaussian_errors, slopes
from scipy.integrate import solve_ivp

from tasvir import registry
from tasvir.lab.diffusion.oracles.mixture import MixtureLaw
from tasvir.lab.diffusion.orders import Case, cases
from tasvir.lab.diffusion.samplers.base import Sampler
from tasvir.lab.diffusion.schedules.straight import StraightSchedule

SAMPLERS = [registry.create("lab.samplers", name, Sampler) for name in registry.names("lab.samplers")]


@cache
def problems() -> dict[str, Case]:
    return {f"{case.name}, {case.schedule.name}": case for case in cases(["log-snr"])}


@pytest.mark.parametrize(
    "sampler",
    [one for one in SAMPLERS if not one.stochastic and one.evaluations is not None],
    ids=lambda sampler: sampler.name,
)
def test_the_order_is_the_declared_one(sampler: Sampler) -> None:
    steps = {1: (96, 192), 4: (384, 768)}.get(int(sampler.order), (192, 384))
    names = ("line mixture, linear", "8-D mixture, karras")
    found = [problems()[name].slopes(sampler, steps)[0] for name in names]
    assert min(found) == pytest.approx(sampler.order, abs=0.25), found


@pytest.mark.parametrize("name", ["line mixture, linear", "8-D mixture, karras"])
def test_the_truth_is_that_of_another_integrator(name: str) -> None:
    """scipy's method of order 8, with y = x / alpha in log r, against ours of order 5 in t."""
    case = problems()[name]
    one, other = case.schedule.level(case.schedule.last), case.schedule.level(case.end)
    starts = case.starts[:4] / one.alpha

    def slope(log_ratio: float, y: list[float]) -> torch.Tensor:
        points = torch.as_tensor(y).reshape(starts.shape)
        ratio = float(torch.tensor(log_ratio, dtype=torch.float64).exp())
        return (points - case.law.denoise(points, 1.0, ratio)).flatten()

    span = (-one.half_log_snr, -other.half_log_snr)
    found = solve_ivp(slope, span, starts.flatten().numpy(), "DOP853", rtol=1e-12, atol=1e-13).y[:, -1]
    expected = torch.as_tensor(found).reshape(starts.shape) * other.alpha
    torch.testing.assert_close(case.truth[:4], expected, rtol=0, atol=1e-9)


@pytest.mark.parametrize("name", ["correlated Gaussian, linear", "correlated Gaussian, karras"])
def test_the_truth_of_a_gaussian_is_the_closed_form(name: str) -> None:
    case = problems()[name]
    assert isinstance(case.law, MixtureLaw)
    expected = gaussian_end(case.law, case.schedule, case.starts, case.schedule.last, case.end)
    torch.testing.assert_close(case.truth, expected, rtol=0, atol=1e-10)


@pytest.mark.parametrize("name", ["heun", "dpmpp-2m", "dpm-solver-2", "unipc-1"])
def test_straight_paths_are_walked_too(name: str) -> None:
    schedule = StraightSchedule()
    schedule.last = 0.999  # nothing of the data is left at 1, where eps does not tell x0
    errors = gaussian_errors(registry.create("lab.samplers", name, Sampler), schedule, (64, 128, 256), 0.01)
    assert slopes(errors)[-1] == pytest.approx(2, abs=0.25)
