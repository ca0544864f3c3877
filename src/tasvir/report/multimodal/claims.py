"""The claims of thesis 3.4-3.5, each as numbers that are above 0 where it holds.

A claim is a list of contrasts: one number a seed, above 0 in its favour. How many must be is the claim's own
word: all that it names, most of the weightings, all but one. Its wording stands in the texts of the page.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np

from tasvir.report.multimodal.view import View
from tasvir.score.statistics import Values

MARGIN = 0.1
"""What is "kept" or "hardly affected" may change by so much of the classical row's value."""

Quantity = Literal["all", "most", "all-but-one"]
PAIRS = ("J2I", "J2T", "I2I", "I2T", "T2I", "T2T")
GAUSSIANS = ("x1", "x2", "x3")
NEAREST, SECOND, FARTHEST = "fixed:2,1,1", "fixed:1,2,1", "fixed:1,1,2"
AUTOMATIC = ("generating:strong", "generating:weak", "generated:strong", "generated:weak")
IMAGE_WEIGHTED, LABEL_WEIGHTED = ("fixed:2,1", "fixed:3,1"), ("fixed:1,2", "fixed:1,3")
LIKE_IMAGE, LIKE_LABEL = ("generating:strong", "generated:weak"), ("generating:weak", "generated:strong")
SELF, CROSS = ("I2I", "T2T"), ("I2T", "T2I")
IMAGE, LABEL = 0, 1


@dataclass(frozen=True, slots=True)
class Contrast:
    """One comparison of a claim.

    Args:
        row: The weighting, or empty where there is none.
        figure: What is looked at, or empty.
        favour: Above 0 in favour of the claim, one value a seed.
    """

    row: str
    figure: str
    favour: Values


Contrasts = Callable[..., Iterator[Contrast]]


