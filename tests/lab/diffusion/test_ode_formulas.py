"""Deterministic samplers against formulas that are written out here."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import numpy as np
import pytest
import torch
from lab_ode_walks import LINEAR, by_hand, created, run, same, starts
from lab_problems import line_mixture
from numpy.polynomial import Polynomial
from torch import Tensor

from tasvir import registry
from tasvir.lab.diffusion.integrate import ERROR, NODES, STAGES
from tasvir.lab.diffusion.oracles.base import OracleDenoiser
from tasvir.lab.diffusion.oracles.mixture import MixtureLaw
from tasvir.lab.diffusion.paths import Path, path
from tasvir.lab.diffusion.predictions import Prediction
from tasvir.lab.diffusion.samplers.base import Sampler
from tasvir.lab.diffusion.samplers.multistep import MultistepSampler
from tasvir.lab.diffusion.samplers.transfers import (
    Transfer,
    exponential_moments,
    from_noise,
    from_noise_in_ratio,
    from_noise_in_time,
    polynomial_weights,
)
from tasvir.lab.diffusion.schedules.base import Level
from tasvir.lab.diffusion.schedules.karras import KarrasSchedule

WALKS = [registry.create("lab.samplers", name, Sampler) for name in registry.names("lab.samplers")]
WALKS = [one for one in WALKS if not one.stochastic]
IN_TIME = ("euler", "midpoint", "rk4", "ab-2", "ab-3", "deis-t-2", "deis-t-3", "pndm", "dopri5", "time-shift")
"""What depends on how time is counted, and so on more than the noise levels."""


class TestIdentities:
    grid = path(LINEAR, 12, "log-snr", end=1e-3, to_data=False)

    def test_ddim_is_euler_in_the_noise_level_and_every_first_order(self) -> None:
        def euler(x: Tensor, levels: Sequence[Level], told: Sequence[Tensor], there: Level) -> Tensor:
            here = levels[-1]
            return there.alpha * (x / here.alpha + (there.ratio - here.ratio) * told[-1])

        expected = by_hand(self.grid, "eps", euler)
        for name in ("ddim", "dpm-solver-1", "dpmpp-1"):
            same(run(created(name), self.grid).x, expected)
        same(
            run(created("unipc-1"), Path(self.grid.levels[:2])).x,
            run(created("ddim"), Path(self.grid.levels[:2])).x,
        )

    @pytest.mark.parametrize("transfer", [from_noise, from_noise_in_ratio, from_noise_in_time])
    def test_deis_of_degree_0_is_ddim(self, transfer: Transfer) -> None:
        class Degree0(MultistepSampler):
            name: ClassVar[str] = "deis-1"
            order: ClassVar[float] = 1
            stochastic: ClassVar[bool] = False
            wants: ClassVar[Prediction] = "eps"
            remembers: ClassVar[int] = 1

        Degree0.transfer = transfer
        same(run(Degree0(), self.grid).x, run(created("ddim"), self.grid).x)

    def test_ddim_on_a_gaussian_is_a_product(self) -> None:
        """Each step multiplies the distance from the mean by (alpha alpha' s^2 + sigma sigma') / (...)."""
        law = MixtureLaw.gaussian(torch.tensor([0.0]), torch.tensor([0.25]))
        factor = 1.0
        for here, there in self.grid.steps:
            factor *= (there.alpha * here.alpha * 0.25 + there.sigma * here.sigma) / (
                here.alpha**2 * 0.25 + here.sigma**2
            )
        x = starts(LINEAR, 1)
        same(run(created("ddim"), self.grid, law, x).x, x * factor)

    @pytest.mark.parametrize("name", [one.name for one in WALKS if one.name not in IN_TIME])
    def test_only_the_noise_levels_count(self, name: str) -> None:
        """Two schedules of the same signal-to-noise ratios give the same x / alpha."""
        karras = KarrasSchedule(self.grid.levels[0].ratio)
        twin = Path(tuple(karras.level(level.ratio) for level in self.grid.levels))
        sampler, x = created(name), starts(LINEAR, 1)
        one = run(sampler, self.grid, x=x).x / self.grid.levels[-1].alpha
        same(one, run(sampler, twin, x=x / self.grid.levels[0].alpha).x, 1e-10)


class TestPublishedFormulas:
    """The authors' equations, written out here, against what the shared integrals give."""

    grid = path(LINEAR, 9, "time", end=1e-2, to_data=False)

    def test_dpmpp_2m(self) -> None:
        def step(x: Tensor, levels: Sequence[Level], told: Sequence[Tensor], there: Level) -> Tensor:
            here, guess = levels[-1], told[-1]
            h = there.half_log_snr - here.half_log_snr
            if len(told) > 1:
                r = (here.half_log_snr - levels[-2].half_log_snr) / h
                guess = (1 + 1 / (2 * r)) * told[-1] - 1 / (2 * r) * told[-2]
            return there.sigma / here.sigma * x - there.alpha * np.expm1(-h) * guess

        same(run(created("dpmpp-2m"), self.grid).x, by_hand(self.grid, "x0", step))

    def test_dpm_solver_2m(self) -> None:
        def step(x: Tensor, levels: Sequence[Level], told: Sequence[Tensor], there: Level) -> Tensor:
            here = levels[-1]
            h = there.half_log_snr - here.half_log_snr
            whole = there.alpha / here.alpha * x - there.sigma * np.expm1(h) * told[-1]
            if len(told) == 1:
                return whole
            r = (here.half_log_snr - levels[-2].half_log_snr) / h
            return whole - 0.5 * there.sigma * np.expm1(h) * (told[-1] - told[-2]) / r

        same(run(created("dpm-solver-2m"), self.grid).x, by_hand(self.grid, "eps", step))

    def test_dpm_solver_3(self) -> None:
        denoiser, x = OracleDenoiser(line_mixture(), LINEAR), starts(LINEAR, 1)
        expected = x
        for here, there in self.grid.steps:
            h = there.half_log_snr - here.half_log_snr
            s1, s2 = (self.grid.between(here.half_log_snr + part * h) for part in (1 / 3, 2 / 3))
            first = denoiser.predict(expected, here, "eps")
            u1 = s1.alpha / here.alpha * expected - s1.sigma * np.expm1(h / 3) * first
            d1 = denoiser.predict(u1, s1, "eps") - first
            slope = np.expm1(2 * h / 3) / (2 * h / 3) - 1
            u2 = s2.alpha / here.alpha * expected - s2.sigma * (np.expm1(2 * h / 3) * first + 2 * slope * d1)
            d2 = denoiser.predict(u2, s2, "eps") - first
            expected = there.alpha / here.alpha * expected - there.sigma * (
                np.expm1(h) * first + 1.5 * (np.expm1(h) / h - 1) * d2
            )
        same(run(created("dpm-solver-3"), self.grid).x, expected, 1e-10)

    @pytest.mark.parametrize(("name", "in_time"), [("lms", False), ("deis-rho-3", False), ("deis-t-3", True)])
    def test_polynomials_of_the_noise(self, name: str, in_time: bool) -> None:
        """Lagrange's polynomials by numpy, integrated by many trapezia over sigma / alpha."""

        def step(x: Tensor, levels: Sequence[Level], told: Sequence[Tensor], there: Level) -> Tensor:
            here, count = levels[-1], {"lms": 4}.get(name, 3)
            known = list(zip(levels, told, strict=True))[-count:]
            grid = torch.linspace(here.t, there.t, 20001, dtype=torch.float64)
            ratios = (-LINEAR.half_log_snr(grid)).exp().numpy()
            nodes = grid.numpy() if in_time else ratios
            total = torch.zeros_like(x)
            for level, eps in known:
                place = level.t if in_time else level.ratio
                others = [other.t if in_time else other.ratio for other, _ in known if other is not level]
                values = np.prod([(nodes - o) / (place - o) for o in others] or [np.ones_like(nodes)], axis=0)
                total += float(np.trapezoid(values, ratios)) * eps
            return there.alpha * (x / here.alpha + total)

        found = run(created(name, start="lower-order"), self.grid).x
        same(found, by_hand(self.grid, "eps", step), 1e-6)

    @pytest.mark.parametrize("scale", ["bh1", "bh2"])
    @pytest.mark.parametrize("order", [1, 2, 3])
    def test_unipc(self, order: int, scale: str) -> None:
        """Equations 3 and 8 of the paper, with its linear systems and its B(h)."""
        denoiser, x = OracleDenoiser(line_mixture(), LINEAR), starts(LINEAR, 1)
        levels: list[Level] = []
        told: list[Tensor] = []
        before = x
        for number, (here, there) in enumerate(self.grid.steps):
            guess = denoiser.predict(x, here, "x0")
            if number:
                x = _unified(
                    before, levels[-min(order, number) :], told[-min(order, number) :], here, scale, guess
                )
            levels.append(here)
            told.append(guess)
            before = x
            p = min(order, number + 1)
            x = _unified(x, levels[-p:], told[-p:], there, scale, None)
        found = run(created(f"unipc-{order}", start="lower-order", scale=scale), self.grid).x
        same(found, x, 1e-10)


