"""Soft truncation, early start, epsilon scaling, time shift: against quadrature and closed forms."""

from __future__ import annotations

import math

import pytest
import scipy.integrate
import torch
from lab_problems import line_mixture
from torch import Tensor, nn

from tasvir.errors import SettingError
from tasvir.lab.data.base import Data
from tasvir.lab.diffusion.denoiser import Denoiser, WrappedDenoiser
from tasvir.lab.diffusion.epsilon_scaling import EpsilonScaled
from tasvir.lab.diffusion.methods.soft_truncation import SoftTruncationMethod
from tasvir.lab.diffusion.network_denoiser import NetworkDenoiser
from tasvir.lab.diffusion.objectives.soft_truncation import SoftTruncationObjective
from tasvir.lab.diffusion.oracles.base import OracleDenoiser
from tasvir.lab.diffusion.oracles.mixture import MixtureLaw
from tasvir.lab.diffusion.paths import path
from tasvir.lab.diffusion.preconditioning import PlainPreconditioning
from tasvir.lab.diffusion.predictions import PREDICTIONS, convert
from tasvir.lab.diffusion.samplers.ddim import DdimSampler
from tasvir.lab.diffusion.samplers.heun import HeunSampler
from tasvir.lab.diffusion.samplers.time_shift import TimeShiftSampler
from tasvir.lab.diffusion.sampling import gaussian_noise, sample
from tasvir.lab.diffusion.schedules.base import Level
from tasvir.lab.diffusion.schedules.karras import KarrasSchedule
from tasvir.lab.diffusion.schedules.linear import LinearSchedule
from tasvir.lab.diffusion.starting import started_from

LINEAR = LinearSchedule()
WIDE = MixtureLaw.gaussian(torch.zeros(1), torch.full((1, 1), 0.25))


class Exaggerating(WrappedDenoiser):
    """Tells noise that is too large, as networks do of their own samples."""

    def __init__(self, inner: Denoiser, factor: float) -> None:
        super().__init__(inner)
        self.factor = factor

    def tell(self, x: Tensor, level: Level) -> Tensor:
        eps = self.inner.predict(x, level, "eps") * self.factor
        return convert(eps, x, level, "eps", self.prediction)


class Nothing(nn.Module):
    """Tells 0, so that the error of eps is 1 at every level."""

    def forward(self, x: Tensor, noise: Tensor, labels: Tensor | None = None) -> Tensor:
        return torch.zeros_like(x)


class TestSoftTruncation:
    @pytest.mark.parametrize("power", [0.0, 0.6, 1.0, 2.0])
    def test_the_inverse_distribution_is_that_of_the_density(self, power: float) -> None:
        objective = SoftTruncationObjective(power, smallest=0.01)
        whole = scipy.integrate.quad(lambda t: t**-power, 0.01, 1)[0]
        assert (objective.quantile(0.0), objective.quantile(1.0)) == pytest.approx((0.01, 1.0))
        for share in (0.1, 0.5, 0.9):
            below = scipy.integrate.quad(lambda t: t**-power, 0.01, objective.quantile(share))[0]
            assert below / whole == pytest.approx(share, rel=1e-6)

    def test_the_mean_loss_is_that_of_the_weight_times_the_share_of_smaller_taus(self) -> None:
        """With an error of 1 everywhere: integral of -lambda'(t) P(tau <= t) dt, by quadrature."""
        denoiser = NetworkDenoiser(Nothing(), LINEAR, PlainPreconditioning("eps"))
        objective = SoftTruncationObjective(1.0, smallest=0.01)

        def weight(t: float) -> float:
            level = LINEAR.level(t)
            slope = level.derivatives[1] / level.sigma - level.derivatives[0] / level.alpha
            return slope * math.log(t / 0.01) / math.log(1 / 0.01)

        truth = scipy.integrate.quad(weight, 0.01, 1)[0]
        generator = torch.Generator().manual_seed(0)
        data = torch.zeros(4, 64, dtype=torch.float64)
        found = torch.stack([objective.loss(denoiser, data, None, generator).mean() for _ in range(800)])
        error = float(found.std()) / math.sqrt(len(found))
        assert abs(float(found.mean()) - truth) < 4 * error < 0.25 * truth

    def test_a_method_has_it(self) -> None:
        points = torch.randn(8, 2)
        data = Data("points", "points", points, points)
        model = SoftTruncationMethod().model(data, power=2.0, width=8, depth=1)
        assert isinstance(model.objective, SoftTruncationObjective) and model.objective.power == 2.0
        assert model.loss(points, None, torch.Generator().manual_seed(0)).shape == (8,)
        for wrong in ({"smallest": 0.0}, {"power": -1.0}):
            with pytest.raises(SettingError, match="power"):
                SoftTruncationObjective(**wrong)


