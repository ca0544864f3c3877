"""Every schedule is one: signal falls, derivatives, SDE and inverse agree with alpha and sigma."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import pytest
import torch
from lab_problems import line_mixture
from scipy.integrate import quad
from torch import Tensor

from tasvir.errors import SettingError
from tasvir.lab.diffusion.oracles.base import OracleDenoiser
from tasvir.lab.diffusion.paths import path
from tasvir.lab.diffusion.predictions import factors
from tasvir.lab.diffusion.sampling import gaussian_noise, start
from tasvir.lab.diffusion.schedules.base import Schedule
from tasvir.lab.diffusion.schedules.cosine import CosineSchedule
from tasvir.lab.diffusion.schedules.karras import KarrasSchedule
from tasvir.lab.diffusion.schedules.learned import LearnedSchedule
from tasvir.lab.diffusion.schedules.linear import LinearSchedule
from tasvir.lab.diffusion.schedules.shifted import ShiftedSchedule
from tasvir.lab.diffusion.schedules.sigmoid import SigmoidSchedule
from tasvir.lab.diffusion.schedules.straight import StraightSchedule
from tasvir.lab.diffusion.schedules.sub_vp import SubVpSchedule
from tasvir.lab.diffusion.schedules.table import TableSchedule, betas, linear_betas
from tasvir.lab.diffusion.schedules.ve import VeSchedule
from tasvir.lab.diffusion.schedules.zero_terminal import ZeroTerminalSchedule

SCHEDULES: list[Schedule] = [
    LinearSchedule(),
    CosineSchedule(),
    SigmoidSchedule(),
    SubVpSchedule(),
    VeSchedule(),
    KarrasSchedule(),
    StraightSchedule(),
    LearnedSchedule(),
    TableSchedule(linear_betas()),
    ZeroTerminalSchedule(LinearSchedule()),
    ZeroTerminalSchedule(TableSchedule(linear_betas())),
    ShiftedSchedule(CosineSchedule(), 0.25),
    ShiftedSchedule(StraightSchedule(), 2.0),
]
VARIANCE_PRESERVING = ("linear", "cosine", "sigmoid", "learned", "table", "zero-terminal")
each = pytest.mark.parametrize("schedule", SCHEDULES, ids=lambda one: one.name)


def inner_times(schedule: Schedule, count: int = 57) -> Tensor:
    """Times strictly inside, none on a knot of a table."""
    share = torch.linspace(0.0013, 0.9987, count, dtype=torch.float64)
    times = schedule.first + share * (schedule.last - schedule.first)
    return times.floor() + 0.37 if schedule.last == 1000 else times


@each
def test_signal_falls_and_nothing_of_the_data_is_lost_at_first(schedule: Schedule) -> None:
    times = inner_times(schedule)
    assert bool((schedule.half_log_snr(times).diff() < 0).all())
    begin = schedule.level(schedule.first)
    assert begin.alpha == pytest.approx(1, abs=1e-5)
    assert begin.sigma <= 0.01
    assert schedule.prior_deviation() == schedule.level(schedule.last).sigma
    if schedule.name in VARIANCE_PRESERVING:
        total = schedule.alpha(times) ** 2 + schedule.sigma(times) ** 2
        torch.testing.assert_close(total, torch.ones_like(total), rtol=1e-12, atol=0)


@each
def test_derivatives_drift_and_diffusion_are_those_of_alpha_and_sigma(schedule: Schedule) -> None:
    times = inner_times(schedule)
    step = 1e-6 * (schedule.last - schedule.first)
    slopes = [
        (part(times + step) - part(times - step)).detach() / (2 * step)
        for part in (schedule.alpha, schedule.sigma)
    ]
    for found, right in zip(schedule.derivatives(times), slopes, strict=True):
        torch.testing.assert_close(found.detach(), right, rtol=1e-6, atol=1e-8)
    alpha, sigma = schedule.alpha(times).detach(), schedule.sigma(times).detach()
    drift = slopes[0] / alpha
    torch.testing.assert_close(schedule.drift(times).detach(), drift, rtol=1e-6, atol=1e-8)
    diffusion = 2 * sigma * slopes[1] - 2 * drift * sigma**2
    torch.testing.assert_close(schedule.diffusion_squared(times).detach(), diffusion, rtol=1e-5, atol=1e-8)


@each
def test_closed_derivatives_are_those_of_differentiation(schedule: Schedule) -> None:
    times = inner_times(schedule)
    for found, right in zip(schedule.derivatives(times), Schedule.derivatives(schedule, times), strict=True):
        torch.testing.assert_close(found.detach(), right, rtol=1e-9, atol=1e-12)


@each
def test_the_time_of_a_level_is_found_again(schedule: Schedule) -> None:
    times = inner_times(schedule)
    found = schedule.time_of(schedule.half_log_snr(times))
    torch.testing.assert_close(found.detach(), times, rtol=1e-9, atol=1e-9 * schedule.last)
    beyond = schedule.time_of(torch.tensor([200.0, -200.0], dtype=torch.float64)).tolist()
    assert beyond == pytest.approx([schedule.first, schedule.last], abs=1e-3 * schedule.last)
    assert schedule.first <= beyond[0] <= beyond[1] <= schedule.last


@pytest.mark.parametrize("schedule", [one for one in SCHEDULES if one.last != 1000], ids=lambda one: one.name)
def test_the_variance_is_that_of_its_own_sde(schedule: Schedule) -> None:
    """sigma^2 solves v' = 2 f v + g^2: the integral of g^2(s) (alpha_t / alpha_s)^2, by quadrature."""
    times = inner_times(schedule).tolist()
    begin, end = schedule.level(times[0]), schedule.level(times[40])

    def added(t: float) -> float:
        here = schedule.level(t)
        return here.diffusion_squared * (end.alpha / here.alpha) ** 2

    breaks = np.linspace(begin.t, end.t, 30)
    grown = sum(quad(added, low, high)[0] for low, high in pairwise(breaks))
    carried = (end.alpha / begin.alpha * begin.sigma) ** 2
    assert grown + carried == pytest.approx(end.sigma**2, rel=1e-7)


