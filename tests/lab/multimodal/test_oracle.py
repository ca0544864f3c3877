"""The oracle against quadrature and Bayes' rule, and the objective against the oracle."""

from __future__ import annotations

import math
from dataclasses import replace
from itertools import combinations

import pytest
import torch
from torch import Tensor

from tasvir.errors import SettingError
from tasvir.lab.multimodal.experts.base import Expert, alone
from tasvir.lab.multimodal.experts.mmjsd import MmJSD
from tasvir.lab.multimodal.experts.moe import MoE
from tasvir.lab.multimodal.experts.mopoe import MoPoE
from tasvir.lab.multimodal.experts.poe import PoE
from tasvir.lab.multimodal.experts.poe_exact import ExactPoE
from tasvir.lab.multimodal.experts.poe_prior import PoEWithPrior
from tasvir.lab.multimodal.gaussian import Gaussian
from tasvir.lab.multimodal.mixture import Mixture
from tasvir.lab.multimodal.model import StackedVAE
from tasvir.lab.multimodal.objective import Objective, terms
from tasvir.lab.multimodal.oracle import LinearGaussian, exact_bounds, line, mixture_kl
from tasvir.lab.multimodal.weightings.fixed import FixedWeighting

ALL = (0, 1, 2)
JOINT = Objective(unimodal=0.0)
PRODUCTS: list[Expert] = [PoE(), PoEWithPrior(), ExactPoE()]
MIXTURES: list[Expert] = [MoE(), MoPoE()]


def drawn(law: LinearGaussian, count: int = 6) -> tuple[Tensor, ...]:
    return law.sample(count, torch.Generator().manual_seed(1))


def joint(model: StackedVAE, x: tuple[Tensor, ...]) -> Mixture:
    """Of the first model: [K, N, D]."""
    found = model.posterior(model.encode([one.expand(len(model), -1, -1) for one in x]))
    return Mixture(found.components[:, 0], found.weights[:, 0])


@pytest.mark.parametrize("name", ["wide", "skew"])
def test_likelihood_and_posterior_keep_bayes_rule(name: str, request: pytest.FixtureRequest) -> None:
    law: LinearGaussian = request.getfixturevalue(name)
    x = drawn(law)
    z = torch.randn(6, law.latent, dtype=torch.float64)
    for of in [(0,), (1,), (0, 1)]:
        mean, precision = law.posterior(x, of)
        posterior = torch.distributions.MultivariateNormal(mean, precision_matrix=precision)
        both = -0.5 * (z.square() + math.log(2 * math.pi)).sum(-1)
        for m in of:
            told = torch.distributions.Normal(z @ law.maps[m].T + law.offsets[m], law.noise[m])
            both = both + told.log_prob(x[m]).sum(-1)
        torch.testing.assert_close(both - posterior.log_prob(z), law.log_likelihood(x, of))


def test_likelihood_and_posterior_agree_with_quadrature(three: LinearGaussian) -> None:
    x = drawn(three)
    z = torch.linspace(-12, 12, 4001, dtype=torch.float64)[:, None]
    law = torch.exp(-0.5 * z.square()) / math.sqrt(2 * math.pi)
    for slope, one in zip((1.0, 2.0, 1.5), x, strict=True):
        law = law * torch.exp(-0.5 * (one[:, 0] - slope * z).square()) / math.sqrt(2 * math.pi)
    whole = torch.trapezoid(law, z, dim=0)
    mean = torch.trapezoid(law * z, z, dim=0) / whole
    variance = torch.trapezoid(law * z.square(), z, dim=0) / whole - mean.square()
    told, precision = three.posterior(x, ALL)
    torch.testing.assert_close(three.log_likelihood(x, ALL), whole.log())
    torch.testing.assert_close(told[:, 0], mean)
    torch.testing.assert_close(1 / variance, precision[0].expand(6))
    torch.testing.assert_close(
        three.conditional(x, (2,), (0, 1)), whole.log() - three.log_likelihood(x, (0, 1))
    )


def test_a_posterior_of_nothing_is_the_prior(wide: LinearGaussian) -> None:
    mean, precision = wide.posterior(drawn(wide), ())
    assert not mean.any() and torch.equal(precision, torch.eye(2, dtype=torch.float64))


def test_samples_have_the_laws_moments(three: LinearGaussian) -> None:
    x = torch.cat(three.sample(200_000, torch.Generator().manual_seed(0)), 1)
    slopes = torch.tensor([1.0, 2.0, 1.5], dtype=torch.float64)
    truth = torch.outer(slopes, slopes) + torch.eye(3, dtype=torch.float64)
    torch.testing.assert_close(torch.cov(x.T), truth, atol=0.05, rtol=0)


