"""Every installed expert rule: order does not matter, who is missing is not heard, one alone is believed."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from tasvir import registry
from tasvir.lab.multimodal.experts.base import Expert, alone, shares_of
from tasvir.lab.multimodal.gaussian import Gaussian
from tasvir.lab.multimodal.mixture import Mixture

RULES = registry.names("lab.experts")
COUNTS_THE_PRIOR = {"poe-prior"}
"""Rules that take one expert alone for a likelihood."""


@pytest.fixture(params=RULES)
def rule(request: pytest.FixtureRequest) -> Expert:
    return registry.create("lab.experts", request.param, Expert)


def experts(count: int = 3) -> Gaussian:
    """Two models, four examples, codes of two numbers; none wider than the prior, as true posteriors are."""
    generator = torch.Generator().manual_seed(count)
    mean, spread = (torch.randn(count, 2, 4, 2, generator=generator, dtype=torch.float64) for _ in range(2))
    return Gaussian(mean, -spread.abs())


def shares(count: int = 3) -> Tensor:
    drawn = torch.rand(count, 2, 4, generator=torch.Generator().manual_seed(9), dtype=torch.float64)
    return shares_of(drawn + 0.1)


def check_same(one: Mixture, other: Mixture) -> None:
    """Whether they are one law: their densities agree wherever one looks."""
    z = 2 * torch.randn(50, 1, 2, 4, 2, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    for place in z[:, 0]:
        torch.testing.assert_close(one.log_prob(place), other.log_prob(place))


def test_it_is_a_mixture_whose_weights_sum_to_one(rule: Expert) -> None:
    joint = rule.join(experts(), shares())
    torch.testing.assert_close(joint.weights.sum(0), torch.ones(2, 4, dtype=torch.float64))
    assert joint.components.mean.shape == (len(joint), 2, 4, 2)
    assert bool((rule.divergence(joint, experts(), shares()) > 0).all()) and rule.source


def test_the_order_of_modalities_does_not_matter(rule: Expert) -> None:
    order = [2, 0, 1]
    joint, other = rule.join(experts(), shares()), rule.join(experts()[order], shares()[order])
    check_same(joint, other)
    torch.testing.assert_close(
        rule.divergence(joint, experts(), shares()),
        rule.divergence(other, experts()[order], shares()[order]),
    )


def test_examples_and_models_do_not_hear_each_other(rule: Expert) -> None:
    whole = rule.join(experts(), shares())
    few = rule.join(experts()[:, 1:, 2:3], shares()[:, 1:, 2:3])
    torch.testing.assert_close(whole.components.mean[:, 1:, 2:3], few.components.mean)
    torch.testing.assert_close(whole.components.log_variance[:, 1:, 2:3], few.components.log_variance)
    torch.testing.assert_close(whole.weights[:, 1:, 2:3], few.weights)


def test_one_modality_alone_is_its_posterior(rule: Expert) -> None:
    for m in range(3):
        own = torch.zeros(3, 2, 4, dtype=torch.float64)
        own[m] = 1
        joint = rule.join(experts(), own)
        single = experts()[m]
        if rule.name in COUNTS_THE_PRIOR:
            precision = 1 + single.precision
            single = Gaussian(single.precision * single.mean / precision, -precision.log())
        check_same(joint, alone(single))


def test_who_is_missing_is_not_heard(rule: Expert) -> None:
    there = torch.tensor([True, False, True])[:, None, None]
    own = shares_of(shares(), there)
    few = rule.join(experts()[[0, 2]], own[[0, 2]])
    joint = rule.join(experts(), own)
    check_same(joint, few)
    torch.testing.assert_close(
        rule.divergence(joint, experts(), own), rule.divergence(few, experts()[[0, 2]], own[[0, 2]])
    )


def test_of_nobody_the_prior_is_left_and_only_there(rule: Expert) -> None:
    own = shares()
    own[:, :, 1] = 0
    joint = rule.join(experts(), own)
    prior = Gaussian(*torch.zeros(2, 2, 4, 2, dtype=torch.float64))
    z = torch.randn(2, 4, 2, dtype=torch.float64)
    torch.testing.assert_close(joint.log_prob(z)[:, 1], alone(prior).log_prob(z)[:, 1])
    divergence = rule.divergence(joint, experts(), own)
    torch.testing.assert_close(divergence[:, 1], torch.zeros(2, dtype=torch.float64))
    others = rule.join(experts(), shares())
    torch.testing.assert_close(joint.log_prob(z)[:, 2:], others.log_prob(z)[:, 2:])


def test_gradients_reach_experts_and_shares(rule: Expert) -> None:
    given, logits = experts(), torch.zeros(3, 2, 4, dtype=torch.float64, requires_grad=True)
    leaf = Gaussian(given.mean.requires_grad_(True), given.log_variance.requires_grad_(True))
    own = torch.softmax(logits, 0)
    joint = rule.join(leaf, own)
    value = joint.log_prob(torch.ones(2, 4, 2, dtype=torch.float64)) + rule.divergence(joint, leaf, own)
    for slope in torch.autograd.grad(value.sum(), (leaf.mean, leaf.log_variance, logits)):
        assert bool((slope.abs() > 0).any(-1).all()) and bool(torch.isfinite(slope).all())
