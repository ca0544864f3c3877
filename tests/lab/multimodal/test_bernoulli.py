"""The quick Bernoulli log-likelihood is PyTorch's, and so is its derivative."""

from __future__ import annotations

import torch
from torch.nn import functional

from tasvir.lab.multimodal.bernoulli import bernoulli_log_prob


def test_value_and_slope_are_those_of_pytorch() -> None:
    x, upstream = torch.rand(3, 5, 7, dtype=torch.float64), torch.rand(3, 5, dtype=torch.float64)
    mine, theirs = (10 * torch.randn(3, 5, 7, dtype=torch.float64) for _ in range(2))
    mine, theirs = mine.requires_grad_(), mine.detach().clone().requires_grad_()
    value = bernoulli_log_prob(x, mine)
    other = -functional.binary_cross_entropy_with_logits(theirs, x, reduction="none").sum(-1)
    assert torch.allclose(value, other, rtol=1e-12)
    for told, leaf in ((value, mine), (other, theirs)):
        told.backward(upstream)  # type: ignore[no-untyped-call]
        assert leaf.grad is not None
    assert torch.allclose(mine.grad, theirs.grad, rtol=1e-12)  # type: ignore[arg-type]


def test_without_gradients_it_is_the_same_number() -> None:
    x, decoded = torch.rand(2, 3, 4), torch.randn(2, 3, 4)
    with_slope = bernoulli_log_prob(x, decoded.clone().requires_grad_()).detach()
    assert torch.equal(bernoulli_log_prob(x, decoded), with_slope)


def test_one_datum_serves_all_models() -> None:
    x, decoded = torch.rand(1, 3, 4), torch.randn(2, 3, 4, requires_grad=True)
    assert torch.equal(bernoulli_log_prob(x, decoded), bernoulli_log_prob(x.expand(2, 3, 4), decoded))
