"""Every installed stochastic sampler has the weak order that it declares, and stays finite everywhere."""

from __future__ import annotations

import pytest
import torch
from lab_problems import slopes
from lab_walks import LineDenoiser, grid, weak_errors

from tasvir import registry
from tasvir.errors import SettingError
from tasvir.lab.diffusion.paths import SPACINGS, Path
from tasvir.lab.diffusion.samplers.base import Sampler
from tasvir.lab.diffusion.sampling import Sampled, gaussian_noise, sample, start
from tasvir.lab.diffusion.schedules.base import Schedule
from tasvir.lab.diffusion.schedules.karras import KarrasSchedule
from tasvir.lab.diffusion.schedules.linear import LinearSchedule
from tasvir.lab.diffusion.schedules.straight import StraightSchedule

SAMPLERS = [registry.create("lab.samplers", name, Sampler) for name in registry.names("lab.samplers")]
STOCHASTIC = [one for one in SAMPLERS if one.stochastic]
ADAPTIVE = {"gotta-go-fast"}
"""Their steps depend on what they see, so that their walk is not affine; see test_adaptive_sde."""
SCHEDULES: list[tuple[Schedule, float]] = [(LinearSchedule(), 0.15), (KarrasSchedule(20.0), 0.5)]
"""Each with a level of about as much noise as data: some first-order errors vanish where no noise is left."""


FINITE: list[Schedule] = [LinearSchedule(), KarrasSchedule(80.0)]


def walked(sampler: Sampler, through: Path) -> Sampled:
    """Four samples in float32."""
    noise = gaussian_noise(0)
    return sample(LineDenoiser(through.schedule), sampler, through, start((4, 1), through, noise), noise)


def each(samplers: list[Sampler]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("sampler", samplers, ids=lambda one: one.name)


@pytest.mark.parametrize(("schedule", "end"), SCHEDULES, ids=lambda value: getattr(value, "name", ""))
@each([one for one in STOCHASTIC if one.order > 0 and one.name not in ADAPTIVE])
def test_the_weak_order_is_the_declared_one(sampler: Sampler, schedule: Schedule, end: float) -> None:
    found = slopes(weak_errors(sampler, schedule, (32, 64, 128, 256), end))
    assert found[-1] == pytest.approx(sampler.order, abs=0.25), found


@each([one for one in STOCHASTIC if one.name not in ADAPTIVE])
@pytest.mark.parametrize("spacing", list(SPACINGS))
@pytest.mark.parametrize("schedule", FINITE, ids=lambda one: one.name)
def test_any_number_of_steps_comes_to_finite_samples(
    sampler: Sampler, schedule: Schedule, spacing: str
) -> None:
    for steps in (1, 2, 3, 5, 20, 50):
        done = walked(sampler, grid(schedule, steps, spacing, 0.002, to_data=True))
        assert bool(torch.isfinite(done.x).all())
        if sampler.evaluations is not None:
            assert abs(done.evaluations - steps * sampler.evaluations) < max(2, sampler.evaluations)


@each([one for one in STOCHASTIC if one.evaluations is not None])
def test_many_steps_are_fine_and_counted(sampler: Sampler) -> None:
    """The benchmark lab_weak_orders goes from 1 to 1000."""
    done = walked(sampler, grid(FINITE[0], 300, "log-snr", 1e-3))
    extra = sampler.evaluations if sampler.name == "annealed-langevin" else 0  # it asks at both ends
    assert done.evaluations == 300 * sampler.evaluations + extra and done.x.dtype == torch.float32


@each([one for one in STOCHASTIC if one.name not in ADAPTIVE])
def test_a_budget_of_evaluations_is_kept(sampler: Sampler) -> None:
    for budget in (20, 35, 60):
        through = grid(FINITE[1], sampler.steps_for(budget), "karras", 0.002, to_data=True)
        assert walked(sampler, through).evaluations <= budget


@each(STOCHASTIC)
def test_where_no_data_are_left_it_walks_or_says_so(sampler: Sampler) -> None:
    try:
        done = walked(sampler, grid(StraightSchedule(), 12, "time", 0.05, to_data=True))
    except SettingError as problem:
        assert "alpha" in str(problem)
    else:
        assert bool(torch.isfinite(done.x).all())


@each(STOCHASTIC)
def test_a_seed_gives_the_same_samples_and_nothing_is_changed_in_place(sampler: Sampler) -> None:
    through = grid(KarrasSchedule(10.0), 6, "karras", 0.01, to_data=True)
    x = start((4, 1), through, gaussian_noise(3)).double()
    kept = x.clone()
    denoiser = LineDenoiser(through.schedule)
    one, same, other = (sample(denoiser, sampler, through, x, gaussian_noise(seed)).x for seed in (1, 1, 2))
    assert torch.equal(one, same) and torch.equal(x, kept)
    assert not torch.equal(one, other)
