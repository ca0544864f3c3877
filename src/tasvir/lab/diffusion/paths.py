"""Through which times a sampler goes: strictly falling grids of exactly the steps that were asked for."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise

import torch

from tasvir.errors import SettingError, UnknownNameError
from tasvir.lab.diffusion.schedules.base import Level, Schedule

RHO = 7.0
"""Karras et al. 2022, equation 5."""
CENTRE = 0.58
"""Of the logistic spacing: about the scale of the data."""
RISE = (1.25, 1.06)
"""Its powers towards the data and towards noise."""


@dataclass(frozen=True)
class Path:
    """n + 1 levels from noise to data, times strictly falling; n steps.

    Raises:
        SettingError: Fewer than two levels, times that do not fall, or noise levels that do not.
    """

    levels: tuple[Level, ...]

    def __post_init__(self) -> None:
        if len(self.levels) < 2:
            raise SettingError("a path needs at least one step: ask for 1 or more steps")
        for one, other in pairwise(self.levels):
            if not other.t < one.t or not other.half_log_snr > one.half_log_snr:
                raise SettingError(
                    f"a path must fall at every step, and does not from time {one.t:g} to {other.t:g}: "
                    "ask for fewer steps, or for another spacing"
                )

    @property
    def schedule(self) -> Schedule:
        return self.levels[0].schedule

    @property
    def steps(self) -> tuple[tuple[Level, Level], ...]:
        """(from, to) of every step."""
        return tuple(pairwise(self.levels))

    def between(self, half_log_snr: float) -> Level:
        """The level with a given log(alpha / sigma)."""
        time = self.schedule.time_of(torch.tensor(half_log_snr, dtype=torch.float64))
        return self.schedule.level(float(time))


Spacing = Callable[[Schedule, float, float, int], Sequence[float]]
"""(schedule, time of noise, time of data, steps) -> steps + 1 falling times."""


def by_time(schedule: Schedule, start: float, end: float, steps: int) -> list[float]:
    """Equal steps of time."""
    return [start + (end - start) * i / steps for i in range(steps)] + [end]


def by_square_root(schedule: Schedule, start: float, end: float, steps: int) -> list[float]:
    """Equal steps of the square root of time: DDIM's and DPM-Solver's "quadratic"."""
    a, b = math.sqrt(start), math.sqrt(end)
    return [(a + (b - a) * i / steps) ** 2 for i in range(steps)] + [end]


def by_log_snr(schedule: Schedule, start: float, end: float, steps: int) -> list[float]:
    """Equal steps of log(alpha / sigma) (Lu et al. 2022)."""
    a, b = schedule.level(start).half_log_snr, schedule.level(end).half_log_snr
    if steps > 1 and math.isinf(b - a):
        raise _endless(schedule, start, end, "log-snr")
    inner = [a + (b - a) * i / steps for i in range(1, steps)]
    return [start, *_times(schedule, inner), end]


def by_karras(schedule: Schedule, start: float, end: float, steps: int) -> list[float]:
    """Equal steps of (sigma / alpha)^(1/7) (Karras et al. 2022, equation 5)."""
    a, b = (schedule.level(t).ratio ** (1 / RHO) for t in (start, end))
    if steps > 1 and math.isinf(a):
        raise _endless(schedule, start, end, "karras")
    inner = [-RHO * math.log(a + (b - a) * i / steps) for i in range(1, steps)]
    return [start, *_times(schedule, inner), end]


def by_logistic(schedule: Schedule, start: float, end: float, steps: int) -> list[float]:
    """Equal steps of q where sigma / alpha = 0.58 q^1.25 / (1 - q)^1.06: densest about the scale of the data.

    q is a logistic function of log(sigma / alpha), but for the two powers, so the steps may go on to sigma =
    0: the more of them, the nearer to it the last question.
    """
    a, b = (_share(schedule.level(t).ratio) for t in (start, end))
    inner = [_half_log_snr(a + (b - a) * i / steps) for i in range(1, steps)]
    return [start, *_times(schedule, inner), end]


def _endless(schedule: Schedule, start: float, end: float, spacing: str) -> SettingError:
    return SettingError(
        f"the spacing {spacing} is endless from time {start:g} to {end:g} of the {schedule.name} schedule, "
        "where alpha or sigma is 0: take time or logistic, or other ends"
    )


def _half_log_snr(share: float) -> float:
    return RISE[1] * math.log1p(-share) - RISE[0] * math.log(share) - math.log(CENTRE)


def _share(ratio: float) -> float:
    """Where sigma / alpha has a value; by halving, as it rises with q."""
    low, high = 0.0, 1.0
    if ratio in (0.0, math.inf):
        return high if ratio else low
    while True:
        middle = (low + high) / 2
        if middle in (low, high):
            return middle
        low, high = (low, middle) if -_half_log_snr(middle) > math.log(ratio) else (middle, high)


def _times(schedule: Schedule, half_log_snrs: list[float]) -> list[float]:
    found: list[float] = schedule.time_of(torch.tensor(half_log_snrs, dtype=torch.float64)).tolist()
    return found


SPACINGS: dict[str, Spacing] = {
    "time": by_time,
    "square-root": by_square_root,
    "log-snr": by_log_snr,
    "karras": by_karras,
    "logistic": by_logistic,
}


def path(
    schedule: Schedule,
    steps: int,
    spacing: str = "karras",
    *,
    start: float | None = None,
    end: float,
    to_data: bool = True,
) -> Path:
    """A grid of exactly ``steps`` steps.

    Args:
        schedule: Of the denoiser.
        steps: At least 1.
        spacing: A name of `SPACINGS`.
        start: Time of noise; None = the schedule's last.
        end: Least time at which the denoiser is asked, above the schedule's first where sigma is 0 there.
        to_data: Whether the last step goes from ``end`` on to sigma = 0 (it counts as one of the steps).

    Raises:
        SettingError: steps below 1, times that lie outside the schedule, or no way to sigma = 0.
        UnknownNameError: No such spacing.
    """
    if steps < 1:
        raise SettingError(f"{steps} steps: ask for 1 or more")
    if spacing not in SPACINGS:
        raise UnknownNameError(f"no spacing is called {spacing!r}; known: {', '.join(SPACINGS)}")
    begin = schedule.last if start is None else start
    if to_data and steps == 1:
        times = [begin]
    else:
        times = list(SPACINGS[spacing](schedule, begin, end, steps - 1 if to_data else steps))
    if to_data:
        if schedule.level(schedule.first).sigma != 0.0:
            raise SettingError(
                f"the {schedule.name} schedule never reaches sigma = 0: stop at its first time"
            )
        times.append(schedule.first)
    return Path(tuple(schedule.level(t) for t in times))
