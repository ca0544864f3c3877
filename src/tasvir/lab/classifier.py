"""A small classifier of the data at hand: eyes for comparing pictures that no published network was made for.

Distances between its features are of the form of FID and KID, and its probabilities give an inception score,
but by another network: such figures compare models of the same data here, and are **not comparable with any
published FID**, which is of Inception-v3 (Heusel et al. 2017).
"""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from tasvir.errors import OutputError, SettingError
from tasvir.lab.data.base import Data
from tasvir.lab.distances import (
    Estimate,
    PrecisionRecall,
    frechet_jackknife,
    inception_scores,
    mmd_error,
    precision_recall,
    squared_mmd,
)

FEATURES = 64
STEPS, BATCH, RATE = 800, 128, 3e-3
LOOK = 500
"""Pictures that are looked at together."""
RECIPE = 1
"""Counts up when anything here changes what is learned: kept classifiers of another number are left alone."""

OnStep = Callable[[int, int], None]
"""Takes steps done and steps in all."""


class ClassifierNetwork(nn.Module):
    """Three convolutions and two layers over them; pictures of 8 to 32 pixels a side.

    Args:
        shape: (channels, height, width).
        classes: How many.
    """

    def __init__(self, shape: tuple[int, int, int], classes: int) -> None:
        super().__init__()
        channels, height, width = shape
        stride = 2 if max(height, width) > 16 else 1
        self.body = nn.Sequential(
            nn.Conv2d(channels, 24, 3, stride, 1), nn.BatchNorm2d(24), nn.ReLU(),
            nn.Conv2d(24, 48, 3, 2, 1), nn.BatchNorm2d(48), nn.ReLU(),
            nn.Conv2d(48, 96, 3, 1, 1), nn.BatchNorm2d(96), nn.ReLU(), nn.AdaptiveAvgPool2d(4),
            nn.Flatten(), nn.Linear(96 * 16, FEATURES), nn.ReLU(),
        )  # fmt: skip
        self.head = nn.Linear(FEATURES, classes)

    def forward(self, pictures: Tensor) -> tuple[Tensor, Tensor]:
        """[n, channels, height, width] -> features [n, FEATURES] and logits [n, classes]."""
        features = self.body(pictures)
        return features, self.head(features)


