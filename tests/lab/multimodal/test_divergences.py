"""Divergences against integrals, hand arithmetic and constructed models whose answers are known."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pytest
import torch
from scipy import integrate, stats
from torch import Tensor

from tasvir.errors import SettingError
from tasvir.lab.multimodal.divergence_estimators.classifier import js_classifier
from tasvir.lab.multimodal.divergence_estimators.histogram import js_bernoulli, js_categorical, js_histogram
from tasvir.lab.multimodal.divergence_estimators.kernel import js_kernel
from tasvir.lab.multimodal.divergence_estimators.quadrature import js_mixtures
from tasvir.lab.multimodal.divergences import Estimator, cross_divergences
from tasvir.lab.multimodal.experts.poe import PoE
from tasvir.lab.multimodal.likelihoods import BernoulliLikelihood, GaussianLikelihood
from tasvir.lab.multimodal.modality import Modality
from tasvir.lab.multimodal.model import StackedVAE
from tasvir.lab.multimodal.stack_training import update_weights
from tasvir.lab.multimodal.weightings.base import Weighting
from tasvir.lab.multimodal.weightings.fixed import FixedWeighting
from tasvir.lab.multimodal.weightings.generated import GeneratedWeighting
from tasvir.lab.multimodal.weightings.generating import GeneratingWeighting

LN2 = math.log(2)
SETS, SIZE = 60, 1000
PAIRS = [(0.0, 1.0), (0.0, 1.5), (1.0, 1.0), (2.5, 0.5), (0.0, 3.0)]
ESTIMATORS = [js_histogram, js_kernel]


def integral(p: Callable[[float], float], q: Callable[[float], float]) -> float:
    """JS divergence by adaptive quadrature, another implementation."""

    def inner(x: float) -> float:
        a, b = p(x), q(x)
        return 0.5 * sum(one * math.log(2 * one / (a + b)) for one in (a, b) if one > 0)

    found: float = integrate.quad(inner, -40, 40, points=[-3, 0, 3], limit=500, epsabs=1e-12)[0]
    return found


def gaussian(mean: float, deviation: float) -> tuple[Tensor, Tensor]:
    return torch.full((1, 1), mean), torch.full((1, 1), deviation)


def drawn(mean: float, deviation: float, seed: int, sets: int = SETS) -> Tensor:
    return mean + deviation * torch.randn(sets, SIZE, generator=torch.Generator().manual_seed(seed))


def test_laws_of_few_outcomes_by_hand() -> None:
    """JS((1, 0), (1/2, 1/2)) = H(3/4, 1/4) - ln 2 / 2; the same of Bernoulli 1 and 1/2."""
    by_hand = -(0.75 * math.log(0.75) + 0.25 * math.log(0.25)) - 0.5 * LN2
    told = js_categorical(torch.tensor([1.0, 0.0]), torch.tensor([0.5, 0.5]))
    assert told.item() == pytest.approx(by_hand, abs=1e-6)
    assert js_bernoulli(torch.tensor(1.0), torch.tensor(0.5)).item() == pytest.approx(by_hand, abs=1e-6)


@pytest.mark.parametrize(("mean", "deviation"), PAIRS)
def test_quadrature_is_an_adaptive_integral(mean: float, deviation: float) -> None:
    truth = integral(stats.norm(0, 1).pdf, stats.norm(mean, deviation).pdf)
    for points in (256, 512):
        told = js_mixtures(*gaussian(0, 1), *gaussian(mean, deviation), points).item()
        assert told == pytest.approx(truth, abs=1e-6)
    back = js_mixtures(*gaussian(mean, deviation), *gaussian(0, 1)).item()
    assert back == pytest.approx(told, abs=1e-12)


def test_quadrature_of_mixtures_with_components_of_their_own_widths() -> None:
    means, deviations = torch.tensor([[-1.0, 0.5, 4.0]]), torch.tensor([[0.3, 1.0, 2.0]])

    def density(x: float) -> float:
        return float(stats.norm(means[0].numpy(), deviations[0].numpy()).pdf(x).mean())

    told = js_mixtures(means, deviations, *gaussian(2, 1)).item()
    assert told == pytest.approx(integral(density, stats.norm(2, 1).pdf), abs=1e-6)


def test_quadrature_at_the_ends() -> None:
    assert js_mixtures(*gaussian(1, 2), *gaussian(1, 2)).item() == pytest.approx(0, abs=1e-12)
    assert js_mixtures(*gaussian(-50, 1), *gaussian(50, 1)).item() == pytest.approx(LN2, abs=1e-9)


@pytest.mark.parametrize("estimate", ESTIMATORS)
@pytest.mark.parametrize(("mean", "deviation"), PAIRS)
def test_sets_agree_with_quadrature_within_the_stated_bias(
    estimate: Callable[[Tensor, Tensor], Tensor], mean: float, deviation: float
) -> None:
    truth = js_mixtures(*gaussian(0, 1), *gaussian(mean, deviation)).item()
    told = estimate(drawn(0, 1, 0), drawn(mean, deviation, 1))
    noise = 4 * told.std().item() / math.sqrt(SETS)
    low, high = (-0.01, 0.013) if estimate is js_histogram else (-0.01, 0.003)
    assert low - noise < told.mean().item() - truth < high + noise


def test_stated_biases_where_laws_are_equal() -> None:
    """Of a histogram (bins - 1) / (8 N) twice, of uniform laws, whose bins are all full; kernels far less."""
    x, y = (torch.rand(SETS, SIZE, generator=torch.Generator().manual_seed(seed)) for seed in (0, 1))
    assert js_histogram(x, y).mean().item() == pytest.approx(49 / (4 * SIZE), rel=0.05)
    assert 0 < js_kernel(drawn(0, 1, 0), drawn(0, 1, 1)).mean().item() < 0.003


@pytest.mark.parametrize("estimate", ESTIMATORS)
def test_sets_at_the_ends(estimate: Callable[[Tensor, Tensor], Tensor]) -> None:
    x, far, constant = drawn(0, 1, 0, 3), drawn(50, 1, 1, 3), torch.full((3, SIZE), 0.25)
    assert estimate(x, x).abs().max().item() < 1e-6
    assert torch.allclose(estimate(x, far), torch.full((3,), LN2), atol=1e-5)
    assert torch.allclose(estimate(x, far / 20), estimate(far / 20, x), atol=1e-6)
    assert ((estimate(constant, x) > 0.5) & (estimate(constant, x) <= LN2)).all()
    assert estimate(constant, constant).abs().max().item() < 1e-6


@pytest.mark.parametrize("estimate", ESTIMATORS)
def test_models_of_a_stack_are_measured_each_by_itself(
    estimate: Callable[[Tensor, Tensor], Tensor],
) -> None:
    x = torch.cat([drawn(0, 1, 0, 1), drawn(5, 2, 1, 1)])
    y = torch.cat([drawn(1, 1, 2, 1), drawn(3, 7, 3, 1)])
    each = torch.cat([estimate(x[:1], y[:1]), estimate(x[1:], y[1:])])
    assert torch.allclose(estimate(x, y), each, atol=1e-6)


@pytest.mark.parametrize(("mean", "deviation"), [(0.0, 1.0), (1.0, 1.0), (0.0, 3.0)])
def test_a_classifier_bounds_from_below(mean: float, deviation: float) -> None:
    truth = js_mixtures(*gaussian(0, 1), *gaussian(mean, deviation)).item()
    told, error = js_classifier(drawn(0, 1, 0, 5)[..., None], drawn(mean, deviation, 1, 5)[..., None])
    spread = told.std().item()
    assert truth - 0.02 < told.mean().item() < truth + 4 * spread / math.sqrt(5)
    assert 0.3 * spread < error.mean().item() < 3 * spread  # the stated error is the error


def test_a_classifier_of_pictures() -> None:
    """Noise of 64 pixels is told from itself by none, from noise with a bright corner by anybody."""
    x, y = (torch.rand(2, 300, 64, generator=torch.Generator().manual_seed(seed)) for seed in (0, 1))
    y[1, :, :4] += 1
    told, error = js_classifier(x, y)
    assert told[0] < 3 * error[0]
    assert told[1] > 0.8 * LN2


def put(network: Any, *weights: Tensor) -> None:
    """Weights of a perceptron's layers, for every model of the stack; biases 0."""
    with torch.no_grad():
        for layer, weight in zip(network.layers, weights, strict=True):
            layer.weight.copy_(weight.expand_as(layer.weight))
            layer.bias.zero_()