def test_small_noise_keeps_its_digits() -> None:
    """sigma^2 = rate t for tiny t; 1 - alpha^2 would keep three digits here."""
    tiny, angle = 1e-12, 0.008 / 1.008 * math.pi / 2
    rate = 2 * math.tan(angle) * math.pi / 2 / 1.008
    assert CosineSchedule().level(tiny).sigma ** 2 == pytest.approx(rate * tiny, rel=1e-8)
    low, high = 1 / (1 + math.exp(3)), 1 / (1 + math.exp(-3))
    rate = 6 * low * (1 - low) / (high - low)
    assert SigmoidSchedule().level(tiny).sigma ** 2 == pytest.approx(rate * tiny, rel=1e-8)
    assert LinearSchedule().level(tiny).sigma ** 2 == pytest.approx(0.1 * tiny, rel=1e-8)
    assert SubVpSchedule().level(tiny).sigma == pytest.approx(0.1 * tiny, rel=1e-8)
    shift = 1 / (1 - LinearSchedule().level(1).alpha)
    zero = ZeroTerminalSchedule(LinearSchedule()).level(tiny)
    assert zero.sigma**2 == pytest.approx(0.1 * tiny * shift, rel=1e-8)


@each
def test_the_velocity_is_that_of_the_probability_flow(schedule: Schedule) -> None:
    """alpha' x0 + sigma' eps of an exact denoiser is f x - 1/2 g^2 score (thesis 4.28)."""
    law = line_mixture()
    x = torch.linspace(-2, 2, 9, dtype=torch.float64)[:, None]
    for t in inner_times(schedule, 5).tolist():
        level = schedule.level(t)
        velocity = OracleDenoiser(law, schedule).predict(x, level, "velocity")
        score = law.score(x, level.alpha, level.sigma)
        right = level.drift * x - 0.5 * level.diffusion_squared * score
        torch.testing.assert_close(velocity, right, rtol=1e-6, atol=1e-8)


def test_cosine_betas_are_improved_ddpms() -> None:
    """beta_i = 1 - cos^2 / cos^2, written out, cut at 0.999."""
    steps, s = 100, 0.008
    h = [math.cos((i / steps + s) / (1 + s) * math.pi / 2) ** 2 for i in range(steps + 1)]
    right = [min(1 - h[i + 1] / h[i], 0.999) for i in range(steps)]
    found = betas(CosineSchedule(last=1.0), steps)
    torch.testing.assert_close(found, torch.tensor(right, dtype=torch.float64), rtol=1e-10, atol=0)
    assert float(found[-1]) == 0.999


def test_the_table_of_a_table_is_the_same_table() -> None:
    table = linear_betas()
    found = betas(TableSchedule(table), 1000)
    torch.testing.assert_close(found, table, rtol=1e-10, atol=0)
    again = TableSchedule.of_products(torch.cumprod(1 - table, 0))
    torch.testing.assert_close(betas(again, 1000), table, rtol=1e-9, atol=0)


def test_ddpms_table_multiplies_up_to_each_step() -> None:
    table = TableSchedule(linear_betas())
    product = 1.0
    for i in (1, 2, 3):
        product *= 1 - (1e-4 + (i - 1) * (0.02 - 1e-4) / 999)
        assert table.level(i).alpha ** 2 == pytest.approx(product, rel=1e-13)
    assert table.level(1000).alpha ** 2 == pytest.approx(4.0358e-5, rel=1e-4)
    assert (table.level(0).alpha, table.level(0).sigma) == (1, 0)


def test_many_betas_of_the_linear_schedule_are_its_rate() -> None:
    """beta_i * T -> beta(t) (Song et al. 2021, appendix B)."""
    found = betas(LinearSchedule(), 10_000) * 10_000
    times = (torch.arange(10_000, dtype=torch.float64) + 0.5) / 10_000
    torch.testing.assert_close(found, LinearSchedule().diffusion_squared(times), rtol=2e-3, atol=0)


