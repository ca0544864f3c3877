"""How far generated data are from true ones: Jensen-Shannon divergences in nats, 0 to ln 2.

JS(p, q) = H((p + q) / 2) - (H(p) + H(q)) / 2. Of one coordinate of many examples it is estimated by
histograms; of a decoder that tells probabilities it is known for each example.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from tasvir.lab.multimodal.likelihoods import BernoulliLikelihood, CategoricalLikelihood
from tasvir.lab.multimodal.modality import Modality
from tasvir.lab.multimodal.model import StackedVAE

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
    low = torch.minimum(x.amin(-1), y.amin(-1))[:, None]
    high = torch.maximum(x.amax(-1), y.amax(-1))[:, None]
    width = (high - low).clamp_min(1e-12)
    return js_categorical(*(_shares(((one - low) / width * bins), bins) for one in (x, y)))


def cross_divergences(model: StackedVAE, x: Sequence[Tensor]) -> Tensor:
    """JS divergence of what modality i generates of j from the true j: [M (i), M (j), S].

    Codes are the encoders' means. Of Bernoulli and categorical modalities it is the divergence of the
    decoded law from the example's, averaged over examples and coordinates; of real ones that of both sets,
    by histograms.

    Args:
        model: S models.
        x: Examples, [S, N, d_m] a modality.
    """
    with torch.no_grad():
        codes = model.encode(x).mean
        count = len(model.modalities)
        rows = []
        for j, modality in enumerate(model.modalities):
            decoded = model.decode(j, torch.cat(list(codes), 1)).split(codes.shape[2], 1)
            rows.append(torch.stack([_apart(modality, decoded[i], x[j]) for i in range(count)]))
        return torch.stack(rows, 1)


def _apart(modality: Modality, decoded: Tensor, x: Tensor) -> Tensor:
    """JS divergence of decoded numbers [S, N, d] from examples [S, N, d]: [S]."""
    told = modality.likelihood.mean(decoded)
    if isinstance(modality.likelihood, BernoulliLikelihood):
        return js_bernoulli(told, x).mean((-1, -2))
    if isinstance(modality.likelihood, CategoricalLikelihood):
        return js_categorical(told, x).mean(-1)
    return torch.stack([js_histogram(told[..., k], x[..., k]) for k in range(x.shape[-1])]).mean(0)


def _entropy(p: Tensor) -> Tensor:
    """In nats, of [..., K]."""
    entropy: Tensor = torch.special.entr(p).sum(-1)
    return entropy


def _shares(places: Tensor, bins: int) -> Tensor:
    """Share of numbers in each bin, [S, bins]."""
    index = places.long().clamp(0, bins - 1)
    counts = torch.zeros(len(places), bins, dtype=places.dtype, device=places.device)
    return counts.scatter_add(1, index, torch.ones_like(places)) / math.prod(places.shape[1:])
