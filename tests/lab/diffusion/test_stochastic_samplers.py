"""Stochastic samplers against the formulas of their sources, and against one another where these agree."""

from __future__ import annotations

import math
from typing import ClassVar

import pytest
import torch
from lab_problems import slopes
from lab_walks import LineDenoiser, grid, line_gaussian, weak_errors
from torch import Tensor

from tasvir.errors import NotFiniteError, SettingError
from tasvir.lab.diffusion.oracles.affine import Moments, marginal, moments
from tasvir.lab.diffusion.paths import Path
from tasvir.lab.diffusion.samplers.ancestral import AncestralSampler
from tasvir.lab.diffusion.samplers.annealed_langevin import AnnealedLangevinSampler
from tasvir.lab.diffusion.samplers.base import Noise, Question, Sampler, Walk
from tasvir.lab.diffusion.samplers.consistent_annealed import ConsistentAnnealedSampler
from tasvir.lab.diffusion.samplers.ddim import DdimSampler
from tasvir.lab.diffusion.samplers.ddim_eta import DdimEtaSampler
from tasvir.lab.diffusion.samplers.dpmpp_2m_sde import Dpmpp2mSdeSampler
from tasvir.lab.diffusion.samplers.dpmpp_sde import DpmppSdeSampler
from tasvir.lab.diffusion.samplers.edm_churn import EdmChurnSampler
from tasvir.lab.diffusion.samplers.er_sde import ErSdeSampler
from tasvir.lab.diffusion.samplers.euler_a import EulerAncestralSampler
from tasvir.lab.diffusion.samplers.euler_maruyama import EulerMaruyamaSampler
from tasvir.lab.diffusion.samplers.gotta_go_fast import GottaGoFastSampler
from tasvir.lab.diffusion.samplers.heun import HeunSampler
from tasvir.lab.diffusion.samplers.predictor_corrector import PredictorCorrectorSampler
from tasvir.lab.diffusion.samplers.restart import Interval, RestartSampler
from tasvir.lab.diffusion.samplers.reverse_diffusion import ReverseDiffusionSampler
from tasvir.lab.diffusion.samplers.sa_solver import SaSolverSampler
from tasvir.lab.diffusion.samplers.sde_dpm_solver_1 import SdeDpmSolver1Sampler
from tasvir.lab.diffusion.samplers.sde_dpm_solver_2m import SdeDpmSolver2mSampler
from tasvir.lab.diffusion.sampling import gaussian_noise, sample
from tasvir.lab.diffusion.schedules.base import Level, Schedule
from tasvir.lab.diffusion.schedules.karras import KarrasSchedule
from tasvir.lab.diffusion.schedules.linear import LinearSchedule

VP, VE = LinearSchedule(), KarrasSchedule(20.0)


class StillSampler(Sampler):
    """Goes nowhere: NCSN is this predictor with a corrector (thesis 4.2.3)."""

    name: ClassVar[str] = "still"
    order: ClassVar[float] = 0
    stochastic: ClassVar[bool] = False
    evaluations: ClassVar[int | None] = 0

    def walk(self, x: Tensor, path: Path, noise: Noise) -> Walk:
        yield from ()
        return x


def run(sampler: Sampler, schedule: Schedule = VP, steps: int = 9, to_data: bool = True) -> Tensor:
    """Forty samples of a seed."""
    through = grid(schedule, steps, "karras", 0.02, to_data)
    noise = gaussian_noise(7)
    x = noise(torch.zeros(40, 2, dtype=torch.float64)) * through.levels[0].sigma
    return sample(LineDenoiser(schedule), sampler, through, x, noise).x


def after(sampler: Sampler, through: Path, variance: float, data: float = 0.25) -> float:
    """Variance of what a walk returns when it begins with a variance; data N(0, data)."""
    begin = Moments(torch.zeros(1).double(), torch.tensor([[variance]], dtype=torch.float64))
    return float(moments(LineDenoiser(through.schedule, data, 0.0), sampler, through, begin).covariance)


