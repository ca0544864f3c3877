"""Which sampler and spacing to take where nobody asks for others; docs/lab/peers.md says why."""

from __future__ import annotations

from typing import NamedTuple

from tasvir.lab.diffusion.paths import Path, path
from tasvir.lab.diffusion.schedules.base import Schedule


class Default(NamedTuple):
    """A sampler of ``lab.samplers`` and a spacing of `tasvir.lab.diffusion.paths.SPACINGS`."""

    sampler: str
    spacing: str


DEFAULT = Default("straight-ab-3", "logistic")
"""For data of a standard deviation about 0.3 to 1, and few steps: tuned for 5 to 20."""


def default_path(schedule: Schedule, steps: int, *, start: float | None = None, end: float) -> Path:
    """A grid of `DEFAULT`'s spacing that goes on to the data.

    Args:
        schedule: Of the denoiser; sigma is 0 at its first time.
        steps: At least 1.
        start: Time of noise; None = the schedule's last.
        end: Least time at which the denoiser may be asked: only very many steps come near it.

    Raises:
        SettingError: See `tasvir.lab.diffusion.paths.path`.
    """
    free = path(schedule, steps, DEFAULT.spacing, start=start, end=schedule.first, to_data=False)
    if steps == 1 or free.levels[-2].t >= end:
        return free
    return path(schedule, steps, DEFAULT.spacing, start=start, end=end)
