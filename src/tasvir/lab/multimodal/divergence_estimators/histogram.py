"""JS divergence of Bernoulli and categorical laws, and of numbers by histograms of common bins.

JS(p, q) = H((p + q) / 2) - (H(p) + H(q)) / 2. With shares of bins put in it is the plug-in estimate, biased
upwards by sampling: two sets of one law differ in most of their bins.
"""

from __future__ import annotations

import torch
from torch import Tensor

BINS = 50
"""Of a histogram, over the range of both sets."""


def js_bernoulli(p: Tensor, q: Tensor) -> Tensor:
    """JS divergence of Bernoulli laws, elementwise, of probabilities."""
    return js_categorical(torch.stack([p, 1 - p], -1), torch.stack([q, 1 - q], -1))


def js_categorical(p: Tensor, q: Tensor) -> Tensor:
    """JS divergence of categorical laws [..., K]: [...]."""
    middle = 0.5 * (p + q)
    return _entropy(middle) - 0.5 * (_entropy(p) + _entropy(q))


def js_histogram(x: Tensor, y: Tensor, bins: int = BINS) -> Tensor:
    """JS divergence of two sets of numbers, [S, N] and [S, N'], by histograms of common bins: [S].

    Biased upwards by about (bins - 1) / (8 N) + (bins - 1) / (8 N') where the laws are equal.
    """
    low = torch.minimum(x.amin(-1), y.amin(-1))
    high = torch.maximum(x.amax(-1), y.amax(-1))
    return js_categorical(*(shares_of_bins(one, low, high, bins) for one in (x, y)))


def shares_of_bins(x: Tensor, low: Tensor, high: Tensor, bins: int) -> Tensor:
    """Share of the numbers [S, N] in each of the bins between low and high [S]: [S, bins]."""
    width = ((high - low) / bins).clamp_min(1e-12)
    index = ((x - low[:, None]) / width[:, None]).long().clamp(0, bins - 1)
    counts = torch.zeros(len(x), bins, dtype=x.dtype, device=x.device)
    return counts.scatter_add(1, index, torch.ones_like(x)) / x.shape[1]


def _entropy(p: Tensor) -> Tensor:
    """In nats, of [..., K]."""
    entropy: Tensor = torch.special.entr(p).sum(-1)
    return entropy
