"""Guidance against closed forms: Bayes on mixtures, linear flows of Gaussians, discriminators that know."""

from __future__ import annotations

import math

import numpy as np
import pytest
import scipy.integrate
import scipy.ndimage
import torch
from lab_problems import line_mixture
from torch import Tensor

from tasvir.errors import SettingError
from tasvir.lab.data.base import Data
from tasvir.lab.diffusion.denoiser import Denoiser
from tasvir.lab.diffusion.guidance.base import Guided, Interval
from tasvir.lab.diffusion.guidance.classifier_free import ClassifierFree, for_classes
from tasvir.lab.diffusion.guidance.gradient import GradientGuided, exact_log_ratio
from tasvir.lab.diffusion.guidance.noisy_classifier import trained_classifier, trained_discriminator
from tasvir.lab.diffusion.guidance.self_attention import SelfAttentionGuided, attention_of, gaussian_blur
from tasvir.lab.diffusion.network_denoiser import NetworkDenoiser
from tasvir.lab.diffusion.networks.choice import network_for
from tasvir.lab.diffusion.oracles.base import OracleDenoiser
from tasvir.lab.diffusion.oracles.mixture import MixtureLaw
from tasvir.lab.diffusion.paths import path
from tasvir.lab.diffusion.preconditioning import PlainPreconditioning
from tasvir.lab.diffusion.predictions import PREDICTIONS, Prediction, convert
from tasvir.lab.diffusion.samplers.heun import HeunSampler
from tasvir.lab.diffusion.sampling import gaussian_noise, sample
from tasvir.lab.diffusion.schedules.base import Level
from tasvir.lab.diffusion.schedules.karras import KarrasSchedule
from tasvir.lab.diffusion.schedules.linear import LinearSchedule
from tasvir.lab.distances import energy_distance

LINEAR = LinearSchedule()
WHOLE = line_mixture()
PART = MixtureLaw(WHOLE.weights[1:], WHOLE.means[1:], WHOLE.spread[1:])
"""The mixture given that it is of the second or third component."""
X = torch.linspace(-3, 3, 31, dtype=torch.float64)[:, None]


class Telling(Denoiser):
    """A denoiser that tells the same in other terms."""

    def __init__(self, inner: Denoiser, prediction: Prediction) -> None:
        self.inner, self.schedule, self.prediction = inner, inner.schedule, prediction

    def tell(self, x: Tensor, level: Level) -> Tensor:
        return self.inner.predict(x, level, self.prediction)


class Counting(Telling):
    """Counts how often it is asked."""

    asked = 0

    def tell(self, x: Tensor, level: Level) -> Tensor:
        self.asked += 1
        return super().tell(x, level)


def line(mean: float, variance: float) -> MixtureLaw:
    return MixtureLaw.gaussian(torch.tensor([mean]), torch.tensor([[variance]]))


class TestClassifier:
    @pytest.mark.parametrize("prediction", PREDICTIONS)
    @pytest.mark.parametrize("t", [0.05, 0.4, 0.9])
    def test_an_exact_one_at_scale_1_makes_the_conditional_law(
        self, prediction: Prediction, t: float
    ) -> None:
        level = LINEAR.level(t)
        told = Telling(OracleDenoiser(WHOLE, LINEAR), prediction)
        guided = GradientGuided(told, exact_log_ratio(PART, WHOLE))
        truth = OracleDenoiser(PART, LINEAR).predict(X, level, prediction)
        assert torch.allclose(guided.tell(X, level), truth, rtol=1e-9, atol=1e-9)

    def test_samples_are_of_the_class(self) -> None:
        guided = GradientGuided(OracleDenoiser(WHOLE, LINEAR), exact_log_ratio(PART, WHOLE))
        grid = path(LINEAR, 60, "log-snr", end=1e-3)
        x = gaussian_noise(0)(torch.empty(2000, 1, dtype=torch.float64))
        found = sample(guided, HeunSampler(), grid, x, gaussian_noise(1)).x
        truth = PART.sample(2000, torch.Generator().manual_seed(2))
        distance = energy_distance(found, truth)
        assert distance.error is not None and abs(distance.value) < 4 * distance.error
        assert energy_distance(WHOLE.sample(2000, torch.Generator().manual_seed(3)), truth).value > 0.1

    def test_a_trained_one_points_where_the_exact_one_does(self) -> None:
        draws = WHOLE.sample(4000, torch.Generator().manual_seed(0))
        labels = WHOLE.responsibilities(draws, 1.0, 1e-3).argmax(1).clamp(max=1)
        classifier = trained_classifier(draws.float(), labels, LINEAR, steps=200)
        level = LINEAR.level(0.3)
        x = level.alpha * draws[:500] + level.sigma * gaussian_noise(4)(draws[:500])
        one = torch.ones(500, dtype=torch.int64)
        told = GradientGuided(OracleDenoiser(WHOLE, LINEAR), classifier.log_prob(one)).predict(
            x, level, "eps"
        )
        truth = OracleDenoiser(PART, LINEAR).predict(x, level, "eps")
        plain = OracleDenoiser(WHOLE, LINEAR).predict(x, level, "eps")
        assert (told - truth).square().mean() < 0.2 * (plain - truth).square().mean()

    def test_a_guide_that_tells_nonsense_is_told_so(self) -> None:
        denoiser, level = OracleDenoiser(WHOLE, LINEAR), LINEAR.level(0.5)
        with pytest.raises(SettingError, match=r"\(31, 1\) for 31 examples"):
            GradientGuided(denoiser, lambda x, _: x).tell(X, level)
        with pytest.raises(SettingError, match="differentiable"):
            GradientGuided(denoiser, lambda x, _: x.detach()[:, 0]).tell(X, level)