def _unified(
    x: Tensor, levels: list[Level], told: list[Tensor], there: Level, scale: str, newest: Tensor | None
) -> Tensor:
    """UniP-p of the p newest guesses, or UniC-p with one at the end of the step too."""
    here, base = levels[-1], told[-1]
    h = there.half_log_snr - here.half_log_snr
    scaled = {"bh1": -h, "bh2": np.expm1(-h)}[scale]
    places = [(level.half_log_snr - here.half_log_snr) / h for level in reversed(levels[:-1])]
    slopes = [(one - base) / r for one, r in zip(reversed(told[:-1]), places, strict=True)]
    if newest is not None:
        places, slopes = [*places, 1.0], [*slopes, newest - base]
    result = there.sigma / here.sigma * x - there.alpha * np.expm1(-h) * base
    if not places:
        return result
    phi, factorial, right = np.expm1(-h) / -h - 1, 1.0, []
    for i in range(1, len(places) + 1):
        right.append(phi * factorial / scaled)
        factorial *= i + 1
        phi = phi / -h - 1 / factorial
    matrix = np.array([np.array(places) ** i for i in range(len(places))])
    rho = [0.5] if len(places) == 1 else np.linalg.solve(matrix, right)
    for weight, slope in zip(rho, slopes, strict=True):
        result = result - there.alpha * scaled * float(weight) * slope
    return result