def test_elbo_and_gap_make_up_the_likelihood(skew: LinearGaussian) -> None:
    x = drawn(skew)
    q = Gaussian(torch.randn(6, 3, dtype=torch.float64), torch.randn(6, 3, dtype=torch.float64))
    for of in [(0,), (1,), (0, 1)]:
        whole = skew.elbo(x, alone(q), of) + skew.gap(x, q, of)
        torch.testing.assert_close(whole, skew.log_likelihood(x, of))
    noise = torch.randn(400_000, 1, 3, dtype=torch.float64)
    z = q.sample(noise)
    told = torch.distributions.Normal(z @ skew.maps[1].T + skew.offsets[1], 1.3).log_prob(x[1]).sum(-1)
    error = told.std(0) / math.sqrt(len(noise))
    assert bool(((told.mean(0) - skew.explained(x, q, (1,))).abs() < 4 * error).all())


def test_diagonal_experts_are_the_nearest(skew: LinearGaussian) -> None:
    x = drawn(skew)
    told = skew.experts(x)
    for m in (0, 1):
        best = skew.gap(x, told[m], (m,))
        for _ in range(20):
            step = 0.05 * torch.randn(2, 6, 3, dtype=torch.float64)
            other = Gaussian(told.mean[m] + step[0], told.log_variance[m] + step[1])
            assert bool((skew.gap(x, other, (m,)) > best).all())


def test_a_model_tells_the_truth(skew: LinearGaussian) -> None:
    x = drawn(skew)
    model = skew.model(PoE(), [FixedWeighting(), FixedWeighting("1,3")], (0, 7))
    told, truth = model.encode([one.expand(4, -1, -1) for one in x]), skew.experts(x)
    z = torch.randn(4, 5, 3, dtype=torch.float64)
    for place in range(4):
        torch.testing.assert_close(told.mean[:, place], truth.mean)
        torch.testing.assert_close(told.log_variance[:, place], truth.log_variance)
    for m in (0, 1):
        torch.testing.assert_close(model.decode(m, z), z @ skew.maps[m].T + skew.offsets[m])


def test_laws_that_fit_nothing_are_refused(three: LinearGaussian) -> None:
    with pytest.raises(SettingError, match="for each modality"):
        LinearGaussian(three.maps, three.offsets, (1.0,))
    with pytest.raises(SettingError, match="above 0"):
        line((1.0,), (0.0,))
    with pytest.raises(SettingError, match="one width"):
        LinearGaussian((torch.ones(1, 1), torch.ones(1, 2)), three.offsets[:2], (1.0, 1.0))
    with pytest.raises(SettingError, match="one number only"):
        two = Gaussian(torch.zeros(1, 2), torch.zeros(1, 2))
        mixture_kl(alone(two))


def test_how_often_a_product_counts_the_prior(three: LinearGaussian) -> None:
    """Precisions of x = 1, 2, 1.5: 1 + 1 + 4 + 2.25 = 8.25 is true; each posterior holds a 1 of its own."""
    x = tuple(torch.tensor([[one]], dtype=torch.float64) for one in (1.0, 2.0, 1.5))
    counted = {"poe": 2 + 5 + 3.25, "poe-prior": 1 + 2 + 5 + 3.25, "poe-exact": 8.25}
    assert (counted["poe"], counted["poe-prior"]) == (10.25, 11.25)
    told = 1 * 1 + 2 * 2 + 1.5 * 1.5
    truth = three.log_likelihood(x, ALL).item()
    for rule in PRODUCTS:
        model = three.model(rule, [FixedWeighting()])
        q = joint(model, x).components[0]
        precision = counted[rule.name]
        assert q.precision.item() == pytest.approx(precision, abs=1e-12)
        assert q.mean.item() == pytest.approx(told / precision, abs=1e-12)
        gap = 0.5 * (
            8.25 / precision + 8.25 * (told / 8.25 - told / precision) ** 2 - 1 + math.log(precision / 8.25)
        )
        assert three.gap(x, q, ALL).item() == pytest.approx(gap, abs=1e-12)
        assert exact_bounds(model, x, JOINT).item() == pytest.approx(truth - gap, abs=1e-12)
    assert gap == 0 and rule.name == "poe-exact"


def test_a_prior_expert_is_right_beside_likelihoods(three: LinearGaussian) -> None:
    x = drawn(three)
    slopes = torch.tensor([1.0, 2.0, 1.5], dtype=torch.float64)[:, None, None]
    likelihoods = Gaussian(torch.stack(x) / slopes, -slopes.square().log().expand(3, 6, 1))
    q = PoEWithPrior().join(likelihoods, torch.full((3, 6), 1 / 3, dtype=torch.float64)).components[0]
    assert float(three.gap(x, q, ALL).abs().max()) < 1e-12


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
@pytest.mark.parametrize("name", ["three", "wide"])
def test_the_bound_of_the_exact_posterior_is_the_likelihood(
    name: str, dtype: torch.dtype, request: pytest.FixtureRequest
) -> None:
    law: LinearGaussian = request.getfixturevalue(name)
    x = drawn(law)
    model = law.model(ExactPoE(), [FixedWeighting()]).to(dtype)
    found = exact_bounds(model, [one.to(dtype) for one in x], Objective(1.0, subsets=0.5))
    truth = law.log_likelihood(x, ALL)
    for m in ALL:
        truth = truth + law.log_likelihood(x, (m,))
    for of in combinations(ALL, 2):
        truth = truth + 0.5 * law.log_likelihood(x, of)
    reach = 1e-10 if dtype == torch.float64 else 1e-5
    torch.testing.assert_close(found[0].double(), truth, atol=reach, rtol=reach)