def test_rescaling_to_zero_is_lins() -> None:
    """Against their algorithm on the table itself, which keeps step 1 rather than time 0."""
    root = torch.cumprod(1 - linear_betas(), 0).sqrt()
    right = (root - root[-1]) * root[0] / (root[0] - root[-1])
    schedule = ZeroTerminalSchedule(TableSchedule(linear_betas()))
    found = schedule.alpha(torch.arange(1, 1001, dtype=torch.float64))
    torch.testing.assert_close(found, right, rtol=0, atol=1e-6)
    assert schedule.level(1000).alpha == 0 and schedule.level(1000).sigma == 1


def test_a_shift_moves_the_log_snr_and_leaves_the_total() -> None:
    inner = StraightSchedule()
    times = inner_times(inner)
    shifted = ShiftedSchedule(inner, 0.5)
    moved = shifted.half_log_snr(times) - inner.half_log_snr(times)
    torch.testing.assert_close(moved, torch.full_like(moved, math.log(0.5)), rtol=1e-12, atol=0)
    torch.testing.assert_close(
        shifted.alpha(times) ** 2 + shifted.sigma(times) ** 2,
        inner.alpha(times) ** 2 + inner.sigma(times) ** 2,
    )


def test_a_learned_schedule_learns() -> None:
    """Gradients reach the ends and the curve; any parameters keep it monotone; levels are plain numbers."""
    schedule = LearnedSchedule(width=8)
    wanted = -13.3 + 18.3 * torch.linspace(0, 1, 33, dtype=torch.float64) ** 2
    wanted = wanted + torch.linspace(2.0, -1.0, 33, dtype=torch.float64)
    optimizer = torch.optim.Adam(schedule.parameters(), lr=0.05)
    times = torch.linspace(0, 1, 33, dtype=torch.float64)
    for _ in range(400):
        optimizer.zero_grad()
        ((schedule.gamma(times) - wanted) ** 2).mean().backward()  # type: ignore[no-untyped-call]
        optimizer.step()
    assert float(((schedule.gamma(times) - wanted) ** 2).mean().detach()) < 0.02
    with torch.no_grad():
        for parameter in schedule.parameters():
            if parameter is not schedule.ends:
                parameter.copy_(torch.randn(parameter.shape, dtype=torch.float64) * 3)
    assert bool((schedule.gamma(times).diff() > 0).all())
    assert isinstance(schedule.level(0.3).sigma, float)
    slope = schedule.gamma_slope(times).sum()
    gradients = torch.autograd.grad(slope, list(schedule.parameters()))
    assert all(bool(torch.isfinite(one).all()) for one in gradients)


@pytest.mark.parametrize(
    "wrong",
    [
        lambda: CosineSchedule(offset=0),
        lambda: CosineSchedule(last=1.1),
        lambda: SigmoidSchedule(3, -3),
        lambda: VeSchedule(1.0, 0.5),
        lambda: LearnedSchedule(5, -5),
        lambda: LearnedSchedule(width=0),
        lambda: ShiftedSchedule(LinearSchedule(), 0),
        lambda: TableSchedule(torch.tensor([0.1])),
        lambda: TableSchedule(torch.tensor([0.1, 1.0])),
        lambda: betas(LinearSchedule(), 0),
        lambda: ZeroTerminalSchedule(VeSchedule()),
    ],
)
def test_what_is_no_schedule_is_refused(wrong: object) -> None:
    with pytest.raises(SettingError):
        wrong()  # type: ignore[operator]


def test_a_schedule_that_never_reaches_noise_is_told() -> None:
    schedule = LinearSchedule(0.1, 1.0)
    with pytest.raises(SettingError, match=r"does not reach noise: alpha / sigma is 1\.1"):
        start((1, 2), path(schedule, 3, end=1e-3), gaussian_noise(0))
    assert LinearSchedule().prior_deviation() == pytest.approx(1, abs=1e-4)


@pytest.mark.parametrize(
    "schedule", [CosineSchedule(last=1.0), SigmoidSchedule(last=1.0), StraightSchedule()]
)
def test_where_nothing_is_left_the_score_follows_from_eps_and_the_data_do_not(schedule: Schedule) -> None:
    level = schedule.level(1.0)
    assert level.alpha == 0.0 and level.half_log_snr == -math.inf
    assert factors(level, "eps", "score") == (0.0, -1.0)
    assert factors(level, "score", "eps") == (0.0, -1.0)
    with pytest.raises(SettingError, match="x0 does not follow from eps"):
        factors(level, "eps", "x0")


@pytest.mark.parametrize("spacing", ["log-snr", "karras"])
def test_a_spacing_without_an_end_is_told(spacing: str) -> None:
    with pytest.raises(SettingError, match="take time or logistic"):
        path(StraightSchedule(), 5, spacing, end=1e-3)
    assert len(path(StraightSchedule(), 2, spacing, end=1e-3).levels) == 3