@pytest.mark.parametrize("schedule", [VP, VE], ids=lambda one: one.name)
@pytest.mark.parametrize(
    ("one", "other"),
    [
        (DdimEtaSampler(0.0), DdimSampler()),
        (DdimEtaSampler(1.0), AncestralSampler("beta-tilde")),
        (EdmChurnSampler(churn=0.0), HeunSampler()),
        (EdmChurnSampler(least=1e5, greatest=1e6), HeunSampler()),
        (RestartSampler([]), HeunSampler()),
        (RestartSampler([Interval(0.1, 0.5, repeats=0)]), HeunSampler()),
        (PredictorCorrectorSampler(corrections=0), ReverseDiffusionSampler()),
        (PredictorCorrectorSampler(DpmppSdeSampler(), corrections=0), DpmppSdeSampler()),
    ],
    ids=lambda one: one.name,
)
def test_these_are_the_same(one: Sampler, other: Sampler, schedule: Schedule) -> None:
    found, expected = run(one, schedule), run(other, schedule)
    assert (found - expected).abs().max() <= 1e-12 * expected.abs().max()


@pytest.mark.parametrize("sampler", [Dpmpp2mSdeSampler(), DpmppSdeSampler()], ids=lambda one: one.name)
def test_one_step_to_data_is_the_guess(sampler: Sampler) -> None:
    assert torch.allclose(run(sampler, steps=1), run(DdimSampler(), steps=1), rtol=1e-12)


@pytest.mark.parametrize(
    "sampler", [SdeDpmSolver1Sampler(), SdeDpmSolver2mSampler()], ids=lambda one: one.name
)
def test_one_step_by_the_guessed_noise(sampler: Sampler) -> None:
    """a x - 2 sigma_s (e^h - 1) eps + sigma_s sqrt(e^2h - 1) z, from 4 to 1 on VE: a = 1, h = log 4."""
    through = Path((VE.level(4.0), VE.level(1.0)))
    walk = sampler.walk(torch.tensor([[3.0]]), through, lambda like: torch.full_like(like, 10.0))
    assert next(walk).wants == "eps"
    with pytest.raises(StopIteration) as stop:
        walk.send(torch.tensor([[0.5]]))
    assert float(stop.value.value) == pytest.approx(3 - 2 * 3 * 0.5 + math.sqrt(15) * 10, rel=1e-6)


def one_step(sampler: Sampler, here: Level, there: Level, score: float) -> float:
    """From x = 3 with z = 10, when the score is that."""
    walk = sampler.walk(
        torch.tensor([[3.0]]).double(), Path((here, there)), lambda like: torch.full_like(like, 10.0)
    )
    assert next(walk).wants == "score"
    with pytest.raises(StopIteration) as stop:
        walk.send(torch.tensor([[score]], dtype=torch.float64))
    return float(stop.value.value)


def test_the_predictor_is_that_of_tables_4_3_and_4_4() -> None:
    sampler = ReverseDiffusionSampler()
    rise = 5.0**2 - 2.0**2
    assert one_step(sampler, VE.level(5.0), VE.level(2.0), -0.1) == pytest.approx(
        3 - rise * 0.1 + math.sqrt(rise) * 10, rel=1e-12
    )
    here, there = VP.level(0.5), VP.level(0.45)
    beta = 1 - (here.alpha / there.alpha) ** 2
    assert one_step(sampler, here, there, -0.1) == pytest.approx(
        (2 - math.sqrt(1 - beta)) * 3 - beta * 0.1 + math.sqrt(beta) * 10, rel=1e-12
    )


def test_a_step_of_the_reverse_sde() -> None:
    """f = -beta / 2 and g^2 = beta (4.25), backwards in time (4.27)."""
    beta, length = 0.1 + 0.5 * 19.9, 0.05
    found = one_step(EulerMaruyamaSampler(), VP.level(0.5), VP.level(0.45), -0.1)
    expected = 3 + (beta / 2 * 3 - beta * 0.1) * length + math.sqrt(beta * length) * 10
    assert found == pytest.approx(expected, rel=1e-9)


def test_euler_ancestral_is_what_pipelines_know() -> None:
    """k-diffusion's sigma_up and sigma_down, worked out here in sigma / alpha, against DDIM's shares."""
    through, draw = grid(VP, 6, "karras", 0.02), gaussian_noise(5)
    noise = gaussian_noise(5)
    x = torch.ones(3, 1, dtype=torch.float64)
    y, denoiser = x / through.levels[0].alpha, LineDenoiser(VP)
    for here, there in through.steps:
        up = min(there.ratio, 0.7 * math.sqrt(there.ratio**2 * (here.ratio**2 - there.ratio**2)) / here.ratio)
        down = math.sqrt(there.ratio**2 - up**2)
        guess = denoiser.predict(y * here.alpha, here, "x0")
        slope = (y - guess) / here.ratio
        y = y + slope * (down - here.ratio) + draw(y) * up
    found = sample(denoiser, EulerAncestralSampler(eta=0.7), through, x, noise).x
    assert torch.allclose(found, y * through.levels[-1].alpha, rtol=1e-11)