class TestClassifierFree:
    def test_scale_1_is_the_condition_alone_and_0_none(self) -> None:
        conditional, other = (Counting(OracleDenoiser(law, LINEAR), "eps") for law in (PART, WHOLE))
        level = LINEAR.level(0.4)
        assert torch.equal(ClassifierFree(conditional, other, 1.0).tell(X, level), conditional.tell(X, level))
        assert other.asked == 0
        assert torch.equal(ClassifierFree(conditional, other, 0.0).tell(X, level), other.tell(X, level))

    @pytest.mark.parametrize("prediction", PREDICTIONS)
    def test_both_conventions_and_all_predictions_agree(self, prediction: Prediction) -> None:
        level, weight = LINEAR.level(0.4), 1.7
        conditional, other = (OracleDenoiser(law, LINEAR) for law in (PART, WHOLE))
        guided = ClassifierFree(Telling(conditional, prediction), Telling(other, "v"), 1 + weight)
        with_, without = (one.predict(X, level, "eps") for one in (conditional, other))
        published = (1 + weight) * with_ - weight * without  # Ho and Salimans 2022, equation 6
        assert torch.allclose(guided.predict(X, level, "eps"), published, rtol=1e-9, atol=1e-9)

    def test_on_gaussians_the_flow_is_a_closed_form_and_not_that_of_the_tilted_law(self) -> None:
        """dx/dt = t ((1 - s) x / (a + t^2) + s (x - m) / (v + t^2)) for p = N(0, a), p(.|y) = N(m, v).

        Without the mean x(0) / x(T) = phi(0) / phi(T), phi = (a + t^2)^((1 - s)/2) (v + t^2)^(s/2), so that
        the variance is a^(1 - s) v^s for large T, where p(x) p(y|x)^s has 1 / ((1 - s)/a + s/v).
        """
        a, v, m, s, top = 1.0, 0.25, 0.5, 2.0, 80.0

        def phi(t: float) -> float:
            return (a + t * t) ** ((1 - s) / 2) * (v + t * t) ** (s / 2)

        schedule = KarrasSchedule(top)
        guided = ClassifierFree(*(OracleDenoiser(law, schedule) for law in (line(m, v), line(0, a))), scale=s)
        grid = path(schedule, 400, "karras", end=1e-4)
        ends = torch.tensor([[-100.0], [0.0], [100.0]], dtype=torch.float64)
        found = sample(guided, HeunSampler(), grid, ends, gaussian_noise(0)).x[:, 0].tolist()
        inside = scipy.integrate.quad(lambda t: t * m / ((v + t * t) * phi(t)), 0, top, limit=200)[0]
        for end, reached in zip(ends[:, 0].tolist(), found, strict=True):
            assert reached == pytest.approx(phi(0) * (end / phi(top) + s * inside), rel=2e-4)
        spread = ((found[2] - found[0]) / 200 * top) ** 2
        assert spread == pytest.approx(a ** (1 - s) * v**s, rel=2e-3)
        assert spread < 0.5 / ((1 - s) / a + s / v)

    def test_an_interval_switches(self) -> None:
        conditional, other = (Counting(OracleDenoiser(law, LINEAR), "eps") for law in (PART, WHOLE))
        ratios = [LINEAR.level(t).ratio for t in (0.2, 0.7)]
        guided = ClassifierFree(conditional, other, 3.0, Interval(*ratios))
        for t, pulled in ((0.1, False), (0.2, True), (0.5, True), (0.7, True), (0.71, False), (1.0, False)):
            level, before = LINEAR.level(t), other.asked
            changed = not torch.equal(guided.tell(X, level), conditional.inner.predict(X, level, "eps"))
            assert changed is pulled and other.asked - before == int(pulled)

    def test_rescaling_brings_the_deviation_back(self) -> None:
        generator = torch.Generator().manual_seed(0)
        laws = [MixtureLaw.gaussian(torch.full((6,), mean), torch.ones(6)) for mean in (2.0, -1.0)]
        laws[0] = MixtureLaw.gaussian(torch.tensor([2.0, 0, 0, 1, 0, -1]), torch.full((6,), 0.1))
        conditional, other = (Telling(OracleDenoiser(law, LINEAR), "v") for law in laws)
        x, level = torch.randn(5, 6, generator=generator, dtype=torch.float64), LINEAR.level(0.5)
        plain = ClassifierFree(conditional, other, 4.0).tell(x, level)
        whole = ClassifierFree(conditional, other, 4.0, rescale=1.0).tell(x, level)
        half = ClassifierFree(conditional, other, 4.0, rescale=0.5).tell(x, level)
        assert torch.allclose(whole.std(1), conditional.tell(x, level).std(1))
        assert not torch.allclose(plain.std(1), whole.std(1))
        assert torch.allclose(half, (plain + whole) / 2)

    def test_one_network_with_and_without_its_classes(self) -> None:
        data = Data("points", "points", torch.zeros(4, 2), torch.zeros(1, 2), classes=3)
        torch.manual_seed(0)
        network = network_for(data, conditional=True)
        for weights in network.parameters():
            torch.nn.init.normal_(weights, std=0.2)  # much starts at zero
        denoiser = NetworkDenoiser(network, LINEAR, PlainPreconditioning("eps"))
        labels, x, level = torch.tensor([0, 1, 2, 0]), torch.randn(4, 2), LINEAR.level(0.4)
        with torch.no_grad():
            told = for_classes(denoiser, labels, 3.0).tell(x, level)
            with_, none = denoiser.given(labels).tell(x, level), denoiser.tell(x, level)
        assert torch.allclose(told, none + 3 * (with_ - none), atol=1e-5)
        assert not torch.allclose(with_, none)

    def test_what_does_not_fit_is_said(self) -> None:
        denoiser = OracleDenoiser(WHOLE, LINEAR)
        with pytest.raises(SettingError, match="two schedules"):
            ClassifierFree(denoiser, OracleDenoiser(WHOLE, LinearSchedule()), 2.0)
        with pytest.raises(SettingError, match="finite number"):
            ClassifierFree(denoiser, denoiser, math.nan)
        with pytest.raises(SettingError, match="a share"):
            ClassifierFree(denoiser, denoiser, 2.0, rescale=1.5)
        with pytest.raises(SettingError, match="low <= high"):
            Interval(3.0, 1.0)


