"""What the page shows of image and label: one example a class by every pair of modalities, and the codes."""

from __future__ import annotations

import torch
from torch import Tensor

from tasvir.lab.multimodal.experiments.image_label import IMAGE, LABEL
from tasvir.lab.multimodal.experts.base import alone
from tasvir.lab.multimodal.mixture import Mixture
from tasvir.lab.multimodal.model import StackedVAE
from tasvir.lab.multimodal.stack_training import Examples

CODES = 500
"""Test examples in the latent plane."""


@torch.no_grad()
def pictures_of(model: StackedVAE, examples: Examples, shape: tuple[int, ...]) -> dict[str, Tensor]:
    """Pictures and label probabilities of the first seed of every weighting.

    Args:
        model: S models.
        examples: With test labels.
        shape: Of a picture: (channels, height, width).

    Returns:
        Of an example of each of the K classes that the test examples have: "true" [K, *shape]; "I2I", "J2I",
        "T2I" [W, K, *shape] in 0 to 1; "I2T", "J2T", "T2T" [W, K, classes]. "latent" [W, n, D], means of the
        image's codes; "latent_labels" [n].
    """
    image, label = (one[0] for one in examples.test)
    truth = label.argmax(-1)
    first = torch.stack([(truth == k).nonzero()[0, 0] for k in truth.unique()])
    own = torch.arange(len(model.weightings)) * len(model.seeds)
    x = [one[first].expand(len(model), -1, -1) for one in (image, label)]
    experts = model.encode(x)
    sources = {"J": model.posterior(experts), "I": alone(experts[IMAGE]), "T": alone(experts[LABEL])}
    found: dict[str, Tensor] = {"true": image[first].unflatten(-1, shape)}
    for source, posterior in sources.items():
        for target, place in (("I", IMAGE), ("T", LABEL)):
            told = _expected(model, place, posterior)[own]
            found[f"{source}2{target}"] = told.unflatten(-1, shape) if place == IMAGE else told
    few = [one[:CODES].expand(len(model), -1, -1) for one in (image, label)]
    return found | {"latent": model.encode(few).mean[IMAGE][own], "latent_labels": truth[:CODES]}


def _expected(model: StackedVAE, place: int, posterior: Mixture) -> Tensor:
    """What a modality's decoder makes of the components' means, by their weights: [S, B, d]."""
    law = model.modalities[place].likelihood
    pairs = zip(posterior.components.mean, posterior.weights, strict=True)
    return torch.stack([weight[..., None] * law.mean(model.decode(place, z)) for z, weight in pairs]).sum(0)