def linear(weightings: list[Weighting], scale: float, modalities: int, seeds: int = 1) -> StackedVAE:
    """A stack whose codes are the numbers themselves, whose decoders hand the code through."""
    parts = [Modality(f"x{m}", 1, GaussianLikelihood(scale), ()) for m in range(modalities)]
    model = StackedVAE(parts, 1, PoE(), weightings, range(seeds))
    for encoder, decoder in zip(model.encoders, model.decoders, strict=True):
        put(encoder, torch.tensor([[1.0, 0.0]]))
        put(decoder, torch.ones(1, 1))
    return model


def test_what_is_handed_through_is_not_apart_and_what_is_shifted_is() -> None:
    model = linear([FixedWeighting()], 1.0, 2)
    x = drawn(0, 1, 0, 1)[..., None]
    assert cross_divergences(model, [x, x]).abs().max().item() < 1e-6
    shifted: Any = model.decoders[1]
    with torch.no_grad():
        shifted.layers[0].bias.fill_(100)
    told = cross_divergences(model, [x, x])[..., 0]
    assert torch.allclose(told, torch.tensor([[0, LN2], [0, LN2]]), atol=1e-5)


def test_founded_divergences_count_the_decoders_noise() -> None:
    """x from N(0, 1), decoded with noise 2: N(0, 5) against N(0, 1)."""
    model = linear([FixedWeighting()], 2.0, 2, seeds=20)
    x = drawn(0, 1, 0, 20)[..., None]
    truth = js_mixtures(*gaussian(0, 5**0.5), *gaussian(0, 1)).item()
    told = cross_divergences(model, [x, x], "founded")
    assert told.mean().item() == pytest.approx(truth, abs=0.01)
    assert torch.equal(told, cross_divergences(model, [x, x], "founded"))
    alone = linear([FixedWeighting()], 2.0, 2)
    assert torch.allclose(cross_divergences(alone, [x[3:4], x[3:4]], "founded"), told[..., 3:4], atol=1e-6)