@pytest.mark.parametrize("schedule", [VP, VE], ids=lambda one: one.name)
@pytest.mark.parametrize("steps", [1, 2, 7])
@pytest.mark.parametrize(
    "sampler",
    [
        AncestralSampler(),
        ConsistentAnnealedSampler(),
        ConsistentAnnealedSampler(1.0),
        DdimEtaSampler(0.5),
        Dpmpp2mSdeSampler(),
        DpmppSdeSampler(),
        ErSdeSampler(),
        SaSolverSampler(),
        SaSolverSampler(0.4),
    ],
    ids=lambda one: one.name,
)
def test_data_of_one_point_are_drawn_exactly(sampler: Sampler, steps: int, schedule: Schedule) -> None:
    """The guess never changes then: noise kept and noise added must sum to each level's, at any steps."""
    through = grid(schedule, steps, "karras", 0.02)
    found = after(sampler, through, through.levels[0].sigma ** 2, data=0.0)
    assert found == pytest.approx(through.levels[-1].sigma ** 2, rel=1e-11)


def test_the_stochastic_adams_method_without_noise_is_of_order_two() -> None:
    assert slopes(weak_errors(SaSolverSampler(0.0), VP, (64, 128, 256), 0.15))[-1] == pytest.approx(
        2, abs=0.25
    )


@pytest.mark.parametrize("steps", [10, 40])
def test_euler_maruyama_rests_at_its_known_variance(steps: int) -> None:
    """N(0, 1) under a constant rate b: 1 / (1 - b h / 4)."""
    schedule = LinearSchedule(8.0, 8.0)
    through = grid(schedule, steps, "time", 0.2)
    rest = 1 / (1 - 8.0 * (0.8 / steps) / 4)
    assert after(EulerMaruyamaSampler(), through, rest, data=1.0) == pytest.approx(rest, rel=1e-9)


@pytest.mark.parametrize("snr", [0.05, 0.16, 0.4])
def test_the_corrector_rests_at_langevins_variance(snr: float) -> None:
    """s^2 / (1 - step / (4 s^2)), step = 2 e and e = 2 (snr sigma)^2, at the level that was reached."""
    through = Path((VE.level(1.0), VE.level(0.8)))
    total, step = 0.25 + 0.8**2, 4 * (snr * 0.8) ** 2
    rest = total / (1 - step / (4 * total))
    still = PredictorCorrectorSampler(StillSampler(), corrections=3, snr=snr)
    assert after(still, through, rest) == pytest.approx(rest, rel=1e-12)
    many = PredictorCorrectorSampler(StillSampler(), corrections=4000 if snr < 0.1 else 400, snr=snr)
    assert after(many, through, 9.0) == pytest.approx(rest, rel=1e-9)


def test_corrections_repair_what_a_poor_predictor_did() -> None:
    through = grid(VE, 20, "karras", 0.05)
    truth, begin = (
        float(marginal(line_gaussian(0.25, 0.0), one).covariance)
        for one in (through.levels[-1], through.levels[0])
    )
    plain, corrected = (
        abs(after(PredictorCorrectorSampler(corrections=count), through, begin) - truth) for count in (0, 3)
    )
    assert corrected < 0.7 * plain


def test_steps_by_norms_are_those_by_level_in_many_dimensions() -> None:
    """|z| is sqrt(d) and |score| sqrt(d) / s, with s the noise where it outweighs the data."""
    through = Path((VE.level(20.0), VE.level(19.0)))
    x = gaussian_noise(1)(torch.zeros(2, 50_000)) * 20
    one, other = (
        sample(
            LineDenoiser(VE), PredictorCorrectorSampler(snr=0.3, size=size), through, x, gaussian_noise(2)
        ).x
        for size in ("level", "norms")
    )
    assert (one - other).abs().max() < 0.02 * (one - x).abs().max()


def test_annealing_goes_from_the_largest_level_down_and_rests_at_each() -> None:
    """4.18 numbers sigma upwards and table 4.2 anneals downwards: the latter is right."""
    through = grid(VE, 5, "log-snr", 0.5)
    sampler = AnnealedLangevinSampler(repeats=60, step=0.8)
    asked: list[float] = []

    def see(count: int, question: Question, answer: Tensor) -> None:
        asked.append(question.level.sigma)

    x = torch.ones(2, 1).double()
    done = sample(LineDenoiser(VE), sampler, through, x, gaussian_noise(0), see)
    assert asked == sorted(asked, reverse=True) and done.evaluations == len(asked) == 6 * 60
    assert asked[0] == 20.0 and asked[-1] == pytest.approx(0.5)
    total, step = 0.25 + 0.5**2, 0.8 * 0.5**2  # a_L = step sigma_L^2
    assert after(sampler, through, 400.0) == pytest.approx(total / (1 - step / (4 * total)), rel=1e-6)


