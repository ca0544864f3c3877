"""Every installed deterministic sampler has the order that it declares, on problems whose flow is known."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import ClassVar

import pytest
import torch
from lab_problems import correlated, gaussian_end, gaussian_errors, slopes
from scipy.integrate import solve_ivp

from tasvir import registry
from tasvir.lab.diffusion.oracles.base import OracleDenoiser
from tasvir.lab.diffusion.oracles.mixture import MixtureLaw
from tasvir.lab.diffusion.orders import Case, cases, settled
from tasvir.lab.diffusion.paths import path
from tasvir.lab.diffusion.samplers.base import Sampler
from tasvir.lab.diffusion.samplers.dpmpp_multistep import Dpmpp3mSampler
from tasvir.lab.diffusion.samplers.transfers import Transfer, data_transfer, exponential_moments
from tasvir.lab.diffusion.sampling import gaussian_noise, sample
from tasvir.lab.diffusion.schedules.base import Level
from tasvir.lab.diffusion.schedules.linear import LinearSchedule
from tasvir.lab.diffusion.schedules.straight import StraightSchedule

SAMPLERS = [registry.create("lab.samplers", name, Sampler) for name in registry.names("lab.samplers")]


@cache
def problems() -> dict[str, Case]:
    return {case.name: case for case in cases(["log-snr"])}


@pytest.mark.parametrize(
    "sampler",
    [one for one in SAMPLERS if not one.stochastic and one.evaluations is not None],
    ids=lambda sampler: sampler.name,
)
def test_the_order_is_the_declared_one(sampler: Sampler) -> None:
    names = ("line mixture", "8-D mixture")
    found = [problems()[name].slopes(sampler, settled(sampler))[0] for name in names]
    assert min(found) == pytest.approx(sampler.order, abs=0.25), found


@pytest.mark.parametrize("name", ["line mixture", "8-D mixture"])
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


def test_the_truth_of_a_gaussian_is_the_closed_form() -> None:
    case = problems()["correlated Gaussian"]
    assert isinstance(case.law, MixtureLaw)
    expected = gaussian_end(case.law, case.schedule, case.starts, case.schedule.last, case.end)
    torch.testing.assert_close(case.truth, expected, rtol=0, atol=1e-10)


@pytest.mark.parametrize("name", ["heun", "dpmpp-2m", "dpm-solver-2", "unipc-1"])
def test_straight_paths_are_walked_too(name: str) -> None:
    schedule = StraightSchedule()
    schedule.last = 0.999  # nothing of the data is left at 1, where eps does not tell x0
    errors = gaussian_errors(registry.create("lab.samplers", name, Sampler), schedule, (64, 128, 256), 0.01)
    assert slopes(errors)[-1] == pytest.approx(2, abs=0.25)


class TestWhatOrdersAreLostBy:
    """Begun in the midst of things, where the first step matters as much as any other."""

    @staticmethod
    def slope(sampler: Sampler) -> float:
        law, schedule = correlated(), LinearSchedule()
        x = torch.randn(8, 2, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
        truth = gaussian_end(law, schedule, x, 0.4, 0.05)
        errors = []
        for steps in (64, 128):
            grid = path(schedule, steps, "log-snr", start=0.4, end=0.05, to_data=False)
            found = sample(OracleDenoiser(law, schedule), sampler, grid, x, gaussian_noise(0)).x
            errors.append(float((found - truth).abs().max()))
        return slopes(errors)[0]

    @pytest.mark.parametrize(
        ("name", "proper", "lower"), [("dpmpp-3m", 3, 2), ("ab-3", 3, 2), ("lms", 4, 2), ("unipc-3", 4, 3)]
    )
    def test_a_beginning_of_low_order_spoils_the_rest(self, name: str, proper: int, lower: int) -> None:
        assert self.slope(registry.create("lab.samplers", name, Sampler)) == pytest.approx(proper, abs=0.25)
        poor = registry.create("lab.samplers", name, Sampler, start="lower-order")
        assert self.slope(poor) == pytest.approx(lower, abs=0.25)

    def test_half_the_second_difference_makes_order_2(self) -> None:
        """The coefficient of the published DPM-Solver++(3M): the integral of u^2 / 2 where u^2 is meant."""

        def published(told: Sequence[Level], here: Level, there: Level) -> tuple[float, list[float]]:
            moments = exponential_moments(there.half_log_snr - here.half_log_snr, len(told))
            return data_transfer(told, here, there, [*moments[:2], *(m / 2 for m in moments[2:])])

        class Published(Dpmpp3mSampler):
            transfer: ClassVar[Transfer] = published

        assert self.slope(Published()) == pytest.approx(2, abs=0.25)
