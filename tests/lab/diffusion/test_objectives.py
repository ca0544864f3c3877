"""Objectives on Gaussian data, where the exact denoiser and its loss are known in closed form."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from tasvir.errors import SettingError
from tasvir.lab.diffusion.network_denoiser import NetworkDenoiser, Preconditioning
from tasvir.lab.diffusion.networks.scheduled import ScheduledNetwork
from tasvir.lab.diffusion.networks.variance import VarianceNetwork
from tasvir.lab.diffusion.objectives.base import Objective
from tasvir.lab.diffusion.objectives.edm import EdmObjective
from tasvir.lab.diffusion.objectives.flow_matching import FlowMatchingObjective
from tasvir.lab.diffusion.objectives.hybrid import HybridObjective, reverse_law
from tasvir.lab.diffusion.objectives.likelihood import LikelihoodObjective
from tasvir.lab.diffusion.objectives.noising import even
from tasvir.lab.diffusion.objectives.score_matching import ScoreMatchingObjective
from tasvir.lab.diffusion.objectives.simple import SimpleObjective
from tasvir.lab.diffusion.objectives.sliced import SlicedObjective
from tasvir.lab.diffusion.objectives.vdm import VdmObjective, prior_nats, reconstruction_nats
from tasvir.lab.diffusion.preconditioning import EdmPreconditioning, PlainPreconditioning
from tasvir.lab.diffusion.predictions import PREDICTIONS, Prediction
from tasvir.lab.diffusion.schedules.base import Schedule
from tasvir.lab.diffusion.schedules.karras import KarrasSchedule
from tasvir.lab.diffusion.schedules.learned import LearnedSchedule
from tasvir.lab.diffusion.schedules.linear import LinearSchedule
from tasvir.lab.diffusion.schedules.straight import StraightSchedule
from tasvir.lab.diffusion.schedules.table import TableSchedule, linear_betas
from tasvir.lab.diffusion.schedules.ve import VeSchedule
from tasvir.lab.diffusion.variances import ReverseStep

DEVIATION = 0.7
"""Of the data N(0, s^2)."""
DRAWS = 20_000

Alpha = Callable[[Tensor], Tensor]


def preserving(ratio: Tensor) -> Tensor:
    """alpha of a variance-preserving schedule, out of sigma / alpha."""
    return (1 + ratio**2).rsqrt()


def straight(ratio: Tensor) -> Tensor:
    return 1 / (1 + ratio)


class ExactNetwork(nn.Module):
    """The best guess for N(0, s^2), times a gain that training would move to 1.

    Args:
        prediction: What it tells.
        alpha: Of the schedule, out of sigma / alpha.
        gain: 1 = exact.
    """

    def __init__(self, prediction: Prediction = "eps", alpha: Alpha = preserving, gain: float = 1.0) -> None:
        super().__init__()
        self.prediction, self.alpha = prediction, alpha
        self.gain = nn.Parameter(torch.tensor(gain, dtype=torch.float64))

    def forward(self, x: Tensor, noise: Tensor, labels: Tensor | None = None) -> Tensor:
        ratio = torch.exp(4 * noise)[:, None]
        alpha = self.alpha(ratio)
        sigma = alpha * ratio
        total = alpha**2 * DEVIATION**2 + sigma**2
        x0, eps = alpha * DEVIATION**2 / total, sigma / total
        parts = {"x0": x0, "eps": eps, "v": alpha * eps - sigma * x0, "velocity": eps - x0}
        told: Tensor = self.gain * parts[self.prediction] * x
        return told


def exact(
    schedule: Schedule,
    prediction: Prediction = "eps",
    alpha: Alpha = preserving,
    gain: float = 1.0,
    factors: Preconditioning | None = None,
) -> NetworkDenoiser:
    return NetworkDenoiser(
        ExactNetwork(prediction, alpha, gain), schedule, factors or PlainPreconditioning(prediction)
    )


def data(count: int = DRAWS, dimension: int = 1, seed: int = 0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return DEVIATION * torch.randn(count, dimension, generator=generator, dtype=torch.float64)


def losses(objective: Objective, denoiser: NetworkDenoiser, x: Tensor, seed: int = 1) -> Tensor:
    return trained(objective, denoiser, x, seed).detach()


def trained(objective: Objective, denoiser: NetworkDenoiser, x: Tensor, seed: int = 1) -> Tensor:
    """Losses with their gradients."""
    return objective.loss(denoiser, x, None, torch.Generator().manual_seed(seed))


def agrees(found: Tensor, truth: float, least: float = 1e-9) -> bool:
    """Whether a mean of draws is within five of its standard errors of the truth."""
    return abs(float(found.mean()) - truth) < max(least, 5 * float(found.std()) / math.sqrt(len(found)))


def lost_eps(schedule: Schedule, times: Tensor) -> Tensor:
    """Variance of eps given x_t: what no denoiser can guess."""
    alpha, sigma = schedule.alpha(times), schedule.sigma(times)
    return alpha**2 * DEVIATION**2 / (alpha**2 * DEVIATION**2 + sigma**2)


def test_even_numbers_are_even() -> None:
    found = even(100, torch.Generator().manual_seed(3), torch.device("cpu")).sort().values
    assert float(found[0]) >= 0 and float(found[-1]) < 1
    assert float((found[1:] - found[:-1] - 0.01).abs().max()) < 1e-12


def test_simple_loss_of_the_exact_denoiser_is_what_cannot_be_guessed() -> None:
    schedule = TableSchedule(linear_betas(1000))
    truth = float(lost_eps(schedule, torch.arange(1, 1001, dtype=torch.float64)).mean())
    assert agrees(losses(SimpleObjective(1000), exact(schedule), data()), truth)
    off = losses(SimpleObjective(1000), exact(schedule, gain=1.5), data())
    assert float(off.mean()) > truth and not agrees(off, truth)


@pytest.mark.parametrize("weight", ["one", "min-snr", "p2"])
def test_the_simple_loss_is_the_same_whatever_the_network_tells(weight: str) -> None:
    schedule = LinearSchedule()
    objective = SimpleObjective(weight=weight)  # type: ignore[arg-type]
    x = data(500, 3)
    means = [
        losses(objective, exact(schedule, told, gain=1.0), x)
        for told in PREDICTIONS
        if told in ("eps", "x0", "v")
    ]
    assert torch.allclose(means[0], means[1], rtol=1e-6, atol=1e-9)
    assert torch.allclose(means[0], means[2], rtol=1e-6, atol=1e-9)


def test_min_snr_bounds_the_weight_of_the_datas_error() -> None:
    schedule, x = TableSchedule(linear_betas(1000)), data(2000)
    steps = torch.arange(1, 1001, dtype=torch.float64)
    snr = (schedule.alpha(steps) / schedule.sigma(steps)) ** 2
    truth = float((lost_eps(schedule, steps) / snr * snr.clamp(max=5)).mean())
    assert agrees(losses(SimpleObjective(1000, "min-snr"), exact(schedule), x), truth)


def test_edm_loss_of_the_exact_denoiser_is_one_at_every_level() -> None:
    schedule = KarrasSchedule()
    for mean in (-4.0, -1.2, 2.0):
        objective = EdmObjective(DEVIATION, mean, 0.3)
        denoiser = exact(schedule, "x0", torch.ones_like)
        assert agrees(losses(objective, denoiser, data()), 1.0)
    vp = losses(EdmObjective(DEVIATION), exact(LinearSchedule(), "eps"), data())
    assert agrees(vp, 1.0)


def test_flow_matching_loss_of_the_exact_velocity() -> None:
    schedule = StraightSchedule()
    times = torch.linspace(0, 1, 20_001, dtype=torch.float64)[1:-1]
    total = (1 - times) ** 2 * DEVIATION**2 + times**2
    truth = float((DEVIATION**2 / total).mean())  # variance of eps - x_0 given x_t
    denoiser = exact(schedule, "velocity", straight)
    assert agrees(losses(FlowMatchingObjective(), denoiser, data()), truth)
    assert not agrees(losses(FlowMatchingObjective("logit-normal"), denoiser, data()), truth)


class TestLikelihoodWeighting:
    schedule, smallest = LinearSchedule(), 1e-3

    def truth(self) -> float:
        """I-MMSE: half the log of the ratio of 1 + s^2 SNR at the ends."""
        ends = (self.schedule.level(t) for t in (self.smallest, 1.0))
        first, last = (1 + DEVIATION**2 * level.ratio**-2 for level in ends)
        return 0.5 * math.log(first / last)

    def test_both_ways_of_drawing_times_have_the_closed_forms_mean(self) -> None:
        drawn = losses(LikelihoodObjective(True, self.smallest), exact(self.schedule), data())
        plain = losses(LikelihoodObjective(False, self.smallest), exact(self.schedule), data())
        assert agrees(drawn, self.truth()) and agrees(plain, self.truth())
        assert float(drawn.std()) < 0.6 * float(plain.std())

    def test_a_time_of_zero_is_refused(self) -> None:
        with pytest.raises(SettingError, match="smallest"):
            LikelihoodObjective(smallest=0.0)


class TestScoreMatching:
    schedule = VeSchedule(0.1, 5.0)

    def linear(self, gain: float) -> NetworkDenoiser:
        return exact(self.schedule, "eps", torch.ones_like, gain)

    def test_denoising_at_the_levels(self) -> None:
        levels = torch.linspace(0, 1, 10, dtype=torch.float64)
        truth = 0.5 * float(lost_eps(self.schedule, levels).mean())
        assert agrees(losses(ScoreMatchingObjective(10), self.linear(1.0), data()), truth)

    @pytest.mark.parametrize("gain", [0.8, 1.0])
    def test_sliced_is_denoising_less_a_half_and_has_its_gradient(self, gain: float) -> None:
        one, other = self.linear(gain), self.linear(gain)
        x = data(40_000, 3)
        noisy = trained(ScoreMatchingObjective(10), one, x)
        sliced = trained(SlicedObjective(10), other, x, seed=2)
        assert agrees((sliced - noisy).detach() + 0.5, 0.0)
        gradients = [
            torch.autograd.grad(found.mean(), part.network.gain)[0]
            for found, part in ((noisy, one), (sliced, other))
        ]
        assert float(gradients[0]) == pytest.approx(float(gradients[1]), abs=0.02)
        if gain == 1.0:
            assert abs(float(gradients[1])) < 0.02

    def test_wrong_numbers_are_refused(self) -> None:
        for made in (
            lambda: ScoreMatchingObjective(1),
            lambda: SlicedObjective(1),
            lambda: SlicedObjective(4, 0),
        ):
            with pytest.raises(SettingError, match="levels"):
                made()


class TellsVariance(nn.Module):
    """eps exactly, and one number for the variance of every step."""

    def __init__(self, said: float) -> None:
        super().__init__()
        self.eps = ExactNetwork()
        self.said = nn.Parameter(torch.tensor(said, dtype=torch.float64))

    def forward(self, x: Tensor, noise: Tensor, labels: Tensor | None = None) -> Tensor:
        told = self.eps(x, noise)
        return torch.cat([told, self.said.expand_as(told)], 1)


class TestHybrid:
    schedule = TableSchedule(linear_betas(1000))

    def gradients(self, weight: float, said: float = 0.3) -> tuple[float, float]:
        network = TellsVariance(said)
        denoiser = NetworkDenoiser(VarianceNetwork(network), self.schedule, PlainPreconditioning("eps"))
        found = trained(HybridObjective(1000, None, weight), denoiser, data(2000)).mean()
        wanted = torch.autograd.grad(found, [network.eps.gain, network.said], allow_unused=True)
        eps, variance = (0.0 if one is None else float(one) for one in wanted)
        return eps, variance

    def test_the_bound_teaches_variances_alone(self) -> None:
        plain, bound = self.gradients(0.0), self.gradients(10.0)
        assert bound[0] == pytest.approx(plain[0], abs=1e-12) and plain[1] == 0.0
        assert abs(bound[1]) > 1e-3

    def test_the_best_variance_of_gaussian_data_is_where_the_bound_is_least(self) -> None:
        """A chain of one step, from t to s: told variance against beta-tilde + share^2 Var(x_0 | x_t)."""
        step = ReverseStep(self.schedule.level(400.0), self.schedule.level(399.0))
        here = step.here
        mmse = DEVIATION**2 * here.sigma**2 / (here.alpha**2 * DEVIATION**2 + here.sigma**2)
        best = step.beta_tilde + (step.there.alpha * step.gone) ** 2 * mmse
        fraction = math.log(best / step.beta_tilde) / math.log(step.beta / step.beta_tilde)
        assert 0 < fraction < 1
        x = data(40_000)
        noise = torch.randn(x.shape, generator=torch.Generator().manual_seed(4), dtype=torch.float64)
        noisy = here.alpha * x + here.sigma * noise
        guess = here.alpha * DEVIATION**2 / (here.alpha**2 * DEVIATION**2 + here.sigma**2) * noisy
        objective = HybridObjective(1000, None)

        def bound(v: float) -> Tensor:
            times = torch.full((len(x),), 400.0, dtype=torch.float64)
            told = torch.full_like(x, v)
            return objective._term(self.schedule, times, 1.0, x, guess, told)

        low, middle, high = (bound(fraction + shift) for shift in (-0.1, 0.0, 0.1))
        assert float(middle.mean()) < min(float(low.mean()), float(high.mean()))
        slope = (high - low).mean() / (high - 2 * middle + low).mean()  # Newton's step, in tenths
        assert abs(float(slope)) < 0.4

    def test_one_step_is_that_of_the_samplers_variances(self) -> None:
        times = torch.tensor([1000.0, 37.0, 2.0], dtype=torch.float64)
        for v in (0.0, 0.4, 1.0):
            fraction = torch.full((3, 2), v, dtype=torch.float64)
            tilde, told, share = reverse_law(self.schedule, times, 1.0, fraction)
            for row, time in enumerate(times.tolist()):
                step = ReverseStep(self.schedule.level(time), self.schedule.level(time - 1))
                expected = v * math.log(step.beta) + (1 - v) * math.log(step.beta_tilde)
                assert float(tilde[row, 0]) == pytest.approx(math.log(step.beta_tilde), abs=1e-9)
                assert float(told[row, 1]) == pytest.approx(expected, abs=1e-9)
                assert float(share[row]) == pytest.approx(step.there.alpha * step.gone, abs=1e-12)

    def test_a_network_without_variances_is_refused(self) -> None:
        with pytest.raises(SettingError, match="variances"):
            losses(HybridObjective(1000, None), exact(self.schedule), data(4))


class TestVdm:
    def denoiser(self, bend: float = 0.0, ends: tuple[float, float] = (-6.0, 4.0)) -> NetworkDenoiser:
        schedule = LearnedSchedule(*ends, width=8)
        with torch.no_grad():
            schedule.weights.add_(bend)
        network = ScheduledNetwork(ExactNetwork(), schedule)
        return NetworkDenoiser(network, schedule, PlainPreconditioning("eps"))

    def test_the_bound_is_closed_form_and_the_inside_of_gamma_does_not_matter(self) -> None:
        x = data()
        snr = [math.exp(6.0), math.exp(-4.0)]
        middle = 0.5 * math.log((1 + DEVIATION**2 * snr[0]) / (1 + DEVIATION**2 * snr[1]))
        ends = torch.tensor([-6.0, 4.0], dtype=torch.float64)
        generator = torch.Generator().manual_seed(0)
        rest = prior_nats(x, ends[1]) + reconstruction_nats(x, ends[0], None, generator)
        truth = middle + float(rest.mean())
        straight, bent = (losses(VdmObjective(None), self.denoiser(bend), x) for bend in (0.0, 8.0))
        assert agrees(straight, truth) and agrees(bent, truth)
        assert abs(float(bent.std() / straight.std()) - 1) > 0.05  # the estimate's variance does change

    def test_with_wide_ends_and_the_best_network_it_is_the_entropy(self) -> None:
        entropy = 0.5 * math.log(2 * math.pi * math.e * DEVIATION**2)
        found = losses(VdmObjective(None), self.denoiser(ends=(-13.0, 8.0)), data())
        assert agrees(found, entropy)

    def test_the_inside_of_gamma_is_led_by_the_square(self) -> None:
        """Gradients of weights are those of mean(part^2), of ends those of the mean of the bound."""
        denoiser = self.denoiser(bend=4.0)
        schedule = denoiser.schedule
        assert isinstance(schedule, LearnedSchedule)
        x = data(64)
        whole = trained(VdmObjective(None), denoiser, x)
        ends = (prior_nats(x, schedule.ends[1]) + _decoded(x, schedule.ends[0])).detach()
        part = whole.detach() - ends
        got = torch.autograd.grad(whole.mean(), [schedule.weights, schedule.ends])
        shift = 1e-5
        with torch.no_grad():
            for index in (0, 3):
                values = []
                for sign in (1, -1):
                    schedule.weights[index] += sign * shift
                    values.append(losses(VdmObjective(None), denoiser, x) - ends)
                    schedule.weights[index] -= sign * shift
                rate = (values[0] - values[1]) / (2 * shift)
                assert float(got[0][index]) == pytest.approx(float((2 * part * rate).mean()), rel=1e-4)
            for index in (0, 1):
                values = []
                for sign in (1, -1):
                    schedule.ends[index] += sign * shift
                    values.append(losses(VdmObjective(None), denoiser, x).mean())
                    schedule.ends[index] -= sign * shift
                rate = (values[0] - values[1]) / (2 * shift)
                assert float(got[1][index]) == pytest.approx(float(rate), rel=1e-4)

    def test_levels_are_told_from_a_clean_picture(self) -> None:
        values = torch.linspace(-1, 1, 256, dtype=torch.float64).repeat(8)[:, None]
        generator = torch.Generator().manual_seed(0)
        sharp = reconstruction_nats(values, torch.tensor(-16.0, dtype=torch.float64), 256, generator)
        vague = reconstruction_nats(values, torch.tensor(8.0, dtype=torch.float64), 256, generator)
        assert float(sharp.max()) < 1e-3
        assert float(vague.mean()) == pytest.approx(math.log(256), abs=0.02)

    def test_other_schedules_are_refused(self) -> None:
        with pytest.raises(SettingError, match="LearnedSchedule"):
            losses(VdmObjective(None), exact(LinearSchedule()), data(4))


def _decoded(x: Tensor, begin: Tensor) -> Tensor:
    return reconstruction_nats(x, begin, None, torch.Generator().manual_seed(0))


def test_edm_factors_keep_unit_variance_and_the_least_error() -> None:
    factors = EdmPreconditioning(DEVIATION)
    for schedule in (KarrasSchedule(), LinearSchedule(), StraightSchedule()):
        times = torch.linspace(0.01, 0.99, 50, dtype=torch.float64) * schedule.last
        alpha, sigma = schedule.alpha(times), schedule.sigma(times)
        before, skip, out = factors.factors(alpha, sigma)
        total = alpha**2 * DEVIATION**2 + sigma**2
        assert torch.allclose(before**2 * total, torch.ones_like(total))

        def target_variance(skip: Tensor, a: Tensor = alpha, s: Tensor = sigma) -> Tensor:
            return (1 - skip * a) ** 2 * DEVIATION**2 + skip**2 * s**2

        assert torch.allclose(target_variance(skip), out**2)
        for other in (skip * 1.01, skip * 0.99):
            assert bool((target_variance(other) > out**2).all())


def test_scores_are_not_trained_for() -> None:
    with pytest.raises(SettingError, match="eps"):
        losses(
            SimpleObjective(),
            NetworkDenoiser(ExactNetwork(), LinearSchedule(), PlainPreconditioning("score")),
            data(4),
        )