class TestEarlyStart:
    @pytest.mark.parametrize("coarse", [0.25, 0.64])
    def test_what_is_wrong_fades_as_the_closed_form_says(self, coarse: float) -> None:
        whole = path(LINEAR, 400, "log-snr", end=1e-3)
        begin = LINEAR.level(0.35)
        x0 = torch.linspace(-1, 1, 5, dtype=torch.float64)[:, None]
        still, rest = started_from(x0, whole, 0.35, torch.zeros_like)
        assert rest.levels[0].t == 0.35 and rest.levels[1:] == tuple(
            one for one in whole.levels if one.t < 0.35
        )
        assert torch.allclose(still, begin.alpha * x0)
        # deviations at the start: alpha sqrt(v') of the data beside sigma of the noise
        deviation = math.sqrt(begin.alpha**2 * coarse + begin.sigma**2)
        x = torch.full((1, 1), deviation, dtype=torch.float64)
        end = sample(OracleDenoiser(WIDE, LINEAR), HeunSampler(), rest, x, gaussian_noise(0)).x
        truth = 0.25 * (begin.alpha**2 * coarse + begin.sigma**2) / (begin.alpha**2 * 0.25 + begin.sigma**2)
        assert float(end) ** 2 == pytest.approx(truth, rel=1e-3)

    def test_a_time_outside_is_said(self) -> None:
        whole = path(LINEAR, 10, "log-snr", start=0.8, end=1e-3)
        for time in (0.9, 0.0):
            with pytest.raises(SettingError, match=r"from 0\.8 down to 0"):
                started_from(torch.zeros(2, 1), whole, time, gaussian_noise(0))


class TestEpsilonScaling:
    @pytest.mark.parametrize("prediction", PREDICTIONS)
    def test_it_restores_an_exaggerating_denoiser_to_the_very_trajectory(self, prediction: str) -> None:
        law = line_mixture()
        exact = OracleDenoiser(law, LINEAR)
        grid = path(LINEAR, 12, "log-snr", end=1e-2)
        x = gaussian_noise(0)(torch.empty(16, 1, dtype=torch.float64))
        truth = sample(exact, DdimSampler(), grid, x, gaussian_noise(0)).x
        wrong = Exaggerating(exact, 1.05)
        mended = EpsilonScaled(wrong, lambda level: 1.05)
        biased = sample(wrong, DdimSampler(), grid, x, gaussian_noise(0)).x
        found = sample(mended, DdimSampler(), grid, x, gaussian_noise(0)).x
        assert torch.allclose(found, truth, atol=1e-10) and not torch.allclose(biased, truth, atol=1e-2)
        level = LINEAR.level(0.4)
        assert torch.allclose(
            mended.predict(x, level, prediction),  # type: ignore[arg-type]
            exact.predict(x, level, prediction),  # type: ignore[arg-type]
            atol=1e-10,
        )

    def test_1_is_the_identity(self) -> None:
        exact, level = OracleDenoiser(line_mixture(), LINEAR), LINEAR.level(0.4)
        x = torch.randn(4, 1, dtype=torch.float64)
        assert torch.equal(EpsilonScaled(exact, 1.0).tell(x, level), exact.tell(x, level))
        for factor in (0.0, math.nan, -1.0):
            with pytest.raises(SettingError, match="positive number"):
                EpsilonScaled(exact, factor)

    def test_exposure_bias_grows_along_the_walk(self) -> None:
        """An eps 2 per cent too large: x comes to be short of the variance that it should have."""
        exact = OracleDenoiser(WIDE, LINEAR)
        grid = path(LINEAR, 50, "time", end=1e-2)
        x = torch.ones(1, 1, dtype=torch.float64) * grid.levels[0].sigma
        short = []

        def look(_: int, question: object, __: Tensor) -> None:
            level, deviation = question.level, float(question.x)  # type: ignore[attr-defined]
            short.append(deviation**2 / (level.alpha**2 * 0.25 + level.sigma**2))

        sample(Exaggerating(exact, 1.02), DdimSampler(), grid, x, gaussian_noise(0), look)
        biased = list(short)
        short.clear()
        sample(
            EpsilonScaled(Exaggerating(exact, 1.02), 1.02), DdimSampler(), grid, x, gaussian_noise(0), look
        )
        assert abs(biased[-1] - 1) > 5 * abs(biased[5] - 1) and abs(biased[-1] - 1) > 0.2
        assert abs(short[-1] - 1) < 0.5 * abs(biased[-1] - 1)


