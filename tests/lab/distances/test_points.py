"""Distances between sets of points against closed forms, second implementations and drawing again."""

from __future__ import annotations

from collections.abc import Callable
from statistics import NormalDist

import numpy as np
import pytest
import scipy.spatial.distance
import scipy.stats
import torch

from tasvir.errors import SettingError
from tasvir.lab.distances import (
    energy_distance,
    kolmogorov_smirnov,
    median_bandwidths,
    mmd,
    precision_recall,
    sliced_wasserstein,
    wasserstein_line,
)

DICE = np.random.default_rng(0)
X, Y = DICE.standard_normal((70, 3)) + 0.4, DICE.standard_normal((50, 3)) * 1.5


class TestOnALine:
    def test_as_scipy_for_unequal_numbers_of_examples(self) -> None:
        x, y = X[:, 0], Y[:, 0]
        assert wasserstein_line(x, y) == pytest.approx(scipy.stats.wasserstein_distance(x, y), rel=1e-12)
        assert kolmogorov_smirnov(x, y) == pytest.approx(scipy.stats.ks_2samp(x, y).statistic, rel=1e-12)
        normal = np.vectorize(NormalDist().cdf)
        assert kolmogorov_smirnov(x, normal) == pytest.approx(
            scipy.stats.kstest(x, "norm").statistic, rel=1e-12
        )

    def test_by_hand(self) -> None:
        # halves of {0, 1} against thirds of {0, 0, 3}: 1/2 at 0, 1/6 moves 1 -> 0, 1/3 moves 1 -> 3
        assert wasserstein_line([0.0, 1.0], [0.0, 3.0, 0.0]) == pytest.approx(1 / 6 + 2 / 3)
        assert wasserstein_line([0.0, 1.0], [0.0, 3.0, 0.0], order=2) == pytest.approx(np.sqrt(1 / 6 + 4 / 3))

    def test_of_gaussians_it_is_the_closed_form(self) -> None:
        quantiles = np.array([NormalDist().inv_cdf((i + 0.5) / 20_000) for i in range(20_000)])
        # W2 of N(0, 1) and N(3, 4) is sqrt(3^2 + (2 - 1)^2)
        assert wasserstein_line(quantiles, 3 + 2 * quantiles, order=2) == pytest.approx(np.sqrt(10), rel=1e-3)

    def test_repeating_every_example_changes_nothing(self) -> None:
        x, y = X[:, 0], Y[:, 0]
        assert wasserstein_line(np.repeat(x, 3), y, 2) == pytest.approx(wasserstein_line(x, y, 2), rel=1e-12)


class TestSliced:
    def test_a_shift_of_an_isotropic_law_is_divided_by_the_root_of_the_dimension(self) -> None:
        """Along a direction u a shift s is s.u, whose mean square is |s|^2 / d."""
        shift = np.array([3.0, 0.0, 4.0])
        found = sliced_wasserstein(X, X + shift, projections=20_000)
        assert found.error is not None
        assert abs(found.value - 5 / np.sqrt(3)) < 4 * found.error < 0.1

    def test_the_error_is_that_of_other_directions(self) -> None:
        found = [sliced_wasserstein(X, Y, projections=64, seed=seed) for seed in range(60)]
        spread = np.std([one.value for one in found])
        assert 0.7 * spread < np.mean([one.error for one in found if one.error is not None]) < 1.4 * spread

    def test_seeds_tensors_and_a_set_beside_itself(self) -> None:
        assert sliced_wasserstein(torch.tensor(X), torch.tensor(Y)) == sliced_wasserstein(X, Y)
        assert sliced_wasserstein(X, Y) != sliced_wasserstein(X, Y, seed=1)
        assert sliced_wasserstein(X, X[::-1]).value == 0.0

    def test_pictures_are_rows(self) -> None:
        pictures = DICE.standard_normal((9, 2, 3, 4))
        assert sliced_wasserstein(pictures, pictures + 1) == sliced_wasserstein(
            pictures.reshape(9, -1), pictures.reshape(9, -1) + 1
        )