class TestDiscriminator:
    def test_one_that_knows_mends_a_wrong_model_exactly(self) -> None:
        truth, wrong = line(0.7, 0.3), line(-0.4, 1.1)
        mended = GradientGuided(OracleDenoiser(wrong, LINEAR), exact_log_ratio(truth, wrong))
        for t in (0.01, 0.3, 1.0):
            level = LINEAR.level(t)
            exact = OracleDenoiser(truth, LINEAR).tell(X, level)
            assert torch.allclose(mended.tell(X, level), exact, rtol=1e-9, atol=1e-9)

    def test_a_trained_one_brings_samples_nearer(self) -> None:
        truth, wrong = line(0.7, 0.3), line(0.2, 0.5)
        real, generated, fresh = (
            law.sample(4000, torch.Generator().manual_seed(seed))
            for law, seed in ((truth, 0), (wrong, 1), (truth, 2))
        )
        discriminator = trained_discriminator(real.float(), generated, LINEAR, steps=150)
        grid = path(LINEAR, 24, "log-snr", end=1e-2)
        x = gaussian_noise(3)(torch.empty(2000, 1, dtype=torch.float64))

        def distance(denoiser: Denoiser) -> float:
            return energy_distance(sample(denoiser, HeunSampler(), grid, x, gaussian_noise(0)).x, fresh).value

        model = OracleDenoiser(wrong, LINEAR)
        assert distance(GradientGuided(model, discriminator.log_ratio())) < 0.3 * distance(model)

    def test_labels_must_fit(self) -> None:
        with pytest.raises(SettingError, match="one for each"):
            trained_classifier(torch.zeros(4, 1), torch.zeros(3, dtype=torch.int64), LINEAR)


