"""Progressive distillation and trajectory models: exact students have no loss, and real ones learn."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from few_steps import distance, exact_network, learn, mean_of, two_lumps
from torch import Tensor, nn

from tasvir.errors import SettingError
from tasvir.lab.data.base import Data
from tasvir.lab.diffusion.flow import guess_of, heun_step
from tasvir.lab.diffusion.methods.ctm import CtmMethod, GammaSampler
from tasvir.lab.diffusion.methods.ddpm import DdpmMethod
from tasvir.lab.diffusion.methods.edm import EdmMethod
from tasvir.lab.diffusion.methods.gaussian import GaussianModel
from tasvir.lab.diffusion.methods.progressive import ProgressiveDistillationMethod
from tasvir.lab.diffusion.network_denoiser import NetworkDenoiser
from tasvir.lab.diffusion.networks.mlp import MlpNetwork
from tasvir.lab.diffusion.networks.unet import UNetNetwork
from tasvir.lab.diffusion.objectives.progressive import Halving, ProgressiveObjective, two_steps_as_one
from tasvir.lab.diffusion.objectives.trajectory import TrajectoryObjective, jump
from tasvir.lab.diffusion.preconditioning import EdmPreconditioning, PlainPreconditioning
from tasvir.lab.diffusion.predictions import PREDICTIONS, convert
from tasvir.lab.diffusion.pupil import Pupil
from tasvir.lab.diffusion.samplers.heun import HeunSampler
from tasvir.lab.diffusion.schedules.base import Schedule
from tasvir.lab.diffusion.schedules.karras import KarrasSchedule
from tasvir.lab.diffusion.schedules.linear import LinearSchedule
from tasvir.lab.diffusion.schedules.straight import StraightSchedule
from tasvir.lab.diffusion.two_times import TwoTimesNetwork

MEAN, DEVIATION, LEAST, MOST = 0.4, 0.7, 0.002, 80.0


def gain(ratio: Tensor) -> Tensor:
    """Of E[x_0 | x] - m = gain (x - m)."""
    return DEVIATION**2 / (DEVIATION**2 + ratio**2)


def means(x: Tensor, ratio: Tensor, labels: Tensor | None = None) -> Tensor:
    return MEAN + gain(ratio)[:, None] * (x - MEAN)


def composed(here: Tensor, middle: Tensor, there: Tensor) -> Tensor:
    """Gain of the x0 that does in one DDIM step what two do; a step scales x - m by g + (r' / r)(1 - g)."""
    scale = 1.0
    for one, other in ((here, middle), (middle, there)):
        scale = scale * (gain(one) + other / one * (1 - gain(one)))
    return (scale - there / here) / (1 - there / here)


def gaussian_data(n: int) -> Tensor:
    return MEAN + DEVIATION * torch.randn(
        n, 3, generator=torch.Generator().manual_seed(0), dtype=torch.float64
    )


def test_the_target_is_the_closed_composition_of_two_ddim_steps() -> None:
    x = gaussian_data(4)
    here = torch.tensor([80.0, 5.0, 1.0, 0.01], dtype=torch.float64)
    middle, there = here / 2, here / 5
    found = two_steps_as_one(means, x, here, middle, there)
    assert torch.allclose(found, MEAN + composed(here, middle, there)[:, None] * (x - MEAN), rtol=1e-12)
    to_data = two_steps_as_one(means, x, here, middle, torch.zeros_like(here))
    after = means(x, here) + 0.5 * (x - means(x, here))
    assert torch.allclose(to_data, means(after, middle), rtol=1e-12)


@pytest.mark.parametrize("weight", ["truncated-snr", "snr+1"])
def test_the_exact_student_has_no_loss_and_another_has(weight: Any) -> None:
    plan, schedule = Halving(8, 4, 10, LEAST), KarrasSchedule(MOST)
    levels = plan.levels(schedule)
    starts = levels[:-1:2]

    def student(x: Tensor, ratio: Tensor) -> Tensor:
        at = (ratio[:, None] / starts).log().abs().argmin(1)
        share = composed(starts[at], levels[1::2][at], levels[2::2][at])
        return MEAN + share[:, None] * (x - MEAN)

    preconditioning = EdmPreconditioning(DEVIATION)
    objective = ProgressiveObjective(means, schedule, plan, weight)
    losses = []
    for function in (student, means):
        pupil = Pupil(exact_network(function, preconditioning), copied=True)
        denoiser = NetworkDenoiser(pupil, schedule, preconditioning)
        given = objective.loss(denoiser, gaussian_data(512), None, torch.Generator().manual_seed(1))
        losses.append(float(given.detach().mean()))
    assert losses[0] < 1e-18
    assert losses[1] > 1e-3


def test_steps_halve_and_the_student_becomes_the_teacher() -> None:
    plan = Halving(8, 1, 10, LEAST)
    assert [plan.steps(step) for step in (0, 9, 10, 19, 20, 1000)] == [4, 4, 2, 2, 1, 1]
    assert [step for step in range(60) if plan.begins(step)] == [0, 10, 20]
    assert len(plan.levels(KarrasSchedule(MOST))) == 9 and float(plan.levels(KarrasSchedule(MOST))[-1]) == 0.0
    for wrong in ((8, 3, 10), (8, 8, 10), (8, 0, 10), (8, 1, 0), (0, 1, 10)):
        with pytest.raises(SettingError):
            Halving(*wrong, LEAST)


def lumps_teacher(data: Data) -> GaussianModel:
    """An exact teacher: EDM around the known mean of the lumps."""
    teacher = EdmMethod().model(data, width=16, depth=1)
    teacher.denoiser.network = exact_network(mean_of, teacher.denoiser.preconditioning)
    return teacher


def test_a_student_of_one_step_comes_out_of_thirty_two() -> None:
    data = two_lumps()
    torch.manual_seed(0)
    student = ProgressiveDistillationMethod().model(
        data, teacher=lumps_teacher(data), fresh=True, begin=16, every=100, width=64, depth=1
    )
    assert student.sample(10, 0).evaluations == 8
    learn(student, data, steps=400)
    once = student.sample(1500, 0)
    assert once.evaluations == 1
    assert distance(once.x, data) < 0.05
    assert student.sample(2, 0, steps=4).evaluations == 4
    with pytest.raises(SettingError, match="grids of its own"):
        student.sample(2, 0, steps=3)


def jumps_of(x: Tensor, here: Tensor, there: Tensor) -> Tensor:
    """The flow of N(m, s^2) from r to r'."""
    return MEAN + torch.sqrt((DEVIATION**2 + there**2) / (DEVIATION**2 + here**2))[:, None] * (x - MEAN)


class ExactJumps(nn.Module):
    """The network by which G(x, t, s) is that flow, and g(x, t, t) its limit, the mean."""

    def forward(
        self, x: Tensor, noise: Tensor, labels: Tensor | None = None, until: Tensor | None = None
    ) -> Tensor:
        here = torch.exp(4 * noise)
        there = here if until is None else torch.exp(4 * until)
        before, skip, out = (
            one[:, None] for one in EdmPreconditioning(DEVIATION).factors(torch.ones_like(here), here)
        )
        whole = x / before
        share = (there / here)[:, None]
        same = (share - 1).abs() < 1e-9
        guess = (jumps_of(whole, here, there) - share * whole) / torch.where(same, 1.0, 1 - share)
        guess = torch.where(same, means(whole, here), guess)
        return (guess - skip * whole) / out


def exact_jumper() -> NetworkDenoiser:
    return NetworkDenoiser(
        Pupil(ExactJumps(), copied=True), KarrasSchedule(MOST), EdmPreconditioning(DEVIATION)
    )


def trajectory(teacher: Any, intervals: int) -> TrajectoryObjective:
    objective = (
        CtmMethod().model(two_lumps(8), intervals=intervals, softness=0.0, denoising=0.0, width=8).objective
    )
    assert isinstance(objective, TrajectoryObjective)
    objective.teacher = teacher
    return objective


@pytest.mark.parametrize("teacher", [means, None], ids=["teacher", "its own"])
def test_exact_jumps_have_no_loss_but_that_of_the_teachers_steps(teacher: Any) -> None:
    found = []
    for intervals in (32, 64):
        given = trajectory(teacher, intervals).loss(
            exact_jumper(), gaussian_data(4096), None, torch.Generator().manual_seed(1)
        )
        found.append(float(given.mean()))
    assert found[1] < 1e-6
    assert math.log2(found[0] / found[1]) > 3.5  # at least second order in x, squared


def test_jumps_go_anywhere_and_nowhere() -> None:
    x, denoiser = gaussian_data(3), exact_jumper()
    high, low = torch.full((3,), 5.0).double(), torch.full((3,), 0.3).double()
    assert torch.allclose(jump(denoiser, x, high, low), jumps_of(x, high, low), rtol=1e-9)
    assert torch.allclose(jump(denoiser, x, high, high), x, rtol=1e-14)
    middle = torch.full((3,), 1.0).double()
    by_the_way = jump(denoiser, jump(denoiser, x, high, middle), middle, low)
    assert torch.allclose(by_the_way, jumps_of(x, high, low), rtol=1e-9)


@pytest.mark.parametrize("gamma", [0.0, 0.5, 1.0])
@pytest.mark.parametrize("steps", [1, 3])
def test_jumping_with_any_gamma_keeps_the_law(gamma: float, steps: int) -> None:
    data = Data("normal", "points", gaussian_data(5), gaussian_data(5), deviation=DEVIATION)
    model = CtmMethod().model(data, gamma=gamma, width=8, depth=1)
    model.denoiser.network = Pupil(ExactJumps(), copied=False)
    found = model.sample(20000, 1, steps=steps)
    assert found.evaluations == steps
    assert float(found.x.std()) == pytest.approx(DEVIATION, abs=0.01)
    assert float(found.x.mean()) == pytest.approx(MEAN, abs=0.02)


def test_a_trajectory_model_learns_to_jump() -> None:
    data = two_lumps()
    torch.manual_seed(0)
    model = CtmMethod().model(data, teacher=lumps_teacher(data), fresh=True, width=64, depth=1)
    learn(model, data, steps=200)
    distances = {
        "once": distance(model.sample(1500, 0).x, data),
        "thrice": distance(model.sample(1500, 0, steps=3).x, data),
        "as a denoiser": distance(model.sample(1500, 0, sampler=HeunSampler(), steps=12).x, data),
    }
    assert max(distances.values()) < 0.06, distances


@pytest.mark.parametrize("network", [MlpNetwork, UNetNetwork], ids=["mlp", "unet"])
def test_a_network_of_two_times_begins_as_one_of_one(network: Any) -> None:
    torch.manual_seed(0)
    teacher = network((1, 8, 8), width=16)
    for one in teacher.parameters():
        nn.init.normal_(one, std=0.1)
    student = TwoTimesNetwork(network((2, 8, 8), width=16))
    x, noise = torch.randn(3, 1, 8, 8), torch.linspace(-1, 1, 3)
    student.begin_as(teacher)
    assert torch.allclose(student(x, noise, None, noise - 1), teacher(x, noise, None), atol=1e-5)
    with pytest.raises(SettingError, match="another kind or size"):
        student.begin_as(network((1, 8, 8), width=24))


@pytest.mark.parametrize(
    "schedule", [LinearSchedule(), KarrasSchedule(20.0), StraightSchedule()], ids=lambda one: one.name
)
@pytest.mark.parametrize("prediction", PREDICTIONS)
def test_any_teachers_guess_is_the_same(schedule: Schedule, prediction: Any) -> None:
    """A network that tells eps, v, ... of any schedule, asked in x_0 + r eps, guesses the known mean."""

    class Telling(nn.Module):
        def forward(self, x: Tensor, noise: Tensor, labels: Tensor | None = None) -> Tensor:
            told = []
            for one, known in zip(x, noise, strict=True):
                level = schedule.level(float(schedule.time_of(-4 * known)))
                x0 = means(one[None] / level.alpha, torch.tensor([level.ratio], dtype=torch.float64))
                told.append(convert(x0, one[None], level, "x0", prediction))
            return torch.cat(told)

    guess = guess_of(NetworkDenoiser(Telling(), schedule, PlainPreconditioning(prediction)))
    x, ratio = gaussian_data(4), torch.tensor([0.05, 0.5, 2.0, 10.0], dtype=torch.float64)
    assert torch.allclose(guess(x, ratio, None), means(x, ratio), rtol=1e-6)


def test_a_teachers_heun_step_errs_by_the_cube_of_its_length() -> None:
    x, here = gaussian_data(4), torch.full((4,), 2.0, dtype=torch.float64)
    errors = [
        float((heun_step(means, x, here, here - step) - jumps_of(x, here, here - step)).abs().max())
        for step in (0.2, 0.1, 0.05)
    ]
    assert math.log2(errors[1] / errors[2]) == pytest.approx(3, abs=0.15)


def test_ddpm_can_teach_too() -> None:
    data = two_lumps(200)
    teacher = DdpmMethod().model(data, width=16, depth=1)
    student = ProgressiveDistillationMethod().model(data, teacher=teacher, sigma_max=20.0, width=16, depth=1)
    loss = student.loss(data.train[:8], None, torch.Generator().manual_seed(0))
    assert bool(torch.isfinite(loss).all()) and loss.shape == (8,)


def test_what_cannot_be_is_told() -> None:
    data = two_lumps(50)
    with pytest.raises(SettingError, match="--teacher"):
        ProgressiveDistillationMethod().model(data, width=8, depth=1).loss(
            data.train, None, torch.Generator()
        )
    with pytest.raises(SettingError, match="snr"):
        ProgressiveObjective(means, KarrasSchedule(), Halving(4, 1, 5, LEAST), "heavy")  # type: ignore[arg-type]
    with pytest.raises(SettingError, match="gamma"):
        GammaSampler(1.5)
    with pytest.raises(SettingError, match="intervals"):
        CtmMethod().model(data, longest=20, intervals=10, width=8, depth=1)
