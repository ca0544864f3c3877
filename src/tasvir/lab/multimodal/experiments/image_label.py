"""Image and label (thesis 3.4.2): 1,000 training examples, 10 training sets, six cross-entropies a model.

I2T is what the label decoder makes of the image's code, J2I what the image decoder makes of the joint code,
and so on. Of images the binary cross-entropy is a mean over pixels, of labels a sum over classes, in nats.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor
from torch.nn import functional

from tasvir.errors import SettingError
from tasvir.lab.data.base import Data
from tasvir.lab.multimodal.dice import Dice
from tasvir.lab.multimodal.experts.base import alone
from tasvir.lab.multimodal.gaussian import Gaussian
from tasvir.lab.multimodal.likelihood import log_likelihood
from tasvir.lab.multimodal.likelihoods import BernoulliLikelihood, CategoricalLikelihood, Likelihood
from tasvir.lab.multimodal.modality import Modality
from tasvir.lab.multimodal.model import StackedVAE
from tasvir.lab.multimodal.stack_training import Examples, noise_of

IMAGE, LABEL = 0, 1
PAIRS = ("J2I", "J2T", "I2I", "I2T", "T2I", "T2T")
CHUNK = 100
"""Test examples that are measured together, of each model: more no longer fit a cache."""
SETS, CODES, WEIGHED = 2, 3, 6
"""Streams of `Dice`: training sets, the codes of `coherence` and of `joint_log_likelihood`."""
DRAWN = 20
"""Codes of a class that `coherence` looks at."""
LIKELY, PROPOSED = 500, 100
"""Test examples whose joint likelihood is estimated, and codes for each."""


@dataclass(frozen=True)
class ImageLabelSettings:
    """Networks and sizes; the thesis does not tell the networks.

    Args:
        examples: Of a training set.
        latent: Numbers in a code.
        hidden: Width of the hidden layer of the image's encoder and decoder.
        label_hidden: The same of the label's.
        label_likelihood: bernoulli, as the thesis measures, or categorical.
        label_scale: What the label's log-likelihood is multiplied by.
    """

    examples: int = 1000
    latent: int = 20
    hidden: int = 128
    label_hidden: int = 32
    label_likelihood: str = "bernoulli"
    label_scale: float = 1.0

    def modalities(self, pixels: int, classes: int) -> tuple[Modality, Modality]:
        """Image and label.

        Raises:
            SettingError: No such likelihood.
        """
        known: dict[str, Likelihood] = {
            "bernoulli": BernoulliLikelihood(),
            "categorical": CategoricalLikelihood(),
        }
        if self.label_likelihood not in known:
            raise SettingError(f"label likelihood {self.label_likelihood!r}: give one of {', '.join(known)}")
        label = known[self.label_likelihood]
        return (
            Modality("image", pixels, BernoulliLikelihood(), (self.hidden,)),
            Modality("label", classes, label, (self.label_hidden,), self.label_scale),
        )


def check_data(data: Data, count: int) -> None:
    """See that training sets of so many examples can be drawn.

    Raises:
        SettingError: Data without classes, or fewer examples than asked.
    """
    if data.kind != "images" or data.train_labels is None or data.test_labels is None or data.classes is None:
        raise SettingError(
            f"{data.name} are no pictures with classes: take mnist, fashion-mnist, digits or idx:PATH"
        )
    if count > len(data.train):
        raise SettingError(f"{data.name} have {len(data.train)} training examples: ask for so many or fewer")


def examples_of(data: Data, seeds: Sequence[int], count: int) -> Examples:
    """A training set of each seed, drawn without replacement, and all test examples.

    Args:
        data: Pictures in -1 to 1 with classes.
        seeds: Of training sets.
        count: Examples of each.

    Raises:
        SettingError: See `check_data`.
    """
    check_data(data, count)
    assert data.train_labels is not None and data.test_labels is not None and data.classes is not None
    chosen = Dice(seeds, SETS, 0).order(len(data.train))[:, :count]
    image, test = (((one + 1) / 2).flatten(1) for one in (data.train, data.test))
    label, truth = (
        functional.one_hot(one, data.classes).float() for one in (data.train_labels, data.test_labels)
    )
    return Examples((image[chosen], label[chosen]), (test[None], truth[None]), data.test_labels)


@torch.no_grad()
def cross_entropies(model: StackedVAE, examples: Examples) -> dict[str, Tensor]:
    """The six figures of every model on the test examples, [S] each.

    Codes are means of posteriors; of a mixture each component's mean counts by its weight.
    """
    image, label = (one[0] for one in examples.test)
    totals = {pair: torch.zeros(len(model)) for pair in PAIRS}
    edges = [*range(0, len(image), CHUNK), len(image)]
    for start, stop in pairwise(edges):
        x = [one[start:stop].expand(len(model), -1, -1) for one in (image, label)]
        experts = model.encode(x)
        sources = {"J": model.posterior(experts), "I": alone(experts[IMAGE]), "T": alone(experts[LABEL])}
        for source, posterior in sources.items():
            for target, place in (("I", IMAGE), ("T", LABEL)):
                for z, weight in zip(posterior.components.mean, posterior.weights, strict=True):
                    value = cross_entropy(model.modalities[place], x[place], model.decode(place, z))
                    totals[f"{source}2{target}"] += (weight * value).sum(-1).cpu()
    return {pair: total / len(image) for pair, total in totals.items()}


def cross_entropy(modality: Modality, x: Tensor, decoded: Tensor) -> Tensor:
    """Binary cross-entropy in nats of x [..., d], a mean over pixels or a sum over classes: [...]."""
    if isinstance(modality.likelihood, CategoricalLikelihood):
        return functional.binary_cross_entropy(modality.likelihood.mean(decoded), x, reduction="none").sum(-1)
    value = -BernoulliLikelihood().log_prob(x, decoded)
    return value / x.shape[-1] if modality.name == "image" else value


@torch.no_grad()
def coherence(model: StackedVAE, read: Callable[[Tensor], Tensor], shape: tuple[int, ...]) -> Tensor:
    """Share of pictures generated of labels (T2I) whose class a classifier reads rightly, of each model: [S].

    Args:
        model: S models.
        read: Takes pictures [n, *shape] in -1 to 1 and tells probabilities of classes [n, K].
        shape: Of a picture.
    """
    classes = model.modalities[LABEL].size
    wanted = torch.arange(classes, device=model.weights.device).repeat(DRAWN)
    labels = functional.one_hot(wanted, classes).float().expand(len(model), -1, -1)
    mean, log_variance = model.encoders[LABEL](labels).chunk(2, -1)
    noise = model.spread(Dice(model.seeds, CODES, 0, wanted.device).normal(len(wanted), model.latent))
    decoded = model.decode(IMAGE, Gaussian(mean, log_variance).sample(noise))
    image = 2 * model.modalities[IMAGE].likelihood.mean(decoded) - 1
    found = torch.stack([read(one.unflatten(-1, shape)).argmax(-1) for one in image])
    return (found == wanted).double().mean(-1)


def joint_log_likelihood(model: StackedVAE, examples: Examples) -> Tensor:
    """Mean log p(image, label) in nats of test examples by importance sampling, of each model: [S].

    From below in expectation (`tasvir.lab.multimodal.likelihood`); shades of grey are taken as shares.
    """
    x = [one[:, :LIKELY] for one in examples.test]
    return log_likelihood(model, x, noise_of(model, WEIGHED, 0), samples=PROPOSED).mean
