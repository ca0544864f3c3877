"""What is counted among hand-made samples."""

from __future__ import annotations

import math

import pytest
import torch
from torch import nn

from tasvir.errors import SettingError
from tasvir.lab.classifier import Classifier
from tasvir.lab.data import points
from tasvir.lab.data.base import Data
from tasvir.lab.diffusion.methods.base import Bound
from tasvir.lab.families.measuring import (
    Eyes,
    counted,
    likelihood_of,
    modes_of_classes,
    modes_of_law,
    sharpness,
)


def test_modes_are_counted_at_their_places() -> None:
    law = points.law("eight-gaussians")
    assert law is not None
    spread = float(law.spread[0, 0].sqrt())
    near = torch.tensor([2.9 * spread, 0.0], dtype=torch.float64)
    far = torch.tensor([0.0, 0.0], dtype=torch.float64)
    samples = torch.cat([law.means[:1].repeat(50, 1), (law.means[1] + near).repeat(30, 1), far.repeat(20, 1)])
    found = modes_of_law(samples, law)
    assert (found.found, found.of, found.within) == (2, 8, 0.8)
    shares = [50 / 80, 30 / 80] + [0.0] * 6
    assert found.imbalance == pytest.approx(sum(abs(share - 1 / 8) for share in shares) / 2)


def test_true_samples_have_every_mode_evenly() -> None:
    law = points.law("grid")
    assert law is not None
    found = modes_of_law(law.sample(20_000, torch.Generator().manual_seed(0)), law)
    assert (found.found, found.of) == (25, 25)
    assert found.within == pytest.approx(1 - math.exp(-4.5), abs=0.003)
    assert found.imbalance < 0.03


def test_a_tenth_of_what_is_due_makes_a_mode() -> None:
    due = torch.tensor([0.5, 0.5])
    assert counted(torch.tensor([0] * 95 + [1] * 5), due).found == 2
    assert counted(torch.tensor([0] * 96 + [1] * 4), due).found == 1
    nothing = counted(torch.tensor([-1, -1]), due)
    assert (nothing.found, nothing.within, nothing.imbalance) == (0, 0.0, 1.0)


def test_an_unsure_picture_is_of_no_class() -> None:
    chances = torch.tensor([[0.9, 0.1, 0.0], [0.45, 0.45, 0.1], [0.0, 0.2, 0.8], [0.0, 0.2, 0.8]])
    found = modes_of_classes(chances, torch.tensor([0.5, 0.0, 0.5]))
    assert (found.found, found.of, found.within) == (2, 3, 0.75)
    assert found.imbalance == pytest.approx((abs(1 / 3 - 1 / 2) + abs(2 / 3 - 1 / 2)) / 2)


def test_sharpness_by_hand() -> None:
    picture = torch.tensor([[[[0.0, 1.0], [0.0, 3.0]]]])
    assert sharpness(picture) == pytest.approx((1 + 9 + 0 + 4) / 4)
    blurred = nn.functional.avg_pool2d(torch.randn(4, 1, 8, 8), 3, 1)
    assert sharpness(blurred) < sharpness(torch.randn(4, 1, 8, 8)) / 3


def test_eyes_tell_true_points_from_half_of_them() -> None:
    data = points.read("eight-gaussians")
    eyes = Eyes(data)
    true = eyes.look(data.train[:1000])
    half = eyes.look(data.train[data.train[:, 0] > 0][:1000])
    assert true.n == half.n == 1000 and true.sharpness is None
    assert min(true.precision, true.recall, half.precision) > 0.9 and half.recall < 0.6
    assert abs(true.mmd) < 4 * true.mmd_error and half.mmd > 10 * half.mmd_error
    assert true.modes is not None and half.modes is not None
    assert true.modes.found == 8 and half.modes.found < 8
    law = points.law("eight-gaussians")
    assert law is not None
    exact = float(law.log_density(data.test[:300].double()).mean())
    assert eyes.true_nats(300) == pytest.approx(exact)


class Stripes(nn.Module):
    """Which half is brighter, surely; the means of the halves as features."""

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        halves = torch.stack([x[..., :2].mean((1, 2, 3)), x[..., 2:].mean((1, 2, 3))], 1)
        return halves, 100 * halves


def test_pictures_are_seen_through_their_classifier() -> None:
    bright = torch.randn(60, 1, 4, 4) / 10
    bright[:30, ..., :2] += 1
    bright[30:, ..., 2:] += 1
    labels = (torch.arange(60) >= 30).long()
    data = Data("halves", "images", bright, bright.flip(0), labels, labels, 2, 256)
    eyes = Eyes(data, Classifier(Stripes(), (1, 4, 4), 1.0, "none"))  # type: ignore[arg-type]
    both, one = eyes.look(bright), eyes.look(bright[:30].repeat(2, 1, 1, 1))
    assert both.modes is not None and one.modes is not None
    assert (both.modes.found, one.modes.found) == (2, 1)
    assert one.modes.imbalance == pytest.approx(0.5) and one.mmd > both.mmd
    assert both.sharpness == pytest.approx(sharpness(bright))
    assert eyes.true_nats(3) is None


def test_likelihoods_are_means_with_their_errors() -> None:
    told = likelihood_of(Bound(torch.tensor([-1.0, -2.0, -6.0]), False, torch.tensor([0.1, 0.2, 0.3]), 2.5))
    assert told.nats == -3.0 and told.drawing_error == pytest.approx(0.2)
    assert told.standard_error == pytest.approx(math.sqrt(7 / 3))
    assert (told.exact, told.bits_per_dimension, told.n) == (False, 2.5, 3)


def test_pictures_need_a_classifier_and_tokens_are_not_compared() -> None:
    x = torch.zeros(4, 1, 8, 8)
    with pytest.raises(SettingError, match="classifier"):
        Eyes(Data("pictures", "images", x, x))
    with pytest.raises(SettingError, match="tokens"):
        Eyes(Data("words", "tokens", x.long(), x.long()))