class TestIntegrals:
    @pytest.mark.parametrize("z", [-12.0, -1.0, -0.999, -1e-3, 1e-9, 0.3, 1.0, 7.5, 40.0])
    def test_exponential_moments(self, z: float) -> None:
        nodes, weights = np.polynomial.legendre.leggauss(120)
        u = (nodes + 1) / 2
        for power, found in enumerate(exponential_moments(z, 4)):
            expected = z * float(weights / 2 @ (u**power * np.exp(-z * (1 - u))))
            assert found == pytest.approx(expected, rel=1e-12)

    def test_polynomials_are_integrated_exactly(self) -> None:
        nodes, cubic = [0.0, -0.7, -2.5, 1.0], Polynomial([0.3, -1.0, 2.0, 0.7])
        weights = polynomial_weights(nodes, [1 / (k + 1) for k in range(4)])
        whole = cubic.integ()
        assert sum(w * cubic(u) for w, u in zip(weights, nodes, strict=True)) == pytest.approx(
            whole(1) - whole(0)
        )

    def test_nothing_is_said_beyond_the_noise(self) -> None:
        assert exponential_moments(float("inf"), 2) == [1.0, 1.0]

    def test_dormand_and_prince(self) -> None:
        """Order conditions: rows sum to the nodes, both formulas integrate t^4 and t^3 exactly."""
        for node, row in zip(NODES[1:], STAGES[1:], strict=True):
            assert sum(row) == pytest.approx(node)
        fifth = np.array([*STAGES[-1], 0.0])
        for power in range(5):
            assert fifth @ np.array(NODES) ** power == pytest.approx(1 / (power + 1))
        for power in range(4):
            assert np.array(ERROR) @ np.array(NODES) ** power == pytest.approx(0, abs=1e-15)
