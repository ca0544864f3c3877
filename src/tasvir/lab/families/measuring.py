"""What the samples of a family are worth: how near the data, how much of them, which modes, how sharp.

Precision and recall are of the nearest neighbours (Kynkäänniemi et al. 2019), MMD is unbiased; of points in
their own plane, of pictures in the features of a classifier of the same data, comparable with nothing else.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from tasvir.errors import SettingError
from tasvir.lab.classifier import Classifier
from tasvir.lab.data import points
from tasvir.lab.data.base import Data
from tasvir.lab.diffusion.methods.base import Bound
from tasvir.lab.diffusion.oracles.mixture import MixtureLaw
from tasvir.lab.distances import Estimate, mmd, mmd_error, precision_recall, squared_mmd

NEAR = 3.0
"""A sample within so many deviations of a Gaussian's middle is of its mode."""
SURE = 0.5
"""A picture whose likeliest class has so much of the probability is of that class."""
LEAST = 0.1
"""A mode is found if it has this share of what is due to it."""


@dataclass(frozen=True)
class Modes:
    """Which modes of the data are among samples.

    Args:
        found: How many have at least a tenth of their due share.
        of: How many there are.
        within: Share of the samples that are of any mode.
        imbalance: Half the sum of |share - due share| of those, 0 to 1.
    """

    found: int
    of: int
    within: float
    imbalance: float


@dataclass(frozen=True)
class Look:
    """What samples look like beside held-out examples.

    Args:
        n: Samples, and as many examples.
        precision: Share of the samples among the examples.
        recall: Share of the examples among the samples.
        mmd: Squared maximum mean discrepancy, 0 on average for equal laws.
        mmd_error: Its standard error.
        modes: None where the data's modes are not known.
        sharpness: Mean squared difference of neighbouring pixels; None for points.
    """

    n: int
    precision: float
    recall: float
    mmd: float
    mmd_error: float
    modes: Modes | None
    sharpness: float | None


@dataclass(frozen=True)
class Likelihood:
    """What is said of held-out examples, in nats an example.

    Args:
        nats: Mean over the examples.
        standard_error: Of that mean, for other examples.
        drawing_error: Mean error of the examples' own estimates; None where nothing is estimated.
        exact: Or a lower bound.
        bits_per_dimension: None where the data have no levels.
        n: Examples.
    """

    nats: float
    standard_error: float
    drawing_error: float | None
    exact: bool
    bits_per_dimension: float | None
    n: int


class Eyes:
    """Looks at samples as the data ask for.

    Args:
        data: Points, or pictures.
        classifier: Of the same data, for pictures; None for points.

    Raises:
        SettingError: Data of another kind, or pictures without a classifier.
    """

    def __init__(self, data: Data, classifier: Classifier | None = None) -> None:
        if data.kind == "images" and classifier is None:
            raise SettingError(f"{data.name}: pictures are compared in the eyes of a classifier; give one")
        if data.kind not in ("points", "images"):
            raise SettingError(f"{data.name} are {data.kind}: families are compared on points and pictures")
        self.data, self.classifier = data, classifier
        self.law = points.law(data.name.removeprefix("2d:")) if data.name.startswith("2d:") else None

    def look(self, x: Tensor) -> Look:
        """Samples beside as many held-out examples, fewer if there are fewer.

        Raises:
            SettingError: Fewer than five of either, or samples that are not finite.
        """
        n = min(len(x), len(self.data.test))
        x, reference = x[:n].float(), self.data.test[:n]
        if self.classifier is None:
            near, apart = precision_recall(x, reference), mmd(x, reference)
            modes = None if self.law is None else modes_of_law(x, self.law)
            return Look(n, near.precision, near.recall, apart.value, apart.error or 0.0, modes, None)
        seen, probabilities = self.classifier.features(x)
        own, true = seen.double().numpy(), self.classifier.features(reference)[0].double().numpy()
        near, apart = precision_recall(own, true), Estimate(squared_mmd(own, true), mmd_error(own, true))
        modes = modes_of_classes(probabilities, self._shares())
        return Look(n, near.precision, near.recall, apart.value, apart.error or 0.0, modes, sharpness(x))

    def true_nats(self, n: int) -> float | None:
        """What the data's own law says of the first n held-out examples; None where it is not known."""
        return None if self.law is None else float(self.law.log_density(self.data.test[:n].double()).mean())

    def _shares(self) -> Tensor:
        assert self.data.train_labels is not None and self.data.classes is not None
        return torch.bincount(self.data.train_labels, minlength=self.data.classes) / len(self.data.train)


def likelihood_of(bound: Bound) -> Likelihood:
    """The mean of a family's `log_prob`, with its errors."""
    nats, n = bound.nats.double(), len(bound.nats)
    return Likelihood(
        nats=float(nats.mean()),
        standard_error=float(nats.std()) / math.sqrt(n),
        drawing_error=None if bound.error is None else float(bound.error.double().mean()),
        exact=bound.exact,
        bits_per_dimension=bound.bits_per_dimension,
        n=n,
    )


def modes_of_law(x: Tensor, law: MixtureLaw) -> Modes:
    """Each Gaussian of a mixture is a mode; x [N, D] is of the nearest, in its own deviations."""
    away = x.double()[:, None] - law.means
    turned = torch.einsum("kij,nki->nkj", law.axes, away) / law.spread.sqrt()
    distance, nearest = turned.norm(dim=2).min(1)
    return counted(nearest.masked_fill(distance > NEAR, -1), law.weights)


def modes_of_classes(probabilities: Tensor, shares: Tensor) -> Modes:
    """Each class is a mode; a picture is of the one that a classifier is sure of."""
    surest, which = probabilities.max(1)
    return counted(which.masked_fill(surest < SURE, -1), shares)


def counted(assigned: Tensor, due: Tensor) -> Modes:
    """Modes of samples.

    Args:
        assigned: [N] int64, -1 = of none.
        due: [K] the modes' shares in the data.
    """
    of_any = assigned[assigned >= 0]
    counts = torch.bincount(of_any, minlength=len(due)).double()
    found = (counts >= LEAST * due * len(assigned)) & (counts > 0)
    shares = counts / max(len(of_any), 1)
    return Modes(
        found=int(found.sum()),
        of=len(due),
        within=len(of_any) / len(assigned),
        imbalance=float((shares - due).abs().sum() / 2) if len(of_any) else 1.0,
    )


def sharpness(x: Tensor) -> float:
    """Mean squared difference of neighbouring pixels, along and down; blur lowers it, noise raises it."""
    x = x.double()
    along, down = x[..., 1:] - x[..., :-1], x[..., 1:, :] - x[..., :-1, :]
    return float(torch.cat([along.flatten(), down.flatten()]).square().mean())