class TestKernels:
    def test_energy_distance_as_written(self) -> None:
        between = scipy.spatial.distance.cdist(X, Y).mean()
        own = [scipy.spatial.distance.pdist(one).mean() for one in (X, Y)]
        assert energy_distance(X, Y).value == pytest.approx(2 * between - sum(own), rel=1e-9)

    def test_energy_distance_is_twice_the_squared_area_between_distribution_functions(self) -> None:
        """Cramér's identity on a line; for the biased form, from which the unbiased follows by n and m."""
        x, y = X[:, 0], Y[:, 0]
        n, m = len(x), len(y)
        inside = [2 * scipy.spatial.distance.pdist(one[:, None]).sum() for one in (x, y)]
        biased = energy_distance(x, y).value
        biased += inside[0] / (n * (n - 1)) - inside[0] / n**2 + inside[1] / (m * (m - 1)) - inside[1] / m**2
        assert biased == pytest.approx(scipy.stats.energy_distance(x, y) ** 2, rel=1e-9)

    def test_mmd_of_gaussians_is_the_closed_form(self) -> None:
        # x ~ N(0, 1), y ~ N(1, 1), kernel of bandwidth 1: E k of N(a, 1), N(b, 1) is exp(-(a-b)^2/6) / sqrt 3
        dice = np.random.default_rng(3)
        x, y = dice.standard_normal((4000, 1)), dice.standard_normal((4000, 1)) + 1
        truth = 2 * (1 - np.exp(-1 / 6)) / np.sqrt(3)
        found = mmd(x, y, bandwidths=[1.0])
        assert found.error is not None and found.error < 0.01
        assert abs(found.value - truth) < 4 * found.error

    def test_equal_laws_are_0_apart_on_average_and_the_error_is_that_of_drawing_again(self) -> None:
        dice = np.random.default_rng(4)
        for distance in (energy_distance, mmd):
            equal = np.array([distance(*dice.standard_normal((2, 40, 2))).value for _ in range(150)])
            assert abs(equal.mean()) < 4 * equal.std() / np.sqrt(150) and 0.2 < (equal < 0).mean() < 0.9
            apart = [
                distance(dice.standard_normal((60, 2)) + 0.8, dice.standard_normal((60, 2)))
                for _ in range(60)
            ]
            spread = np.std([one.value for one in apart])
            assert 0.7 * spread < np.mean([one.error for one in apart]) < 1.5 * spread

    def test_far_from_zero_nothing_is_lost(self) -> None:
        assert energy_distance(X + 1e6, Y + 1e6).value == pytest.approx(energy_distance(X, Y).value, rel=1e-6)

    def test_the_median_is_that_of_the_pairs(self) -> None:
        truth = np.median(scipy.spatial.distance.pdist(Y))
        assert median_bandwidths(Y, (1.0, 2.0)) == pytest.approx((truth, 2 * truth), rel=1e-9)
        with pytest.raises(SettingError, match="all alike"):
            median_bandwidths(np.ones((5, 2)))


class TestPrecisionAndRecall:
    def test_by_hand(self) -> None:
        # with k = 1 every example of y reaches 1 far, of x 1, 1 and 8
        x, y = [0.0, 1.0, 9.0], [0.0, 1.0, 2.0, 3.0]
        assert precision_recall(x, y, 1) == (2 / 3, 1.0)
        assert precision_recall([0.0, 1.0, 2.0], [0.5, 1.5, 30.0, 31.0], 1) == (1.0, 0.5)

    def test_a_law_that_covers_half_of_the_other_recalls_half(self) -> None:
        dice = np.random.default_rng(5)
        whole, half = dice.random((600, 2)) * [2, 1], dice.random((600, 2))
        precision, recall = precision_recall(half, whole)
        assert precision > 0.95 and recall == pytest.approx(0.5, abs=0.08)


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda: energy_distance(X, Y[:, :2]), "of 3 and of 2 numbers"),
        (lambda: energy_distance(X[:2], Y), "needs 3 in each"),
        (lambda: mmd([float("nan")] * 4, [1.0, 2.0, 3.0]), "4 of 4 examples hold NaN"),
        (lambda: mmd(X, Y, [1.0, 0.0]), "all positive"),
        (lambda: wasserstein_line(X, Y), "take sliced_wasserstein"),
        (lambda: kolmogorov_smirnov(X, Y), "examples of 3 numbers"),
        (lambda: wasserstein_line([1.0], [2.0], 0), "order 0"),
        (lambda: sliced_wasserstein(X, Y, projections=1), "2 or more"),
        (lambda: sliced_wasserstein(np.zeros((0, 3)), Y), "a set of nothing"),
        (lambda: precision_recall(X[:3], Y), "needs 4 in each"),
        (lambda: precision_recall(X, Y, 0), "take 1 or more"),
    ],
)
def test_what_cannot_be_measured_is_said(call: Callable[[], object], said: str) -> None:
    with pytest.raises(SettingError, match=said):
        call()