@pytest.mark.parametrize("rule", PRODUCTS, ids=lambda rule: rule.name)
@pytest.mark.parametrize("name", ["three", "wide"])
def test_the_bound_of_a_product_is_its_gap_below(
    rule: Expert, name: str, request: pytest.FixtureRequest
) -> None:
    law: LinearGaussian = request.getfixturevalue(name)
    x = drawn(law)
    model = law.model(rule, [FixedWeighting("1,2,4")])
    q = joint(model, x)
    found = exact_bounds(model, x, JOINT)[0]
    torch.testing.assert_close(found, law.elbo(x, q, ALL))
    gap = law.gap(x, q.components[0], ALL)
    torch.testing.assert_close(found, law.log_likelihood(x, ALL) - gap)
    assert bool((gap > 0).all())


@pytest.mark.parametrize("rule", MIXTURES, ids=lambda rule: rule.name)
def test_the_bound_of_a_mixture_is_below_its_elbo_by_its_divergence(
    rule: Expert, three: LinearGaussian
) -> None:
    x = drawn(three)
    model = three.model(rule, [FixedWeighting("1,2,1")])
    q = joint(model, x)
    found = exact_bounds(model, x, Objective(0.0, assignment="all"))[0]
    over = q.kl_bound() - mixture_kl(q)
    torch.testing.assert_close(found + over, three.elbo(x, q, ALL))
    assert bool((over > 1e-3).all())
    assert bool((three.elbo(x, q, ALL) < three.log_likelihood(x, ALL)).all())


def test_the_objective_of_mmjsd_may_lie_above_the_likelihood() -> None:
    """Of one modality and its true posterior N(x / 2, 1 / 2) nothing is lost, and less is taken off."""
    law = line((1.0,), (1.0,))
    x = drawn(law)
    model = law.model(MmJSD(), [FixedWeighting()])
    found = exact_bounds(model, x, Objective(0.0, assignment="all"))[0]
    q = joint(model, x)
    less = q.kl_bound() - terms(model, model.encode([one[None] for one in x]), JOINT, None)[0].divergence[0]
    assert bool((less > 0).all())
    torch.testing.assert_close(found, law.log_likelihood(x, (0,)) + less)


@pytest.mark.parametrize("rule", [*PRODUCTS, *MIXTURES, MmJSD()], ids=lambda rule: rule.name)
def test_missing_modalities_are_no_part_of_the_bound(rule: Expert, wide: LinearGaussian) -> None:
    x = drawn(wide, 8)
    patterns = torch.tensor([[bool(n >> m & 1) for n in range(8)] for m in ALL])
    model = wide.model(rule, [FixedWeighting()])
    objective = Objective(1.0, assignment="all")
    found = exact_bounds(model, x, objective, patterns)[0]
    garbage = [torch.where(there[:, None], one, 1e3) for one, there in zip(x, patterns, strict=True)]
    torch.testing.assert_close(exact_bounds(model, garbage, objective, patterns)[0], found)
    assert found[0].item() == pytest.approx(0, abs=1e-12), "nothing there: q is the prior"
    for n in range(1, 8):
        of = tuple(m for m in ALL if n >> m & 1)
        part = LinearGaussian(*(tuple(one[m] for m in of) for one in (wide.maps, wide.offsets, wide.noise)))
        few = [x[m][n : n + 1] for m in of]
        truth = exact_bounds(part.model(rule, [FixedWeighting()]), few, objective)
        assert found[n].item() == pytest.approx(truth.item(), abs=1e-10)
        if rule.name == "poe-exact":
            likelihoods = [wide.log_likelihood(x, given)[n].item() for given in (of, *((m,) for m in of))]
            assert found[n].item() == pytest.approx(sum(likelihoods), abs=1e-10)


def test_beta_and_scale_multiply_what_they_say(three: LinearGaussian) -> None:
    x = drawn(three)
    model = three.model(PoE(), [FixedWeighting()])
    q = joint(model, x).components[0]
    found = exact_bounds(model, x, Objective(0.0, beta=0.3))[0]
    torch.testing.assert_close(found, three.explained(x, q, ALL) - 0.3 * q.kl())
    model.modalities = tuple(replace(one, scale=5.0 if one.name == "x2" else 1.0) for one in model.modalities)
    found = exact_bounds(model, x, JOINT)[0]
    parts = three.explained(x, q, (0, 2)) + 5 * three.explained(x, q, (1,))
    torch.testing.assert_close(found, parts - q.kl())
