"""Expert rules by hand arithmetic, by quadrature, and at the ends of the range of numbers."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from tasvir.lab.multimodal.experts.base import Expert, shares_of
from tasvir.lab.multimodal.experts.mmjsd import MmJSD
from tasvir.lab.multimodal.experts.moe import MoE
from tasvir.lab.multimodal.experts.mopoe import MoPoE
from tasvir.lab.multimodal.experts.poe import PoE
from tasvir.lab.multimodal.experts.poe_exact import ExactPoE
from tasvir.lab.multimodal.experts.poe_prior import PoEWithPrior
from tasvir.lab.multimodal.gaussian import Gaussian
from tasvir.lab.multimodal.mixture import Mixture
from tasvir.lab.multimodal.oracle import mixture_kl

RULES: list[Expert] = [PoE(), PoEWithPrior(), ExactPoE(), MoE(), MoPoE(), MmJSD()]


def experts(*pairs: tuple[float, float], dtype: torch.dtype = torch.float64) -> Gaussian:
    """One example of codes of one number, of (mean, variance) a modality."""
    whole = torch.tensor(pairs, dtype=torch.float64)[:, None, None, :]
    return Gaussian(whole[..., :1].to(dtype), whole[..., 1:].log().to(dtype))


def shares(*values: float, dtype: torch.dtype = torch.float64) -> Tensor:
    return torch.tensor(values, dtype=dtype)[:, None, None]


def told(found: Mixture) -> list[tuple[float, float, float]]:
    """Weight, mean and precision of every component."""
    parts = (
        found.weights[:, 0, 0],
        found.components.mean[:, 0, 0, 0],
        found.components.precision[:, 0, 0, 0],
    )
    return [tuple(row) for row in torch.stack(parts, 1).tolist()]


TWO = experts((1, 1), (3, 1 / 3))
"""N(1, 1) and N(3, 1 / 3), precisions 1 and 3."""


@pytest.mark.parametrize(
    ("rule", "ratios", "answer"),
    [
        (PoE(), (1, 1), [(1, 10 / 4, 4)]),
        (PoE(), (1, 3), [(1, (0.5 + 13.5) / 5, 5)]),
        (PoE("one"), (1, 3), [(1, (0.25 + 6.75) / 2.5, 2.5)]),
        (PoEWithPrior(), (1, 1), [(1, 10 / 5, 5)]),
        (PoEWithPrior(), (1, 3), [(1, 14 / 6, 6)]),
        (ExactPoE(), (1, 1), [(1, 10 / 3, 3)]),
        (ExactPoE(), (1, 3), [(1, 14 / 4, 4)]),
        (MoE(), (1, 3), [(0.25, 1, 1), (0.75, 3, 3)]),
        (MmJSD(), (1, 3), [(0.25, 1, 1), (0.75, 3, 3)]),
        (MoPoE(), (1, 1), [(1 / 3, 3, 3), (1 / 3, 1, 1), (1 / 3, 2.5, 4)]),
        (MoPoE(), (1, 3), [(1 / 2, 3, 3), (1 / 6, 1, 1), (1 / 3, 2.8, 5)]),
    ],
    ids=lambda one: getattr(one, "name", None),
)
def test_two_experts_by_hand(
    rule: Expert, ratios: tuple[float, float], answer: list[tuple[float, float, float]]
) -> None:
    found = told(rule.join(TWO, shares_of(shares(*ratios))))
    assert len(found) == len(answer)
    for one, truth in zip(found, answer, strict=True):
        assert one == pytest.approx(truth, abs=1e-12)


def test_mopoe_of_three_has_seven_sets_and_a_missing_one_leaves_three() -> None:
    three = experts((1, 1), (3, 1 / 3), (-2, 1 / 5))
    assert len(told(MoPoE().join(three, shares(1 / 3, 1 / 3, 1 / 3)))) == 7
    left = [one for one in told(MoPoE().join(three, shares(0.5, 0.5, 0))) if one[0] > 0]
    both = told(MoPoE().join(TWO, shares(0.5, 0.5)))
    assert sorted(left) == [pytest.approx(one) for one in sorted(both)]


def test_equal_experts_are_left_as_they_are_by_exponents_that_sum_to_one() -> None:
    same = experts((2, 0.3), (2, 0.3), (2, 0.3))
    (found,) = told(PoE("one").join(same, shares(0.2, 0.5, 0.3)))
    assert found == pytest.approx((1, 2, 1 / 0.3), abs=1e-12)


def test_an_expert_wider_than_the_prior_adds_no_precision_to_the_exact_product() -> None:
    (found,) = told(ExactPoE().join(experts((0, 4), (1, 0.5)), shares(0.5, 0.5)))
    assert found == pytest.approx((1, 1, 2), abs=1e-12)


@pytest.mark.parametrize("prior", [0.5, 1 / 3])
@pytest.mark.parametrize("ratios", [(1, 1), (1, 3)])
def test_the_js_divergence_is_that_of_a_grid(prior: float, ratios: tuple[float, float]) -> None:
    """sum of pi_j KL(q_j, f) with f the normalised geometric mean of N(1, 1), N(3, 1 / 3) and N(0, 1)."""
    own = shares_of(shares(*ratios))
    rule = MmJSD(prior)
    found = rule.divergence(rule.join(TWO, own), TWO, own).item()
    z = torch.linspace(-12, 14, 20_001, dtype=torch.float64)
    laws = torch.tensor([[1, 1], [3, 3**-0.5], [0, 1]], dtype=torch.float64)
    logs = torch.distributions.Normal(laws[:, :1], laws[:, 1:]).log_prob(z)
    pi = torch.tensor([*((1 - prior) * own[:, 0, 0]).tolist(), prior], dtype=torch.float64)[:, None]
    middle = (pi * logs).sum(0)
    middle = middle - torch.trapezoid(middle.exp(), z).log()
    divergences = torch.trapezoid(logs.exp() * (logs - middle), z, dim=-1)
    assert found == pytest.approx(float((pi[:, 0] * divergences).sum()), abs=1e-9)


def test_the_js_divergence_of_one_expert_by_hand() -> None:
    """Of N(mu, 1) and N(0, 1) in equal parts, f = N(mu / 2, 1): mu^2 / 8, where KL is mu^2 / 2."""
    one = experts((3, 1))
    assert MmJSD().divergence(MmJSD().join(one, shares(1)), one, shares(1)).item() == pytest.approx(9 / 8)


def test_the_js_divergence_is_no_bound_of_the_mixtures_in_either_direction() -> None:
    """Of N(3, 1) it is 9 / 8 and KL 9 / 2; beside a narrow expert the prior is far from the mean."""
    for variance, below in ((1.0, True), (1e-3, False)):
        one = experts((3, variance))
        joint = MmJSD().join(one, shares(1))
        assert (MmJSD().divergence(joint, one, shares(1)) < joint.kl_bound()).item() is below


def test_the_bound_of_a_mixtures_divergence_is_from_above() -> None:
    generator = torch.Generator().manual_seed(0)
    mean, spread = (torch.randn(3, 1, 50, 1, generator=generator, dtype=torch.float64) for _ in range(2))
    weights = torch.softmax(torch.randn(3, 1, 50, generator=generator, dtype=torch.float64), 0)
    mixed = Mixture(Gaussian(mean, spread), weights)
    over = mixed.kl_bound() - mixture_kl(mixed)
    assert float(over.min()) > 1e-4
    same = Mixture(Gaussian(mean[:1].expand(3, 1, 50, 1), spread[:1].expand(3, 1, 50, 1)), weights)
    torch.testing.assert_close(mixture_kl(same), same.kl_bound())


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_numbers_stay_finite_from_tiny_to_huge_variances(rule: Expert, dtype: torch.dtype) -> None:
    for first, second in ((1e-30, 1e30), (1e30, 1e-30), (1e-30, 1e-30), (1e30, 1e30)):
        given = experts((1, first), (3, second), dtype=dtype)
        for one in (given.mean, given.log_variance):
            one.requires_grad_(True)
        own = shares(0.5, 0.5, dtype=dtype)
        found = rule.join(given, own)
        precise = [1 / first, 1 / second]
        if rule.name == "poe":
            mean, precision = (precise[0] + 3 * precise[1]) / sum(precise), sum(precise)
            assert told(found)[0][1:] == (pytest.approx(mean, rel=1e-5), pytest.approx(precision, rel=1e-4))
        if rule.name == "poe-prior":
            mean, precision = (precise[0] + 3 * precise[1]) / (1 + sum(precise)), 1 + sum(precise)
            assert told(found)[0][1:] == (pytest.approx(mean, rel=1e-5), pytest.approx(precision, rel=1e-4))
        if rule.name == "mmjsd" and dtype == torch.float32 and first != second:
            continue  # the divergence itself, 1e59, is beyond float32
        whole = (
            found.components.mean.sum()
            + found.components.log_variance.sum()
            + found.log_prob(given.mean[0]).sum()
        )
        (whole / 1e30 + rule.divergence(found, given, own).sum() / 1e30).backward()
        assert bool(torch.isfinite(whole))
        for one in (given.mean, given.log_variance):
            assert one.grad is not None and bool(torch.isfinite(one.grad).all())


def test_shares_leave_out_what_is_missing() -> None:
    weights = torch.tensor([[1.0], [2.0], [5.0]])
    there = torch.tensor([[True, True, False], [True, False, False], [True, True, False]])
    found = shares_of(weights, there)
    assert found[:, 0].tolist() == pytest.approx([1 / 8, 2 / 8, 5 / 8])
    assert found[:, 1].tolist() == pytest.approx([1 / 6, 0, 5 / 6])
    assert found[:, 2].tolist() == [0, 0, 0]


def test_gaussians_are_those_of_torch() -> None:
    one, other = (Gaussian(torch.randn(4, 3), torch.randn(4, 3)) for _ in range(2))
    peers = [torch.distributions.Normal(g.mean, (0.5 * g.log_variance).exp()) for g in (one, other)]
    standard = torch.distributions.Normal(torch.zeros(3), torch.ones(3))
    torch.testing.assert_close(
        one.kl_to(other), torch.distributions.kl_divergence(*peers).sum(-1), rtol=1e-5, atol=1e-5
    )
    torch.testing.assert_close(one.kl(), torch.distributions.kl_divergence(peers[0], standard).sum(-1))
    torch.testing.assert_close(one.log_prob(other.mean), peers[0].log_prob(other.mean).sum(-1))