@dataclass(frozen=True, slots=True)
class Claim:
    """One claim.

    Args:
        id: Of its texts.
        section: Of the thesis.
        experiment: "gaussians" or "image-label".
        experts: Rules whose tables it is about, in the order that the contrasts take them.
        quantity: How many contrasts must be in favour.
        contrasts: Of one view a rule.
        weights: Whether it is about weights, which no printed table tells.
    """

    id: str
    section: str
    experiment: str
    experts: tuple[str, ...]
    quantity: Quantity
    contrasts: Contrasts
    weights: bool = False

    def needed(self, count: int) -> int:
        """How many of so many contrasts must be in favour."""
        return {"all": count, "most": count // 2 + 1, "all-but-one": max(count - 1, 1)}[self.quantity]


def size(differences: Values) -> Values:
    """Differences turned so that their mean is not negative: an effect's size, whichever way it goes."""
    return differences * (-1.0 if np.mean(differences) < 0 else 1.0)


def gains(rows: tuple[str, ...] | None, figures: tuple[str, ...], sign: float = 1.0) -> Contrasts:
    """Rows (None = all) are better than the classical one; with sign -1 worse."""

    def contrasts(view: View) -> Iterator[Contrast]:
        for row in view.others if rows is None else rows:
            for figure in figures:
                yield Contrast(row, figure, sign * view.gain(row, figure))

    return contrasts


def best_is(figure: str) -> Contrasts:
    """Of the classical rule one modality is generated best."""

    def contrasts(view: View) -> Iterator[Contrast]:
        for other in GAUSSIANS:
            if other != figure:
                yield Contrast(view.classical, other, view.base(other) - view.base(figure))

    return contrasts


def kept(row: str, figure: str) -> Contrasts:
    """A row is not worse than the classical one by the margin."""

    def contrasts(view: View) -> Iterator[Contrast]:
        yield Contrast(row, figure, MARGIN * view.base(figure) + view.gain(row, figure))

    return contrasts


def closer(view: View) -> Iterator[Contrast]:
    """The range of what is made of the modalities is smaller than the classical row's."""
    spread = {row: np.ptp([view(row, figure) for figure in GAUSSIANS], axis=0) for row in view.weightings}
    for row in view.others:
        yield Contrast(row, "", spread[view.classical] - spread[row])


def best_gets_better(view: View) -> Iterator[Contrast]:
    """What the classical rule generates best, whichever modality it is, gets better."""
    best = min(GAUSSIANS, key=lambda figure: float(np.mean(view.base(figure))))
    for row in view.others:
        yield Contrast(row, best, view.gain(row, best))


def smaller_in_second(first: View, second: View) -> Iterator[Contrast]:
    """Changes of the total are smaller in the second table."""
    for row in first.others:
        yield Contrast(row, "total", size(first.gain(row, "total")) - size(second.gain(row, "total")))


def depends_on_rule(first: View, second: View) -> Iterator[Contrast]:
    """Changes of the total differ between two tables by more than the margin."""
    for row in first.others:
        apart = first.gain(row, "total") - second.gain(row, "total")
        yield Contrast(row, "total", size(apart) - MARGIN * first.base("total"))


def others_hardly_affected(view: View) -> Iterator[Contrast]:
    """Where one modality is weighted, what is made of the others changes by less than the margin."""
    for place, row in enumerate((NEAREST, SECOND, FARTHEST)):
        for other, figure in enumerate(GAUSSIANS):
            if other != place:
                change = size(view.gain(row, figure))
                yield Contrast(row, figure, MARGIN * view.base(figure) - change)


def direction(view: View, row: str) -> Values:
    """Where a row lies between image weighting (+1) and label weighting (-1), classical at 0; one a seed.

    Changes from the classical row, each divided by that row's mean, projected on half of the way from the
    mean of the label-weighted rows to the mean of the image-weighted ones.
    """
    axis, moved = [], []
    for figure in PAIRS:
        base = np.mean(view.base(figure))
        image = np.mean([view(one, figure) for one in IMAGE_WEIGHTED])
        label = np.mean([view(one, figure) for one in LABEL_WEIGHTED])
        axis.append((image - label) / 2 / base)
        moved.append((view(row, figure) - view.base(figure)) / base)
    ways = np.array(axis)
    found: Values = ways @ np.array(moved) / (ways @ ways)
    return found


def like(rows: tuple[str, ...], sign: float) -> Contrasts:
    """Rows lie on one side of the classical row: +1 image weighting's, -1 label weighting's."""

    def contrasts(view: View) -> Iterator[Contrast]:
        for row in rows:
            yield Contrast(row, "", sign * direction(view, row))

    return contrasts


def correlated(first: View, second: View) -> Iterator[Contrast]:
    """Relative changes from the classical row go together in two tables: r over rows and figures."""
    changes = [
        np.array([(view(row, figure) / view.base(figure) - 1) for row in view.others for figure in PAIRS])
        for view in (first, second)
    ]
    centred = [one - one.mean(0) for one in changes]
    products = (centred[0] * centred[1]).sum(0)
    yield Contrast("", "", products / np.sqrt((centred[0] ** 2).sum(0) * (centred[1] ** 2).sum(0)))


def image_is_dominant(view: View) -> Iterator[Contrast]:
    """Automatic weights end where an image that generates well and is generated badly sends them."""
    for rows, sign in ((LIKE_IMAGE, 1.0), (LIKE_LABEL, -1.0)):
        for row in rows:
            yield Contrast(row, "", sign * (view.weights[row, IMAGE] - view.weights[row, LABEL]))


def image_against_label(view: View) -> Iterator[Contrast]:
    """Image weighted against label weighted: the one better at itself, the other across."""
    for image, label in zip(IMAGE_WEIGHTED, LABEL_WEIGHTED, strict=True):
        for figures, sign in ((SELF, 1.0), (CROSS, -1.0)):
            for figure in figures:
                yield Contrast(f"{image}|{label}", figure, sign * (view(label, figure) - view(image, figure)))


def _gaussians() -> Iterator[Claim]:
    poe, moe, both = ("poe",), ("moe",), ("poe", "moe")
    rules: tuple[tuple[str, str, tuple[str, ...], Quantity, Contrasts], ...] = (
        ("poe-best", "3.4.1.1", poe, "all", best_is("x3")),
        ("poe-total", "3.4.1.1", poe, "all-but-one", gains(None, ("total",))),
        ("poe-others", "3.4.1.1", poe, "most", gains(None, ("x1", "x2"))),
        ("poe-price", "3.4.1.1", poe, "most", gains(None, ("x3",), -1.0)),
        ("poe-nearest", "3.4.1.1", poe, "all", gains((NEAREST,), ("x1",), -1.0)),
        ("poe-farthest-kept", "3.4.1.1", poe, "all", kept(FARTHEST, "x3")),
        ("poe-farthest-helps", "3.4.1.1", poe, "all", gains((FARTHEST,), ("x1", "x2"))),
        ("poe-automatic", "3.4.1.1", poe, "most", gains(AUTOMATIC, ("x1", "x2"))),
        ("poe-automatic-third", "3.4.1.1", poe, "most", gains(AUTOMATIC, ("x3",), -1.0)),
        ("poe-closer", "3.4.1.1", poe, "most", closer),
        ("moe-best", "3.4.1.2", moe, "all", best_is("x2")),
        ("moe-best-better", "3.4.1.2", moe, "most", best_gets_better),
        ("moe-smaller", "3.4.1.2", both, "most", smaller_in_second),
        ("moe-total", "3.4.1.2", moe, "most", gains(None, ("total",))),
        ("moe-second", "3.4.1.2", moe, "all", gains((SECOND,), ("total",), -1.0)),
        ("moe-farthest", "3.4.1.2", moe, "all", gains((FARTHEST,), ("x1", "x2"))),
        ("rule-matters", "3.5", both, "most", depends_on_rule),
        ("poe-far", "3.5", poe, "all", gains((FARTHEST,), ("total",))),
        ("moe-unaffected", "3.5", moe, "all", others_hardly_affected),
    )
    for id, section, experts, quantity, contrasts in rules:
        yield Claim(id, section, "gaussians", experts, quantity, contrasts)


def _image_label() -> Iterator[Claim]:
    for expert, section in (("poe", "3.4.2.1"), ("moe", "3.4.2.2")):
        own = (expert,)
        for id, contrasts in (
            ("label-crosses", gains(LABEL_WEIGHTED, CROSS)),
            ("image-itself", gains(IMAGE_WEIGHTED, SELF)),
            ("like-image", like(LIKE_IMAGE, 1.0)),
            ("like-label", like(LIKE_LABEL, -1.0)),
        ):
            yield Claim(id, section, "image-label", own, "all", contrasts)
    yield Claim("rules-alike", "3.5", "image-label", ("poe", "moe"), "all", correlated)
    for expert in ("poe", "moe"):
        yield Claim("dominant", "3.5", "image-label", (expert,), "all", image_is_dominant, weights=True)
        yield Claim("tasks", "3.5", "image-label", (expert,), "all", image_against_label)


CLAIMS = (*_gaussians(), *_image_label())
"""In the order of the thesis."""
