"""The integrator against equations with known solutions, and its tableau against the order conditions."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from tasvir.errors import NotFiniteError, SettingError
from tasvir.lab.diffusion.integrate import ERROR, NODES, STAGES, dopri5, integrate, largest


def swing(time: float, y: Tensor) -> Tensor:
    """y'' = -y as a system."""
    return torch.stack([y[1], -y[0]])


def test_the_tableau_fulfils_the_order_conditions() -> None:
    rows = [sum(row) for row in STAGES]
    assert rows == pytest.approx(list(NODES), abs=1e-15)
    weights = [*STAGES[-1], 0.0]
    for power in range(5):
        moment = sum(w * c**power for w, c in zip(weights, NODES, strict=True))
        assert moment == pytest.approx(1 / (power + 1), abs=1e-14)
        if power < 4:
            assert sum(e * c**power for e, c in zip(ERROR, NODES, strict=True)) == pytest.approx(0, abs=1e-14)


def test_the_error_falls_with_the_tolerance_and_costs_more() -> None:
    y = torch.tensor([1.0, 0.0], dtype=torch.float64)
    right = torch.tensor([math.cos(10), -math.sin(10)], dtype=torch.float64)
    errors, costs = [], []
    for tolerance in (1e-3, 1e-5, 1e-7, 1e-9):
        solved = integrate(swing, y, 0.0, 10.0, rtol=tolerance, atol=tolerance, norm=largest)
        errors.append(float((solved.y - right).abs().max()))
        costs.append(solved.evaluations)
    assert all(
        error < 50 * tolerance for error, tolerance in zip(errors, (1e-3, 1e-5, 1e-7, 1e-9), strict=True)
    )
    assert costs == sorted(costs) and costs[-1] > 3 * costs[0]
    back = integrate(swing, right, 10.0, 0.0, rtol=1e-9, atol=1e-9).y
    torch.testing.assert_close(back, y, rtol=0, atol=1e-8)


def test_evaluations_are_those_that_were_made_and_the_end_is_exact() -> None:
    times = []

    def slope(time: float, y: Tensor) -> Tensor:
        times.append(time)
        return y * math.cos(time)

    solved = integrate(slope, torch.ones(3, dtype=torch.float64), 0.1, 2.7, rtol=1e-8, atol=1e-8)
    assert solved.evaluations == len(times) and (len(times) - 1) % 6 == 0
    assert times[0] == 0.1 and times[-1] == 2.7 and max(times) == 2.7
    assert float(solved.y[0]) == pytest.approx(math.exp(math.sin(2.7) - math.sin(0.1)), rel=1e-7)


def test_a_rejected_step_leaves_no_trace() -> None:
    """A jump in the slope forces rejections; the integral of |t| is still right."""
    solved = integrate(
        lambda time, y: torch.full_like(y, math.copysign(1.0, time)),
        torch.zeros(1, dtype=torch.float64), -1.0, 2.0, rtol=1e-9, atol=1e-9,
    )  # fmt: skip
    assert float(solved.y) == pytest.approx(1.0, abs=1e-7)
    assert solved.evaluations > 60


def test_nan_and_hopeless_tolerances_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    y = torch.ones(2, dtype=torch.float64)
    with pytest.raises(NotFiniteError, match="cannot go on at time 0"):
        integrate(lambda time, at: at * math.nan, y, 0.0, 1.0, rtol=1e-6, atol=1e-6)
    with pytest.raises(SettingError, match="must be positive"):
        next(dopri5(y, 0.0, 1.0, 0.0, 1e-6))
    monkeypatch.setattr("tasvir.lab.diffusion.integrate.MOST_EVALUATIONS", 100)
    with pytest.raises(SettingError, match="not met within"):
        integrate(swing, y, 0.0, 100.0, rtol=1e-10, atol=1e-10)
