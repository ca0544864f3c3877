"""Consistency on Gaussian data, where the map from noise to data is known, and in a plane that is learned."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import Any

import pytest
import torch
from few_steps import distance, exact_network, learn, mean_of, two_lumps
from torch import Tensor, nn

from tasvir.errors import SettingError
from tasvir.lab.data.base import Data
from tasvir.lab.diffusion.methods.consistency import (
    ConsistencyDistillationMethod,
    ConsistencyTrainingMethod,
)
from tasvir.lab.diffusion.methods.edm import EdmMethod
from tasvir.lab.diffusion.methods.gamma_noise import GammaNoiseMethod
from tasvir.lab.diffusion.methods.gaussian import GaussianModel
from tasvir.lab.diffusion.methods.vdm import VdmMethod
from tasvir.lab.diffusion.network_denoiser import NetworkDenoiser
from tasvir.lab.diffusion.objectives.consistency import (
    ConsistencyObjective,
    ConsistencyPreconditioning,
    Curriculum,
    pseudo_huber,
)
from tasvir.lab.diffusion.paths import path
from tasvir.lab.diffusion.pupil import Pupil
from tasvir.lab.diffusion.samplers.consistency import ConsistencySampler
from tasvir.lab.diffusion.sampling import gaussian_noise, sample, start
from tasvir.lab.diffusion.schedules.karras import KarrasSchedule

MEAN, DEVIATION, LEAST, MOST = 0.4, 0.7, 0.002, 80.0


def ends(x: Tensor, ratio: Tensor) -> Tensor:
    """m + sqrt((s^2 + e^2) / (s^2 + r^2)) (x - m): where the flow of N(m, s^2) leads to at r = e."""
    gain = torch.sqrt((DEVIATION**2 + LEAST**2) / (DEVIATION**2 + ratio**2))
    return MEAN + gain[:, None] * (x - MEAN)


def means(x: Tensor, ratio: Tensor, labels: Tensor | None = None) -> Tensor:
    """E[x_0 | x] of N(m, s^2)."""
    return MEAN + (DEVIATION**2 / (DEVIATION**2 + ratio**2))[:, None] * (x - MEAN)


def exact() -> NetworkDenoiser:
    preconditioning = ConsistencyPreconditioning(DEVIATION, LEAST)
    network = Pupil(exact_network(ends, preconditioning), copied=False)
    return NetworkDenoiser(network, KarrasSchedule(MOST), preconditioning)


def gaussian_data(n: int) -> Tensor:
    generator = torch.Generator().manual_seed(0)
    return MEAN + DEVIATION * torch.randn(n, 3, generator=generator, dtype=torch.float64)


def loss_at_truth(intervals: int, *, taught: bool) -> float:
    objective = ConsistencyObjective(
        Curriculum(LEAST, MOST, intervals, intervals, draw="uniform"),
        means if taught else None,
        softness=0.0,
        weight=0.0,
    )
    losses = objective.loss(exact(), gaussian_data(4096), None, torch.Generator().manual_seed(1))
    return float(losses.detach().mean())


def test_the_true_map_has_no_distillation_loss_but_that_of_the_teachers_step() -> None:
    found = [loss_at_truth(intervals, taught=True) for intervals in (16, 32, 64)]
    assert found[-1] < 1e-7
    for one, other in pairwise(found):
        assert math.log2(one / other) == pytest.approx(6, abs=0.3)  # a Heun step errs by h^3, squared


def test_the_true_map_has_a_training_loss_that_falls_with_the_square_of_the_step() -> None:
    found = [loss_at_truth(intervals, taught=False) for intervals in (32, 64, 128)]
    for one, other in pairwise(found):
        assert math.log2(one / other) == pytest.approx(2, abs=0.2)


def test_a_wrong_map_has_a_loss() -> None:
    preconditioning = ConsistencyPreconditioning(DEVIATION, LEAST)
    wrong = Pupil(exact_network(lambda x, r: means(x, r), preconditioning), copied=False)
    denoiser = NetworkDenoiser(wrong, KarrasSchedule(MOST), preconditioning)
    objective = ConsistencyObjective(Curriculum(LEAST, MOST, 64, 64, draw="uniform"), means, 0.0, weight=0.0)
    losses = objective.loss(denoiser, gaussian_data(4096), None, torch.Generator().manual_seed(1))
    assert float(losses.detach().mean()) > 100 * loss_at_truth(64, taught=True)


def test_whatever_the_network_says_the_end_of_the_path_stays_where_it_is() -> None:
    denoiser = NetworkDenoiser(
        nn.Bilinear(3, 1, 3).double(), KarrasSchedule(MOST), ConsistencyPreconditioning(0.5, LEAST)
    )
    denoiser.network.forward = lambda x, noise, labels: torch.full_like(x, 1e3)  # type: ignore[method-assign]
    x = gaussian_data(5)
    times = torch.full((5,), LEAST, dtype=torch.float64)
    assert torch.equal(denoiser.at(x, times), x)
    assert not torch.allclose(denoiser.at(x, 2 * times), x)


@pytest.mark.parametrize("steps", [1, 2, 5])
def test_multistep_sampling_keeps_the_law(steps: int) -> None:
    denoiser = exact()
    grid = path(denoiser.schedule, steps, "karras", end=LEAST, to_data=False)
    noise = gaussian_noise(3)
    x = start((20000, 3), grid, noise, torch.empty(0, dtype=torch.float64))
    found = sample(denoiser, ConsistencySampler(), grid, x, noise)
    assert found.evaluations == steps
    wanted = math.sqrt(DEVIATION**2 + LEAST**2)
    assert float(found.x.std()) == pytest.approx(wanted, abs=4 * wanted / math.sqrt(2 * 60000))
    assert float(found.x.mean()) == pytest.approx(MEAN, abs=4 * wanted / math.sqrt(60000) + 0.01)


def test_intervals_double_until_there_are_enough() -> None:
    plan = Curriculum(first=10, last=100, doubling=50)
    assert [plan.intervals(step) for step in (0, 49, 50, 149, 150, 200, 10**6)] == [
        10,
        10,
        20,
        40,
        80,
        100,
        100,
    ]
    low, high = plan.drawn(0, 4000, torch.Generator().manual_seed(0))
    assert bool((low < high).all()) and len(low.unique()) == 10


def test_the_pseudo_huber_distance_is_square_near_and_straight_far() -> None:
    zero = torch.zeros(1, 2, dtype=torch.float64)
    near, far = torch.tensor([[3e-4, 4e-4]]).double(), torch.tensor([[300.0, 400.0]]).double()
    assert float(pseudo_huber(near, zero, 0.1)) == pytest.approx(5e-4**2 / 0.2, rel=1e-4)
    assert float(pseudo_huber(far, zero, 0.1)) == pytest.approx(500 - 0.1, rel=1e-6)
    assert float(pseudo_huber(far, zero, 0.0)) == pytest.approx(250000.0)


def test_gradients_reach_the_student_and_neither_copy_nor_teacher() -> None:
    data = two_lumps()
    teacher = EdmMethod().model(data, width=16, depth=1)
    model = ConsistencyDistillationMethod().model(data, teacher=teacher, decay=0.9, width=16, depth=1)
    model.loss(data.train[:8], None, torch.Generator().manual_seed(0)).mean().backward()
    with_gradient = [name for name, one in model.network.named_parameters() if one.grad is not None]
    assert with_gradient and all(name.startswith("network.") for name in with_gradient)
    assert all(one.grad is None for one in teacher.network.parameters())


def test_the_copy_follows_and_is_saved_with_the_weights() -> None:
    pupil = Pupil(nn.Linear(1, 1, bias=False), copied=True)
    pupil.begin_step(0.75)
    with torch.no_grad():
        pupil.network.weight += 1.0
    before = float(pupil.copy.weight)
    assert pupil.begin_step(0.75) == 1
    assert float(pupil.copy.weight) == pytest.approx(before + 0.25)
    again = Pupil(nn.Linear(1, 1, bias=False), copied=True)
    again.load_state_dict(pupil.state_dict())
    assert int(again.steps) == 2 and float(again.copy.weight) == pytest.approx(before + 0.25)


def test_a_student_begins_as_its_teacher() -> None:
    data = two_lumps()
    teacher = EdmMethod().model(data, width=16, depth=1)
    nn.init.normal_(teacher.network.leave[1].weight)
    student = ConsistencyDistillationMethod().model(data, teacher=teacher, width=16, depth=1)
    x, noise = torch.randn(4, 2), torch.linspace(-1, 1, 4)
    assert torch.equal(student.network(x, noise), teacher.network(x, noise))
    fresh = ConsistencyDistillationMethod().model(data, teacher=teacher, fresh=True, width=16, depth=1)
    assert not torch.allclose(fresh.network(x, noise), teacher.network(x, noise))


def lumps_teacher(data: Data) -> GaussianModel:
    """An exact teacher: EDM around the known mean of the lumps."""
    teacher = EdmMethod().model(data, width=16, depth=1)
    teacher.denoiser.network = exact_network(mean_of, teacher.denoiser.preconditioning)
    return teacher


def test_a_student_learns_one_step_from_an_exact_teacher() -> None:
    data = two_lumps()
    teacher = lumps_teacher(data)
    torch.manual_seed(0)
    student = ConsistencyDistillationMethod().model(data, teacher=teacher, fresh=True, width=64, depth=1)
    untrained = distance(student.sample(1500, 0).x, data)
    learn(student, data, steps=300)
    once = student.sample(1500, 0)
    assert once.evaluations == 1
    assert untrained > 0.5
    assert distance(once.x, data) < 0.04  # the exact teacher is at 0.0005


def test_one_learns_without_a_teacher() -> None:
    data = two_lumps()
    torch.manual_seed(0)
    model = ConsistencyTrainingMethod().model(data, doubling=60, last=40, width=64, depth=1)
    learn(model, data, steps=300)
    assert distance(model.sample(1500, 0).x, data) < 0.06
    assert distance(model.sample(1500, 0, steps=2).x, data) < 0.04


def test_a_student_without_its_teacher_samples_and_does_not_train() -> None:
    data = two_lumps()
    model = ConsistencyDistillationMethod().model(data, width=16, depth=1)
    assert model.sample(3, 0).x.shape == (3, 2)
    with pytest.raises(SettingError, match="--teacher"):
        model.loss(data.train[:4], None, torch.Generator())


@pytest.mark.parametrize(
    "options",
    [
        {"first": 0},
        {"first": 40, "last": 20},
        {"doubling": 0},
        {"draw": "often"},
        {"weight": -1.0},
        {"softness": -1.0},
        {"decay": 1.0},
        {"sigma_min": 0.0},
        {"sigma_max": 0.001},
    ],
    ids=str,
)
def test_settings_out_of_range_are_told(options: dict[str, Any]) -> None:
    with pytest.raises(SettingError):
        ConsistencyTrainingMethod().model(two_lumps(), width=8, depth=1, **options)


def test_a_teacher_of_another_size_is_told() -> None:
    data = two_lumps()
    teacher = EdmMethod().model(data, width=16, depth=1)
    with pytest.raises(SettingError, match="another kind or size"):
        ConsistencyDistillationMethod().model(data, teacher=teacher, width=24, depth=1)


def test_a_teacher_that_does_not_know_the_noise_is_told() -> None:
    data = two_lumps()
    size: dict[str, Any] = {"width": 16, "depth": 1}
    teacher = VdmMethod().model(data, **size)  # which goes up to sigma / alpha = e^2.5
    with pytest.raises(SettingError, match="the student would ask from"):
        ConsistencyDistillationMethod().model(data, teacher=teacher, fresh=True, **size)
    student = ConsistencyDistillationMethod().model(data, teacher=teacher, fresh=True, sigma_max=12.0, **size)
    assert torch.isfinite(student.loss(data.train[:8], None, torch.Generator().manual_seed(0))).all()
    with pytest.raises(SettingError, match="noise is not Gaussian"):
        ConsistencyDistillationMethod().model(data, teacher=GammaNoiseMethod().model(data, **size), **size)