@dataclass(frozen=True)
class Classifier:
    """A trained classifier.

    Args:
        network: Its weights, in evaluation mode.
        shape: Of the pictures that it knows.
        accuracy: Share of the test pictures that it classifies rightly.
        fingerprint: Of the data and the recipe: figures of different ones are not comparable.
    """

    network: ClassifierNetwork
    shape: tuple[int, ...]
    accuracy: float
    fingerprint: str

    @torch.no_grad()
    def features(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """What it sees: features [n, 64] and probabilities of the classes [n, classes].

        Args:
            images: [n, channels, height, width] in -1 to 1.

        Raises:
            SettingError: Pictures of another shape than it was trained on.
        """
        if tuple(images.shape[1:]) != self.shape:
            raise SettingError(
                f"pictures of {tuple(images.shape[1:])}: this classifier was trained on {self.shape}"
            )
        seen = [self.network(part.float()) for part in images.split(LOOK)]
        return torch.cat([one for one, _ in seen]), torch.cat([two for _, two in seen]).softmax(1)


@dataclass(frozen=True, slots=True)
class PictureDistances:
    """How far a set of pictures is from a reference in a classifier's eyes.

    Args:
        frechet: Fréchet distance of the features ("FID on our classifier"), with jackknife error and bias.
        kernel: KID's form on the same features, unbiased, with its error.
        inception: exp(mutual information of picture and class); the spread is over 10 parts.
        near: Precision and recall by 3 neighbours.
        pictures: n of the set.
        reference: n of the reference.
    """

    frechet: Estimate
    kernel: Estimate
    inception: Estimate
    near: PrecisionRecall
    pictures: int
    reference: int


def picture_distances(classifier: Classifier, pictures: Tensor, reference: Tensor) -> PictureDistances:
    """Compare pictures with real ones; both [n, channels, height, width] in -1 to 1, 20 or more of each.

    Raises:
        SettingError: Too few, or of another shape than the classifier knows.
    """
    if min(len(pictures), len(reference)) < 20:
        raise SettingError(
            f"{len(pictures)} and {len(reference)} pictures: 20 or more of each can be compared"
        )
    features, probabilities = classifier.features(pictures)
    x, y = features.double().numpy(), classifier.features(reference)[0].double().numpy()
    scores = inception_scores(probabilities.double().numpy(), 10)
    return PictureDistances(
        frechet=frechet_jackknife(x, y),
        kernel=Estimate(squared_mmd(x, y), mmd_error(x, y)),
        inception=Estimate(float(scores.mean()), float(scores.std(ddof=1))),
        near=precision_recall(x, y),
        pictures=len(x),
        reference=len(y),
    )


def classifier_of(
    data: Data, folder: Path | None = None, *, seed: int = 0, on_step: OnStep | None = None
) -> Classifier:
    """The classifier of a data set: kept from before, or trained now (MNIST: about a minute of one core).

    Args:
        data: Pictures with classes.
        folder: Where it is kept, by a hash of data, seed and recipe; None = nowhere.
        seed: Of weights and order.
        on_step: Told how far the training is.

    Raises:
        SettingError: See `check_pictures`.
        OutputError: It cannot be kept there.
    """
    check_pictures(data)
    assert data.test_labels is not None
    fingerprint = _fingerprint(data, seed)
    place = None if folder is None else folder / f"classifier-{fingerprint}.safetensors"
    kept = None if place is None else _kept(place, data, fingerprint)
    if kept is not None:
        return kept
    network = _trained(data, seed, on_step)
    untested = Classifier(network, data.shape, 0.0, fingerprint)
    right = untested.features(data.test)[1].argmax(1) == data.test_labels
    classifier = Classifier(network, data.shape, float(right.double().mean()), fingerprint)
    if place is not None:
        _keep(place, classifier)
    return classifier


def check_pictures(data: Data) -> None:
    """See that there can be a classifier of the data, before hours of something else.

    Raises:
        SettingError: They are no pictures, of a size that it does not see, or have no classes.
    """
    if data.kind != "images" or data.train_labels is None or data.test_labels is None or not data.classes:
        raise SettingError(f"{data.name}: a classifier is trained on pictures whose classes are known")
    if max(data.shape[1:]) > 32 or min(data.shape[1:]) < 8:
        raise SettingError(
            f"{data.name}: pictures of {data.shape}; the classifier sees 8 to 32 pixels a side"
        )


def _trained(data: Data, seed: int, on_step: OnStep | None) -> ClassifierNetwork:
    """Adam with one rise and fall of the rate, cross-entropy."""
    assert data.train_labels is not None and data.classes is not None
    with torch.random.fork_rng(devices=()):
        torch.manual_seed(seed)
        network = _network(data)
    optimiser = torch.optim.Adam(network.parameters(), RATE)
    rates = torch.optim.lr_scheduler.OneCycleLR(optimiser, RATE, total_steps=STEPS)
    generator = torch.Generator().manual_seed(seed)
    for step in range(STEPS):
        chosen = torch.randint(len(data.train), (BATCH,), generator=generator)
        logits = network(data.train[chosen].float())[1]
        loss = nn.functional.cross_entropy(logits, data.train_labels[chosen])
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        rates.step()
        if on_step is not None:
            on_step(step + 1, STEPS)
    return network.eval()


def _network(data: Data) -> ClassifierNetwork:
    channels, height, width = data.shape
    assert data.classes is not None
    return ClassifierNetwork((channels, height, width), data.classes)


def _fingerprint(data: Data, seed: int) -> str:
    hashed = hashlib.sha256(f"{RECIPE} {seed} {data.shape} {data.classes}".encode())
    for part in (data.train.float(), data.train_labels, data.test.float(), data.test_labels):
        assert part is not None
        hashed.update(part.contiguous().numpy().tobytes())
    return hashed.hexdigest()[:16]


def _kept(place: Path, data: Data, fingerprint: str) -> Classifier | None:
    """The one in a file; None where there is none or it is damaged, and so is to be made again."""
    network = _network(data)
    try:
        with safe_open(place, "pt") as file:
            network.load_state_dict({name: file.get_tensor(name) for name in file.keys()})  # noqa: SIM118
            accuracy = float((file.metadata() or {})["accuracy"])
    except (OSError, SafetensorError, RuntimeError, KeyError, ValueError):
        return None
    return Classifier(network.eval(), data.shape, accuracy, fingerprint)


def _keep(place: Path, classifier: Classifier) -> None:
    """Whole or not at all, also when two write at the same time."""
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=place.parent, prefix=place.name)
        os.close(handle)
        save_file(classifier.network.state_dict(), name, {"accuracy": repr(classifier.accuracy)})
        Path(name).replace(place)
    except OSError as problem:
        raise OutputError(f"the classifier cannot be kept in {place.parent}: {problem}") from problem
