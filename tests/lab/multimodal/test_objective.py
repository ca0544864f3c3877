"""The objective as it is drawn: importance weights, mixtures, missing modalities, against known laws."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from torch import Tensor

from tasvir.errors import SettingError
from tasvir.lab.multimodal.experts.base import Expert
from tasvir.lab.multimodal.experts.mmjsd import MmJSD
from tasvir.lab.multimodal.experts.moe import MoE
from tasvir.lab.multimodal.experts.mopoe import MoPoE
from tasvir.lab.multimodal.experts.poe import PoE
from tasvir.lab.multimodal.experts.poe_exact import ExactPoE
from tasvir.lab.multimodal.experts.poe_prior import PoEWithPrior
from tasvir.lab.multimodal.gaussian import Gaussian
from tasvir.lab.multimodal.mixture import Assignment
from tasvir.lab.multimodal.model import StackedVAE
from tasvir.lab.multimodal.objective import Objective, bounds
from tasvir.lab.multimodal.oracle import LinearGaussian, exact_bounds, line
from tasvir.lab.multimodal.weightings.fixed import FixedWeighting
from tasvir.lab.multimodal.weightings.learned import LearnedWeighting
from tasvir.lab.multimodal.weightings.learned_per_sample import LearnedPerSampleWeighting

TIMES = 40_000
BATCHES = 4000
RULES: list[Expert] = [PoE(), PoEWithPrior(), ExactPoE(), MoE(), MoPoE(), MmJSD()]


def noise(model: StackedVAE, seed: int = 0) -> Any:
    generator = torch.Generator().manual_seed(seed)

    def draw(count: int, batch: int) -> tuple[Tensor, Tensor]:
        shape = (len(model), batch)
        normal = torch.randn(count, *shape, model.latent, generator=generator, dtype=torch.float64)
        return normal, torch.rand(*shape, generator=generator, dtype=torch.float64)

    return draw


def one_example(law: LinearGaussian, times: int) -> tuple[list[Tensor], list[Tensor]]:
    """One example, and the same many times over as a batch of one model."""
    x = [one[:1] for one in law.sample(1, torch.Generator().manual_seed(3))]
    return x, [one[None].expand(1, times, -1) for one in x]


@pytest.mark.parametrize("samples", [2, 5])
def test_importance_weights_of_the_exact_posterior_are_all_the_likelihood(
    samples: int, wide: LinearGaussian
) -> None:
    x = wide.sample(5, torch.Generator().manual_seed(1))
    model = wide.model(ExactPoE(), [FixedWeighting(), FixedWeighting()])
    copies = [one.expand(2, -1, -1) for one in x]
    found = bounds(model, copies, Objective(samples=samples), noise(model))
    truth = wide.log_likelihood(x, (0, 1, 2)) + sum(wide.log_likelihood(x, (m,)) for m in range(3))
    torch.testing.assert_close(found, truth.expand(2, -1))


@pytest.mark.parametrize("rule", [PoEWithPrior(), MoE()], ids=lambda rule: rule.name)
def test_the_importance_weighted_bound_rises_with_its_samples(rule: Expert, three: LinearGaussian) -> None:
    x, many = one_example(three, TIMES)
    model = three.model(rule, [FixedWeighting()])
    truth = float(three.log_likelihood(x, (0, 1, 2)))
    last, last_error = -math.inf, 0.0
    for samples in (2, 4, 16, 64):
        found = bounds(model, many, Objective(0.0, samples=samples, assignment="sampled"), noise(model))
        mean, error = found.mean().item(), found.std().item() / math.sqrt(TIMES)
        assert mean < truth + 3 * error
        assert mean > last + 2 * math.hypot(error, last_error)
        last, last_error = mean, error
    assert last > truth - 0.05


def batches(model: StackedVAE, x: list[Tensor], objective: Objective) -> Tensor:
    """The objective of a batch, its mean over examples, of every model: all are alike but for the noise."""
    with torch.no_grad():
        return bounds(model, [one.expand(len(model), -1, -1) for one in x], objective, noise(model)).mean(1)


def on_a_grid(law: LinearGaussian, q: Gaussian, weights: Tensor, x: list[Tensor], together: bool) -> Tensor:
    """E[log((w(z1) + w(z2)) / 2)], each z of the mixture of q [2, 1], or both of one of its components."""
    z = torch.linspace(-8, 8, 1601, dtype=torch.float64)[:, None]
    laws = torch.stack([q[k].log_prob(z) for k in (0, 1)]).exp()
    log_w = -0.5 * (z[:, 0].square() + math.log(2 * math.pi)) - (weights[:, None] * laws).sum(0).log()
    for m in (0, 1):
        told = torch.distributions.Normal(z * law.maps[m][0, 0], law.noise[m])
        log_w = log_w + told.log_prob(x[m])[:, 0]
    pairs = torch.logaddexp(log_w[:, None], log_w[None]) - math.log(2)
    parts = torch.einsum("ki,lj,ij->kl", laws, laws, pairs) * (z[1] - z[0]) ** 2
    return (weights * parts.diagonal()).sum() if together else (weights[:, None] * weights * parts).sum()


@pytest.mark.parametrize("assignment", ["stratified", "sampled", "all"])
def test_the_importance_weighted_bound_of_a_mixture_and_its_gradient_are_those_of_a_grid(
    assignment: Assignment,
) -> None:
    """Seven examples dealt out to weights 0.9 and 0.1: six and one, corrected."""
    law = line((1.0, 2.0), (1.0, 0.7))
    x, many = one_example(law, 7)
    model = law.model(MoE(), [LearnedWeighting()], range(BATCHES))
    logits = next(model.heads.parameters())
    with torch.no_grad():
        logits[0] = math.log(9)
        q = law.experts(x)[:, 0]
    leaf = logits[:, 0].detach().clone().requires_grad_(True)
    together, apart = (on_a_grid(law, q, torch.softmax(leaf, 0), x, one) for one in (True, False))
    truth = together if assignment == "all" else apart
    (slope,) = torch.autograd.grad(truth, leaf, retain_graph=True)
    copies = [one.expand(BATCHES, -1, -1) for one in many]
    found = bounds(model, copies, Objective(0.0, samples=2, assignment=assignment), noise(model)).mean(1)
    (slopes,) = torch.autograd.grad(found.sum(), logits)
    assert apart.item() > together.item() + 0.03, "else the two are not told apart"
    for each, true in ((found.detach(), truth.item()), (slopes[0], slope[0].item())):
        assert abs(each.mean().item() - true) < 4 * each.std().item() / math.sqrt(BATCHES)


def test_dealt_out_samples_have_the_bound_of_drawn_ones() -> None:
    law = line((1.0, 2.0), (1.0, 0.7))
    _, many = one_example(law, 7)
    model = law.model(MoE(), [FixedWeighting("9,1")], range(BATCHES))
    dealt, chosen = (
        batches(model, many, Objective(0.0, samples=4, assignment=one)) for one in ("stratified", "sampled")
    )
    error = math.hypot(dealt.std().item(), chosen.std().item()) / math.sqrt(BATCHES)
    assert abs(dealt.mean().item() - chosen.mean().item()) < 4 * error < 0.022


@pytest.mark.parametrize("samples", [1, 2])
@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_an_example_of_which_nothing_is_there_says_nothing(
    rule: Expert, samples: int, three: LinearGaussian
) -> None:
    model = three.model(rule, [FixedWeighting()])
    x = [torch.full((1, 50, 1), 1e3, dtype=torch.float64) for _ in range(3)]
    there = torch.zeros(3, 1, 50, dtype=torch.bool)
    for assignment in ("stratified", "sampled", "all"):
        found = bounds(model, x, Objective(samples=samples, assignment=assignment), noise(model), there)
        torch.testing.assert_close(found, torch.zeros_like(found))


@pytest.mark.parametrize("assignment", ["stratified", "sampled"])
@pytest.mark.parametrize("rule", [MoE(), MoPoE()], ids=lambda rule: rule.name)
def test_drawn_components_have_the_mean_of_all(
    rule: Expert, assignment: Assignment, three: LinearGaussian
) -> None:
    x, many = one_example(three, 7)
    model = three.model(rule, [FixedWeighting("1,0.01,1")], range(BATCHES))
    truth = exact_bounds(model, x, Objective(assignment="all"))[0].item()
    found = batches(model, many, Objective(assignment=assignment))
    assert abs(found.mean().item() - truth) < 4 * found.std().item() / math.sqrt(len(found))


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"samples": 0}, "samples is 0"),
        ({"samples": 2, "beta": 0.5}, "has no beta"),
        ({"unimodal": -1.0}, "unimodal is -1"),
        ({"subsets": math.nan}, "subsets is nan"),
    ],
)
def test_numbers_out_of_range_are_refused(given: dict[str, Any], words: str) -> None:
    with pytest.raises(SettingError, match=words):
        Objective(**given)


@pytest.mark.parametrize("rule", [MoE(), MoPoE(), MmJSD()])
@pytest.mark.parametrize("assignment", ["stratified", "sampled", "all"])
def test_components_of_no_weight_leave_gradients_of_learned_weights_finite(
    rule: Expert, assignment: Assignment, wide: LinearGaussian
) -> None:
    """A missing modality, and one that a set leaves out, weighs exactly 0, where a logarithm has no slope."""
    model = wide.model(rule, [LearnedWeighting(), LearnedPerSampleWeighting()])
    x = [one.expand(2, -1, -1) for one in wide.sample(8, torch.Generator().manual_seed(2))]
    there = torch.ones(3, 1, 8, dtype=torch.bool)
    there[1] = False
    objective = Objective(samples=3, subsets=1.0, assignment=assignment)
    for present in (None, there):
        model.zero_grad()
        bounds(model, x, objective, noise(model), present).sum().backward()
        slopes = [one.grad for one in model.parameters() if one.grad is not None]
        assert slopes and all(bool(torch.isfinite(one).all()) for one in slopes)
        assert float(model.heads["0"].logits.grad.abs().sum()) > 0
