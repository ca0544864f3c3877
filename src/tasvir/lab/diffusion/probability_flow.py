"""The probability flow as a curve on the circle: one equation for every schedule, smooth from data to noise.

With z = x / sqrt(alpha^2 + sigma^2) and the angle a = atan(sigma / alpha), z = cos(a) x_0 + sin(a) eps and
dz / da = cos(a) eps - sin(a) x_0: the thesis' 4.28 with time and scale taken out, and Salimans and Ho's v
(2022).
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from tasvir.lab.diffusion.denoiser import Denoiser
from tasvir.lab.diffusion.integrate import Solved, integrate
from tasvir.lab.diffusion.schedules.base import Level

TOLERANCE = 1e-5
"""Of the solver, relative and absolute, unless told otherwise (Song et al. 2021, appendix D.2)."""


class ProbabilityFlow:
    """A denoiser's deterministic way between data and noise.

    The data are x_t / alpha at time ``end``; what lies below is not asked for. With r = sigma / alpha there,
    a smooth density changes by a half r^2 times its Laplacian.

    Args:
        denoiser: Who tells.
        end: Least time at which it is asked.

    Raises:
        SettingError: The time lies outside the schedule.
    """

    def __init__(self, denoiser: Denoiser, end: float) -> None:
        self.denoiser = denoiser
        self.data, self.noise = denoiser.schedule.level(end), denoiser.schedule.level(denoiser.schedule.last)
        self.begin, self.finish = (math.atan2(one.sigma, one.alpha) for one in (self.data, self.noise))

    def level(self, angle: float) -> Level:
        """The level at an angle; the two ends are themselves."""
        if angle in (self.begin, self.finish):
            return self.data if angle == self.begin else self.noise
        wanted = torch.tensor(-math.log(math.tan(angle)), dtype=torch.float64)
        return self.denoiser.schedule.level(float(self.denoiser.schedule.time_of(wanted)))

    def slope(self, angle: float, z: Tensor) -> Tensor:
        """dz / da, [B, ...]."""
        level = self.level(angle)
        size = length(level)
        return self.denoiser.predict(z * size, level, "v") / size

    @torch.no_grad()
    def encode(self, data: Tensor, rtol: float = TOLERANCE, atol: float = TOLERANCE) -> Solved:
        """x_t at the schedule's last time that data [B, ...] flow to; errors of `integrate.dopri5`."""
        z = data * (self.data.alpha / length(self.data))
        solved = integrate(self.slope, z, self.begin, self.finish, rtol=rtol, atol=atol)
        return Solved(solved.y * length(self.noise), solved.evaluations)

    @torch.no_grad()
    def decode(self, noise: Tensor, rtol: float = TOLERANCE, atol: float = TOLERANCE) -> Solved:
        """The data that x_t [B, ...] of the last time flows to; the inverse of `encode`."""
        z = noise / length(self.noise)
        solved = integrate(self.slope, z, self.finish, self.begin, rtol=rtol, atol=atol)
        return Solved(solved.y * (length(self.data) / self.data.alpha), solved.evaluations)

    def interpolate(
        self, one: Tensor, other: Tensor, shares: Tensor, rtol: float = TOLERANCE, atol: float = TOLERANCE
    ) -> Tensor:
        """Data on the way from one example to another, by way of their noise.

        Args:
            one: [...].
            other: Same shape.
            shares: [S] of the other's part, 0 to 1.
            rtol: Of the solver.
            atol: Of the solver.

        Returns:
            [S, ...].
        """
        ends = self.encode(torch.stack([one, other]), rtol, atol).y
        return self.decode(spherical(ends[0], ends[1], shares), rtol, atol).y


def length(level: Level) -> float:
    """sqrt(alpha^2 + sigma^2)."""
    return math.hypot(level.alpha, level.sigma)


def spherical(one: Tensor, other: Tensor, shares: Tensor) -> Tensor:
    """Points on the arc from one to other: noise in between keeps the length of noise (Shoemake 1985).

    Args:
        one: [...].
        other: Same shape.
        shares: [S].

    Returns:
        [S, ...]; on the straight line where both point the same way, or opposite ways.
    """
    cosine = torch.dot(one.flatten(), other.flatten()) / (one.norm() * other.norm())
    angle = torch.arccos(cosine.clamp(-1, 1))
    shares = shares.to(one).reshape(-1, *(1,) * one.ndim)
    if float(torch.sin(angle)) < 1e-6:
        return (1 - shares) * one + shares * other
    first, second = torch.sin((1 - shares) * angle), torch.sin(shares * angle)
    return (first * one + second * other) / torch.sin(angle)
