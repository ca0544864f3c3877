"""Every installed weighting: shares that sum to 1, of each model its own, whatever the modalities' order."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from tasvir import registry
from tasvir.lab.multimodal.divergences import cross_divergences, js_histogram
from tasvir.lab.multimodal.experts.moe import MoE
from tasvir.lab.multimodal.gaussian import Gaussian
from tasvir.lab.multimodal.oracle import line
from tasvir.lab.multimodal.weightings.base import Weighting

NAMES = registry.names("lab.weightings")
AUTOMATIC = [
    name
    for name in NAMES
    if registry.create("lab.weightings", name, Weighting).needs_divergences  # told nothing: for the strong
]


@pytest.fixture(params=NAMES)
def weighting(request: pytest.FixtureRequest) -> Weighting:
    return registry.create("lab.weightings", request.param, Weighting)


def drawn(*shape: int) -> Tensor:
    return torch.rand(*shape, generator=torch.Generator().manual_seed(len(shape))) * 0.6 + 0.01


def test_weights_begin_equal_and_sum_to_one(weighting: Weighting) -> None:
    for count in (1, 2, 5):
        torch.testing.assert_close(weighting.begin(count), torch.full((count,), 1 / count))
    assert weighting.source


def test_weights_stay_shares_for_many_epochs(weighting: Weighting) -> None:
    weights = weighting.begin(3)[:, None].expand(3, 4)
    for _ in range(200):
        weights = weighting.updated(weights, drawn(3, 3, 4))
        torch.testing.assert_close(weights.sum(0), torch.ones(4))
        assert bool((weights >= 0).all())
    perfect = weighting.updated(weights, torch.zeros(3, 3, 4))
    torch.testing.assert_close(perfect.sum(0), torch.ones(4))


def test_order_of_modalities_and_other_models_do_not_matter(weighting: Weighting) -> None:
    weights = drawn(3, 4) / drawn(3, 4).sum(0)
    divergences, order = drawn(3, 3, 4), [2, 0, 1]
    found = weighting.updated(weights, divergences)
    turned = weighting.updated(weights[order], divergences[order][:, order])
    torch.testing.assert_close(turned, found[order])
    torch.testing.assert_close(weighting.updated(weights[:, 1:2], divergences[..., 1:2]), found[:, 1:2])


def test_shares_of_examples_sum_to_one_and_keep_models_apart(weighting: Weighting) -> None:
    generator = torch.Generator().manual_seed(1)
    experts = Gaussian(*torch.randn(2, 3, 4, 6, 2, generator=generator))
    weights = weighting.begin(3)[:, None, None].expand(3, 4, 1)
    head = weighting.network(range(4), 3, 2)
    if head is not None:
        assert sum(parameter.numel() for parameter in head.parameters()) % 4 == 0, "a part of each model"
        for parameter in head.parameters():
            torch.nn.init.normal_(parameter, generator=generator)
    shares = weighting.shares(experts, weights, head).expand(3, 4, 6)
    torch.testing.assert_close(shares.sum(0), torch.ones(4, 6))
    changed = Gaussian(experts.mean.clone(), experts.log_variance)
    changed.mean[:, 2] += 1
    others = [0, 1, 3]
    again = weighting.shares(changed, weights, head).expand(3, 4, 6)
    torch.testing.assert_close(again[:, others], shares[:, others], rtol=0, atol=0)


@pytest.mark.parametrize("name", AUTOMATIC)
def test_noise_gets_least_and_duplicates_alike(name: str) -> None:
    """Two modalities tell the same number of the code, a third tells nothing of it."""
    weighting = registry.create("lab.weightings", name, Weighting)
    law = line((2.0, 2.0, 0.0), (0.3, 0.3, 1.0))
    x = law.sample(2000, torch.Generator().manual_seed(0))
    model = law.model(MoE(), [weighting])
    divergences = cross_divergences(model, [x[0][None], x[0][None], x[2][None]])
    weights = model.weights
    for _ in range(5):
        weights = weighting.updated(weights, divergences)
    first, second, noise = weights[:, 0].tolist()
    assert first == pytest.approx(second, abs=1e-9)
    assert noise < first - 0.05


def test_who_generates_and_who_is_generated_are_opposites_on_a_one_way_street() -> None:
    """x2 = |x1|: the first generates the second, whose best guess of the first is its mean, 0."""
    x = torch.randn(1, 5000, generator=torch.Generator().manual_seed(0))
    nothing = js_histogram(x, x)
    wrong = js_histogram(torch.zeros_like(x), x)
    divergences = torch.stack(
        [torch.stack([nothing, js_histogram(x.abs(), x.abs())]), torch.stack([wrong, nothing])]
    )
    equal = torch.full((2, 1), 0.5)
    generating, generated = (
        registry.create("lab.weightings", name, Weighting).updated(equal, divergences)[:, 0]
        for name in ("generating", "generated")
    )
    assert generating[0] > generating[1] + 0.2 and generated[1] > generated[0] + 0.2
    weak, other = (
        registry.create("lab.weightings", f"{name}:weak", Weighting).updated(equal, divergences)[:, 0]
        for name in ("generating", "generated")
    )
    assert weak[1] > weak[0] + 0.2 and other[0] > other[1] + 0.2