class TestTimeShift:
    def _end(self, denoiser: Denoiser, sampler: DdimSampler | TimeShiftSampler, steps: int = 40) -> float:
        schedule = denoiser.schedule
        grid = path(schedule, steps, "time" if schedule is LINEAR else "karras", end=schedule.last * 1e-2)
        # a batch whose variance is that of the start exactly
        x = torch.tensor([[-1.0], [1.0]], dtype=torch.float64) * grid.levels[0].sigma
        return float(sample(denoiser, sampler, grid, x, gaussian_noise(0)).x.var(correction=0))

    def test_without_a_window_it_is_ddim(self) -> None:
        for schedule in (LINEAR, KarrasSchedule(10.0)):
            exact = OracleDenoiser(WIDE, schedule)
            assert self._end(exact, TimeShiftSampler(0.0)) == self._end(exact, DdimSampler())

    def test_it_asks_where_the_variance_is_that_of_x(self) -> None:
        sampler = TimeShiftSampler(window=0.2, variance=0.25)
        level, there = LINEAR.level(0.5), LINEAR.level(0.3)
        truth = LINEAR.level(0.46)
        wanted = math.sqrt(truth.alpha**2 * 0.25 + truth.sigma**2)
        x = torch.tensor([[-wanted], [wanted]], dtype=torch.float64)
        assert sampler._shifted(x, level, there).t == pytest.approx(0.46, abs=0.2 / 40)
        assert sampler._shifted(10 * x, level, there).t == pytest.approx(0.6)
        assert sampler._shifted(0 * x, level, LINEAR.level(0.47)).t > 0.47
        low = LINEAR.level(0.1)
        assert sampler._shifted(x, low, LINEAR.level(0.05)) is low
        flat = TimeShiftSampler(window=0.2, variance=1.0)
        assert flat._shifted(x, level, there).t == pytest.approx(0.5)

    def test_it_takes_away_most_of_a_bias(self) -> None:
        exact = OracleDenoiser(WIDE, LINEAR)
        biased = Exaggerating(exact, 1.02)
        truth = self._end(exact, DdimSampler(), 400)
        plain = abs(self._end(biased, DdimSampler()) - truth)
        shifted = abs(self._end(biased, TimeShiftSampler(0.1, 0.25, cutoff=0.0)) - truth)
        assert shifted < 0.6 * plain

    def test_wrong_shares(self) -> None:
        for wrong in ({"window": 2.0}, {"cutoff": -0.1}, {"variance": -1.0}):
            with pytest.raises(SettingError, match="are shares"):
                TimeShiftSampler(**wrong)
