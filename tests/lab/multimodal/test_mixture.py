"""Drawing from mixtures: nothing is dropped, nothing is biased, gradients of weights come out right."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from tasvir.errors import SettingError
from tasvir.lab.multimodal.gaussian import Gaussian
from tasvir.lab.multimodal.mixture import Assignment, Mixture, _counts

TIMES = 40_000
"""Batches drawn, side by side."""


def mixture(weights: Tensor, batch: int) -> Mixture:
    """Components at 1, 2, 3, ... of variance 1 / 4: weights [K] or [K, 1, B], batches [TIMES, B]."""
    count = len(weights)
    mean = torch.arange(1.0, count + 1, dtype=torch.float64).view(-1, 1, 1, 1).expand(-1, TIMES, batch, 1)
    whole = weights.double().view(count, 1, -1).expand(-1, TIMES, batch)
    return Mixture(Gaussian(mean, torch.full_like(mean, math.log(0.25))), whole)


def value(mixed: Mixture, assignment: Assignment, seed: int = 0) -> Tensor:
    """An estimate of E[z^2] from each batch: [TIMES]."""
    generator = torch.Generator().manual_seed(seed)
    _, times, batch, width = mixed.components.mean.shape
    noise = torch.randn(len(mixed), times, batch, width, generator=generator, dtype=torch.float64)
    uniform = torch.rand(times, batch, generator=generator, dtype=torch.float64)
    drawn = mixed.draw(noise, uniform, assignment)
    return (drawn.share * drawn.z[..., 0].square()).sum(0).mean(-1)


@pytest.mark.parametrize("assignment", ["stratified", "sampled", "all"])
@pytest.mark.parametrize(
    ("weights", "batch"),
    [
        ([0.999, 0.001], 7),
        ([0.5, 0.3, 0.2], 7),
        ([0.9, 0.05, 0.05], 3),
        ([0.7, 0.3], 1),
        ([0.6, 0.2, 0.2], 2),
    ],
)
def test_draws_have_the_mixtures_mean_and_their_gradient_the_weights(
    assignment: Assignment, weights: list[float], batch: int
) -> None:
    """E[z^2] = sum of w_k (k^2 + 1 / 4), whose derivative by w_k is k^2 + 1 / 4."""
    shares = torch.tensor(weights, dtype=torch.float64, requires_grad=True)
    found = value(mixture(shares, batch), assignment)
    each = torch.arange(1.0, len(weights) + 1, dtype=torch.float64).square() + 0.25
    error = found.std().item() / math.sqrt(TIMES)
    assert abs(found.mean().item() - float((shares * each).sum().detach())) < 4 * error
    (slope,) = torch.autograd.grad(found.mean(), shares)
    torch.testing.assert_close(slope, each, rtol=0.05 / min(weights) ** 0.5, atol=0)


def test_weights_of_examples_may_differ() -> None:
    """A batch whose third example cannot come from the second component at all."""
    weights = torch.tensor([[0.5, 0.9, 1.0, 0.2], [0.5, 0.1, 0.0, 0.8]])
    truth = (weights * torch.tensor([[1.25], [4.25]])).sum(0).mean().item()
    for assignment in ("stratified", "sampled", "all"):
        found = value(mixture(weights, 4), assignment)
        assert abs(found.mean().item() - truth) < 4 * found.std().item() / math.sqrt(TIMES)


def test_stratified_draws_vary_less() -> None:
    weights = torch.tensor([0.5, 0.3, 0.2])
    dealt, sampled = (value(mixture(weights, 10), one).std().item() for one in ("stratified", "sampled"))
    assert dealt < 0.7 * sampled


@pytest.mark.parametrize("batch", [3, 7, 100])
def test_a_stratified_draw_never_drops_a_component(batch: int) -> None:
    mixed = mixture(torch.tensor([0.001, 0.998, 0.001]), batch)
    uniform = torch.rand(TIMES, batch)
    which = mixed.draw(torch.zeros(1, TIMES, batch, 1), uniform, "stratified").component[0]
    often = torch.stack([(which == k).sum(-1) for k in range(3)])
    assert torch.equal(often[:, 0], torch.tensor([1, batch - 2, 1])), "rounded up to one each"
    assert torch.equal(often, often[:, :1].expand_as(often)), "in each batch alike"
    first = (which == 0).double().mean(0)
    assert bool((first - 1 / batch).abs().max() < 5 * math.sqrt(1 / batch / TIMES)), "whoever is first"


@pytest.mark.parametrize(
    ("shares", "size", "counts"),
    [
        ([0.5, 0.5], 7, [4, 3]),
        ([0.5, 0.3, 0.2], 10, [5, 3, 2]),
        ([0.4, 0.4, 0.04, 0.04, 0.04, 0.04, 0.04], 7, [1, 1, 1, 1, 1, 1, 1]),
        ([0.4, 0.4, 0.04, 0.04, 0.04, 0.04, 0.04], 9, [2, 2, 1, 1, 1, 1, 1]),
        ([0.999, 0.0005, 0.0005, 0.0], 3, [1, 1, 1, 0]),
        ([0.0, 1.0], 5, [0, 5]),
    ],
)
def test_examples_are_dealt_out_whole(shares: list[float], size: int, counts: list[int]) -> None:
    assert _counts(torch.tensor(shares), size).tolist() == counts


def test_a_component_without_weight_is_never_drawn() -> None:
    """Shares in float32 may sum to the largest number below 1, and a uniform number may be that one."""
    below = 1 - 2**-24
    weights = torch.tensor([0.0, 0.5, below - 0.5, 0.0]).view(4, 1, 1).expand(4, 1, 3)
    components = Gaussian(torch.zeros(4, 1, 3, 1), torch.zeros(4, 1, 3, 1))
    edge = torch.tensor([[0.0, 0.6, below]])
    drawn = Mixture(components, weights).draw(torch.zeros(1, 1, 3, 1), edge, "sampled")
    assert drawn.component.tolist() == [[[1, 2, 2]]] and drawn.share.tolist() == [[[1, 1, 1]]]


def test_densities_are_those_of_torch() -> None:
    mean, spread = torch.randn(3, 5, 2), torch.rand(3, 5, 2) + 0.1
    weights = torch.softmax(torch.randn(3, 5), 0)
    mixed = Mixture(Gaussian(mean, 2 * spread.log()), weights)
    z = torch.randn(5, 2)
    inner = torch.distributions.Independent(
        torch.distributions.Normal(mean.transpose(0, 1), spread.transpose(0, 1)), 1
    )
    peer = torch.distributions.MixtureSameFamily(torch.distributions.Categorical(weights.T), inner)
    torch.testing.assert_close(mixed.log_prob(z), peer.log_prob(z))
    torch.testing.assert_close(mixed.mean, peer.mean)


def test_an_unknown_assignment_is_refused() -> None:
    with pytest.raises(SettingError, match="give one of stratified, sampled, all"):
        mixture(torch.ones(1), 1).draw(torch.zeros(1), torch.zeros(1, 1), "sliced")  # type: ignore[arg-type]
