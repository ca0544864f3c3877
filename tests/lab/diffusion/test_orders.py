"""Every installed deterministic sampler has the order that it declares, on a problem with a closed form."""

from __future__ import annotations

import pytest
from lab_problems import gaussian_errors, slopes

from tasvir import registry
from tasvir.lab.diffusion.samplers.base import Sampler
from tasvir.lab.diffusion.schedules.base import Schedule
from tasvir.lab.diffusion.schedules.karras import KarrasSchedule
from tasvir.lab.diffusion.schedules.linear import LinearSchedule
from tasvir.lab.diffusion.schedules.straight import StraightSchedule

SAMPLERS = [registry.create("lab.samplers", name, Sampler) for name in registry.names("lab.samplers")]
SCHEDULES: list[tuple[Schedule, float]] = [
    (LinearSchedule(), 1e-2),
    (KarrasSchedule(20.0), 0.05),
]


@pytest.mark.parametrize(("schedule", "end"), SCHEDULES, ids=lambda value: getattr(value, "name", ""))
@pytest.mark.parametrize(
    "sampler",
    [one for one in SAMPLERS if not one.stochastic and one.evaluations is not None],
    ids=lambda sampler: sampler.name,
)
def test_the_order_is_the_declared_one(sampler: Sampler, schedule: Schedule, end: float) -> None:
    found = slopes(gaussian_errors(sampler, schedule, (64, 128, 256, 512), end))
    assert found[-1] == pytest.approx(sampler.order, abs=0.25), found


def test_straight_paths_are_walked_too() -> None:
    schedule = StraightSchedule()
    schedule.last = 0.999  # nothing of the data is left at 1, where eps does not tell x0
    errors = gaussian_errors(registry.create("lab.samplers", "heun", Sampler), schedule, (64, 128, 256), 0.01)
    assert slopes(errors)[-1] == pytest.approx(2, abs=0.25)
