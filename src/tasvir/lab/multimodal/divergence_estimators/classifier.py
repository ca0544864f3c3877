"""JS divergence of two sets of vectors, pictures too: what a classifier tells apart bounds it from below.

JS(p, q) = ln 2 - the least cross-entropy of telling which of the two an example is from (Goodfellow et al.
2014). A classifier that has not seen the example does no better than the least, so ln 2 minus its held-out
cross-entropy is at most the divergence, in expectation.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional

from tasvir.lab.multimodal.networks import StackedMLP

HIDDEN = 32
STEPS = 150
LR = 1e-2
WEIGHT_DECAY = 0.1


def js_classifier(x: Tensor, y: Tensor, seed: int = 0) -> tuple[Tensor, Tensor]:
    """A bound from below and its standard error, in nats, [S] each; it may be a little below 0.

    Two classifiers a pair of sets: each learns from one half of the examples and is asked about the other.

    Args:
        x: S sets of vectors, [S, N, d].
        y: As many of as many vectors, [S, N, d].
        seed: Of the classifiers.
    """
    middle, spread = _standard(torch.cat([x, y], 1))
    whole = (torch.stack([x, y], 2).flatten(1, 2) - middle) / spread  # x and y in turns, so halves are fair
    truth = torch.tensor([0.0, 1.0], device=x.device).repeat(x.shape[1])
    half = 2 * (x.shape[1] // 2)
    lost = torch.cat(
        [
            _held_out(whole[:, :half], truth[:half], whole[:, half:], truth[half:], seed),
            _held_out(whole[:, half:], truth[half:], whole[:, :half], truth[:half], seed + 1),
        ],
        1,
    )
    return math.log(2) - lost.mean(1), lost.std(1) / math.sqrt(lost.shape[1])


def _standard(x: Tensor) -> tuple[Tensor, Tensor]:
    """Mean and deviation of coordinates, [S, 1, d]; a coordinate that is always the same has deviation 1."""
    spread = x.std(1, keepdim=True)
    return x.mean(1, keepdim=True), torch.where(spread > 0, spread, torch.ones_like(spread))


@torch.enable_grad()
def _held_out(x: Tensor, truth: Tensor, asked: Tensor, answer: Tensor, seed: int) -> Tensor:
    """Cross-entropy of each example asked about, of classifiers that learnt from x: [S, N]."""
    classifier = StackedMLP([seed] * len(x), (x.shape[-1], HIDDEN, 1)).to(x)
    optimizer = torch.optim.AdamW(classifier.parameters(), lr=LR, weight_decay=WEIGHT_DECAY)
    for _ in range(STEPS):
        optimizer.zero_grad()
        _cross_entropy(classifier, x, truth).mean(1).sum().backward()
        optimizer.step()
    return _cross_entropy(classifier, asked, answer).detach()


def _cross_entropy(classifier: StackedMLP, x: Tensor, truth: Tensor) -> Tensor:
    """[S, N], in nats."""
    told = classifier(x)[..., 0]
    return functional.binary_cross_entropy_with_logits(told, truth.expand_as(told), reduction="none")
