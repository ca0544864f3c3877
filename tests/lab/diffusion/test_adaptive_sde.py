"""The adaptive solver of the reverse SDE, and the Brownian path that it takes its noise from."""

from __future__ import annotations

import math
import random

import pytest
import torch
from lab_walks import LineDenoiser, drawn, grid, line_gaussian
from torch import Tensor

from tasvir.lab.diffusion.brownian import BrownianPath
from tasvir.lab.diffusion.oracles.affine import marginal
from tasvir.lab.diffusion.samplers.base import Question
from tasvir.lab.diffusion.samplers.gotta_go_fast import GottaGoFastSampler
from tasvir.lab.diffusion.samplers.improved_euler import ImprovedEulerSampler
from tasvir.lab.diffusion.sampling import gaussian_noise, sample
from tasvir.lab.diffusion.schedules.base import Schedule
from tasvir.lab.diffusion.schedules.karras import KarrasSchedule
from tasvir.lab.diffusion.schedules.linear import LinearSchedule

VP, VE = LinearSchedule(), KarrasSchedule(10.0)


def test_pieces_have_the_covariance_of_brownian_motion_however_they_are_cut() -> None:
    """With basis vectors as noise, increments' inner products are their covariances: lengths, and zeros."""
    drawn_so_far = 0

    def noise(like: Tensor) -> Tensor:
        nonlocal drawn_so_far
        drawn_so_far += 1
        return torch.eye(400, dtype=torch.float64)[drawn_so_far - 1]

    chooser = random.Random(3)
    path = BrownianPath(torch.zeros(400, dtype=torch.float64), noise)
    kept: list[tuple[float, Tensor]] = []
    while len(kept) < 60:
        length = chooser.uniform(0.01, 1.0)
        increment = path.take(length)
        if chooser.random() < 0.5:
            path.give_back(length, increment)
        else:
            kept.append((length, increment))
    pieces = torch.stack([increment for _, increment in kept])
    expected = torch.tensor([length for length, _ in kept], dtype=torch.float64).diag()
    assert (pieces @ pieces.T - expected).abs().max() < 1e-12
    assert drawn_so_far > 90


def test_what_was_given_back_is_found_again() -> None:
    path = BrownianPath(torch.zeros(5), gaussian_noise(0))
    whole = path.take(1.0)
    path.give_back(1.0, whole)
    parts = [path.take(0.25), path.take(0.5), path.take(0.25)]
    assert torch.allclose(torch.stack(parts).sum(0), whole, atol=1e-6)
    path.give_back(0.25, parts[2])
    assert torch.equal(path.take(0.25), parts[2])


@pytest.mark.parametrize(
    ("schedule", "end"), [(VP, 0.01), (VE, 0.05)], ids=lambda one: getattr(one, "name", "")
)
def test_the_law_is_right_although_steps_are_rejected(schedule: Schedule, end: float) -> None:
    """A first step over the whole way is rejected many times; its noise must not be picked for being kind."""
    n, law, through = 3000, line_gaussian(), grid(schedule, 1, "time", end)
    done = drawn(GottaGoFastSampler(0.05, 0.1), through, law, n, seed=1)
    truth = marginal(law, through.levels[-1])
    variance = float(truth.covariance)
    assert float(done.x.var()) == pytest.approx(variance, rel=4 * math.sqrt(2 / n))
    assert float(done.x.mean()) == pytest.approx(float(truth.mean), abs=4 * math.sqrt(variance / n))


def test_two_questions_a_taken_step_and_one_a_rejected_one() -> None:
    through = grid(VE, 1, "time", 0.05, to_data=False)
    asked: list[Question] = []
    x = gaussian_noise(0)(torch.zeros(8, 1, dtype=torch.float64)) * 10
    done = sample(
        LineDenoiser(VE), GottaGoFastSampler(), through, x, gaussian_noise(1), lambda n, q, a: asked.append(q)
    )
    times = [one.level.t for one in asked]
    begun = {0}  # a step begins where the answer before was the end of a step that was taken
    for i in range(1, len(asked)):
        if times[i] == times[i - 1]:
            begun.add(i)
    rejected = len(asked) - 2 * len(begun)
    assert rejected > 3 and done.evaluations == 2 * len(begun) + rejected
    assert asked[-1].level.t == pytest.approx(0.05)
    assert all(torch.isfinite(one.x).all() for one in asked)


def test_a_finer_tolerance_costs_more_and_errs_less() -> None:
    """Without noise it finds the mean of x given its start, which fine steps of a known method find too."""
    through = grid(VP, 1, "time", 0.05)
    x = torch.tensor([[-1.0], [0.5], [2.0]], dtype=torch.float64)
    denoiser = LineDenoiser(VP)
    truth = sample(denoiser, ImprovedEulerSampler(), grid(VP, 2000, "time", 0.05), x, torch.zeros_like).x
    found = [
        sample(denoiser, GottaGoFastSampler(tolerance, tolerance), through, x, torch.zeros_like)
        for tolerance in (0.2, 0.05, 0.0125)
    ]
    errors = [float((one.x - truth).abs().max()) for one in found]
    costs = [one.evaluations for one in found]
    assert costs[0] < costs[1] < costs[2]
    assert errors[1] < errors[0] / 2 and errors[2] < errors[1] / 2
    assert errors[2] < 3e-3
