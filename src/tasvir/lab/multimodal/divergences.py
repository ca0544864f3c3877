"""How far generated data are from true ones: Jensen-Shannon divergences in nats, 0 to ln 2.

Of a decoder that tells probabilities the divergence is known for each example. Of a real modality sets of
numbers are compared: by histograms of decoders' means, as the thesis most plausibly does (it does not tell),
or by kernel densities of what decoders draw.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, get_args

import torch
from torch import Tensor

from tasvir.errors import SettingError
from tasvir.lab.multimodal.divergence_estimators.histogram import js_bernoulli, js_categorical, js_histogram
from tasvir.lab.multimodal.divergence_estimators.kernel import js_kernel
from tasvir.lab.multimodal.likelihoods import BernoulliLikelihood, CategoricalLikelihood, Likelihood
from tasvir.lab.multimodal.modality import Modality
from tasvir.lab.multimodal.model import StackedVAE

Estimator = Literal["thesis", "founded"]
ESTIMATORS: tuple[str, ...] = get_args(Estimator)


def cross_divergences(model: StackedVAE, x: Sequence[Tensor], estimator: Estimator = "thesis") -> Tensor:
    """JS divergence of what modality i generates of j from the true j: [M (i), M (j), S].

    Codes are the encoders' means. Of Bernoulli and categorical modalities it is the divergence of the
    decoded law from the example's, averaged over examples and coordinates, whatever the estimator.

    Args:
        model: S models.
        x: Examples, [S, N, d_m] a modality.
        estimator: Of real modalities: "thesis", histograms of decoders' means; "founded", kernel densities of
            decoders' draws, the same draws at every call.

    Raises:
        SettingError: No such estimator.
    """
    if estimator not in ESTIMATORS:
        raise SettingError(f"estimator is {estimator!r}: give one of {', '.join(ESTIMATORS)}")
    with torch.no_grad():
        codes = model.encode(x).mean
        count = len(model.modalities)
        rows = []
        for j, modality in enumerate(model.modalities):
            decoded = model.decode(j, torch.cat(list(codes), 1)).split(codes.shape[2], 1)
            rows.append(torch.stack([_apart(modality, decoded[i], x[j], estimator) for i in range(count)]))
        return torch.stack(rows, 1)


def drawn(likelihood: Likelihood, decoded: Tensor, seed: int = 0) -> Tensor:
    """One draw of each decoded law [S, N, d]: [S, N, d]; every model of a stack has the same noise."""
    generator = torch.Generator()
    return torch.stack([likelihood.sample(one, generator.manual_seed(seed)) for one in decoded])


def _apart(modality: Modality, decoded: Tensor, x: Tensor, estimator: Estimator) -> Tensor:
    """JS divergence of decoded numbers [S, N, d] from examples [S, N, d]: [S]."""
    told = modality.likelihood.mean(decoded)
    if isinstance(modality.likelihood, BernoulliLikelihood):
        return js_bernoulli(told, x).mean((-1, -2))
    if isinstance(modality.likelihood, CategoricalLikelihood):
        return js_categorical(told, x).mean(-1)
    made, measure = (
        (told, js_histogram) if estimator == "thesis" else (drawn(modality.likelihood, decoded), js_kernel)
    )
    return torch.stack([measure(made[..., k], x[..., k]) for k in range(x.shape[-1])]).mean(0)
