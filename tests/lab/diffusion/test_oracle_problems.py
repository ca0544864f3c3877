"""The six problems: their references hold against a closed form, finer steps and data; the default on them."""

from __future__ import annotations

import pytest
import torch
from lab_problems import gaussian_end

from tasvir import registry
from tasvir.errors import UnknownNameError
from tasvir.lab.diffusion.defaults import DEFAULT, default_path
from tasvir.lab.diffusion.oracles.base import OracleDenoiser
from tasvir.lab.diffusion.oracles.finite import FiniteLaw
from tasvir.lab.diffusion.oracles.mixture import MixtureLaw
from tasvir.lab.diffusion.oracles.problems import PROBLEMS, problem
from tasvir.lab.diffusion.paths import SPACINGS, path
from tasvir.lab.diffusion.samplers.base import Sampler
from tasvir.lab.diffusion.sampling import gaussian_noise, sample
from tasvir.lab.diffusion.schedules.base import Schedule
from tasvir.lab.diffusion.schedules.karras import KarrasSchedule
from tasvir.lab.diffusion.schedules.linear import LinearSchedule
from tasvir.lab.diffusion.schedules.straight import StraightSchedule

RANGES: list[tuple[Schedule, float]] = [
    (KarrasSchedule(), 0.002),
    (LinearSchedule(), 1e-3),
    (StraightSchedule(), 1e-3),
]


def test_the_reference_of_a_gaussian_is_its_closed_form() -> None:
    asked = problem("correlated")
    assert isinstance(asked.law, MixtureLaw)
    starts = asked.starts(16, 80.0)
    schedule = KarrasSchedule()
    exact = gaussian_end(asked.law, schedule, starts, 80.0, 0.0)
    assert asked.ends(starts, 80.0) == pytest.approx(exact, abs=1e-9)


@pytest.mark.parametrize("name", PROBLEMS)
def test_the_reference_does_not_depend_on_its_step(name: str) -> None:
    asked = problem(name)
    starts = asked.starts(4, 30.0)
    assert asked.ends(starts, 30.0, 0.3) == pytest.approx(asked.ends(starts, 30.0, 0.2), abs=1e-8)


def test_a_finite_set_ends_in_its_points() -> None:
    asked = problem("finite")
    assert isinstance(asked.law, FiniteLaw)
    ends = asked.ends(asked.starts(8, 30.0), 30.0, 0.3)
    assert torch.cdist(ends, asked.law.points).min(1).values == pytest.approx(torch.zeros(8), abs=1e-6)


def test_starts_are_the_noise_of_a_seed() -> None:
    asked = problem("scales")
    assert torch.equal(asked.starts(5, 80.0, 3), 80.0 * asked.starts(5, 1.0, 3))
    assert not torch.equal(asked.starts(5, 1.0, 3), asked.starts(5, 1.0, 4))


def test_an_unknown_problem() -> None:
    with pytest.raises(UnknownNameError, match="known: line, correlated"):
        problem("pinwheel")


@pytest.mark.parametrize(("schedule", "end"), RANGES, ids=lambda value: getattr(value, "name", ""))
@pytest.mark.parametrize("steps", [1, 2, 3, 20, 1000])
def test_the_default_path_goes_to_the_data_and_asks_within_its_range(
    schedule: Schedule, end: float, steps: int
) -> None:
    levels = default_path(schedule, steps, end=end).levels
    assert len(levels) == steps + 1
    assert levels[0].t == schedule.last
    assert levels[-1].sigma == 0.0
    assert steps == 1 or levels[-2].t >= end


@pytest.mark.parametrize(("schedule", "end"), RANGES, ids=lambda value: getattr(value, "name", ""))
def test_the_default_needs_fewer_evaluations(schedule: Schedule, end: float) -> None:
    """With 10 it is nearer to the truth than DDIM with 40 and than DPM-Solver++(2M) with 10."""
    asked = problem("ring")
    first = schedule.level(0.999 if schedule.name == "straight" else schedule.last)
    starts = asked.starts(64, first.ratio)
    truth = asked.ends(starts, first.ratio, 0.3)
    denoiser = OracleDenoiser(asked.law, schedule)

    def error(name: str, steps: int) -> float:
        grid = (
            default_path(schedule, steps, start=first.t, end=end)
            if name == DEFAULT.sampler
            else path(schedule, steps, "karras", start=first.t, end=end)
        )
        sampler = registry.create("lab.samplers", name, Sampler)
        found = sample(denoiser, sampler, grid, starts * first.alpha, gaussian_noise(0))
        assert found.evaluations == steps
        return float((found.x - truth).pow(2).mean().sqrt())

    assert DEFAULT.spacing in SPACINGS
    assert 2 * error(DEFAULT.sampler, 10) < min(error("ddim", 40), error("dpmpp-2m", 10))