def test_annealing_to_data_ends_with_the_guess() -> None:
    through = grid(VP, 4, "karras", 0.05, to_data=True)
    done = sample(
        LineDenoiser(VP), AnnealedLangevinSampler(), through, torch.ones(2, 1).double(), gaussian_noise(0)
    )
    assert done.evaluations == 4 * 5 + 1


@pytest.mark.parametrize("schedule", [VP, VE], ids=lambda one: one.name)
def test_restart_keeps_the_right_law_and_forgets_a_wrong_one(schedule: Schedule) -> None:
    """Up by r_hi^2 - r_lo^2 and down by the flow: distances shrink by (v + r_lo^2) / (v + r_hi^2) a time."""
    through = grid(schedule, 40, "karras", 0.3)
    low, high = through.levels[-1].ratio, 1.5
    truth, begin = (
        float(marginal(line_gaussian(0.25, 0.0), one).covariance)
        for one in (through.levels[-1], through.levels[0])
    )
    plain, restarted = RestartSampler([]), RestartSampler([Interval(low, high, repeats=3, steps=400)])
    shrink = (0.25 + low**2) / (0.25 + high**2)
    for start in (begin, 2 * begin):
        wrong, mended = (after(sampler, through, start) - truth for sampler in (plain, restarted))
        assert mended == pytest.approx(wrong * shrink**3, rel=0.02, abs=1e-5 * truth)


def test_restart_costs_what_is_published() -> None:
    """Xu et al.: 18 steps of EDM's grid, one interval, 43 evaluations."""
    schedule = KarrasSchedule(80.0)
    through = grid(schedule, 18, "karras", 0.002, to_data=True)
    x = torch.zeros(2, 1).double()
    assert sample(LineDenoiser(schedule), RestartSampler(), through, x, gaussian_noise(0)).evaluations == 43
    assert RestartSampler().steps_for(43) == 18


def test_churn_never_goes_beyond_the_schedule_or_sqrt_two() -> None:
    through = grid(VE, 12, "karras", 0.05, to_data=True)
    asked: list[float] = []
    x = torch.zeros(2, 1).double()
    sampler = EdmChurnSampler(churn=1000.0)
    sample(
        LineDenoiser(VE), sampler, through, x, gaussian_noise(0), lambda n, q, a: asked.append(q.level.sigma)
    )
    assert max(asked) <= 20.0
    above = [one for one in asked if all(abs(one - level.sigma) > 1e-9 for level in through.levels)]
    assert above and all(
        min(abs(one / level.sigma - math.sqrt(2)) for level in through.levels[:-1]) < 1e-9 for one in above
    )


@pytest.mark.parametrize(
    "make",
    [
        lambda: AnnealedLangevinSampler(step=4.0),
        lambda: AnnealedLangevinSampler(repeats=0),
        lambda: PredictorCorrectorSampler(snr=0.0),
        lambda: PredictorCorrectorSampler(corrections=-1),
        lambda: PredictorCorrectorSampler(GottaGoFastSampler()),
        lambda: EdmChurnSampler(churn=-1.0),
        lambda: EdmChurnSampler(least=2.0, greatest=1.0),
        lambda: Interval(0.3, 0.1, repeats=1),
        lambda: Interval(0.1, 0.3, repeats=1, steps=0),
        lambda: GottaGoFastSampler(absolute=0.0),
        lambda: ConsistentAnnealedSampler(0.0),
        lambda: SaSolverSampler(-1.0),
    ],
)
def test_numbers_out_of_range_are_refused(make: type[Sampler]) -> None:
    with pytest.raises(SettingError, match=r"\d|chooses"):
        make()


def test_a_network_of_nan_ends_an_adaptive_walk() -> None:
    class NanDenoiser(LineDenoiser):
        def tell(self, x: Tensor, level: Level) -> Tensor:
            return torch.full_like(x, math.nan)

    through = grid(VE, 4, "karras", 0.05)
    with pytest.raises(NotFiniteError, match="come to nothing"):
        sample(NanDenoiser(VE), GottaGoFastSampler(), through, torch.ones(2, 1).double(), gaussian_noise(0))