class TestSelfAttention:
    def test_on_a_gaussian_it_is_a_closed_form(self) -> None:
        """With D(x) = g x, eps(x) = e x and alpha g + sigma e = 1, what the blur P keeps is not pulled, and
        what it takes away is told as e (s + (1 - s) sigma e) x."""
        variance, s, level = 0.4, 2.5, LINEAR.level(0.5)
        law = MixtureLaw.gaussian(torch.zeros(4), torch.full((4,), variance))
        denoiser = OracleDenoiser(law, LINEAR)

        def look(x: Tensor, level: Level) -> tuple[Tensor, Tensor]:
            return denoiser.tell(x, level), torch.tensor([2.0, 2.0, 2.0, 0.5], dtype=torch.float64)

        def blur(x0: Tensor) -> Tensor:
            return torch.cat([x0[:, :1], torch.zeros_like(x0[:, 1:])], 1)

        guided = SelfAttentionGuided(denoiser, look, s, blur=blur)
        x = torch.randn(6, 4, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
        e = level.sigma / (level.alpha**2 * variance + level.sigma**2)
        pulled = e * (s + (1 - s) * level.sigma * e)
        truth = x * torch.tensor([e, pulled, pulled, e], dtype=torch.float64)
        assert torch.allclose(guided.predict(x, level, "eps"), truth, rtol=1e-9)

    @pytest.mark.parametrize("name", ["unet", "dit"])
    def test_networks_tell_where_they_look(self, name: str) -> None:
        data = Data("pictures", "images", torch.zeros(2, 1, 16, 8), torch.zeros(1, 1, 16, 8))
        torch.manual_seed(0)
        network = network_for(data, name, width=32, depth=1).eval()
        torch.nn.init.normal_(network.leave.weight, std=0.1)  # type: ignore[union-attr, arg-type]
        denoiser = NetworkDenoiser(network, LINEAR, PlainPreconditioning("v"))
        x, level = torch.randn(3, 1, 16, 8), LINEAR.level(0.5)
        look = attention_of(denoiser)
        with torch.no_grad():
            told, attended = look(x, level)
            assert torch.equal(told, denoiser.tell(x, level))
            assert attended.shape == (3, 1, 16, 8) and attended.std() > 0
            assert torch.allclose(attended.mean((1, 2, 3)), torch.ones(3), atol=1e-5)
            assert not any(getattr(part, "keep", False) for part in network.modules())
            guided = SelfAttentionGuided(denoiser, look, 2.0)
            pulled = guided.tell(x, level)
            assert pulled.shape == x.shape and not torch.allclose(pulled, told)
            none = SelfAttentionGuided(denoiser, look, 2.0, threshold=1e9).tell(x, level)
            assert torch.allclose(none, told, atol=1e-5)

    def test_a_perceptron_has_no_attention(self) -> None:
        data = Data("points", "points", torch.zeros(4, 2), torch.zeros(1, 2))
        denoiser = NetworkDenoiser(network_for(data), LINEAR, PlainPreconditioning("eps"))
        with pytest.raises(SettingError, match="no self-attention to read"):
            attention_of(denoiser)

    def test_the_blur_is_the_gaussian_one(self) -> None:
        x = torch.randn(2, 3, 12, 11, dtype=torch.float64)
        truth = scipy.ndimage.gaussian_filter(x.numpy(), (0, 0, 1.3, 1.3), mode="mirror", truncate=4.0)
        assert np.allclose(gaussian_blur(x, 1.3).numpy(), truth, atol=1e-12)


def test_guidance_nests_and_keeps_what_it_wraps() -> None:
    conditional, other = (Telling(OracleDenoiser(law, LINEAR), "v") for law in (PART, WHOLE))
    outer: Guided = GradientGuided(ClassifierFree(conditional, other, 2.0), exact_log_ratio(PART, WHOLE), 0.5)
    level = LINEAR.level(0.3)
    parts = [one.predict(X, level, "score") for one in (conditional, other)]
    truth = 2 * parts[0] - parts[1] + 0.5 * (parts[0] - parts[1])
    assert outer.prediction == "v" and outer.schedule is LINEAR
    assert torch.allclose(convert(outer.tell(X, level), X, level, "v", "score"), truth, rtol=1e-9, atol=1e-9)