def test_probabilities_are_compared_example_by_example_whatever_the_estimator() -> None:
    part = Modality("bit", 1, BernoulliLikelihood(), ())
    model = StackedVAE([part], 1, PoE(), [FixedWeighting()], [0])
    put(model.decoders[0], torch.zeros(1, 1))  # tells 1/2 of every bit
    bits = torch.tensor([0.0, 1.0, 1.0]).view(1, 3, 1)
    by_hand = -(0.75 * math.log(0.75) + 0.25 * math.log(0.25)) - 0.5 * LN2
    estimators: tuple[Estimator, ...] = ("thesis", "founded")
    for estimator in estimators:
        assert cross_divergences(model, [bits], estimator).item() == pytest.approx(by_hand, abs=1e-6)


def test_an_unknown_estimator_is_refused() -> None:
    with pytest.raises(SettingError, match="thesis, founded"):
        cross_divergences(linear([FixedWeighting()], 1.0, 1), [torch.zeros(1, 2, 1)], "best")  # type: ignore[arg-type]


@pytest.mark.parametrize("estimator", ["thesis", "founded"])
@pytest.mark.parametrize("rule", [GeneratingWeighting, GeneratedWeighting])
def test_noise_weighs_least_and_duplicates_equally(
    rule: Callable[[str], Weighting], estimator: Estimator
) -> None:
    """x1 = x2; the code of noise, x3, is the prior's mean, and what is decoded of noise is a constant."""
    model = linear([rule("strong"), rule("weak")], 0.1, 3)
    put(model.encoders[2], torch.zeros(1, 2))
    put(model.decoders[2], torch.zeros(1, 1))
    x, noise = (drawn(0, one, one, 1)[..., None].expand(2, -1, -1) for one in (2, 1))
    for _ in range(5):
        update_weights(model, cross_divergences(model, [x, x, noise], estimator))
    strong, weak = model.weights.T
    assert strong[0].item() == pytest.approx(strong[1].item(), abs=0.01)
    assert strong[2] < 0.8 * strong[0]
    assert weak[2] > 1.2 * weak[0]
    assert model.weights.sum(0).tolist() == pytest.approx([1, 1], abs=1e-6)


def test_a_way_without_return_orders_the_two_rules_oppositely() -> None:
    """x2 = |x1|: 1 generates 2 and 2 not 1, so who generates well (1) is not who is generated well (2)."""
    parts = [Modality(f"x{m}", 1, GaussianLikelihood(0.1), (2,)) for m in range(2)]
    model = StackedVAE(parts, 1, PoE(), [GeneratingWeighting("strong"), GeneratedWeighting("strong")], [0])
    both, apart = torch.tensor([[1.0, -1.0]]), torch.tensor([[1.0], [-1.0]])
    for encoder in model.encoders:
        put(encoder, both, torch.cat([apart, 0 * apart], 1))
    put(model.decoders[0], both, apart)
    put(model.decoders[1], both, apart.abs())
    x = drawn(0, 1, 0, 1)[..., None].expand(2, -1, -1)
    told = cross_divergences(model, [x, x.abs()])[..., 0]
    assert told[1, 0] > 0.1
    assert told.sum() - told[1, 0] < 1e-5
    update_weights(model, told[..., None].expand(-1, -1, 2))
    generating, generated = model.weights.T
    assert generating[0] > generating[1]
    assert generated[1] > generated[0]
